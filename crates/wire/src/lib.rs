//! Every byte that a stranger can send, parsed once.
//!
//! This crate is the vocabulary that the protocol's two ends share: the mailbox server's JSON
//! messages, phases, the PAKE and version messages, hashcash stamps and the code's URI. It knows
//! no cryptography, no time and no IO. A value of one of its types has been checked against its
//! named limit; nothing here panics or allocates beyond those limits, whatever the input.
//!
//! ```
//! use wormhole_sync_wire::{ClientMessage, Nameplate, Request, ServerMessage};
//!
//! // a client writes, a server reads …
//! let claim = ClientMessage::Claim { nameplate: Nameplate::new("4")?, mailbox: None };
//! assert_eq!(Request::parse(&claim.encode("a1")).unwrap().message, Ok(claim));
//!
//! // … and the other way round
//! let answer = ServerMessage::parse(r#"{"type":"claimed","mailbox":"kd3mp4vq2t6ya"}"#);
//! assert!(matches!(answer, Some(ServerMessage::Claimed { .. })));
//! # Ok::<(), wormhole_sync_wire::InvalidName>(())
//! ```
//!
//! The wire itself is the one that the magic-wormhole family speaks; see
//! <https://github.com/magic-wormhole/magic-wormhole-protocols>.

pub mod limits;

mod object;

pub mod hex;
pub mod name;
pub mod phase;

pub mod hashcash;
pub mod hint;
pub mod mood;

pub mod client_message;
pub mod server_message;

pub mod pake_message;
pub mod version_message;

pub mod transfer_message;
pub mod transit;

pub mod uri;

pub use client_message::{ClientMessage, Refusal, Request};
pub use mood::Mood;
pub use name::{AppId, InvalidName, MailboxId, Nameplate, Side};
pub use phase::Phase;
pub use server_message::{Relayed, ServerMessage, Welcome};

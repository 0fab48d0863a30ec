//! The servers of the magic-wormhole family, as a library: mailboxes, where two sides meet, and a
//! transit relay, for their files.
//!
//! Two programs that share a short code meet here: each claims the code's nameplate, opens the
//! mailbox behind it, and leaves messages for the other. The server sees application ids, nameplates
//! and sealed messages; it can neither open a message nor test a guess of the code, and this crate
//! cannot even link what would be needed for that. The [relay] joins two connections that show the
//! same token, and moves sealed bytes between them.
//!
//! ```
//! use wormhole_sync_server::{Database, Mailbox, listen, serve};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("mailbox.sqlite");
//! let listener = listen("127.0.0.1:0".parse()?)?; // any free port
//! # let address = listener.local_addr()?;
//! let mailbox = Mailbox { database: Database::Path(path), ..Mailbox::default() };
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let server = tokio::spawn(serve(listener, mailbox, async { drop(stopped.await) }));
//! # let uri = format!("ws://{address}/v1").parse()?;
//! # let mut client = tokio_websockets::ClientBuilder::from_uri(uri).connect().await?.0;
//! # let welcome = futures_util::StreamExt::next(&mut client).await.unwrap()?;
//! # assert!(welcome.as_text().unwrap().starts_with(r#"{"type":"welcome""#));
//! # drop(client);
//! // … clients come and go …
//! drop(stop);
//! server.await??;
//! # Ok(())
//! # }
//! ```
//!
//! Two machines do the work, and are kept apart: a [`session`] is one connection, and an
//! [`exchange`] is where all of them meet. Both are functions of their inputs, so that whole systems
//! can be tested in one thread on a virtual clock. Around them are the [`store`] and the sockets.

pub mod config;

pub mod address;
mod clock;
mod seldom;
mod tally;

mod bucket;

pub mod exchange;
pub mod session;

pub mod store;

mod mood;

mod metrics;
mod usage;

mod error;

mod frames;
mod http;

mod forwarded;

mod stream;

pub mod proxy_protocol;
#[cfg(feature = "tls")]
mod tls;

mod pool;

mod outbox;

mod engine;
mod gate;

mod mailbox;
pub mod relay;

mod doors;
mod front;
mod watch;

mod admin;
mod serve;

#[cfg(feature = "tls")]
pub use config::Tls;
pub use config::{
    Clients, Config, Database, Limits, Mailbox, Notices, Permission, Relay, Timing, TransitRelay,
    Usage,
};
pub use doors::{Doors, listen};
pub use error::ServeError;
#[cfg(feature = "tls")]
pub use error::TlsError;
pub use serve::{Control, Prepared, prepare, serve};
pub use usage::{UsageError, look_at_usage};

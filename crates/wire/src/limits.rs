//! The named limits of the wire, each with what it keeps a stranger from doing.

/// Bytes of one WebSocket message, in either direction: 1 MiB.
///
/// A peer's or server's frame is refused by its length before it is read into memory.
///
/// ```
/// use wormhole_sync_wire::{ClientMessage, limits::{MAX_FRAME, MAX_PLAINTEXT}};
///
/// let body = "00".repeat(MAX_PLAINTEXT + 40).into(); // sealed, in hex
/// let add = ClientMessage::Add { phase: "0".into(), body };
/// assert!(add.encode("a1").len() < MAX_FRAME);
/// ```
pub const MAX_FRAME: usize = 1 << 20;

/// Bytes of one plaintext that an application sends as one phase: 256 KiB.
///
/// Sealed, in hex and inside its envelope it stays well under [`MAX_FRAME`].
///
/// ```
/// use wormhole_sync_wire::limits::MAX_PLAINTEXT;
///
/// let file = vec![0; 1_000_000];
/// let messages: Vec<&[u8]> = file.chunks(MAX_PLAINTEXT).collect();
/// assert_eq!(messages.len(), 4);
/// ```
pub const MAX_PLAINTEXT: usize = 256 << 10;

/// Bytes of a sealed body before hex: [`MAX_PLAINTEXT`] plus nonce (24) and tag (16).
///
/// ```
/// use wormhole_sync_wire::limits::{MAX_BODY, MAX_FRAME, MAX_PLAINTEXT};
///
/// assert_eq!(MAX_BODY, MAX_PLAINTEXT + 24 + 16);
/// assert!(2 * MAX_BODY < MAX_FRAME); // in hex it fits into a frame
/// ```
pub const MAX_BODY: usize = MAX_PLAINTEXT + 40;

/// Digits of a nameplate. The family's servers refuse longer ones.
///
/// ```
/// use wormhole_sync_wire::{Nameplate, limits::MAX_NAMEPLATE};
///
/// assert!(Nameplate::new("7".repeat(MAX_NAMEPLATE)).is_ok());
/// assert!(Nameplate::new("7".repeat(MAX_NAMEPLATE + 1)).is_err());
/// ```
pub const MAX_NAMEPLATE: usize = 40;

/// Bytes of an application id. Servers keep it for as long as a client stays.
///
/// ```
/// use wormhole_sync_wire::{AppId, limits::MAX_APP_ID};
///
/// assert!(AppId::new("a".repeat(MAX_APP_ID)).is_ok());
/// assert!(AppId::new("a".repeat(MAX_APP_ID + 1)).is_err());
/// ```
pub const MAX_APP_ID: usize = 256;

/// Bytes of a side. Peers use 10 to 16 hex digits.
///
/// ```
/// use wormhole_sync_wire::{Side, limits::MAX_SIDE};
///
/// assert!(Side::new("f".repeat(MAX_SIDE)).is_ok());
/// assert!(Side::new("f".repeat(MAX_SIDE + 1)).is_err());
/// ```
pub const MAX_SIDE: usize = 64;

/// Bytes of a mailbox id. Servers make 13 characters.
///
/// ```
/// use wormhole_sync_wire::{MailboxId, limits::MAX_MAILBOX_ID};
///
/// assert!(MailboxId::new("m".repeat(MAX_MAILBOX_ID)).is_ok());
/// assert!(MailboxId::new("m".repeat(MAX_MAILBOX_ID + 1)).is_err());
/// ```
pub const MAX_MAILBOX_ID: usize = 64;

/// Bytes of a phase's name. The longest that a peer uses is `dilate-` and a number.
///
/// ```
/// use wormhole_sync_wire::{Phase, limits::MAX_PHASE};
///
/// assert!(Phase::parse(&"p".repeat(MAX_PHASE)).is_some());
/// assert!(Phase::parse(&"p".repeat(MAX_PHASE + 1)).is_none());
/// ```
pub const MAX_PHASE: usize = 64;

/// Bytes of a client message's `id`, which a server copies back and stores.
///
/// ```
/// use wormhole_sync_wire::{Request, limits::MAX_MESSAGE_ID};
///
/// let long = "7".repeat(MAX_MESSAGE_ID + 1);
/// let refusal = Request::parse(&format!(r#"{{"type":"list","id":"{long}"}}"#)).err().unwrap();
/// assert_eq!(refusal.0, "'id' is longer than 64 bytes");
/// ```
pub const MAX_MESSAGE_ID: usize = 64;

/// Bytes of a `ping` value, which a server copies back.
///
/// ```
/// use wormhole_sync_wire::{ClientMessage, Request, limits::MAX_PING};
///
/// let ping = |digits| ClientMessage::Ping("7".repeat(digits).into()).encode("a1");
/// let most = ping(MAX_PING);
/// assert!(Request::parse(&most).unwrap().message.is_ok());
/// let more = ping(MAX_PING + 1);
/// assert!(Request::parse(&more).unwrap().message.is_err());
/// ```
pub const MAX_PING: usize = 256;

/// Bytes of a hashcash stamp.
///
/// ```
/// use wormhole_sync_wire::{hashcash::Stamp, limits::MAX_STAMP};
///
/// let head = "1:20:261123:relay::salt:";
/// assert!(Stamp::parse(&format!("{head:0<MAX_STAMP$}")).is_some());
/// assert!(Stamp::parse(&format!("{head:0<0$}", MAX_STAMP + 1)).is_none());
/// ```
pub const MAX_STAMP: usize = 256;

/// Bytes of one part of a `client_version`, which a server keeps for its statistics.
///
/// ```
/// use wormhole_sync_wire::{Request, limits::MAX_CLIENT_VERSION};
///
/// let long = "x".repeat(MAX_CLIENT_VERSION + 1);
/// let bind = format!(r#"{{"type":"bind","appid":"a","side":"s","client_version":["{long}","1"]}}"#);
/// let refusal = Request::parse(&bind).unwrap().message.err().unwrap();
/// assert_eq!(refusal.0, "a part of 'client_version' is longer than 64 bytes");
/// ```
pub const MAX_CLIENT_VERSION: usize = 64;

/// Bytes of an `orig` that an error carries back. Of a longer message it has the `type` and `id` only,
/// so that large nonsense gets a small answer.
///
/// ```
/// use wormhole_sync_wire::limits::MAX_ORIG;
///
/// let returned = |frame: &str| frame.len() <= MAX_ORIG; // as it came
/// assert!(returned(r#"{"type":"sing"}"#));
/// assert!(!returned(&format!(r#"{{"type":"sing","song":"{}"}}"#, "la".repeat(5_000))));
/// ```
pub const MAX_ORIG: usize = 4096;

/// Bytes of a whole code, nameplate and words.
///
/// ```
/// use wormhole_sync_wire::{limits::MAX_CODE, uri::{CodeUri, InvalidUri}};
///
/// let uri = CodeUri::new("7".repeat(MAX_CODE + 1)).to_string();
/// assert_eq!(CodeUri::parse(&uri).err(), Some(InvalidUri::Length));
/// ```
pub const MAX_CODE: usize = 512;

/// Bytes of a code's URI.
///
/// ```
/// use wormhole_sync_wire::{limits::MAX_URI, uri::{CodeUri, InvalidUri}};
///
/// let uri = format!("wormhole-transfer:4-a?rendezvous={}", "a".repeat(MAX_URI));
/// assert_eq!(CodeUri::parse(&uri).err(), Some(InvalidUri::Length));
/// ```
pub const MAX_URI: usize = 4096;

/// Hints of one message that are looked at. Each one makes a computer connect somewhere.
///
/// ```
/// use wormhole_sync_wire::{limits::MAX_HINTS, transfer_message::TransferMessage};
///
/// let one = r#"{"type":"direct-tcp-v1","hostname":"192.0.2.7","port":4001}"#;
/// let many = format!(r#"{{"transit":{{"hints-v1":[{}]}}}}"#, vec![one; 1000].join(","));
/// let message = TransferMessage::decode(many.as_bytes()).unwrap();
/// assert_eq!(message.transit.unwrap().hints.len(), MAX_HINTS);
/// ```
pub const MAX_HINTS: usize = 32;

/// Transit relays of one welcome that are kept, and ways to reach each: 4. A client connects to all of them, and
/// tells its peer of them.
///
/// ```
/// use wormhole_sync_wire::{ServerMessage, limits::MAX_ADVERTISED_RELAYS};
///
/// let relay = r#"{"type":"relay-v1","hints":[{"type":"websocket","url":"wss://relay.example.com"}]}"#;
/// let many = vec![relay; 1000].join(",");
/// let frame = format!(r#"{{"type":"welcome","welcome":{{"transit-relays-v1":[{many}]}}}}"#);
/// let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(&frame) else { panic!() };
/// assert_eq!(welcome.transit_relays.len(), MAX_ADVERTISED_RELAYS);
/// ```
pub const MAX_ADVERTISED_RELAYS: usize = 4;

/// Bytes of the URL of an advertised relay, which a client passes on to its peer.
///
/// ```
/// use wormhole_sync_wire::limits::{MAX_ADVERTISED_RELAYS, MAX_PLAINTEXT, MAX_RELAY_URL};
///
/// let most = MAX_ADVERTISED_RELAYS * MAX_ADVERTISED_RELAYS * MAX_RELAY_URL;
/// assert!(most < MAX_PLAINTEXT / 4); // no server makes an offer too long to be sent
/// ```
pub const MAX_RELAY_URL: usize = 2048;

/// Bytes of a hint's host name (RFC 1035, section 2.3.4).
///
/// ```
/// use wormhole_sync_wire::{hint::Endpoint, limits::MAX_HOSTNAME};
///
/// assert!(Endpoint::new(&"a".repeat(MAX_HOSTNAME), 1).is_some());
/// assert!(Endpoint::new(&"a".repeat(MAX_HOSTNAME + 1), 1).is_none());
/// ```
pub const MAX_HOSTNAME: usize = 255;

/// Bytes of one transit record's plaintext that are taken: 1 MiB. Peers send 4 to 64 KiB.
///
/// A longer record is refused by its length, before anything of it is kept.
///
/// ```
/// use wormhole_sync_wire::limits::{MAX_RECORD, RECORD};
///
/// assert!(RECORD <= MAX_RECORD);
/// ```
pub const MAX_RECORD: usize = 1 << 20;

/// Bytes of a transit record's plaintext that are sent: 64 KiB, which every peer takes.
///
/// ```
/// use wormhole_sync_wire::limits::RECORD;
///
/// let file = 1_000_000_usize;
/// assert_eq!(file.div_ceil(RECORD), 16); // records
/// ```
pub const RECORD: usize = 64 << 10;

/// Bytes of the longest line that a relay reads, its end included, 1,024: whoever sends more without
/// ending it wants something else.
///
/// ```
/// use wormhole_sync_wire::{limits::MAX_RELAY_LINE, transit::relay_line};
///
/// assert!(relay_line(&[7; 32], "0011223344556677").len() <= MAX_RELAY_LINE);
/// ```
pub const MAX_RELAY_LINE: usize = 1024;

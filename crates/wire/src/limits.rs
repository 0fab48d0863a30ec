//! The named limits of the wire, each with what it keeps a stranger from doing.

/// Bytes of one WebSocket message, in either direction: 1 MiB.
///
/// A peer's or server's frame is refused by its length before it is read into memory.
pub const MAX_FRAME: usize = 1 << 20;

/// Bytes of one plaintext that an application sends as one phase: 256 KiB.
///
/// Sealed, in hex and inside its envelope it stays well under [`MAX_FRAME`].
pub const MAX_PLAINTEXT: usize = 256 << 10;

/// Bytes of a sealed body before hex: [`MAX_PLAINTEXT`] plus nonce (24) and tag (16).
pub const MAX_BODY: usize = MAX_PLAINTEXT + 40;

/// Digits of a nameplate. The family's servers refuse longer ones.
pub const MAX_NAMEPLATE: usize = 40;

/// Bytes of an application id. Servers keep it for as long as a client stays.
pub const MAX_APP_ID: usize = 256;

/// Bytes of a side. Peers use 10 to 16 hex digits.
pub const MAX_SIDE: usize = 64;

/// Bytes of a mailbox id. Servers make 13 characters.
pub const MAX_MAILBOX_ID: usize = 64;

/// Bytes of a phase's name. The longest that a peer uses is `dilate-` and a number.
pub const MAX_PHASE: usize = 64;

/// Bytes of a client message's `id`, which a server copies back and stores.
pub const MAX_MESSAGE_ID: usize = 64;

/// Bytes of a `ping` value, which a server copies back.
pub const MAX_PING: usize = 256;

/// Bytes of a hashcash stamp.
pub const MAX_STAMP: usize = 256;

/// Bytes of one part of a `client_version`, which a server keeps for its statistics.
pub const MAX_CLIENT_VERSION: usize = 64;

/// Bytes of an `orig` that an error carries back. A longer message is answered without it, so that
/// an error is never larger than a small multiple of nothing.
pub const MAX_ORIG: usize = 4096;

/// Bytes of a whole code, nameplate and words.
pub const MAX_CODE: usize = 512;

/// Bytes of a code's URI.
pub const MAX_URI: usize = 4096;

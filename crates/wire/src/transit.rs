//! Transit's lines and record frames: what is said on a link before and around the sealed bytes.
//!
//! A link to a relay begins with [`relay_line`] and [`RELAY_OK`]; then both sides say their
//! [`ready_line`] at once, and the sender decides with [`GO`] or [`NEVERMIND`]. After `go` come records:
//! four bytes of length, 24 of nonce, and a secretbox.

use crate::{hex, limits::MAX_SIDE};

/// The relay's consent: the partner is there, and everything that follows is the partner's.
///
/// ```
/// assert_eq!(wormhole_sync_wire::transit::RELAY_OK, b"ok\n");
/// ```
pub const RELAY_OK: &[u8] = b"ok\n";

/// The sender's choice of this link.
///
/// ```
/// assert_eq!(wormhole_sync_wire::transit::GO, b"go\n");
/// ```
pub const GO: &[u8] = b"go\n";

/// The sender's choice of another link.
///
/// ```
/// assert_eq!(wormhole_sync_wire::transit::NEVERMIND, b"nevermind\n");
/// ```
pub const NEVERMIND: &[u8] = b"nevermind\n";

/// Bytes of a record before its nonce: the length of nonce and box together, big-endian.
///
/// ```
/// use wormhole_sync_wire::transit::{LENGTH_BYTES, NONCE_BYTES, TAG_BYTES};
///
/// assert_eq!(LENGTH_BYTES + NONCE_BYTES + TAG_BYTES, 44); // what a record adds to its plaintext
/// ```
pub const LENGTH_BYTES: usize = 4;

/// Bytes of a record's nonce: a counter from 0, big-endian.
///
/// ```
/// assert_eq!(wormhole_sync_wire::transit::NONCE_BYTES, 24);
/// ```
pub const NONCE_BYTES: usize = 24;

/// Bytes of a record's authentication tag, which stands before the ciphertext.
///
/// ```
/// assert_eq!(wormhole_sync_wire::transit::TAG_BYTES, 16);
/// ```
pub const TAG_BYTES: usize = 16;

/// Which end of a transfer a side is.
///
/// ```
/// use wormhole_sync_wire::transit::Role;
///
/// assert_eq!(Role::Sender.other(), Role::Receiver);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The side that has something to give, and picks the link.
    Sender,
    /// The side that takes it.
    Receiver,
}

impl Role {
    /// The role at the far end.
    ///
    /// ```
    /// use wormhole_sync_wire::transit::Role;
    ///
    /// assert_eq!(Role::Receiver.other(), Role::Sender);
    /// ```
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

/// The line that a side proves itself with: `id` is derived from the transit key for that role.
///
/// ```
/// use wormhole_sync_wire::transit::{Role, ready_line};
///
/// let line = ready_line(Role::Sender, &[0xab; 32]);
/// assert_eq!(line, format!("transit sender {} ready\n\n", "ab".repeat(32)));
/// ```
pub fn ready_line(role: Role, id: &[u8; 32]) -> String {
    let role = match role {
        Role::Sender => "sender",
        Role::Receiver => "receiver",
    };
    format!("transit {role} {} ready\n\n", hex::encode(id))
}

/// The line that a relay pairs by: `token` is derived from the transit key, `side` tells the two
/// ends apart.
///
/// ```
/// use wormhole_sync_wire::transit::relay_line;
///
/// let line = relay_line(&[0xab; 32], "0011223344556677");
/// assert_eq!(line, format!("please relay {} for side 0011223344556677\n", "ab".repeat(32)));
/// ```
pub fn relay_line(token: &[u8; 32], side: &str) -> String {
    debug_assert!(side.len() <= MAX_SIDE, "a side is short");
    format!("please relay {} for side {side}\n", hex::encode(token))
}

/// What a relay pairs by: two that ask with the same token belong together, unless both name the
/// same side.
///
/// ```
/// use wormhole_sync_wire::transit::{RelayRequest, relay_line};
///
/// let line = relay_line(&[0xab; 32], "0011223344556677");
/// let request = RelayRequest::parse(line.trim_end().as_bytes()).unwrap();
/// assert_eq!(request.side, Some(*b"0011223344556677"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayRequest {
    /// The token, as it was written: usually 64 hex digits.
    pub token: [u8; 64],
    /// The side, as it was written; the first relays knew none.
    pub side: Option<[u8; 16]>,
}

impl RelayRequest {
    /// Reads a line without its newline. Like the family's relay it takes letters, digits and
    /// underscores where clients write hex digits.
    ///
    /// ```
    /// use wormhole_sync_wire::transit::RelayRequest;
    ///
    /// let line = format!("please relay {}", "0".repeat(64));
    /// assert_eq!(RelayRequest::parse(line.as_bytes()).unwrap().side, None);
    /// assert!(RelayRequest::parse(b"GET / HTTP/1.1").is_none());
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let (token, rest) = line.strip_prefix(b"please relay ")?.split_first_chunk()?;
        let side = match rest.strip_prefix(b" for side ") {
            Some(side) => Some(*<&[u8; 16]>::try_from(side).ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let words = token.iter().chain(side.iter().flatten()).all(is_word);
        words.then_some(Self { token: *token, side })
    }

    /// Whether the two belong together.
    ///
    /// ```
    /// use wormhole_sync_wire::transit::RelayRequest;
    ///
    /// let token = [b'0'; 64];
    /// let [one, other] = [b'1', b'2'].map(|side| RelayRequest { token, side: Some([side; 16]) });
    /// assert!(one.matches(&other) && !one.matches(&one));
    /// assert!(one.matches(&RelayRequest { token, side: None })); // who names no side meets anybody
    /// ```
    pub fn matches(&self, other: &Self) -> bool {
        let same_side = self.side.is_some() && self.side == other.side;
        self.token == other.token && !same_side
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_reads_what_clients_write_and_nothing_else() {
        let token = "0123456789abcdef".repeat(4);
        let short = "0".repeat(63);
        let parse = |line: &str| RelayRequest::parse(line.as_bytes());
        let sided = parse(&format!("please relay {token} for side 0011223344556677")).unwrap();
        assert_eq!((&sided.token[..], sided.side), (token.as_bytes(), Some(*b"0011223344556677")));
        assert_eq!(parse(&format!("please relay {token}")).unwrap().side, None);
        for line in [
            String::new(),
            "please relay ".into(),
            format!("please relay {short}"),
            format!("please relay {token}0"),
            format!("please relay {token} "),
            format!("please relay {token}\r"),
            format!("Please relay {token}"),
            format!("please relay {token} for side "),
            format!("please relay {token} for side 001122334455667"),
            format!("please relay {token} for side 00112233445566778"),
            format!("please relay {token} for side 001122334455667-"),
            format!("please relay {token} for side 0011223344556677 "),
            format!("please relay {short}- for side 0011223344556677"),
        ] {
            assert!(parse(&line).is_none(), "{line}");
        }
    }
}

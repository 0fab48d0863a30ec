//! WebSocket frames (RFC 6455), as far as a mailbox server needs them.
//!
//! The libraries for this keep buffers of kilobytes for each connection, and draw their clients'
//! masks from a cipher; a server of thousands of waiting clients wants neither. Here an idle
//! connection holds no buffer at all, and a frame beyond the limit is skipped, not stored.

mod reader;

pub(crate) use reader::FrameReader;

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Why a connection is closed by the server (RFC 6455, 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseCode {
    Normal = 1000,
    Away = 1001,
    Protocol = 1002,
    Policy = 1008,
    TryAgainLater = 1013,
}

/// Something that came in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// A message: text, or bytes that are text.
    Text(&'a str),
    /// A message that is not UTF-8.
    NotText,
    /// A message beyond the limit, which was skipped; this is how it began.
    TooLarge(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    Close,
}

/// Whether the reader is to go on with what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Pause,
}

/// A frame that breaks the protocol, so that what follows cannot be made out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// Appends a server's frame, whole and not masked.
pub(crate) fn put(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let length = payload.len();
    out.reserve(length + 10);
    out.push(0x80 | opcode as u8);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// Appends a close frame.
pub(crate) fn put_close(out: &mut Vec<u8>, code: CloseCode, reason: &str) {
    let reason = reason.get(..120).unwrap_or(reason);
    let payload = [&(code as u16).to_be_bytes(), reason.as_bytes()].concat();
    put(out, Opcode::Close, &payload);
}

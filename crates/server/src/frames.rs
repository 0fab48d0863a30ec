//! WebSocket frames (RFC 6455), as far as a mailbox server needs them.
//!
//! The libraries for this keep buffers of kilobytes for each connection, and draw their clients'
//! masks from a cipher; a server of thousands of waiting clients wants neither. Here an idle
//! connection holds no buffer at all, and a frame beyond the limit is skipped, not stored.

mod reader;
mod stream;

pub(crate) use reader::FrameReader;
pub(crate) use stream::Unframer;

/// Bytes of the longest control frame's payload (RFC 6455, 5.5).
const MAX_CONTROL: u8 = 125;

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

/// A frame before its payload.
struct Header {
    length: usize,
    is_final: bool,
    opcode: Opcode,
    mask: [u8; 4],
    payload: u64,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Violation("reserved bits are set: no extension was agreed on"));
        }
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(Violation("unknown kind of frame"))?;
        if second & 0x80 == 0 {
            return Err(Violation("a client's frames must be masked"));
        }
        let (extra, payload) = match second & 0x7f {
            126 => (2, rest.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes)))),
            127 => (8, rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))),
            short => (0, Some(u64::from(short))),
        };
        let mask = rest.get(extra..).and_then(|rest| rest.first_chunk().copied());
        let (Some(payload), Some(mask)) = (payload, mask) else { return Ok(None) };
        let is_final = first & 0x80 != 0;
        if opcode.is_control() && (payload > u64::from(MAX_CONTROL) || !is_final) {
            return Err(Violation("a control frame must be whole and short"));
        }
        let length = 2 + extra + mask.len();
        Ok(Some(Self { length, is_final, opcode, mask, payload }))
    }

    /// Bytes of the whole frame.
    fn whole(&self) -> usize {
        self.length.saturating_add(usize::try_from(self.payload).unwrap_or(usize::MAX))
    }

    /// The payload, or as many bytes of it as are `wanted`, once they are there.
    fn payload_in<'a>(&self, bytes: &'a mut [u8], wanted: u64) -> Option<&'a mut [u8]> {
        let end = usize::try_from(self.payload.min(wanted)).ok()?.checked_add(self.length)?;
        bytes.get_mut(self.length..end)
    }
}

/// Takes the mask off a payload, or puts it on.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// Appends a server's frame, whole and not masked.
pub(crate) fn put(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let mut space = [0; MAX_SERVER_HEADER];
    let header = header_before(&mut space, opcode, payload.len());
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(header);
    out.extend_from_slice(payload);
}

/// Bytes of the longest header that a server writes.
pub(crate) const MAX_SERVER_HEADER: usize = 10;

/// Writes the header of a server's whole frame to the end of the space before its payload.
pub(crate) fn header_before(
    space: &mut [u8; MAX_SERVER_HEADER],
    opcode: Opcode,
    payload: usize,
) -> &[u8] {
    let length = (payload as u64).to_be_bytes();
    let (kind, extended) = match (u8::try_from(payload), u16::try_from(payload)) {
        (Ok(short), _) if short < 126 => (short, &[][..]),
        (_, Ok(_)) => (126, length.get(6..).unwrap_or_default()),
        _ => (127, &length[..]),
    };
    let start = MAX_SERVER_HEADER - 2 - extended.len();
    if let Some([first, second, rest @ ..]) = space.get_mut(start..) {
        (*first, *second) = (0x80 | opcode as u8, kind);
        rest.copy_from_slice(extended);
    }
    space.get(start..).unwrap_or_default()
}

/// Appends a close frame.
pub(crate) fn put_close(out: &mut Vec<u8>, code: CloseCode, reason: &str) {
    let reason = reason.get(..120).unwrap_or(reason);
    let payload = [&(code as u16).to_be_bytes(), reason.as_bytes()].concat();
    put(out, Opcode::Close, &payload);
}

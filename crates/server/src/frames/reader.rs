//! From bytes to messages.

use super::{Flow, Header, Incoming, Opcode, Violation, unmask};

/// Bytes that are kept of the beginning of a message that is skipped. Clients that say first what
/// it is can then be told which one it was.
const HEAD: usize = 256;

/// Makes messages of the bytes that a client sends.
pub(crate) struct FrameReader {
    limit: usize,
    /// What was read and not yet used: part of a frame, or frames that wait after a pause.
    partial: Vec<u8>,
    paused: bool,
    /// The message whose fragments are coming in. Few have one, and those who wait have none.
    fragments: Option<Box<Fragments>>,
    /// Payload bytes that are still to be skipped, and whether they end their message.
    skip: u64,
    skip_is_final: bool,
}

#[derive(Default)]
struct Fragments {
    /// Only the beginning, when it is too large.
    bytes: Vec<u8>,
    too_large: bool,
}

impl FrameReader {
    /// A reader of messages up to `limit` bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            partial: Vec::new(),
            paused: false,
            fragments: None,
            skip: 0,
            skip_is_final: false,
        }
    }

    /// From now on messages may be so long.
    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes of memory that hold what is unfinished.
    pub(crate) fn held(&self) -> usize {
        self.partial.capacity()
            + self.fragments.as_ref().map_or(0, |fragments| fragments.bytes.capacity())
    }

    /// Whether whole frames may be left over from a pause.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Takes bytes in and gives out what they complete, until `sink` asks for a pause. After one,
    /// call it again with nothing, to go on.
    pub(crate) fn feed(
        &mut self,
        bytes: &mut [u8],
        mut sink: impl FnMut(Incoming<'_>) -> Flow,
    ) -> Result<(), Violation> {
        self.paused = false;
        if self.partial.is_empty() {
            let used = self.consume(bytes, &mut sink)?;
            self.partial.extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.partial);
        held.extend_from_slice(bytes);
        let used = self.consume(&mut held, &mut sink)?;
        held.drain(..used);
        if !held.is_empty() {
            if used > held.len() {
                held.shrink_to_fit(); // after a large message little is left
            }
            self.partial = held;
        }
        Ok(())
    }

    fn consume(
        &mut self,
        bytes: &mut [u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Flow,
    ) -> Result<usize, Violation> {
        let mut used = 0;
        while let Some(rest) = bytes.get_mut(used..) {
            let flow = if self.skip > 0 {
                let skipped = rest.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                if skipped == 0 {
                    break;
                }
                used += skipped;
                self.skipped(skipped as u64, sink)
            } else {
                let Some(header) = Header::parse(rest)? else { break };
                let too_large = self.is_too_large(&header)?;
                let wanted = if too_large { HEAD as u64 } else { u64::MAX };
                let Some(payload) = header.payload_in(rest, wanted) else { break };
                unmask(payload, header.mask);
                used += header.length + payload.len();
                if too_large {
                    self.skip(&header, payload, sink)
                } else {
                    self.complete(&header, payload, sink)
                }
            };
            if flow == Flow::Pause {
                self.paused = true;
                break;
            }
        }
        Ok(used)
    }

    /// Checks a header: whether its message is beyond the limit.
    fn is_too_large(&self, header: &Header) -> Result<bool, Violation> {
        if header.opcode.is_control() {
            return Ok(false);
        }
        let continues = header.opcode == Opcode::Continuation;
        if continues != self.fragments.is_some() {
            return Err(Violation("a message begins inside another, or continues none"));
        }
        let Some(fragments) = &self.fragments else {
            return Ok(header.payload > self.limit as u64);
        };
        let room = self.limit.saturating_sub(fragments.bytes.len()) as u64;
        Ok(fragments.too_large || header.payload > room)
    }

    /// Begins to skip a frame, of whose payload these are the first bytes.
    fn skip(
        &mut self,
        header: &Header,
        payload: &[u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Flow,
    ) -> Flow {
        let Fragments { bytes, too_large } = &mut **self.fragments.get_or_insert_default();
        if !*too_large {
            *too_large = true;
            *bytes = bytes.iter().chain(payload).take(HEAD).copied().collect();
        }
        self.skip = header.payload - payload.len() as u64;
        self.skip_is_final = header.is_final;
        self.skipped(0, sink)
    }

    fn skipped(&mut self, bytes: u64, sink: &mut impl FnMut(Incoming<'_>) -> Flow) -> Flow {
        self.skip -= bytes;
        if self.skip > 0 || !self.skip_is_final {
            return Flow::Continue;
        }
        let fragments = self.fragments.take().unwrap_or_default();
        sink(Incoming::TooLarge(&fragments.bytes))
    }

    fn complete(
        &mut self,
        header: &Header,
        payload: &[u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Flow,
    ) -> Flow {
        match header.opcode {
            Opcode::Ping => return sink(Incoming::Ping(payload)),
            Opcode::Pong => return sink(Incoming::Pong),
            Opcode::Close => return sink(Incoming::Close),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {}
        }
        if header.is_final && self.fragments.is_none() {
            return sink(text(payload));
        }
        self.fragments.get_or_insert_default().bytes.extend_from_slice(payload);
        if !header.is_final {
            return Flow::Continue;
        }
        self.fragments.take().map_or(Flow::Continue, |whole| sink(text(&whole.bytes)))
    }
}

fn text(bytes: &[u8]) -> Incoming<'_> {
    std::str::from_utf8(bytes).map_or(Incoming::NotText, Incoming::Text)
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::{super::put, *};

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        put(&mut frame, Opcode::Text, payload);
        let header = frame.len() - payload.len();
        frame[0] = first;
        frame[1] |= 0x80;
        let mask = [1, 2, 3, 4];
        unmask(&mut frame[header..], mask);
        frame.splice(header..header, mask);
        frame
    }

    /// What comes out, in words, when bytes come in pieces of these sizes, in turn.
    fn read(reader: &mut FrameReader, bytes: &[u8], sizes: &[usize]) -> Vec<String> {
        let mut heard = Vec::new();
        let mut rest = bytes.to_vec();
        for size in sizes.iter().cycle() {
            let mut chunk: Vec<u8> = rest.drain(..rest.len().min(*size)).collect();
            let mut again = reader.feed(&mut chunk, |incoming| note(&incoming, &mut heard));
            while again.is_ok() && reader.is_paused() {
                again = reader.feed(&mut [], |incoming| note(&incoming, &mut heard));
            }
            again.unwrap();
            if rest.is_empty() {
                break;
            }
        }
        heard
    }

    fn note(incoming: &Incoming<'_>, heard: &mut Vec<String>) -> Flow {
        heard.push(match incoming {
            Incoming::Text(text) => format!("text {text}"),
            Incoming::Ping(payload) => format!("ping {}", payload.len()),
            Incoming::TooLarge(head) => format!("too large: {}", String::from_utf8_lossy(head)),
            other => format!("{other:?}"),
        });
        if heard.len().is_multiple_of(2) { Flow::Pause } else { Flow::Continue }
    }

    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_cut() {
        let bytes = [
            frame(0x81, b"whole"),
            frame(0x01, b"in "),
            frame(0x89, b"between"),
            frame(0x00, b""),
            frame(0x80, b"parts"),
            frame(0x82, "b\u{e9}".as_bytes()),
            frame(0x81, b"\xff"),
            frame(0x81, &[b'x'; 101]),
            frame(0x01, &[b'x'; 60]),
            frame(0x00, &[b'z'; 60]),
            frame(0x80, b"end"),
            frame(0x81, &[b'w'; 1000]),
            frame(0x8a, b""),
            frame(0x81, &[b'y'; 100]),
            frame(0x88, b""),
        ]
        .concat();
        let long = format!("text {}", "y".repeat(100));
        let too_large = ["x".repeat(101), "x".repeat(60) + &"z".repeat(60), "w".repeat(HEAD)]
            .map(|head| format!("too large: {head}"));
        let expected = [
            "text whole",
            "ping 7",
            "text in parts",
            "text b\u{e9}",
            "NotText",
            &too_large[0],
            &too_large[1],
            &too_large[2],
            "Pong",
            &long,
            "Close",
        ];
        arbtest(|u| {
            let sizes: Vec<usize> = (0..u.int_in_range(1..=5)?)
                .map(|_| u.int_in_range(1..=300))
                .collect::<Result<_, _>>()?;
            let mut reader = FrameReader::new(100);
            assert_eq!(read(&mut reader, &bytes, &sizes), expected);
            assert_eq!(reader.partial.capacity(), 0, "an idle reader holds memory");
            assert!(reader.fragments.is_none());
            Ok(())
        });
    }

    #[test]
    fn any_bytes_do_no_harm_and_are_held_within_the_limit() {
        arbtest(|u| {
            let mut reader = FrameReader::new(1000);
            while !u.is_empty() {
                let size = u.int_in_range(1..=64)?;
                let mut chunk = u.bytes(size.min(u.len()))?.to_vec();
                if reader.feed(&mut chunk, |_| Flow::Continue).is_err() {
                    break;
                }
                assert!(reader.held() <= 2 * (1000 + 1000 + 14 + 64), "{}", reader.held());
            }
            Ok(())
        });
    }

    #[test]
    fn a_length_of_any_size_allocates_nothing() {
        let mut reader = FrameReader::new(1000);
        let mut head = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        reader.feed(&mut head, |_| panic!("nothing is complete")).unwrap();
        for _ in 0..100 {
            reader.feed(&mut [b'x'; 4096], |_| panic!("nothing is complete")).unwrap();
            assert_eq!(reader.partial.capacity(), 0);
        }
    }
}

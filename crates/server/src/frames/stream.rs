//! The payload of binary messages as a stream of bytes, however long a message is.

use super::{Header, MAX_CONTROL, Opcode, Violation, unmask};

/// Takes a client's frames off its bytes, without waiting for whole messages.
#[derive(Default)]
pub(crate) struct Unframer {
    /// A header, or a control frame, of which the rest has not come.
    partial: Vec<u8>,
    mask: [u8; 4],
    /// Bytes of the frame that are still to come, and whether they end their message.
    left: u64,
    is_final: bool,
    /// Whether a message has begun and not ended.
    within: bool,
}

/// What was among the bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unframed {
    /// Payload bytes, which are now the first of all.
    pub(crate) payload: usize,
    /// Where among them the first message ended.
    pub(crate) first_end: Option<usize>,
    /// What the last ping brought, and a pong is to bring back. Those before it need none (RFC 6455,
    /// 5.5.3), so that a flood of them is answered with little.
    pub(crate) ping: Option<Box<[u8]>>,
    /// Whether the client has said that it is done. What followed is dropped.
    pub(crate) closed: bool,
}

impl Unframer {
    /// Moves the payload to the front.
    pub(crate) fn unframe(&mut self, bytes: &mut [u8]) -> Result<Unframed, Violation> {
        let mut found = Unframed::default();
        let mut used = 0;
        while !found.closed && used < bytes.len() {
            used += if self.left > 0 {
                self.take_payload(bytes, used, &mut found)
            } else {
                self.take_header(bytes.get(used..).unwrap_or_default(), &mut found)?
            };
        }
        Ok(found)
    }

    fn take_payload(&mut self, bytes: &mut [u8], used: usize, found: &mut Unframed) -> usize {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let length = (bytes.len() - used).min(most);
        if let Some(part) = bytes.get_mut(used..used + length) {
            unmask(part, self.mask);
            self.mask.rotate_left(length % 4);
        }
        if used != found.payload {
            bytes.copy_within(used..used + length, found.payload);
        }
        found.payload += length;
        self.left -= length as u64;
        self.ended(found);
        length
    }

    /// Takes what belongs to a header, or a whole control frame.
    fn take_header(&mut self, rest: &[u8], found: &mut Unframed) -> Result<usize, Violation> {
        let held = self.partial.len();
        self.partial.extend(rest.iter().take(LONGEST - held));
        let Some(header) = Header::parse(&self.partial)? else {
            return Ok(self.partial.len() - held);
        };
        let is_control = header.opcode.is_control();
        let length = if is_control { header.whole() } else { header.length };
        if self.partial.len() < length {
            return Ok(self.partial.len() - held);
        }
        let mut frame = std::mem::take(&mut self.partial);
        frame.truncate(length);
        if is_control {
            let payload = frame.get_mut(header.length..).unwrap_or_default();
            unmask(payload, header.mask);
            match header.opcode {
                Opcode::Close => found.closed = true,
                Opcode::Ping => found.ping = Some((&*payload).into()),
                _ => {}
            }
        } else {
            self.begin(&header, found)?;
        }
        Ok(length - held)
    }

    fn begin(&mut self, header: &Header, found: &mut Unframed) -> Result<(), Violation> {
        match (header.opcode, self.within) {
            (Opcode::Binary, false) | (Opcode::Continuation, true) => {}
            (Opcode::Text, false) => return Err(Violation("a relay takes binary messages only")),
            _ => return Err(Violation("a message begins inside another, or continues none")),
        }
        self.within = true;
        (self.mask, self.left, self.is_final) = (header.mask, header.payload, header.is_final);
        self.ended(found);
        Ok(())
    }

    /// Notes the end of a message, if this is one.
    fn ended(&mut self, found: &mut Unframed) {
        if self.left == 0 && self.is_final {
            self.within = false;
            found.first_end.get_or_insert(found.payload);
        }
    }
}

/// Bytes of the longest header, or whole control frame.
const LONGEST: usize = 14 + MAX_CONTROL as usize;

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::*;
    use crate::frames::put;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        put(&mut frame, Opcode::Binary, payload);
        let header = frame.len() - payload.len();
        frame[0] = first;
        frame[1] |= 0x80;
        let mask = [9, 2, 77, 4];
        unmask(&mut frame[header..], mask);
        frame.splice(header..header, mask);
        frame
    }

    /// The payload, what the last ping of each piece brought, and whether it was closed.
    type Read = (Vec<u8>, Vec<Box<[u8]>>, bool);

    /// What comes of these bytes, in pieces of so many.
    fn read(bytes: &[u8], piece: usize) -> Result<Read, Violation> {
        let (mut reader, mut payload, mut pings) = (Unframer::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            let mut piece = piece.to_vec();
            let found = reader.unframe(&mut piece)?;
            payload.extend_from_slice(&piece[..found.payload]);
            pings.extend(found.ping);
            if found.closed {
                return Ok((payload, pings, true));
            }
        }
        Ok((payload, pings, false))
    }

    #[test]
    fn messages_of_any_length_in_any_pieces_are_one_stream() {
        arbtest(|u| {
            let (mut bytes, mut payload, mut pings) = (Vec::new(), Vec::new(), Vec::new());
            for number in 0..u.int_in_range(0..=5)? {
                let length = *u.choose(&[0, 1, 125, 126, 127, 1000, 65_535, 65_536, 70_000])?;
                let message: Vec<u8> = (0..251).cycle().take(length).collect();
                let cut = u.int_in_range(0..=length)?;
                bytes.extend(frame(0x02, &message[..cut]));
                if u.arbitrary()? {
                    bytes.extend(frame(0x89, &[number; 7]));
                    pings.push(Box::from([number; 7]));
                }
                bytes.extend(frame(0x80, &message[cut..]));
                bytes.extend(frame(0x8a, b"unasked"));
                payload.extend(message);
            }
            let piece = *u.choose(&[1, 2, 3, 7, 64, 1000, 65_536, 1 << 20])?;
            let (found, mut answered, closed) = read(&bytes, piece).unwrap();
            assert_eq!((found, closed), (payload, false));
            if piece > 13 {
                // Several may have come in one piece: the last of all is among those answered, in order.
                assert_eq!(answered.last(), pings.last());
                pings.retain(|ping| answered.contains(ping));
                answered.dedup();
            }
            assert_eq!(answered, pings);
            Ok(())
        });
    }

    #[test]
    fn the_end_of_the_first_message_is_told() {
        let bytes =
            [frame(0x02, b"please "), frame(0x80, b"relay"), frame(0x82, b"early")].concat();
        let mut whole = bytes.clone();
        let found = Unframer::default().unframe(&mut whole).unwrap();
        assert_eq!(
            (found.first_end, &whole[..found.payload]),
            (Some(12), &b"please relayearly"[..])
        );
        let mut empty = frame(0x82, b"");
        assert_eq!(Unframer::default().unframe(&mut empty).unwrap().first_end, Some(0));
    }

    #[test]
    fn of_many_pings_the_last_is_answered() {
        let mut bytes = [frame(0x89, b"one"), frame(0x89, b"two"), frame(0x82, b"x")].concat();
        let found = Unframer::default().unframe(&mut bytes).unwrap();
        assert_eq!((found.ping, found.payload), (Some(Box::from(&b"two"[..])), 1));
    }

    #[test]
    fn nothing_follows_a_close_frame() {
        let bytes = [frame(0x82, b"a"), frame(0x88, &[3, 232]), frame(0x82, b"b")].concat();
        for piece in [1, 3, 100] {
            assert_eq!(read(&bytes, piece).unwrap(), (b"a".to_vec(), vec![], true));
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        let long_ping = frame(0x89, &[0; 126]);
        for bytes in [
            &frame(0x81, b"text")[..],
            &[frame(0x02, b"a"), frame(0x82, b"b")].concat(),
            &frame(0x80, b"continues none"),
            &[0x82, 0x01, 0x00],
            &[0xc2, 0x80],
            &[0x83, 0x80],
            &long_ping,
        ] {
            assert!(read(bytes, 1000).is_err() && read(bytes, 1).is_err(), "{bytes:?}");
        }
    }
}

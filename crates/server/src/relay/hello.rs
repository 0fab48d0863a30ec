//! The line that a link begins with.

use wormhole_sync_wire::{limits::MAX_RELAY_LINE, transit::RelayRequest};

/// Gathers the line that a link begins with.
///
/// ```
/// use wormhole_sync_server::relay::{Hello, Said};
///
/// let line = format!("please relay {}\n", "7".repeat(64));
/// let (one, other) = line.split_at(20);
/// let mut hello = Hello::default();
/// assert!(hello.received(one.as_bytes()) == Said::Part);
/// assert!(matches!(hello.received(other.as_bytes()), Said::Line(Some(_))));
/// ```
#[derive(Default)]
pub struct Hello(Vec<u8>);

/// What a link has said.
///
/// ```
/// use wormhole_sync_server::relay::{Hello, Said};
///
/// assert!(Hello::default().received(b"GET / HTTP/1.1\r\n") == Said::Line(None));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Not all of it yet.
    Part,
    /// What it asks for, unless that is no relay's.
    Line(Option<RelayRequest>),
    /// What it asks for, and something behind it.
    Early(RelayRequest),
}

impl Hello {
    /// Takes bytes of a stream, in which the line ends with a newline.
    ///
    /// ```
    /// use wormhole_sync_server::relay::{Hello, Said};
    ///
    /// let line = format!("please relay {}\nimpatient", "7".repeat(64));
    /// assert!(matches!(Hello::default().received(line.as_bytes()), Said::Early(_)));
    /// ```
    pub fn received(&mut self, bytes: &[u8]) -> Said {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if self.0.len() + part.len() >= MAX_RELAY_LINE {
            return Said::Line(None);
        }
        self.0.extend_from_slice(part);
        let Some(end) = end else { return Said::Part };
        match RelayRequest::parse(&self.0) {
            Some(request) if end + 1 < bytes.len() => Said::Early(request),
            request => Said::Line(request),
        }
    }

    /// Takes bytes of messages, of which the first is the line; `ends` is where in these bytes it does.
    ///
    /// ```
    /// use wormhole_sync_server::relay::{Hello, Said};
    ///
    /// let message = format!("please relay {}", "7".repeat(64)); // a newline is not needed
    /// let said = Hello::default().received_message(message.as_bytes(), Some(message.len()));
    /// assert!(matches!(said, Said::Line(Some(_))));
    /// ```
    pub fn received_message(&mut self, bytes: &[u8], ends: Option<usize>) -> Said {
        let part = bytes.get(..ends.unwrap_or(bytes.len())).unwrap_or_default();
        if self.0.len() + part.len() > MAX_RELAY_LINE {
            return Said::Line(None);
        }
        self.0.extend_from_slice(part);
        let Some(end) = ends else { return Said::Part };
        let line = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
        match RelayRequest::parse(line) {
            Some(request) if end < bytes.len() => Said::Early(request),
            request => Said::Line(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Vec<u8> {
        format!("please relay {} for side {}\n", "a".repeat(64), "b".repeat(16)).into_bytes()
    }

    fn is_good(said: Said) -> bool {
        matches!(said, Said::Line(Some(request)) if request.side == Some([b'b'; 16]))
    }

    #[test]
    fn a_line_in_pieces_is_one() {
        for cut in 0..line().len() {
            let mut hello = Hello::default();
            assert!(hello.received(&line()[..cut]) == Said::Part);
            assert!(is_good(hello.received(&line()[cut..])));
        }
    }

    #[test]
    fn what_follows_in_the_same_piece_is_early() {
        let bytes = [line(), b"x".to_vec()].concat();
        assert!(matches!(Hello::default().received(&bytes), Said::Early(_)));
        let bad = [b"please relay me\n".to_vec(), b"x".to_vec()].concat();
        assert!(Hello::default().received(&bad) == Said::Line(None));
        let bytes = [line(), b"x".to_vec()].concat();
        let said = Hello::default().received_message(&bytes, Some(line().len()));
        assert!(matches!(said, Said::Early(_)));
    }

    #[test]
    fn a_line_that_does_not_end_is_refused_at_the_limit() {
        let mut hello = Hello::default();
        assert!(hello.received(&[b'x'; MAX_RELAY_LINE - 1]) == Said::Part);
        assert!(hello.received(b"x") == Said::Line(None));
        let mut hello = Hello::default();
        assert!(hello.received_message(&[b'x'; MAX_RELAY_LINE], None) == Said::Part);
        assert!(hello.received_message(b"x", None) == Said::Line(None));
    }

    #[test]
    fn a_message_may_end_with_a_newline_or_without() {
        let whole = line();
        for end in [whole.len(), whole.len() - 1] {
            assert!(is_good(Hello::default().received_message(&whole[..end], Some(end))));
        }
        let twice = [line(), b"\n".to_vec()].concat();
        assert!(Hello::default().received_message(&twice, Some(twice.len())) == Said::Line(None));
    }
}

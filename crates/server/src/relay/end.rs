//! One end of a pair: how bytes come off its socket, and go onto it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{
    address::Address,
    config::Limit,
    frames::{self, CloseCode, MAX_SERVER_HEADER, Opcode, Unframer},
    gate::Admission,
    stream::Stream,
};

/// A client's link.
pub(super) struct End {
    pub(super) stream: Stream,
    framing: Framing,
    admission: Admission,
}

enum Framing {
    Raw,
    WebSocket(Box<Unframer>),
}

/// What a read brought. The bytes are where they were read to.
#[derive(Default)]
pub(super) struct Brought {
    /// Bytes of payload.
    pub(super) payload: usize,
    /// Where in them the first message ended, of an end that speaks in messages.
    pub(super) first_end: Option<usize>,
    /// What goes back to this end at once.
    pub(super) answer: Vec<u8>,
    /// Whether nothing more comes.
    pub(super) over: bool,
}

impl End {
    pub(super) const fn raw(stream: Stream, admission: Admission) -> Self {
        Self { stream, framing: Framing::Raw, admission }
    }

    pub(super) fn websocket(stream: Stream, admission: Admission) -> Self {
        Self { stream, framing: Framing::WebSocket(Box::default()), admission }
    }

    /// The socket, when what is on it is what is relayed.
    pub(super) const fn bare(&self) -> Option<&TcpStream> {
        match (&self.framing, &self.stream) {
            (Framing::Raw, Stream::Plain(stream)) => Some(stream),
            _ => None,
        }
    }

    const fn is_websocket(&self) -> bool {
        matches!(self.framing, Framing::WebSocket(_))
    }

    pub(super) const fn address(&self) -> Option<Address> {
        self.admission.address()
    }

    /// Counts that the client met a limit.
    pub(super) fn count(&self, limit: Limit) {
        self.admission.count(limit);
    }

    /// Reads once. The payload is then the first of what was added to the buffer.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Brought>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let came = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        if came.is_empty() {
            return Poll::Ready(Ok(Brought { over: true, ..Brought::default() }));
        }
        Poll::Ready(self.decode(came))
    }

    /// Says something, at once or never: what the socket does not take is an error.
    pub(super) fn say_now(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match Pin::new(&mut self.stream).poll_write(context, bytes)? {
            Poll::Ready(written) if written == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Takes the payload out of what came.
    pub(super) fn decode(&mut self, bytes: &mut [u8]) -> io::Result<Brought> {
        let Framing::WebSocket(unframer) = &mut self.framing else {
            return Ok(Brought { payload: bytes.len(), ..Brought::default() });
        };
        let found = unframer
            .unframe(bytes)
            .map_err(|violation| io::Error::new(io::ErrorKind::InvalidData, violation.0))?;
        let mut answer = Vec::new();
        if let Some(ping) = &found.ping {
            frames::put(&mut answer, Opcode::Pong, ping);
        }
        Ok(Brought {
            payload: found.payload,
            first_end: found.first_end,
            answer,
            over: found.closed,
        })
    }

    /// What goes before so many bytes of payload, written to the end of `space`.
    pub(super) fn header<'a>(
        &self,
        space: &'a mut [u8; MAX_SERVER_HEADER],
        payload: usize,
    ) -> &'a [u8] {
        match self.framing {
            Framing::Raw => &[],
            Framing::WebSocket(_) => frames::header_before(space, Opcode::Binary, payload),
        }
    }

    /// Appends a message of our own.
    pub(super) fn put(&self, out: &mut Vec<u8>, text: &[u8]) {
        out.extend_from_slice(self.header(&mut [0; MAX_SERVER_HEADER], text.len()));
        out.extend_from_slice(text);
    }

    /// Appends what is said at the end.
    pub(super) fn put_goodbye(&self, out: &mut Vec<u8>) {
        if self.is_websocket() {
            frames::put_close(out, CloseCode::Normal, "");
        }
    }

    /// Says this and goodbye, and reads on until the client has closed.
    pub(super) async fn close(&mut self, text: &[u8]) -> io::Result<()> {
        let mut last = Vec::new();
        if !text.is_empty() {
            self.put(&mut last, text);
        }
        self.put_goodbye(&mut last);
        self.stream.say_last(&last).await
    }
}

//! TLS over a socket. Whoever is idle holds its keys and no buffer.
//!
//! rustls keeps 4 KiB for what comes next of each connection that it reads itself. Here what comes is
//! read into memory that all connections of a thread share, and only what is left of it stays.

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::{
    Error, ServerConfig,
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Bytes of what comes, unfinished messages of a handshake included. Whoever sends a longer one is cut
/// off.
const INCOMING: usize = 64 << 10;

/// Bytes that are read at once, whoever asks for fewer: else a record would take many reads.
const LEAST: usize = 4 << 10;

/// Bytes that are sealed at once: those of the largest record. More of them wait for a slow reader
/// only beside those that are counted as waiting for it.
const RECORD: usize = 16 << 10;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; INCOMING].into());
}

/// A socket within TLS, once hands are shaken.
pub(crate) struct Secure {
    socket: TcpStream,
    tls: UnbufferedServerConnection,
    /// What came of a record, or of a message of the handshake, of which the rest has not.
    partial: Vec<u8>,
    /// What was said in it and not yet read.
    plain: Vec<u8>,
    /// What the socket has not taken yet, and how much of it it has.
    sealed: Vec<u8>,
    sent: usize,
    /// Whether nothing more comes: the client has said so.
    ended: bool,
    /// Whether the client has broken the protocol. Then nothing is heard or said any more.
    broken: bool,
    /// Whether it was told that nothing more comes.
    closed: bool,
}

impl Secure {
    /// Shakes hands.
    pub(crate) async fn accept(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut stream = Self {
            socket,
            tls: UnbufferedServerConnection::new(config).map_err(io::Error::other)?,
            partial: Vec::new(),
            plain: Vec::new(),
            sealed: Vec::new(),
            sent: 0,
            ended: false,
            broken: false,
            closed: false,
        };
        poll_fn(|context| {
            loop {
                ready!(stream.poll_send(context))?;
                if !stream.tls.is_handshaking() {
                    return Poll::Ready(io::Result::Ok(()));
                }
                ready!(stream.poll_receive(context, &mut ReadBuf::new(&mut [])))?;
            }
        })
        .await?;
        Ok(stream)
    }

    /// Reads the socket once, and opens what came. What does not fit into `room` is kept.
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let held = self.partial.len();
            let end = (held + room.remaining().max(LEAST)).min(scratch.len());
            let mut incoming = ReadBuf::new(scratch.get_mut(..end).unwrap_or_default());
            if held >= incoming.capacity() {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            incoming.put_slice(&self.partial);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut incoming))?;
            let incoming = incoming.filled_mut();
            if incoming.len() == held {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())); // a cut, and no end
            }
            match self.open(incoming, room) {
                Ok(used) => self.partial = incoming.get(used..).unwrap_or_default().into(),
                Err(error) => {
                    self.broken = true;
                    self.partial = Vec::new();
                    _ = self.poll_send(context); // why, if it can still be told
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Opens whole records, and makes the answers that TLS itself gives. How many bytes were used.
    fn open(&mut self, incoming: &mut [u8], room: &mut ReadBuf<'_>) -> Result<usize, Error> {
        let Self { tls, plain, sealed, ended, .. } = self;
        let mut used = 0;
        loop {
            let rest = incoming.get_mut(used..).unwrap_or_default();
            let UnbufferedStatus { discard, state } = tls.process_tls_records(rest);
            used += discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        used += record.discard;
                        take(record.payload, plain, room);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    append(sealed, |out| data.encode(out)).map_err(|_| Error::EncryptError)?;
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(), // it is among what waits
                Ok(ConnectionState::PeerClosed) => *ended = true,
                Ok(_) if *ended => return Ok(incoming.len()), // what follows an end is nothing
                Ok(_) => return Ok(used),
                Err(error) => {
                    while tls.wants_write() {
                        let rest = incoming.get_mut(used..).unwrap_or_default();
                        let state = tls.process_tls_records(rest).state;
                        let Ok(ConnectionState::EncodeTlsData(mut alert)) = state else { break };
                        _ = append(sealed, |out| alert.encode(out));
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Appends what is to be sealed to what waits for the socket.
    fn seal(
        &mut self,
        mut work: impl FnMut(
            &mut WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        // It has seen the beginning of this before, and comes by no whole record in it.
        let state = self.tls.process_tls_records(&mut self.partial).state;
        match state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) if !self.broken => {
                append(&mut self.sealed, |out| work(&mut traffic, out)).map_err(io::Error::other)
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Writes what waits for the socket.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(waiting) = self.sealed.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(context, waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        (self.sealed, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Secure {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // What could not be written at once has no other to see to it.
        if let Poll::Ready(sent) = this.poll_send(context) {
            sent?;
        }
        let before = buffer.filled().len();
        take(&std::mem::take(&mut this.plain), &mut this.plain, buffer);
        while buffer.filled().len() == before && buffer.remaining() > 0 && !this.ended {
            if this.broken {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            ready!(this.poll_receive(context, buffer))?;
            if let Poll::Ready(sent) = this.poll_send(context) {
                sent?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Secure {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut taken = 0;
        for record in bytes.chunks(RECORD) {
            match this.poll_send(context)? {
                Poll::Ready(()) => this.seal(|traffic, out| traffic.encrypt(record, out))?,
                Poll::Pending if taken > 0 => return Poll::Ready(Ok(taken)),
                Poll::Pending => return Poll::Pending,
            }
            taken += record.len();
        }
        _ = this.poll_send(context)?; // what is left of it is seen to by whoever flushes or reads
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(context)
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method by itself is for one lifetime, and not for any"
    )]
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closed {
            this.closed = true;
            _ = this.seal(|traffic, out| traffic.queue_close_notify(out)); // unless there is no way to say it
        }
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.socket).poll_shutdown(context)
    }
}

/// Puts what fits into `room`, and keeps the rest.
fn take(said: &[u8], kept: &mut Vec<u8>, room: &mut ReadBuf<'_>) {
    let (now, later) = said.split_at(said.len().min(room.remaining()));
    room.put_slice(now);
    kept.extend_from_slice(later);
}

/// Appends what `encode` puts out, which first says how long that is.
fn append<E: TooShort>(
    out: &mut Vec<u8>,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), E> {
    let Err(error) = encode(&mut []) else { return Ok(()) };
    let Some(length) = error.wanted() else { return Err(error) };
    let before = out.len();
    out.reserve_exact(length);
    out.resize(before + length, 0);
    let written = encode(out.get_mut(before..).unwrap_or_default());
    out.truncate(before + written.as_ref().copied().unwrap_or_default());
    written.map(drop)
}

/// The error of who was given too little space.
trait TooShort {
    /// How much it wants.
    fn wanted(&self) -> Option<usize>;
}

impl TooShort for EncodeError {
    fn wanted(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(size) => Some(size.required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl TooShort for EncryptError {
    fn wanted(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(size) => Some(size.required_size),
            Self::EncryptExhausted => None,
        }
    }
}

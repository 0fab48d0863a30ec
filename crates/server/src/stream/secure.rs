//! TLS over a socket. Whoever is idle holds its keys and no buffer.
//!
//! rustls keeps 4 KiB for what comes next of each connection that it reads itself. Here what comes is
//! read into memory that all connections of a thread share, and only what is left of it stays: of a
//! record that has not come whole.
//!
//! A stream is for one task, which reads and writes: whoever reads writes what waits, too, and of two
//! tasks the socket would wake one.

#[cfg(test)]
pub(crate) mod tests;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::{
    Error, InvalidMessage, ServerConfig,
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Bytes that are read at once at the most.
const INCOMING: usize = 64 << 10;

/// Bytes that are read at once, whoever asks for fewer: else a record would take many reads.
const LEAST: usize = 4 << 10;

/// Bytes of the largest record, and what its seal and header add at the most (RFC 5246, 6.2.3).
const RECORD: usize = 16 << 10;
const OVERHEAD: usize = 2048 + 5;

/// Bytes that may wait for their rest: those of any record, and of every message of a handshake that a
/// client has reason to send. Whoever sends a longer one is cut off.
const UNFINISHED: usize = RECORD + OVERHEAD;

/// Bytes that are sealed before the socket is written to: with a write for each record it would take an
/// eighth more of the processor.
const BATCH: usize = 4 * RECORD;

thread_local! {
    static INCOMING_SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; INCOMING].into());
    /// One record more, for what TLS itself has to say.
    static OUTGOING_SCRATCH: RefCell<Box<[u8]>> =
        RefCell::new(vec![0; (BATCH / RECORD + 1) * (RECORD + OVERHEAD)].into());
}

/// A socket within TLS, once hands are shaken.
pub(crate) struct Secure {
    socket: TcpStream,
    tls: UnbufferedServerConnection,
    /// What came of a record, or of a message of the handshake, of which the rest has not.
    partial: Vec<u8>,
    /// What was said in it and not yet read.
    plain: Vec<u8>,
    /// What the socket has not taken yet.
    sealed: Vec<u8>,
    /// Whether nothing more comes: the client has said so.
    ended: bool,
    /// Whether the client has broken the protocol. Then nothing is heard or said any more, and rustls is
    /// not asked for anything: it remembers a place in what came that is gone.
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
        INCOMING_SCRATCH.with_borrow_mut(|scratch| {
            let held = self.partial.len();
            let end = (held + room.remaining().max(LEAST)).min(scratch.len());
            let mut incoming = ReadBuf::new(scratch.get_mut(..end).unwrap_or_default());
            incoming.put_slice(&self.partial);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut incoming))?;
            let incoming = incoming.filled_mut();
            if self.closed {
                self.ended = incoming.len() == held; // and what comes after a goodbye is nothing
                return Poll::Ready(Ok(()));
            }
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
        let (came, mut used) = (incoming.len(), 0);
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
                    append(sealed, &mut data).map_err(|_| Error::EncryptError)?;
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(), // it is among what waits
                Ok(ConnectionState::PeerClosed) => *ended = true,
                Ok(_) if *ended => return Ok(came), // what follows an end is nothing
                Ok(_) if came - used > UNFINISHED => {
                    return Err(InvalidMessage::HandshakePayloadTooLarge.into());
                }
                Ok(_) => return Ok(used),
                Err(error) => {
                    while tls.wants_write() {
                        let rest = incoming.get_mut(used..).unwrap_or_default();
                        let state = tls.process_tls_records(rest).state;
                        let Ok(ConnectionState::EncodeTlsData(mut alert)) = state else { break };
                        _ = append(sealed, &mut alert);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Seals something, when nothing waits for the socket, and writes it. What the socket does not take
    /// at once waits.
    fn seal(
        &mut self,
        context: &mut Context<'_>,
        work: impl FnOnce(
            &mut WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        OUTGOING_SCRATCH.with_borrow_mut(|scratch| {
            // It has seen the beginning of this before, and comes by no whole record in it.
            let state = self.tls.process_tls_records(&mut self.partial).state;
            let sealed = match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    work(&mut traffic, scratch).map_err(io::Error::other)?
                }
                _ => return Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            };
            let sealed = scratch.get(..sealed).unwrap_or_default();
            let written = match Pin::new(&mut self.socket).poll_write(context, sealed) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.sealed.extend_from_slice(sealed.get(written..).unwrap_or_default());
            Ok(())
        })?;
        _ = self.poll_send(context)?; // and who is woken when more can be written
        Ok(())
    }

    pub(crate) const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Bytes of memory that hold what the socket has not taken yet.
    pub(crate) fn held(&self) -> usize {
        self.sealed.capacity()
    }

    /// Writes what waits for the socket.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.sealed.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_write(context, &self.sealed))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(self.sealed.drain(..written)),
            }
        }
        self.sealed = Vec::new();
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
        // What could not be written at once has no other to see to it. That it cannot be written at all is
        // for whoever writes: it may be that something was said before.
        _ = this.poll_send(context);
        let before = buffer.filled().len();
        take(&std::mem::take(&mut this.plain), &mut this.plain, buffer);
        while buffer.filled().len() == before && buffer.remaining() > 0 && !this.ended {
            if this.broken {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            ready!(this.poll_receive(context, buffer))?;
            _ = this.poll_send(context);
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
        ready!(this.poll_send(context))?;
        let mut taken = 0;
        for batch in bytes.chunks(BATCH) {
            this.seal(context, |traffic, mut room| {
                let mut sealed = 0;
                for record in batch.chunks(RECORD) {
                    let length = traffic.encrypt(record, room)?;
                    room = room.get_mut(length..).unwrap_or_default();
                    sealed += length;
                }
                Ok(sealed)
            })?;
            taken += batch.len();
            if !this.sealed.is_empty() {
                break; // it is seen to by whoever flushes or reads
            }
        }
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
        ready!(this.poll_send(context))?;
        if !this.closed {
            this.closed = true;
            // Unless there is no way to say it.
            _ = this.seal(context, |traffic, room| traffic.queue_close_notify(room));
            ready!(this.poll_send(context))?;
        }
        Pin::new(&mut this.socket).poll_shutdown(context)
    }
}

/// Puts what fits into `room`, and keeps the rest.
fn take(said: &[u8], kept: &mut Vec<u8>, room: &mut ReadBuf<'_>) {
    let (now, later) = said.split_at(said.len().min(room.remaining()));
    room.put_slice(now);
    kept.reserve_exact(later.len());
    kept.extend_from_slice(later);
}

/// Appends what TLS itself has to say.
fn append(
    out: &mut Vec<u8>,
    data: &mut EncodeTlsData<'_, ServerConnectionData>,
) -> Result<(), EncodeError> {
    let length = match data.encode(&mut []) {
        Err(EncodeError::InsufficientSize(error)) => error.required_size,
        Err(error) => return Err(error),
        Ok(_) => return Ok(()),
    };
    let before = out.len();
    out.reserve_exact(length);
    out.resize(before + length, 0);
    data.encode(out.get_mut(before..).unwrap_or_default()).map(drop)
}

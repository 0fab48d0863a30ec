//! A client's byte stream, and the memory into which all of them are read.

#[cfg(feature = "tls")]
pub(crate) mod secure;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};

#[cfg(feature = "tls")]
pub(crate) use secure::Secure;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Bytes that are read at once of what is only passed on, within TLS a quarter of it. With less, the two
/// ends of a pair are woken more often, which costs more than the copying; a reader who lags behind makes
/// the relay hold so much, until all of them together hold too much.
const BULK: usize = 256 << 10;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BULK].into());
}

/// A client's byte stream.
pub(crate) enum Stream {
    /// TCP as it is.
    Plain(TcpStream),
    /// What TLS protects.
    #[cfg(feature = "tls")]
    Tls(Box<Secure>),
}

/// Lends memory to read into. All streams of a thread share it, so that one which waits holds none.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut ReadBuf<'_>) -> T) -> T {
    with_bulk_scratch(|scratch| work(&mut scratch.take(CHUNK)))
}

/// The same, for bytes that are only passed on.
pub(crate) fn with_bulk_scratch<T>(work: impl FnOnce(&mut ReadBuf<'_>) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| work(&mut ReadBuf::new(scratch)))
}

/// Bounds what waits in the system to be sent for the first time, or leaves it to the system again. It can
/// be done on Linux; elsewhere nothing is bounded.
#[cfg_attr(
    not(any(target_os = "android", target_os = "linux")),
    expect(clippy::unnecessary_wraps, reason = "there is nothing that can fail")
)]
pub(crate) fn bound_unsent(socket: &TcpStream, bytes: Option<u32>) -> io::Result<()> {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    SockRef::from(socket).set_tcp_notsent_lowat(bytes.unwrap_or(0))?;
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = (socket, bytes);
    Ok(())
}

/// Bounds what the system keeps of what a client says while it is not read.
pub(crate) fn bound_unread(socket: &TcpStream, bytes: usize) -> io::Result<()> {
    SockRef::from(socket).set_recv_buffer_size(bytes)
}

impl Stream {
    pub(crate) const fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.socket(),
        }
    }

    /// Bytes that were taken to be written, and that are still held here.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Plain(_) => 0,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.held(),
        }
    }

    /// Reads until `look` has found what it looks for in all that has come. `None` is more than `limit`
    /// bytes without it.
    pub(crate) async fn read_until<T>(
        &mut self,
        limit: usize,
        mut look: impl FnMut(&mut Vec<u8>) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut bytes = Vec::new();
        loop {
            let read = self.read_with(|read| {
                bytes.extend_from_slice(read);
                read.len()
            });
            if read.await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let found = look(&mut bytes);
            if found.is_some() || bytes.len() > limit {
                return Ok(found);
            }
        }
    }

    /// Says last words, and reads on until the client has closed, so that they are not lost to a reset.
    pub(crate) async fn say_last(&mut self, words: &[u8]) -> io::Result<()> {
        self.write_all(words).await?;
        self.shutdown().await?;
        while self.read_with(<[u8]>::len).await? > 0 {}
        Ok(())
    }

    /// Reads once, and lets `take` have what came. Nothing is the stream's end.
    pub(crate) async fn read_with<T>(&mut self, mut take: impl FnMut(&[u8]) -> T) -> io::Result<T> {
        poll_fn(|context| {
            with_scratch(|buffer| {
                ready!(Pin::new(&mut *self).poll_read(context, buffer))?;
                Poll::Ready(Ok(take(buffer.filled())))
            })
        })
        .await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

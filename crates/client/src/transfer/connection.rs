//! A link as the race has it, and as the threads that move the bytes have it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream as StdTcpStream},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    runtime::Handle,
    sync::Notify,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use wormhole_sync_core::wire::limits::{MAX_RECORD, RECORD};

use crate::dial::{FarEnd, Socket};

/// Bytes of a message to a relay at most: many at the far end take no long ones.
const MESSAGE: usize = RECORD;

/// Bytes of a message from a relay at most: a record as long as any may be, and more than its frame.
pub(crate) const MAX_MESSAGE: usize = 2 * MAX_RECORD;

/// A link that can be waited for together with others.
pub(crate) enum Connection {
    Tcp(TcpStream, FarEnd),
    WebSocket(Box<ByteSocket>),
}

/// A relay's WebSocket as a stream of bytes: each write is a binary message, and how the other end cuts its
/// bytes into messages means nothing.
pub(crate) struct ByteSocket {
    socket: Socket,
    far_end: FarEnd,
    unread: Bytes,
    /// Whether it holds what it was given to write.
    unsent: bool,
}

impl ByteSocket {
    pub(crate) const fn new(socket: Socket, far_end: FarEnd) -> Self {
        Self { socket, far_end, unread: Bytes::new(), unsent: false }
    }
}

impl Connection {
    /// The peer, or the relay.
    pub(super) const fn far_end(&self) -> &FarEnd {
        match self {
            Self::Tcp(_, far_end) => far_end,
            Self::WebSocket(socket) => &socket.far_end,
        }
    }

    /// Hands the link to a thread that may block. Must be called inside the runtime that drives it.
    pub(super) fn into_blocking(self) -> io::Result<(Blocking, Cut)> {
        match self {
            Self::Tcp(stream, _) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                let cut = Cut::Tcp(stream.try_clone()?);
                Ok((Blocking::Tcp(stream), cut))
            }
            Self::WebSocket(socket) => {
                let cut = Arc::new(Notify::new());
                let bridge = Bridge { socket, runtime: Handle::current(), cut: Arc::clone(&cut) };
                Ok((Blocking::WebSocket(bridge), Cut::WebSocket(cut)))
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_read(context, space),
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_read(context, space),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_write(context, bytes),
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_flush(context),
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_shutdown(context),
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_shutdown(context),
        }
    }
}

impl AsyncRead for ByteSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever reads may wait for the answer to what was written, and so sees to it that it goes.
        if self.unsent
            && let Poll::Ready(sent) = self.as_mut().poll_flush(context)
        {
            sent?;
        }
        while self.unread.is_empty() {
            match ready!(self.socket.poll_next_unpin(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(_)) => {} // pings are answered by the library; relays send no text
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let length = self.unread.len().min(space.remaining());
        space.put_slice(&self.unread.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByteSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.socket.poll_ready_unpin(context)).map_err(io::Error::other)?;
        let bytes = bytes.get(..MESSAGE).unwrap_or(bytes);
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        self.socket.start_send_unpin(message).map_err(io::Error::other)?;
        self.unsent = true;
        let _ = self.poll_flush(context)?; // as far as it goes now
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_flush_unpin(context)).map_err(io::Error::other)?;
        self.unsent = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_close_unpin(context).map_err(io::Error::other)
    }
}

/// A link that a thread waits for.
pub(super) enum Blocking {
    Tcp(StdTcpStream),
    WebSocket(Bridge),
}

/// An asynchronous link under a thread that waits.
pub(super) struct Bridge {
    socket: Box<ByteSocket>,
    runtime: Handle,
    cut: Arc<Notify>,
}

/// Ends what a thread does on a link.
pub(super) enum Cut {
    Tcp(StdTcpStream),
    WebSocket(Arc<Notify>),
}

impl Cut {
    pub(super) fn cut(&self) {
        match self {
            // It may be closed already.
            Self::Tcp(stream) => drop(stream.shutdown(Shutdown::Both)),
            Self::WebSocket(cut) => cut.notify_one(),
        }
    }
}

impl Bridge {
    /// Runs `work` on the runtime that drives the link, until it is done or cut off.
    fn wait<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut ByteSocket) -> io::Result<T>,
    ) -> io::Result<T> {
        let Self { socket, runtime, cut } = self;
        runtime.block_on(async {
            tokio::select! {
                done = work(socket) => done,
                () = cut.notified() => Err(io::ErrorKind::ConnectionAborted.into()),
            }
        })
    }
}

impl Read for Blocking {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(space),
            Self::WebSocket(bridge) => bridge.wait(async |socket| socket.read(space).await),
        }
    }
}

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::WebSocket(bridge) => bridge.wait(async |socket| {
                socket.write_all(bytes).await?;
                Ok(bytes.len())
            }),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::WebSocket(bridge) => bridge.wait(async |socket| socket.flush().await),
        }
    }
}

impl Blocking {
    /// Ends what this side writes when the other end closes the link. The system tells a writer nothing of that
    /// while the other's window is shut, and after that at its own leisure: a minute, and longer each time.
    ///
    /// The other end has nothing to say before everything is sent, so that its first byte, too, ends the watch.
    pub(super) fn watch(&self) -> io::Result<()> {
        if let Self::Tcp(stream) = self {
            let stream = stream.try_clone()?;
            let watching = move || loop {
                match stream.peek(&mut [0]) {
                    Ok(1..) => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // It may be closed already.
                    Ok(0) | Err(_) => break drop(stream.shutdown(Shutdown::Both)),
                }
            };
            thread::Builder::new().name("watch".to_owned()).spawn(watching)?;
        }
        Ok(())
    }

    /// Closes this direction, and waits at most for `limit` until the other end has closed its own, so that what
    /// was written last arrives.
    pub(super) fn finish(mut self, limit: Duration) -> io::Result<()> {
        match &mut self {
            Self::Tcp(stream) => {
                stream.shutdown(Shutdown::Write)?;
                stream.set_read_timeout(Some(limit))?;
                stream.read(&mut [0]).map(drop)
            }
            Self::WebSocket(bridge) => bridge.wait(async |socket| {
                socket.flush().await?;
                let closed = timeout(limit, async {
                    while socket.read(&mut [0]).await? > 0 {}
                    Ok(())
                });
                closed.await.unwrap_or(Ok(()))
            }),
        }
    }
}

/// Ends the watch, too, which holds the link open beside this.
impl Drop for Blocking {
    fn drop(&mut self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.shutdown(Shutdown::Both); // it may be closed already
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio_tungstenite::accept_async;

    use super::*;
    use crate::dial::Server;

    #[tokio::test]
    async fn what_was_written_last_goes_out_while_its_answer_is_awaited() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::parse(&format!("ws://{}/", listener.local_addr().unwrap())).unwrap();
        let relay = async { accept_async(listener.accept().await.unwrap().0).await.unwrap() };
        let (dialed, mut relay) = tokio::join!(server.dial(None, MAX_MESSAGE), relay);
        let (socket, far_end) = dialed.ok().unwrap();
        let mut link = ByteSocket::new(*socket, far_end);
        let (message, a_while) = (vec![7; MESSAGE], Duration::from_millis(200));
        let mut written = 0;
        while let Ok(taken) = timeout(a_while, link.write(&message)).await {
            written += taken.unwrap();
        }
        assert!(link.unsent, "the system takes everything");
        let answers = async {
            let mut heard = 0;
            while heard < written {
                heard += relay.next().await.unwrap().unwrap().into_data().len();
            }
            relay.send(Message::binary("ok")).await.unwrap();
        };
        let mut answer = [0; 2];
        let reading = timeout(Duration::from_secs(60), link.read_exact(&mut answer));
        tokio::select! {
            read = reading => assert_eq!(read.unwrap().unwrap(), 2),
            () = async { answers.await; std::future::pending().await } => {}
        }
        assert_eq!(answer, *b"ok");
    }

    #[test]
    fn a_watched_link_that_is_let_go_is_closed_though_the_other_end_keeps_it_open() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Blocking::Tcp(StdTcpStream::connect(port.local_addr().unwrap()).unwrap());
        let (mut other, _) = port.accept().unwrap();
        other.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        link.watch().unwrap();
        drop(link);
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
    }
}

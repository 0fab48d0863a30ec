//! The sockets of the race: dialing, listening, and what passes on each link before one is chosen.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use wormhole_sync_core::connect::{LinkId, Target};

use super::connection::{ByteSocket, Connection, MAX_MESSAGE};
use crate::{
    dial::{self, FarEnd, Server},
    proxy::Proxy,
};

/// Bytes that are read at once before a link is chosen: a stranger's, mostly.
const READ: usize = 1024;

/// How long a link that is let go may take for its last word.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The ports that are listened on, and all links that are not chosen yet.
pub(super) struct Links {
    ports: Vec<TcpListener>,
    proxy: Option<Arc<Proxy>>,
    by_id: BTreeMap<LinkId, Link>,
}

enum Link {
    Dialing(Pin<Box<dyn Future<Output = io::Result<Connection>> + Send>>),
    Up { connection: Connection, unsent: Vec<u8> },
}

/// What happens next.
pub(super) enum Change {
    Accepted(TcpStream, SocketAddr),
    Opened(LinkId),
    Received(LinkId, Vec<u8>),
    Lost(LinkId),
}

impl Links {
    pub(super) const fn new(ports: Vec<TcpListener>, proxy: Option<Arc<Proxy>>) -> Self {
        Self { ports, proxy, by_id: BTreeMap::new() }
    }

    /// Closes the ports.
    pub(super) fn stop_listening(&mut self) {
        self.ports.clear();
    }

    pub(super) fn dial(&mut self, link: LinkId, target: &Target) {
        let (target, proxy) = (target.clone(), self.proxy.clone());
        let dialing = Box::pin(dial_target(target, proxy));
        self.by_id.insert(link, Link::Dialing(dialing));
    }

    pub(super) fn add(&mut self, link: LinkId, stream: TcpStream, from: SocketAddr) {
        let connection = Connection::Tcp(stream, FarEnd::Address(from));
        self.by_id.insert(link, Link::Up { connection, unsent: Vec::new() });
    }

    pub(super) fn transmit(&mut self, link: LinkId, bytes: &[u8]) {
        if let Some(Link::Up { unsent, .. }) = self.by_id.get_mut(&link) {
            unsent.extend_from_slice(bytes);
        }
    }

    /// Lets a link go, after what was transmitted on it.
    pub(super) fn close(&mut self, link: LinkId) {
        if let Some(Link::Up { mut connection, unsent }) = self.by_id.remove(&link) {
            tokio::spawn(timeout(LAST_WORD, async move {
                connection.write_all(&unsent).await?;
                connection.shutdown().await
            }));
        }
    }

    /// Hands a link over, with what has yet to be written to it.
    pub(super) fn take(&mut self, link: LinkId) -> Option<(Connection, Vec<u8>)> {
        match self.by_id.remove(&link)? {
            Link::Up { connection, unsent } => Some((connection, unsent)),
            Link::Dialing(_) => None,
        }
    }

    /// Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> Change {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Change> {
        for port in &self.ports {
            // A failing accept, such as for want of file descriptors, is tried again at the next turn.
            if let Poll::Ready(Ok((stream, from))) = port.poll_accept(context) {
                return Poll::Ready(Change::Accepted(stream, from));
            }
        }
        let changed = self
            .by_id
            .iter_mut()
            .find_map(|(link, state)| state.poll(context).map(|change| (*link, change)));
        let Some((link, change)) = changed else { return Poll::Pending };
        Poll::Ready(match change {
            Ok(Progress::Opened) => Change::Opened(link),
            Ok(Progress::Received(bytes)) => Change::Received(link, bytes),
            Err(_) => {
                self.by_id.remove(&link);
                Change::Lost(link)
            }
        })
    }
}

async fn dial_target(target: Target, proxy: Option<Arc<Proxy>>) -> io::Result<Connection> {
    match target {
        // What only Tor reaches has a name that means nothing elsewhere.
        Target::Tor(_) if !proxy.as_ref().is_some_and(|proxy| proxy.is_tor()) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        Target::Tcp(endpoint) | Target::Tor(endpoint) => {
            let (stream, far_end) = dial::connect(&endpoint, proxy).await?;
            Ok(Connection::Tcp(stream, far_end))
        }
        Target::WebSocket(url) => {
            let server = Server::parse(&url).map_err(io::Error::other)?;
            let (socket, far_end) =
                server.dial(proxy, MAX_MESSAGE).await.map_err(io::Error::other)?;
            Ok(Connection::WebSocket(Box::new(ByteSocket::new(*socket, far_end))))
        }
    }
}

enum Progress {
    Opened,
    Received(Vec<u8>),
}

impl Link {
    fn poll(&mut self, context: &mut Context<'_>) -> Option<io::Result<Progress>> {
        match self {
            Self::Dialing(dialing) => match dialing.as_mut().poll(context) {
                Poll::Pending => None,
                Poll::Ready(Err(error)) => Some(Err(error)),
                Poll::Ready(Ok(connection)) => {
                    *self = Self::Up { connection, unsent: Vec::new() };
                    Some(Ok(Progress::Opened))
                }
            },
            Self::Up { connection, unsent } => {
                while !unsent.is_empty() {
                    match Pin::new(&mut *connection).poll_write(context, unsent) {
                        Poll::Ready(Ok(written)) => drop(unsent.drain(..written)),
                        Poll::Ready(Err(error)) => return Some(Err(error)),
                        Poll::Pending => break,
                    }
                }
                let mut bytes = [0; READ];
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(connection).poll_read(context, &mut buffer) {
                    Poll::Pending => None,
                    Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                        Some(Err(io::ErrorKind::UnexpectedEof.into()))
                    }
                    Poll::Ready(Ok(())) => Some(Ok(Progress::Received(buffer.filled().to_vec()))),
                    Poll::Ready(Err(error)) => Some(Err(error)),
                }
            }
        }
    }
}

//! The sockets of the race: dialing, listening, and what passes on each link before one is chosen.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use wormhole_sync_core::connect::{LinkId, Target};

use super::connection::{ByteSocket, Connection};
use crate::dial::{self, Server};

/// Bytes that are read at once before a link is chosen: a stranger's, mostly.
const READ: usize = 1024;

/// How long a link that is let go may take for its last word.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The ports that are listened on, and all links that are not chosen yet.
pub(super) struct Links {
    ports: Vec<TcpListener>,
    links: BTreeMap<LinkId, Link>,
}

enum Link {
    Dialing(Pin<Box<dyn Future<Output = io::Result<Connection>> + Send>>),
    Up { connection: Connection, unsent: Vec<u8> },
}

/// What happens next.
pub(super) enum Change {
    Accepted(TcpStream),
    Opened(LinkId),
    Received(LinkId, Vec<u8>),
    Lost(LinkId),
}

impl Links {
    pub(super) const fn new(ports: Vec<TcpListener>) -> Self {
        Self { ports, links: BTreeMap::new() }
    }

    /// Closes the ports.
    pub(super) fn stop_listening(&mut self) {
        self.ports.clear();
    }

    pub(super) fn dial(&mut self, link: LinkId, target: &Target) {
        let dialing: Pin<Box<dyn Future<Output = _> + Send>> = match target {
            Target::Tcp(endpoint) => {
                let (host, port) = (endpoint.hostname().to_owned(), endpoint.port());
                Box::pin(async move { dial::tcp(&host, port).await.map(Connection::Tcp) })
            }
            Target::WebSocket(url) => {
                let server = Server::parse(url);
                Box::pin(async move {
                    let (socket, address) = server.map_err(io::Error::other)?.dial_from().await?;
                    Ok(Connection::WebSocket(Box::new(ByteSocket::new(*socket, address))))
                })
            }
            Target::Tor(_) => Box::pin(async { Err(io::ErrorKind::Unsupported.into()) }),
        };
        self.links.insert(link, Link::Dialing(dialing));
    }

    pub(super) fn add(&mut self, link: LinkId, stream: TcpStream) {
        let connection = Connection::Tcp(stream);
        self.links.insert(link, Link::Up { connection, unsent: Vec::new() });
    }

    pub(super) fn transmit(&mut self, link: LinkId, bytes: &[u8]) {
        if let Some(Link::Up { unsent, .. }) = self.links.get_mut(&link) {
            unsent.extend_from_slice(bytes);
        }
    }

    /// Lets a link go, after what was transmitted on it.
    pub(super) fn close(&mut self, link: LinkId) {
        if let Some(Link::Up { mut connection, unsent }) = self.links.remove(&link) {
            tokio::spawn(timeout(LAST_WORD, async move {
                connection.write_all(&unsent).await?;
                connection.shutdown().await
            }));
        }
    }

    /// Hands a link over, with what has yet to be written to it.
    pub(super) fn take(&mut self, link: LinkId) -> Option<(Connection, Vec<u8>)> {
        match self.links.remove(&link)? {
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
            if let Poll::Ready(Ok((stream, _))) = port.poll_accept(context) {
                return Poll::Ready(Change::Accepted(stream));
            }
        }
        let changed = self
            .links
            .iter_mut()
            .find_map(|(link, state)| state.poll(context).map(|change| (*link, change)));
        let Some((link, change)) = changed else { return Poll::Pending };
        Poll::Ready(match change {
            Ok(Progress::Opened) => Change::Opened(link),
            Ok(Progress::Received(bytes)) => Change::Received(link, bytes),
            Err(_) => {
                self.links.remove(&link);
                Change::Lost(link)
            }
        })
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

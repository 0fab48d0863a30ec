//! Where connections come in.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::sleep,
};

use crate::seldom::Seldom;

/// Connections that may wait to be accepted. The system's own limit, often 4096, holds as well.
const BACKLOG: u32 = 4096;

/// How long to wait when a connection cannot be accepted for lack of files or memory.
const SHORTAGE: Duration = Duration::from_millis(100);

/// Listens on an address, with room for many who connect at once.
///
/// ```
/// use wormhole_sync_server::listen;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let listener = listen("127.0.0.1:0".parse()?)?; // any free port
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where clients come in. A single listener is a web door.
///
/// ```
/// use wormhole_sync_server::{Doors, listen};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let doors = Doors::from(listen("127.0.0.1:0".parse()?)?);
/// assert_eq!(doors.web.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Doors {
    /// For HTTP and what is upgraded from it, without TLS: mailboxes at `/v1`, and the relay at
    /// `/relay` and `/`.
    pub web: Vec<TcpListener>,
    /// For the same within TLS, with [`Config::tls`](crate::Config::tls).
    #[cfg(feature = "tls")]
    pub tls: Vec<TcpListener>,
    /// For the relay's own protocol, without HTTP.
    pub relay: Vec<TcpListener>,
    /// For the operator, in HTTP: `/healthz`, `/metrics` and `/status`. They tell nothing of any one
    /// client, and are still for nobody else.
    pub admin: Vec<TcpListener>,
}

impl From<TcpListener> for Doors {
    fn from(listener: TcpListener) -> Self {
        Self { web: vec![listener], ..Self::default() }
    }
}

/// Hands every connection that comes in by this door to `take`, for as long as the future is polled.
pub(crate) async fn accept(listener: TcpListener, mut take: impl FnMut(TcpStream, SocketAddr)) {
    let refused = Seldom::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => take(stream, peer),
            Err(error) if is_shortage(&error) => {
                if let Some(left_out) = refused.turn() {
                    tracing::warn!(%error, left_out, "cannot accept a connection");
                }
                sleep(SHORTAGE).await;
            }
            Err(_) => {} // the client was gone before it was accepted
        }
    }
}

fn is_shortage(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

//! Opening a WebSocket to a mailbox server: name, TCP, TLS, handshake.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use wormhole_sync_core::wire::hint::Endpoint;

mod tls;
mod upgrade;

pub(crate) use upgrade::Socket;

use crate::{
    error::{Cause, Error},
    proxy::Proxy,
    refusal::Refusal,
    tcp,
    url::{Url, without_login},
};

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no `WebSocket`.
#[derive(Clone, Debug)]
pub(crate) enum DialError {
    /// There is no connection to the server: its name, the network or a proxy is why, or it does not listen.
    NoConnection(String),
    /// There was one.
    Refused(Refusal),
}

/// What a connection leads to.
///
/// ```
/// use wormhole_sync::transfer::FarEnd;
///
/// let direct = FarEnd::Address("[::ffff:192.0.2.7]:4001".parse()?);
/// assert_eq!(direct.to_string(), "192.0.2.7");
/// let beyond = FarEnd::Beyond { proxy: "Tor".to_owned(), host: "relay.example.com".to_owned() };
/// assert_eq!(beyond.to_string(), "relay.example.com, by way of Tor");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FarEnd {
    /// This address.
    Address(SocketAddr),
    /// Something that a proxy reached.
    Beyond {
        /// The proxy, without its login.
        proxy: String,
        /// The name or address that it was asked for.
        host: String,
    },
}

impl fmt::Display for FarEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.ip().to_canonical().fmt(f),
            Self::Beyond { proxy, host } => write!(f, "{host}, by way of {proxy}"),
        }
    }
}

/// The URL of a mailbox server, or of a relay that speaks by `WebSocket`, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Without a login: it is shown, and the handshake has no place for one.
    url: String,
    endpoint: Endpoint,
    tls: bool,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let shown = without_login(url);
        let bad = || Cause::BadUrl { url: shown.clone() };
        let parsed = Url::parse(url).ok_or_else(bad)?;
        let (tls, usual) = match parsed.scheme.as_str() {
            "wss" => (true, 443),
            "ws" => (false, 80),
            _ => return Err(bad().into()),
        };
        let endpoint = parsed.endpoint(usual).ok_or_else(bad)?;
        Ok(Self { url: shown, endpoint, tls })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) const fn is_tls(&self) -> bool {
        self.tls
    }

    /// A `WebSocket`, on which no message may be longer than `max_message` bytes.
    pub(crate) async fn dial(
        self,
        proxy: Option<Arc<Proxy>>,
        max_message: usize,
    ) -> Result<(Box<Socket>, FarEnd), DialError> {
        let (tcp, far_end) = connect(&self.endpoint, proxy).await?;
        Ok((self.enter(tcp, max_message).await?, far_end))
    }

    /// The same, over a connection that is there.
    pub(crate) async fn enter(
        &self,
        tcp: TcpStream,
        max_message: usize,
    ) -> Result<Box<Socket>, Refusal> {
        let stream = self.secure(tcp).await?;
        self.upgrade(stream, max_message).await
    }

    /// The connection, within TLS where the URL says so.
    pub(crate) async fn secure(&self, tcp: TcpStream) -> Result<Box<dyn Stream>, Refusal> {
        Ok(if self.tls {
            Box::new(tls::secure(self.endpoint.hostname(), tcp).await?)
        } else {
            Box::new(tcp)
        })
    }

    pub(crate) async fn upgrade(
        &self,
        stream: Box<dyn Stream>,
        max_message: usize,
    ) -> Result<Box<Socket>, Refusal> {
        upgrade::upgrade(&self.url, stream, max_message).await
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection(reason) => f.write_str(reason),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for DialError {}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        Self::NoConnection(error.to_string())
    }
}

impl From<Refusal> for DialError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A TCP connection, by way of the proxy where it is for that host.
pub(crate) async fn connect(
    to: &Endpoint,
    proxy: Option<Arc<Proxy>>,
) -> io::Result<(TcpStream, FarEnd)> {
    let host = to.hostname();
    match proxy.filter(|proxy| proxy.is_for(host)) {
        None => {
            let stream = tcp::to_host(host, to.port()).await?;
            let address = stream.peer_addr()?;
            Ok((stream, FarEnd::Address(address)))
        }
        Some(proxy) => {
            let stream = proxy.connect(host, to.port()).await?;
            let (proxy, host) = (proxy.to_string(), host.to_owned());
            Ok((stream, FarEnd::Beyond { proxy, host }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_other_kinds_are_refused_by_name() {
        for url in ["", "relay.example.com", "http://x/v1", "ws://", "wss:///v1", "ws://x:99999/v1"]
        {
            let error = Server::parse(url).unwrap_err();
            assert!(error.to_string().contains("wss://host:port/v1"), "{error}");
        }
    }

    #[test]
    fn ports_have_their_defaults() {
        let at =
            |url| Server::parse(url).map(|server| (server.endpoint.port(), server.tls)).unwrap();
        assert_eq!(at("wss://relay.example.com/v1"), (443, true));
        assert_eq!(at("ws://relay.example.com/v1"), (80, false));
        assert_eq!(at("ws://[::1]:4000/v1"), (4000, false));
    }
}

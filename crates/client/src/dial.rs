//! Opening a WebSocket to a mailbox server: name, TCP, TLS, handshake.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::sleep,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{http::Uri, protocol::WebSocketConfig},
};
use wormhole_sync_core::wire::limits::MAX_FRAME;

use crate::error::{Cause, Error};

/// How long one address has before the next is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// A mailbox server's URL, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    url: String,
    host: String,
    port: u16,
    tls: bool,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let bad = || Cause::BadUrl { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(bad().into()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        let after_user =
            uri.authority().and_then(|authority| authority.as_str().rsplit('@').next());
        if uri.port_u16().is_none() && after_user != Some(host) {
            return Err(bad().into()); // what follows the host is no port
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { url: url.to_owned(), host, port, tls })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn dial(self) -> io::Result<Box<Socket>> {
        self.dial_from().await.map(|(socket, _)| socket)
    }

    /// The connection, and the address that answered.
    pub(crate) async fn dial_from(self) -> io::Result<(Box<Socket>, Option<SocketAddr>)> {
        let tcp = tcp(&self.host, self.port).await?;
        let address = tcp.peer_addr().ok();
        let stream: Box<dyn Stream> =
            if self.tls { Box::new(tls(&self.host, tcp).await?) } else { Box::new(tcp) };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME))
            .read_buffer_size(8 << 10);
        let (socket, _) = client_async_with_config(&self.url, stream, Some(config))
            .await
            .map_err(io::Error::other)?;
        Ok((Box::new(socket), address))
    }
}

/// A TCP connection to a name or address.
pub(crate) async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?.collect();
    let tcp = connect(interleaved(addresses)).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// The families in turn, the resolver's first choice first (RFC 8305, section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [preferred.next(), other.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

/// The first address that answers, each started a little after the last, or at once when that failed.
async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter().peekable();
    let mut attempts = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        attempts.extend(waiting.next().map(TcpStream::connect));
        tokio::select! {
            outcome = attempts.next() => match outcome {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = sleep(ATTEMPT_DELAY), if waiting.peek().is_some() => {}
        }
    }
}

async fn tls(host: &str, tcp: TcpStream) -> io::Result<impl Stream + use<>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    // Reading the roots takes milliseconds of disk and processor.
    let config = tokio::task::spawn_blocking(tls_config).await.map_err(io::Error::other)??;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

fn tls_config() -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (four, six) = (address("192.0.2.1:1"), address("[2001:db8::1]:1"));
        assert_eq!(interleaved(vec![six, six, four]), [six, four, six]);
        assert_eq!(interleaved(vec![four, six, six]), [four, six, six]);
        assert_eq!(interleaved(vec![]), []);
    }

    #[test]
    fn urls_of_other_kinds_are_refused_by_name() {
        for url in ["", "relay.example.com", "http://x/v1", "ws://", "wss:///v1", "ws://x:99999/v1"]
        {
            let error = Server::parse(url).unwrap_err();
            assert!(error.to_string().contains("wss://host:port/v1"), "{error}");
        }
    }

    #[test]
    fn ports_have_their_defaults_and_ipv6_its_brackets() {
        let server = Server::parse("wss://relay.example.com/v1").unwrap();
        assert_eq!(
            (server.host.as_str(), server.port, server.tls),
            ("relay.example.com", 443, true)
        );
        let server = Server::parse("ws://[::1]:4000/v1").unwrap();
        assert_eq!((server.host.as_str(), server.port, server.tls), ("::1", 4000, false));
    }
}

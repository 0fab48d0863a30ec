//! What comes before the first word of a client: its proxy's header, and TLS.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::{
    Door, Front,
    origin::{Origin, Unknown},
};
use crate::{
    gate::Admission,
    http,
    stream::{Stream, bound_unsent},
};
#[cfg(feature = "tls")]
use crate::{proxy_protocol::peek, tls};

/// Whether a silent client is still there: after a minute of silence the system asks every 15 s, and gives
/// up after four times without an answer.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15))
    .with_retries(4);

/// Bytes that wait in the system for a client that does not read. By itself it lets 4 MiB wait, as a
/// rule, and a few hundred such clients use up what it has for all sockets.
const UNSENT: u32 = 64 << 10;

/// A connection on which no client can be heard.
pub(super) enum Unopened {
    /// Nothing can be said to it either.
    Gone,
    /// This is its answer.
    Answered(Stream, String),
}

impl Front {
    /// Makes a stream of a connection that was let in.
    pub(super) async fn open(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        admission: &mut Admission,
        door: Door,
    ) -> Result<(Stream, Origin), Unopened> {
        prepare(&stream).map_err(|_| Unopened::Gone)?; // the client is gone already
        let mut revealed = self.reveal(&mut stream, peer, admission).await;
        if door == Door::Relay {
            // Nothing that follows tells more.
            revealed = revealed.and_then(|origin| self.settle(origin, admission));
        }
        let origin = match revealed {
            Ok(origin) => origin,
            Err(unknown) => {
                let answer = door.answer(unknown).ok_or(Unopened::Gone)?;
                return Err(Unopened::Answered(Stream::Plain(stream), answer));
            }
        };
        let stream = match door {
            Door::Web | Door::Relay => Stream::Plain(stream),
            #[cfg(feature = "tls")]
            Door::Tls => self.protect(stream, origin).await?,
        };
        Ok((stream, origin))
    }

    #[cfg(feature = "tls")]
    async fn protect(&self, stream: TcpStream, origin: Origin) -> Result<Stream, Unopened> {
        if let Some(answer) = tls::plain(&stream).await.map_err(|_| Unopened::Gone)? {
            _ = peek(&stream, |bytes| self.notice_header(bytes)).await;
            return Err(Unopened::Answered(Stream::Plain(stream), answer));
        }
        let certificates = self.certificates.as_ref().ok_or(Unopened::Gone)?;
        certificates.accept(stream).await.map_err(|error| {
            let address = self.recorder.logged(origin.ip());
            tracing::debug!(%address, %error, "no TLS");
            Unopened::Gone
        })
    }
}

impl Door {
    /// What is told to whom it cannot be made out who it is.
    fn answer(self, unknown: Unknown) -> Option<String> {
        match (unknown, self) {
            (Unknown::Gone, _) => None,
            (Unknown::Full(full), _) => self.refusal(full),
            (Unknown::Proxy(why), Self::Web) => {
                Some(http::answer("400 Bad Request", &headless(why)))
            }
            (Unknown::Proxy(why), Self::Relay) => Some(headless(why)),
            #[cfg(feature = "tls")]
            (Unknown::Proxy(_), Self::Tls) => None,
        }
    }
}

fn headless(why: &str) -> String {
    format!("This server expects a header of the PROXY protocol from this proxy: {why}\n")
}

/// How the system is to treat a client's socket. An error means that the client is gone; what the system
/// cannot do besides is no reason to refuse it.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    if let Err(error) = socket.set_tcp_keepalive(&KEEPALIVE) {
        tracing::debug!(%error, "no keepalive for a connection");
    }
    if let Err(error) = bound_unsent(stream, Some(UNSENT)) {
        tracing::debug!(%error, "no bound for what waits in the system for a connection");
    }
    Ok(())
}

//! A fresh connection: what it wants, and who serves it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::{
    address::Address,
    config::Clients,
    gate::{Admission, Full, Gate},
    http::{self, Forwarded, Head, Place, Upgrade},
    mailbox,
    relay::{self, Relay},
    stream::Stream,
};

/// How long a connection that is refused may take to read why.
const GOODBYE: Duration = Duration::from_secs(1);

/// What fresh connections are led to.
pub(crate) struct Front {
    pub(crate) clients: Clients,
    pub(crate) gate: Arc<Gate>,
    pub(crate) mailbox: Option<Arc<mailbox::Shared>>,
    pub(crate) relay: Option<Arc<Relay>>,
}

/// How those speak who come in by a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// HTTP and what is upgraded from it.
    Web,
    /// A relay's line, and then whatever the two sides say.
    Relay,
}

impl Front {
    /// Lets a connection in, or answers at once that it cannot be: whoever is one too many gets no
    /// task and no memory.
    pub(crate) fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, door: Door) {
        match self.gate.admit(Address::counted(peer.ip(), self.clients.limit_loopback)) {
            Ok(admission) => {
                let front = Arc::clone(self);
                tokio::spawn(async move { front.serve(stream, peer, admission, door).await });
            }
            Err(full) => turn_away(stream, full, door),
        }
    }

    /// Serves a connection until its end.
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, admission: Admission, door: Door) {
        if stream.set_nodelay(true).is_err() {
            return; // the client is gone already
        }
        keep_alive(&stream);
        let stream = Stream::Plain(stream);
        match (door, &self.relay) {
            (Door::Web, _) => self.web(stream, peer, admission).await,
            (Door::Relay, Some(relay)) => {
                let limit = self.clients.handshake;
                relay::serve_raw(stream, admission, Arc::clone(relay), limit).await;
            }
            (Door::Relay, None) => {} // no relay is served, and nobody should have opened its door
        }
    }

    /// Serves a connection that begins with an HTTP request.
    async fn web(&self, mut stream: Stream, peer: SocketAddr, mut admission: Admission) {
        let limit = self.clients.handshake;
        let outcome = match timeout(limit, self.request(&mut stream, peer, &mut admission)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => return,
            Err(_) => Err(too_slow(limit)),
        };
        let answer = match (outcome, &self.mailbox, &self.relay) {
            (Ok((Place::Mailbox, upgrade)), Some(shared), _) => {
                return mailbox::serve(stream, upgrade, admission, Arc::clone(shared)).await;
            }
            (Ok((Place::Relay, upgrade)), _, Some(relay)) => {
                let relay = Arc::clone(relay);
                return relay::serve_websocket(stream, upgrade, admission, relay, limit).await;
            }
            (Ok(_), _, _) => http::nothing_here(),
            (Err(answer), _, _) => answer,
        };
        _ = timeout(GOODBYE, refuse(&mut stream, &answer)).await;
    }

    /// `Err` in the inner result is the HTTP answer of what gets no WebSocket.
    async fn request(
        &self,
        stream: &mut Stream,
        peer: SocketAddr,
        admission: &mut Admission,
    ) -> io::Result<Result<(Place, Upgrade), String>> {
        let limit = self.clients.head_bytes;
        let mut bytes = Vec::new();
        loop {
            let read = stream.read_with(|read| {
                bytes.extend_from_slice(read);
                read.len()
            });
            if read.await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match http::parse(&bytes) {
                Head::Incomplete if bytes.len() > limit => return Ok(Err(head_too_large(limit))),
                Head::Incomplete => {}
                Head::Answer(answer) => return Ok(Err(answer)),
                Head::Upgrade { length, .. } if length > limit => {
                    return Ok(Err(head_too_large(limit)));
                }
                Head::Upgrade { length, place, accept, forwarded } => {
                    let client = self.locate(peer, forwarded, admission);
                    let rest = bytes.split_off(length);
                    return Ok(client.map(|client| (place, Upgrade { accept, client, rest })));
                }
            }
        }
    }

    /// Where the client is, as far as is known. Only a proxy that is trusted is believed: whoever is
    /// can choose the address that it counts for.
    fn locate(
        &self,
        peer: SocketAddr,
        forwarded: Option<Forwarded>,
        admission: &mut Admission,
    ) -> Result<Option<SocketAddr>, String> {
        let trusted = self.clients.trusted_proxies.contains(&peer.ip().to_canonical());
        let Some(forwarded) = forwarded.filter(|_| trusted) else { return Ok(Some(peer)) };
        let address = Address::counted(forwarded.ip, self.clients.limit_loopback);
        admission.move_to(address).map_err(Full::answer)?;
        Ok(forwarded.socket_address())
    }
}

fn too_slow(limit: Duration) -> String {
    let seconds = limit.as_secs();
    let text = format!("No request came within this server's limit of {seconds} seconds\n");
    http::answer("408 Request Timeout", &text)
}

fn head_too_large(limit: usize) -> String {
    let text = format!("The request's head is beyond this server's limit of {limit} bytes\n");
    http::answer("431 Request Header Fields Too Large", &text)
}

/// Answers at once or never.
fn turn_away(stream: TcpStream, full: Full, door: Door) {
    use std::io::Write;
    tracing::debug!(?full, "connection refused");
    let answer = match door {
        Door::Web => full.answer(),
        Door::Relay => full.text(),
    };
    if let Ok(mut stream) = stream.into_std() {
        _ = stream.write(answer.as_bytes());
        _ = stream.shutdown(std::net::Shutdown::Write);
    }
}

/// Has the system find out whether a silent client is still there: after a minute of silence it asks
/// every 15 s, and gives up after four times without an answer.
#[cfg(unix)]
fn keep_alive(stream: &TcpStream) {
    use rustix::net::sockopt;
    let set = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, Duration::from_secs(60)))
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, Duration::from_secs(15)))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, 4));
    if let Err(error) = set {
        tracing::debug!(%error, "no keepalive for a connection");
    }
}

#[cfg(not(unix))]
const fn keep_alive(_: &TcpStream) {}

/// Answers in HTTP, and reads on for a moment, so that the answer is not lost to a reset.
async fn refuse(stream: &mut Stream, answer: &str) -> io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read_with(<[u8]>::len).await? > 0 {}
    Ok(())
}

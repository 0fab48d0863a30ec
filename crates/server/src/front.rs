//! A fresh connection: what it wants, and who serves it.

mod opening;
mod origin;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::{
    config::{Clients, Limit},
    engine::STOPS,
    forwarded::Forwarded,
    gate::{Admission, Full, Gate},
    http::{self, Head, Place, Upgrade},
    mailbox,
    relay::{self, Relay},
    seldom::Seldom,
    stream::Stream,
    usage::Recorder,
};

use opening::Unopened;
use origin::Origin;

/// How long a connection that is refused may take to read why.
const GOODBYE: Duration = Duration::from_secs(1);

/// What fresh connections are led to.
pub(crate) struct Front {
    pub(crate) clients: Clients,
    pub(crate) gate: Arc<Gate>,
    pub(crate) mailbox: Option<Arc<mailbox::Shared>>,
    pub(crate) relay: Option<Arc<Relay>>,
    #[cfg(feature = "tls")]
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) stopping: watch::Sender<bool>,
    /// Proxies that send no header where there must be one.
    pub(crate) headless: Seldom,
    /// Headers of the PROXY protocol from those who are not believed.
    pub(crate) unasked: Seldom,
}

/// How those speak who come in by a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// HTTP and what is upgraded from it.
    Web,
    /// The same within TLS.
    #[cfg(feature = "tls")]
    Tls,
    /// A relay's line, and then whatever the two sides say.
    Relay,
}

impl Door {
    /// What connections by this door are counted under.
    const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            #[cfg(feature = "tls")]
            Self::Tls => "tls",
            Self::Relay => "relay",
        }
    }
}

impl Front {
    /// Lets a connection in, or answers at once that it cannot be: whoever is one too many gets no
    /// task and no memory.
    pub(crate) fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, door: Door) {
        self.recorder.metrics().accepted.count(door.name());
        match self.gate.admit(self.counted(peer)) {
            Ok(admission) => {
                let front = Arc::clone(self);
                tokio::spawn(async move { front.lead(stream, peer, admission, door).await });
            }
            Err(full) => {
                let address = self.recorder.logged(peer.ip());
                tracing::debug!(%address, ?full, "connection refused");
                turn_away(stream, full, door);
            }
        }
    }

    /// From now on whoever has not said what it wants is told that the server stops, or nothing where
    /// nothing can be said yet.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ready once the server stops.
    async fn stopped(&self) {
        _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await; // the sender is in `self`
    }

    /// Leads a connection to who serves it. That is a task of its own: one is as large as the largest
    /// of its parts, and the parts of this are soon over, while who waits does so for minutes.
    async fn lead(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        mut admission: Admission,
        door: Door,
    ) {
        let deadline = Instant::now() + self.clients.handshake;
        let opening = async {
            tokio::select! {
                biased;
                opened = timeout_at(deadline, self.open(stream, peer, &mut admission, door)) => opened,
                () = self.stopped() => Ok(Err(Unopened::Gone)),
            }
        };
        let (stream, origin) = match opening.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(Unopened::Answered(mut stream, answer))) => {
                _ = timeout(GOODBYE, stream.say_last(answer.as_bytes())).await;
                return;
            }
            Ok(Err(Unopened::Gone)) => return,
            Err(_) => {
                self.gate.count(Limit::Handshake);
                return;
            }
        };
        match (door, &self.relay) {
            (Door::Relay, Some(relay)) => {
                self.came(&mut admission, origin.ip(), "relay");
                let notice = |line: &[u8]| self.notice_header(line);
                relay::serve_raw(stream, admission, Arc::clone(relay), deadline, notice).await;
            }
            (Door::Relay, None) => {} // no relay is served, and nobody should have opened its door
            _ => self.web(stream, origin, admission, deadline).await,
        }
    }

    /// Leads a connection that begins with an HTTP request.
    async fn web(
        &self,
        mut stream: Stream,
        origin: Origin,
        mut admission: Admission,
        deadline: Instant,
    ) {
        let request = timeout_at(deadline, self.request(&mut stream, origin, &mut admission));
        let outcome = tokio::select! {
            biased;
            outcome = request => match outcome {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => return,
                Err(_) => {
                    self.gate.count(Limit::Handshake);
                    Err(too_slow(self.clients.handshake))
                }
            },
            () = self.stopped() => Err(stops()),
        };
        let answer = match (outcome, &self.mailbox, &self.relay) {
            (Ok((Place::Mailbox, upgrade)), Some(shared), _) => {
                self.came(&mut admission, upgrade.client, "mailbox");
                tokio::spawn(mailbox::serve(stream, upgrade, admission, Arc::clone(shared)));
                return;
            }
            (Ok((Place::Relay, upgrade)), _, Some(relay)) => {
                self.came(&mut admission, upgrade.client, "relay");
                let relay = Arc::clone(relay);
                return relay::serve_websocket(stream, upgrade, admission, relay, deadline).await;
            }
            (Ok(_), _, _) => http::nothing_here(),
            (Err(answer), _, _) => answer,
        };
        let address = self.recorder.logged(origin.ip());
        let status = answer.lines().next().unwrap_or_default();
        tracing::debug!(%address, status, "request answered");
        _ = timeout(GOODBYE, stream.say_last(answer.as_bytes())).await;
    }

    fn came(&self, admission: &mut Admission, client: IpAddr, to: &'static str) {
        admission.came(&self.recorder.logged(client), to);
    }

    /// `Err` in the inner result is the HTTP answer of what gets no WebSocket.
    async fn request(
        &self,
        stream: &mut Stream,
        origin: Origin,
        admission: &mut Admission,
    ) -> io::Result<Result<(Place, Upgrade), String>> {
        let limit = self.clients.head_bytes;
        let found = stream.read_until(limit, |bytes| match http::parse(bytes) {
            Head::Incomplete => None,
            Head::Answer(answer) => {
                self.notice_header(bytes);
                Some(Err(answer))
            }
            Head::Upgrade { length, .. } if length > limit => Some(Err(self.too_large(limit))),
            Head::Upgrade { length, place, accept } => {
                let rest = bytes.split_off(length);
                let client = self.locate(origin, bytes, admission);
                Some(client.map(|Forwarded { ip: client, port }| {
                    (place, Upgrade { accept, client, port, rest })
                }))
            }
        });
        Ok(found.await?.unwrap_or_else(|| Err(self.too_large(limit))))
    }

    fn too_large(&self, limit: usize) -> String {
        self.gate.count(Limit::HeadBytes);
        http::head_too_large(limit)
    }
}

impl Door {
    /// What whoever is one too many can be told before it has said anything.
    #[cfg_attr(
        not(feature = "tls"),
        expect(
            clippy::unnecessary_wraps,
            reason = "within TLS nothing can be said before it stands"
        )
    )]
    fn refusal(self, full: Full) -> Option<String> {
        match self {
            Self::Web => Some(full.answer()),
            #[cfg(feature = "tls")]
            Self::Tls => None,
            Self::Relay => Some(full.text()),
        }
    }
}

fn too_slow(limit: Duration) -> String {
    let seconds = limit.as_secs();
    let text = format!("No request came within this server's limit of {seconds} seconds\n");
    http::answer("408 Request Timeout", &text)
}

fn stops() -> String {
    http::answer("503 Service Unavailable", &format!("{STOPS}\n"))
}

/// Answers at once or never.
fn turn_away(stream: TcpStream, full: Full, door: Door) {
    use std::io::Write;
    if let Some(answer) = door.refusal(full)
        && let Ok(mut stream) = stream.into_std()
    {
        _ = stream.write(answer.as_bytes());
        _ = stream.shutdown(std::net::Shutdown::Write);
    }
}

//! One attempt to reach a server, step by step.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use wormhole_sync_core::wire::hint::Endpoint;

use super::{LIMIT, Way};
use crate::{
    dial::{self, FarEnd, Server, Socket},
    error::Error,
    options::Options,
    proxy::Proxy,
    refusal::{Refusal, Trouble},
    tcp,
};

/// How far an attempt came.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Stage, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |_| {
/// let nobody = Options::new().rendezvous("ws://127.0.0.1:1/v1");
/// let failure = probe::mailbox(&nobody, Way::Usual).await.err().unwrap();
/// assert_eq!(failure.stage, Stage::Connecting);
/// # Ok(()) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// What was to be reached is none, or the attempt could not begin.
    Beginning,
    /// The server's name was looked up.
    Name,
    /// The server has no address of the family that was asked for, or a proxy chooses the address.
    Address,
    /// A connection was opened.
    Connecting,
    /// The same, by way of a proxy.
    Proxy,
    /// The connection was secured by TLS.
    Tls,
    /// A `WebSocket` was asked for by HTTP.
    WebSocket,
    /// A mailbox server's welcome was awaited.
    Welcome,
    /// A relay was asked to join two connections.
    Pairing,
    /// Bytes were passed from one to the other.
    Passing,
}

/// Why an attempt failed.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let wrong = Options::new().rendezvous(url.replace("/v1", "/v7"));
/// let failure = probe::mailbox(&wrong, Way::Usual).await.err().unwrap();
/// assert!(failure.to_string().contains("404"));
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What was under way.
    pub stage: Stage,
    /// What happened. It may quote a stranger.
    pub reason: String,
    /// What is wrong with the server, if it was connected to.
    pub trouble: Option<Trouble>,
}

impl Failure {
    pub(super) fn new(stage: Stage, reason: impl Into<String>) -> Self {
        Self { stage, reason: reason.into(), trouble: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(Stage::Beginning, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

/// A server that was reached.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let reached = probe::mailbox(&Options::new().rendezvous(url), Way::Ipv4).await?.reached;
/// assert_eq!(reached.far_end.to_string(), "127.0.0.1");
/// assert!(!reached.tls);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reached {
    /// Its address, or the proxy that led there.
    pub far_end: FarEnd,
    /// Whether the connection is within TLS.
    pub tls: bool,
    /// How long it took until the connection was open, the look-up of the name included.
    pub connected_in: Duration,
}

/// An attempt that has begun.
pub(super) struct Attempt {
    way: Way,
    proxy: Option<Arc<Proxy>>,
    limit: Duration,
    begun: Instant,
}

impl Attempt {
    pub(super) fn new(options: &Options, way: Way) -> Result<Self, Failure> {
        let proxy = options.proxy.for_one_wormhole()?;
        let limit = options.time_limit.unwrap_or(LIMIT);
        Ok(Self { way, proxy, limit, begun: Instant::now() })
    }

    /// The time since it began.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Does the work of a stage within the time that is left.
    pub(super) async fn step<T, E: fmt::Display>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        let done = self.in_time(stage, work).await?;
        done.map_err(|error| Failure::new(stage, error.to_string()))
    }

    /// The same, with a server that may refuse.
    async fn refusable<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Failure> {
        let done = self.in_time(stage, work).await;
        let done = done.map_err(|late| Failure { trouble: Some(Trouble::Silent), ..late })?;
        done.map_err(|Refusal { trouble, reason }| Failure {
            trouble: Some(trouble),
            ..Failure::new(stage, reason)
        })
    }

    async fn in_time<T>(&self, stage: Stage, work: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(end) = self.begun.checked_add(self.limit) else { return Ok(work.await) };
        timeout_at(end, work).await.map_err(|_| {
            let seconds = self.limit.as_secs_f32();
            Failure::new(stage, format!("there was no answer within {seconds} s"))
        })
    }

    /// A TCP connection.
    pub(super) async fn connect(&self, to: &Endpoint) -> Result<(TcpStream, Reached), Failure> {
        let proxy = self.proxy.clone().filter(|proxy| proxy.is_for(to.hostname()));
        let (stream, far_end) = match (proxy, self.way) {
            (None, way) => self.directly(to, way).await?,
            (proxy, Way::Usual) => self.step(Stage::Proxy, dial::connect(to, proxy)).await?,
            (Some(proxy), _) => {
                let reason = format!("the address is chosen by {proxy}");
                return Err(Failure::new(Stage::Address, reason));
            }
        };
        Ok((stream, Reached { far_end, tls: false, connected_in: self.elapsed() }))
    }

    async fn directly(&self, to: &Endpoint, way: Way) -> Result<(TcpStream, FarEnd), Failure> {
        let (host, port) = (to.hostname(), to.port());
        let mut addresses = self.step(Stage::Name, tcp::addresses(host, port)).await?;
        addresses.retain(|address| way.covers(address));
        if addresses.is_empty() {
            let family = if way == Way::Ipv6 { "IPv6" } else { "IPv4" };
            let reason = format!("the server has no {family} address");
            return Err(Failure::new(Stage::Address, reason));
        }
        self.step(Stage::Connecting, async {
            let stream = tcp::to_any(addresses).await?;
            let address = stream.peer_addr()?;
            Ok::<_, std::io::Error>((stream, FarEnd::Address(address)))
        })
        .await
    }

    /// A `WebSocket`, on which no message may be longer than `max_message` bytes.
    pub(super) async fn open(
        &self,
        server: &Server,
        max_message: usize,
    ) -> Result<(Box<Socket>, Reached), Failure> {
        let (tcp, reached) = self.connect(server.endpoint()).await?;
        let stream = self.refusable(Stage::Tls, server.secure(tcp)).await?;
        let upgraded = server.upgrade(stream, max_message);
        let socket = self.refusable(Stage::WebSocket, upgraded).await?;
        Ok((socket, Reached { tls: server.is_tls(), ..reached }))
    }
}

//! What a mailbox server says to whoever comes.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use wormhole_sync_core::wire::{
    ClientMessage, ServerMessage, Welcome, limits::MAX_FRAME, server_message::sent_at,
};

use super::{
    Way,
    attempt::{Attempt, Failure, Reached, Stage},
};
use crate::{
    dial::{Server, Socket},
    options::Options,
};

/// How long the server's answer to a ping, and to a goodbye, is awaited.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A mailbox server that has said its welcome. The texts are a stranger's, to be cleaned before they reach a
/// terminal.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Permission, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let server = probe::mailbox(&Options::new().rendezvous(url), Way::Usual).await?;
/// assert_eq!(server.motd.as_deref(), Some("down for repair on Sunday"));
/// assert_eq!((server.error, server.permission), (None, Permission::None));
/// assert_eq!(server.your_address, Some([127, 0, 0, 1].into()));
/// assert!(server.clock_ahead.unwrap().abs() < 60.0);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MailboxServer {
    /// How it was reached.
    pub reached: Reached,
    /// How long it took until its welcome was there.
    pub welcomed_in: Duration,
    /// How long it took to answer a ping, if it did.
    pub round_trip: Option<Duration>,
    /// A message of the day.
    pub motd: Option<String>,
    /// Why every client is to leave at once.
    pub error: Option<String>,
    /// What it asks for.
    pub permission: Permission,
    /// The address from which it sees this computer, if it says so.
    pub your_address: Option<IpAddr>,
    /// Seconds by which its clock is ahead of this computer's, if it tells the time.
    pub clock_ahead: Option<f64>,
    /// The transit relays that it advertises, as [`Routes::relay`](crate::transfer::Routes::relay) takes them.
    pub transit_relays: Vec<String>,
}

/// What a mailbox server asks for before it lets anybody in.
///
/// ```
/// use wormhole_sync::{DEFAULT_MAX_BITS, probe::Permission};
///
/// let lets_in = |permission: Permission| match permission {
///     Permission::None => true,
///     Permission::Hashcash { bits } => bits <= DEFAULT_MAX_BITS,
///     Permission::Unknown => false,
/// };
/// assert!(lets_in(Permission::Hashcash { bits: 20 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing.
    None,
    /// Hashcash of so many bits: 2^bits hashes on average.
    Hashcash {
        /// How many.
        bits: u32,
    },
    /// Something that this library does not know.
    Unknown,
}

impl From<&Welcome> for Permission {
    fn from(welcome: &Welcome) -> Self {
        match &welcome.permission_required {
            None => Self::None,
            Some(required) if required.none.is_some() => Self::None,
            Some(required) => match &required.hashcash {
                Some(asked) => Self::Hashcash { bits: asked.bits },
                None => Self::Unknown,
            },
        }
    }
}

/// Connects to the mailbox server of [`Options::rendezvous`], reads its welcome, and leaves. It takes
/// [`LIMIT`](super::LIMIT) at most, or [`Options::time_limit`]; and a second more to leave.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let server = probe::mailbox(&Options::new().rendezvous(url), Way::Ipv4).await?;
/// assert!(server.reached.connected_in <= server.welcomed_in && server.round_trip.is_some());
/// # Ok(()) });
/// ```
pub async fn mailbox(options: &Options, way: Way) -> Result<MailboxServer, Failure> {
    let server = Server::parse(&options.rendezvous)?;
    let attempt = Attempt::new(options, way)?;
    let (mut socket, reached) = attempt.open(&server, MAX_FRAME).await?;
    let (welcome, clock_ahead) = attempt.step(Stage::Welcome, welcome(&mut socket)).await?;
    let welcomed_in = attempt.elapsed();
    let round_trip = timeout(LAST_WORDS, ping(&mut socket)).await.ok().flatten();
    let _ = timeout(LAST_WORDS, (*socket).close(None)).await; // it may be gone already
    let your_address = welcome.your_address.as_ref();
    let relays = welcome.transit_relays.iter().flat_map(|relay| &relay.doors);
    Ok(MailboxServer {
        reached,
        welcomed_in,
        round_trip,
        permission: Permission::from(&welcome),
        your_address: your_address
            .and_then(|at| at.ipv4.map(IpAddr::V4).or(at.ipv6.map(IpAddr::V6))),
        clock_ahead,
        transit_relays: relays.map(ToString::to_string).collect(),
        motd: welcome.motd,
        error: welcome.error,
    })
}

/// The welcome, which comes first, and how far its clock is ahead.
async fn welcome(socket: &mut Socket) -> Result<(Welcome, Option<f64>), String> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_))) | None => return Err("the server left".to_owned()),
            Some(Ok(_)) => return Err("the server's first message is no text".to_owned()),
            Some(Err(error)) => return Err(error.to_string()),
        };
        let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(&text) else {
            return Err("the server's first message is no welcome".to_owned());
        };
        return Ok((welcome, sent_at(&text).and_then(ahead)));
    }
}

/// By how many seconds a moment is ahead of this computer's clock.
fn ahead(moment: f64) -> Option<f64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    Some(moment - now).filter(|ahead| ahead.is_finite())
}

/// The time to the next message: whatever the server answers, it is an answer.
async fn ping(socket: &mut Socket) -> Option<Duration> {
    let begun = Instant::now();
    let ping = ClientMessage::Ping("1".into()).encode("0");
    socket.send(Message::text(ping)).await.ok()?;
    while !socket.next().await?.ok()?.is_text() {}
    Some(begun.elapsed())
}

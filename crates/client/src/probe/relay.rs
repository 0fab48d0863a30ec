//! Whether a transit relay joins two who ask for it.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
    try_join,
};
use wormhole_sync_core::wire::{
    hex,
    hint::Door,
    transit::{RELAY_OK, relay_line},
};

use super::{
    Way,
    attempt::{Attempt, Failure, Reached, Stage},
    door,
};
use crate::{
    dial::Server,
    options::Options,
    transfer::{ByteSocket, Connection, MAX_MESSAGE},
};

/// Bytes of a relay's answer that are looked at.
const MAX_ANSWER: usize = 64;

/// A transit relay that has joined two connections of this computer's.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |_| {
/// # let url = wormhole_sync_testkit::doc::relay();
/// let relay = probe::relay(&url, &Options::new(), Way::Usual).await?;
/// assert_eq!(relay.reached.far_end.to_string(), "127.0.0.1");
/// assert!(relay.reached.connected_in <= relay.paired_in);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairingRelay {
    /// How it was reached.
    pub reached: Reached,
    /// How long it took until both connections were told that they are joined.
    pub paired_in: Duration,
    /// How long a few bytes took to the other connection and back.
    pub round_trip: Duration,
}

/// Asks a transit relay to join two connections of this computer's, and passes a few bytes both ways. The relay is
/// named as [`Routes::relay`](crate::transfer::Routes::relay) takes it. It takes [`LIMIT`](super::LIMIT) at most,
/// or [`Options::time_limit`].
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Stage, Way}};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let relay = wormhole_sync_testkit::doc::relay();
/// assert!(probe::relay(&relay, &Options::new(), Way::Ipv4).await.is_ok());
/// let no_relay = probe::relay(&url.replace("/v1", "/v7"), &Options::new(), Way::Ipv4).await;
/// assert_eq!(no_relay.err().unwrap().stage, Stage::WebSocket);
/// # Ok(()) });
/// ```
pub async fn relay(relay: &str, options: &Options, way: Way) -> Result<PairingRelay, Failure> {
    let door = door(relay)?;
    let attempt = Attempt::new(options, way)?;
    let ((mut one, reached), (mut other, _)) =
        try_join!(open(&attempt, &door), open(&attempt, &door))?;
    let token = random()?;
    let (one_asks, other_asks) = (ask(&mut one, &token), ask(&mut other, &token));
    attempt.step(Stage::Pairing, async { try_join!(one_asks, other_asks) }).await?;
    let paired_in = attempt.elapsed();
    let round_trip = attempt.step(Stage::Passing, pass(&mut one, &mut other)).await?;
    Ok(PairingRelay { reached, paired_in, round_trip })
}

async fn open(attempt: &Attempt, door: &Door) -> Result<(Connection, Reached), Failure> {
    match door {
        Door::Tcp(endpoint) => {
            let (stream, reached) = attempt.connect(endpoint).await?;
            Ok((Connection::Tcp(stream, reached.far_end.clone()), reached))
        }
        Door::WebSocket { url } => {
            let (socket, reached) = attempt.open(&Server::parse(url)?, MAX_MESSAGE).await?;
            let bytes = ByteSocket::new(*socket, reached.far_end.clone());
            Ok((Connection::WebSocket(Box::new(bytes)), reached))
        }
    }
}

/// Asks to be joined to the other with this token, as a side of its own.
async fn ask(link: &mut Connection, token: &[u8; 32]) -> Result<(), String> {
    let side: [u8; 8] = random().map_err(|failure| failure.reason)?;
    let line = relay_line(token, &hex::encode(&side));
    let answer = said(link, line.as_bytes()).await.map_err(|error| error.to_string())?;
    match &*answer {
        RELAY_OK => Ok(()),
        [] => Err("the relay closed the connection".to_owned()),
        other => Err(format!("the relay says: {}", String::from_utf8_lossy(other).trim_end())),
    }
}

/// The line that is the answer, or what there is of it.
async fn said(link: &mut Connection, line: &[u8]) -> io::Result<Vec<u8>> {
    link.write_all(line).await?;
    link.flush().await?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.len() < MAX_ANSWER && link.read(&mut byte).await? == 1 {
        answer.extend(byte);
        if byte == *b"\n" {
            break;
        }
    }
    Ok(answer)
}

/// There and back again.
async fn pass(one: &mut Connection, other: &mut Connection) -> Result<Duration, String> {
    let sent: [u8; 16] = random().map_err(|failure| failure.reason)?;
    let begun = Instant::now();
    let (there, back) = (carry(sent, one, other).await, carry(sent, other, one).await);
    let unlike = || "the relay does not pass on what was sent".to_owned();
    let arrived = |bytes: io::Result<[u8; 16]>| bytes.map_err(|error| error.to_string());
    let same = arrived(there)? == sent && arrived(back)? == sent;
    same.then(|| begun.elapsed()).ok_or_else(unlike)
}

async fn carry(
    bytes: [u8; 16],
    from: &mut Connection,
    to: &mut Connection,
) -> io::Result<[u8; 16]> {
    from.write_all(&bytes).await?;
    from.flush().await?;
    let mut arrived = [0; 16];
    to.read_exact(&mut arrived).await?;
    Ok(arrived)
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Stage::Beginning, format!("no random numbers: {error}")))?;
    Ok(bytes)
}

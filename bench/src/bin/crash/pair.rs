//! Two sides that exchange messages in spite of everything, and check that nothing is lost.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::watch;
use wormhole_sync_bench::client::{Client, Heard, Url};

const APP: &str = "example.com/crash";

/// Messages that each side sends in one exchange.
const MESSAGES: usize = 6;

/// What all pairs have done so far.
#[derive(Default)]
pub(crate) struct Progress {
    exchanges: AtomicU64,
    acknowledged: AtomicU64,
    reconnects: AtomicU64,
    /// Whether pairs are to end after the exchange at hand.
    pub(crate) finish: AtomicBool,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} exchanges, {} messages acknowledged, {} connections lost",
            self.exchanges.load(Relaxed),
            self.acknowledged.load(Relaxed),
            self.reconnects.load(Relaxed)
        )
    }
}

/// Exchange after exchange, until it is told to finish.
pub(crate) async fn work(
    address: SocketAddr,
    worker: u64,
    progress: Arc<Progress>,
) -> Result<(), String> {
    let url = Url::of(address);
    for round in 0u64.. {
        let (tell, told) = watch::channel(None);
        let name = format!("{worker:04x}{round:08x}");
        let mut alice = Half::new(&url, &format!("{name}a"), &progress);
        let mut bob = Half::new(&url, &format!("{name}b"), &progress);
        tokio::try_join!(alice.initiate(&tell), bob.receive(told))?;
        progress.exchanges.fetch_add(1, Relaxed);
        if progress.finish.load(Relaxed) {
            break;
        }
    }
    Ok(())
}

/// One side: what it wants, and what it knows for certain.
struct Half<'a> {
    url: &'a Url,
    side: String,
    progress: &'a Progress,
    nameplate: Option<String>,
    mailbox: Option<String>,
    /// Its own messages of which it has heard the echo.
    echoed: BTreeSet<String>,
    /// The peer's messages.
    heard: BTreeSet<String>,
    released: bool,
    closed: bool,
}

impl<'a> Half<'a> {
    fn new(url: &'a Url, side: &str, progress: &'a Progress) -> Self {
        Self {
            url,
            side: side.to_owned(),
            progress,
            nameplate: None,
            mailbox: None,
            echoed: BTreeSet::new(),
            heard: BTreeSet::new(),
            released: false,
            closed: false,
        }
    }

    async fn initiate(&mut self, tell: &watch::Sender<Option<String>>) -> Result<(), String> {
        self.until_closed(Some(tell)).await
    }

    async fn receive(&mut self, mut told: watch::Receiver<Option<String>>) -> Result<(), String> {
        let nameplate = told.wait_for(Option::is_some).await.map(|nameplate| nameplate.clone());
        self.nameplate = nameplate.map_err(|error| error.to_string())?;
        self.until_closed(None).await
    }

    /// Connects, and says again what is not confirmed, until everything is. A lost connection is
    /// an accident; a refusal or a loss is a failure.
    async fn until_closed(
        &mut self,
        tell: Option<&watch::Sender<Option<String>>>,
    ) -> Result<(), String> {
        loop {
            match self.connection(tell).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Other => {
                    return Err(format!("side {}: {error}", self.side));
                }
                Err(_) => {
                    self.progress.reconnects.fetch_add(1, Relaxed);
                    tokio::time::sleep(Duration::from_millis(random(1..20))).await;
                }
            }
        }
    }

    async fn connection(&mut self, tell: Option<&watch::Sender<Option<String>>>) -> io::Result<()> {
        let mut client = Client::connect(self.url).await?;
        client.say(&format!(r#"{{"type":"bind","appid":"{APP}","side":"{}"}}"#, self.side));
        if self.nameplate.is_none() {
            client.say(r#"{"type":"allocate"}"#);
            client.flush().await?;
            let nameplate = client.expect("allocated").await?.nameplate;
            self.nameplate.clone_from(&nameplate);
        }
        let nameplate = self.nameplate.clone().unwrap_or_default();
        if self.mailbox.is_none() {
            client.say(&format!(r#"{{"type":"claim","nameplate":"{nameplate}"}}"#));
            client.flush().await?;
            self.mailbox = client.expect("claimed").await?.mailbox;
            tell.map(|tell| tell.send_replace(Some(nameplate.clone())));
        }
        if self.is_done() {
            return self.close(client).await;
        }
        self.open(&mut client).await?;
        for number in (0..MESSAGES).filter(|number| !self.echoed.contains(&number.to_string())) {
            client.say(&format!(r#"{{"type":"add","phase":"{number}","body":"{number:02}"}}"#));
        }
        client.flush().await?;
        while !self.is_done() {
            let heard = client.expect("message").await?;
            self.take(heard);
        }
        self.close(client).await
    }

    /// Opens the mailbox, which must hold all that was acknowledged before.
    async fn open(&mut self, client: &mut Client) -> io::Result<()> {
        let mailbox = self.mailbox.clone().unwrap_or_default();
        client.say(&format!(r#"{{"type":"open","mailbox":"{mailbox}"}}"#));
        client.say(r#"{"type":"ping","ping":0}"#);
        client.flush().await?;
        let mut lost = self.echoed.clone();
        loop {
            let heard = client.hear().await?;
            match heard.kind.as_str() {
                "message" => _ = self.take(heard).is_some_and(|phase| lost.remove(&phase)),
                "pong" if lost.is_empty() => return Ok(()),
                "pong" => {
                    return Err(io::Error::other(format!("acknowledged, and lost: {lost:?}")));
                }
                "error" => return Err(io::Error::other(heard.error.unwrap_or_default())),
                _ => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        self.echoed.len() == MESSAGES && self.heard.len() == MESSAGES
    }

    /// Notes a message. The phase, when it is one of ours.
    fn take(&mut self, heard: Heard) -> Option<String> {
        let phase = heard.phase.unwrap_or_default();
        if heard.side.as_ref() != Some(&self.side) {
            self.heard.insert(phase);
            return None;
        }
        if self.echoed.insert(phase.clone()) {
            self.progress.acknowledged.fetch_add(1, Relaxed);
        }
        Some(phase)
    }

    async fn close(&mut self, mut client: Client) -> io::Result<()> {
        let nameplate = self.nameplate.clone().unwrap_or_default();
        let mailbox = self.mailbox.clone().unwrap_or_default();
        if !self.released {
            client.say(&format!(r#"{{"type":"release","nameplate":"{nameplate}"}}"#));
        }
        client.say(&format!(r#"{{"type":"close","mailbox":"{mailbox}","mood":"happy"}}"#));
        client.flush().await?;
        while !(self.released && self.closed) {
            let heard = client.hear().await?;
            match heard.kind.as_str() {
                "released" => self.released = true,
                "closed" => self.closed = true,
                "error" => return Err(io::Error::other(heard.error.unwrap_or_default())),
                _ => {}
            }
        }
        client.leave().await;
        Ok(())
    }
}

/// A number of this range, different each time.
pub(crate) fn random(range: Range<u64>) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    range.start + RandomState::new().hash_one(0) % (range.end - range.start)
}

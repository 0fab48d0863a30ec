//! What can be chosen for an exchange, and what can be watched.

use std::{env, fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use wormhole_sync_core::{Code, Verifier, code::DEFAULT_WORDS, hashcash::DEFAULT_MAX_BITS};

/// The mailbox server that is used when nothing else is said: the magic-wormhole family's public one.
pub const DEFAULT_RENDEZVOUS: &str = "wss://relay.magic-wormhole.io:443/v1";

/// The environment variable that names another server.
pub const RENDEZVOUS_VARIABLE: &str = "WORMHOLE_RELAY_URL";

type Watch = Arc<dyn Fn(&Status) + Send + Sync>;

/// What can be chosen for an exchange. Every choice has a default that is good for most.
///
/// ```
/// use std::time::Duration;
/// use wormhole_sync::{Options, Status};
///
/// let options = Options::new()
///     .rendezvous("ws://127.0.0.1:4000/v1")
///     .words(3)
///     .time_limit(Duration::from_secs(600))
///     .on_status(|status| if let Status::Disconnected { retry_in } = status {
///         eprintln!("connection lost, trying again in {retry_in:?}");
///     });
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) rendezvous: String,
    pub(crate) words: usize,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) app_versions: Map<String, Value>,
    pub(crate) client_version: (String, String),
    pub(crate) max_hashcash_bits: u32,
    pub(crate) on_status: Vec<Watch>,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The defaults: the server named by [`RENDEZVOUS_VARIABLE`] or else [`DEFAULT_RENDEZVOUS`],
    /// two words, no time limit, no application versions, hashcash up to [`DEFAULT_MAX_BITS`] bits.
    pub fn new() -> Self {
        let named = env::var(RENDEZVOUS_VARIABLE).ok().filter(|url| !url.is_empty());
        Self {
            rendezvous: named.unwrap_or_else(|| DEFAULT_RENDEZVOUS.to_owned()),
            words: DEFAULT_WORDS,
            time_limit: None,
            app_versions: Map::new(),
            client_version: ("wormhole-sync".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            max_hashcash_bits: DEFAULT_MAX_BITS,
            on_status: Vec::new(),
        }
    }

    /// The mailbox server, as `ws://host:port/v1` or `wss://host:port/v1`. Both sides need the same.
    #[must_use]
    pub fn rendezvous(mut self, url: impl Into<String>) -> Self {
        self.rendezvous = url.into();
        self
    }

    /// Words of an allocated code, 1 to [`MAX_WORDS`](crate::MAX_WORDS); 2 unless said otherwise.
    /// Each is worth 8 bits: with two, a guess succeeds once in 65,536 times.
    #[must_use]
    pub const fn words(mut self, words: usize) -> Self {
        self.words = words;
        self
    }

    /// How long the whole exchange may take, from connecting to the end; no limit unless said otherwise.
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// The application's versions and abilities, shown to the peer under the key. Empty unless said
    /// otherwise.
    #[must_use]
    pub fn app_versions(mut self, versions: Map<String, Value>) -> Self {
        self.app_versions = versions;
        self
    }

    /// The name and version under which servers count this software; at most 64 bytes each.
    #[must_use]
    pub fn client_version(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.client_version = (name.into(), version.into());
        self
    }

    /// Most bits of hashcash to work for when a server asks for it; [`DEFAULT_MAX_BITS`] unless said
    /// otherwise. The expected work is 2^bits hashes, of which a core does some millions a second.
    #[must_use]
    pub const fn max_hashcash_bits(mut self, bits: u32) -> Self {
        self.max_hashcash_bits = bits;
        self
    }

    /// Calls `watch` for each change of status, from the task that drives the exchange: it must not
    /// wait for anything. May be called several times; all watchers are called.
    #[must_use]
    pub fn on_status(mut self, watch: impl Fn(&Status) + Send + Sync + 'static) -> Self {
        self.on_status.push(Arc::new(watch));
        self
    }

    /// The changes of status as a stream.
    #[must_use]
    pub fn status_stream(self) -> (Self, StatusStream) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let options = self.on_status(move |status| {
            // Nobody listening any more is no reason to stop.
            let _ = sender.send(status.clone());
        });
        (options, StatusStream { receiver })
    }

    pub(crate) fn tell(&self, status: &Status) {
        for watch in &self.on_status {
            watch(status);
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("rendezvous", &self.rendezvous)
            .field("words", &self.words)
            .field("time_limit", &self.time_limit)
            .field("app_versions", &self.app_versions)
            .field("max_hashcash_bits", &self.max_hashcash_bits)
            .finish_non_exhaustive()
    }
}

/// How far an exchange has come.
#[derive(Clone)]
#[non_exhaustive]
pub enum Status {
    /// A connection to the server is being opened.
    Connecting {
        /// The server's URL.
        url: String,
    },
    /// The connection is up.
    Connected,
    /// The connection was lost; it is resumed by itself.
    Disconnected {
        /// When the next attempt begins.
        retry_in: Duration,
    },
    /// The server's welcome.
    Welcome {
        /// A message of the day: a stranger's text, to be cleaned before it reaches a terminal.
        motd: Option<String>,
    },
    /// The server asked for hashcash, and it is being worked for.
    Working {
        /// Leading zero bits asked for: 2^bits hashes on average.
        bits: u32,
    },
    /// The code is known.
    Code(Code),
    /// This side has done what it can until the other side uses the code.
    WaitingForPeer,
    /// The other side has answered, and a key was agreed on; whether it is the same key is not known yet.
    KeyAgreed,
    /// Both sides have the same key.
    KeyConfirmed {
        /// The value that both sides can compare aloud.
        verifier: Verifier,
    },
    /// The exchange is over.
    Closed,
}

/// A stream of [`Status`].
#[derive(Debug)]
pub struct StatusStream {
    receiver: mpsc::UnboundedReceiver<Status>,
}

impl StatusStream {
    /// The next change; `None` once the exchange and its options are gone.
    pub async fn next(&mut self) -> Option<Status> {
        self.receiver.recv().await
    }
}

impl fmt::Debug for Status {
    /// Without the code, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { url } => write!(f, "Connecting({url})"),
            Self::Connected => f.write_str("Connected"),
            Self::Disconnected { retry_in } => write!(f, "Disconnected(retry in {retry_in:?})"),
            Self::Welcome { motd } => write!(f, "Welcome({motd:?})"),
            Self::Working { bits } => write!(f, "Working({bits} bits)"),
            Self::Code(_) => f.write_str("Code(..)"),
            Self::WaitingForPeer => f.write_str("WaitingForPeer"),
            Self::KeyAgreed => f.write_str("KeyAgreed"),
            Self::KeyConfirmed { verifier } => write!(f, "KeyConfirmed({verifier})"),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

//! What can be chosen for an exchange, and what can be watched.

use std::{env, fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use wormhole_sync_core::{code::DEFAULT_WORDS, hashcash::DEFAULT_MAX_BITS};

use crate::{error::Error, proxy::Proxy, url::without_login};

mod status;
mod stream;

pub use status::Status;
pub use stream::{STATUS_BACKLOG, StatusStream};

/// The mailbox server that is used when nothing else is said: the magic-wormhole family's public one.
///
/// ```
/// use wormhole_sync::{DEFAULT_RENDEZVOUS, Options};
///
/// let options = Options::new().rendezvous(DEFAULT_RENDEZVOUS); // whatever the environment says
/// assert!(format!("{options:?}").contains("wss://relay.magic-wormhole.io:443/v1"));
/// ```
pub const DEFAULT_RENDEZVOUS: &str = "wss://relay.magic-wormhole.io:443/v1";

/// The environment variable that names another server.
///
/// ```
/// use wormhole_sync::{Options, RENDEZVOUS_VARIABLE};
///
/// // WORMHOLE_RELAY_URL=ws://127.0.0.1:4000/v1
/// # // SAFETY: nothing else runs yet.
/// # unsafe { std::env::set_var(RENDEZVOUS_VARIABLE, "ws://127.0.0.1:4000/v1") };
/// assert!(format!("{:?}", Options::new()).contains("ws://127.0.0.1:4000/v1"));
/// ```
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
///     .on_status(|status| if let Status::Disconnected { retry_in, .. } = status {
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
    pub(crate) proxy: Chosen,
    pub(crate) on_status: Vec<Watch>,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The defaults: the server named by [`RENDEZVOUS_VARIABLE`] or else [`DEFAULT_RENDEZVOUS`],
    /// two words, no time limit, no application versions, hashcash up to [`DEFAULT_MAX_BITS`] bits, and
    /// the proxy that the environment [names](Proxy::from_environment), if it names one.
    ///
    /// ```
    /// use wormhole_sync::Options;
    ///
    /// let options = format!("{:?}", Options::new());
    /// assert!(options.contains("words: 2") && options.contains("time_limit: None"));
    /// ```
    pub fn new() -> Self {
        let named = env::var(RENDEZVOUS_VARIABLE).ok().filter(|url| !url.is_empty());
        Self {
            rendezvous: named.unwrap_or_else(|| DEFAULT_RENDEZVOUS.to_owned()),
            words: DEFAULT_WORDS,
            time_limit: None,
            app_versions: Map::new(),
            client_version: ("wormhole-sync".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            max_hashcash_bits: DEFAULT_MAX_BITS,
            proxy: Chosen::Environment,
            on_status: Vec::new(),
        }
    }

    /// The mailbox server, as `ws://host:port/v1` or `wss://host:port/v1`. Both sides need the same. A login in it is
    /// neither sent nor shown.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    ///
    /// let typo = Options::new().rendezvous("http://127.0.0.1:4000/v1");
    /// let error = Wormhole::connect("example.com/chat", typo).await.err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::BadUrl);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn rendezvous(mut self, url: impl Into<String>) -> Self {
        self.rendezvous = url.into();
        self
    }

    /// Words of an allocated code, 1 to [`MAX_WORDS`](crate::MAX_WORDS); 2 unless said otherwise.
    /// Each is worth 8 bits: with two, a guess succeeds once in 65,536 times.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let options = Options::new().rendezvous(url).words(3);
    /// let coded = Wormhole::connect("example.com/chat", options).await?.allocate().await?;
    /// assert_eq!(coded.code().as_str().split('-').count(), 1 + 3);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub const fn words(mut self, words: usize) -> Self {
        self.words = words;
        self
    }

    /// How long the whole exchange may take, from connecting to the end; no limit unless said otherwise, and none with
    /// [`Duration::MAX`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use wormhole_sync::{ErrorKind, Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let options = Options::new().rendezvous(url).time_limit(Duration::from_millis(300));
    /// let coded = Wormhole::connect("example.com/chat", options).await?.allocate().await?;
    /// let error = coded.confirmed().await.err().unwrap(); // nobody comes
    /// assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// The application's versions and abilities, shown to the peer under the key. Empty unless said
    /// otherwise.
    ///
    /// ```
    /// use serde_json::json;
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let versions = json!({ "example.com/chat": { "emoji": true } }).as_object().cloned();
    /// let options = Options::new().rendezvous(url).app_versions(versions.unwrap_or_default());
    /// let one = Wormhole::connect("example.com/chat", options).await?.allocate().await?;
    /// # let other = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// # let other = other.set_code(one.code().clone()).await?;
    /// # let (one, other) = tokio::try_join!(one.confirmed(), other.confirmed())?;
    /// assert_eq!(other.peer_versions()["example.com/chat"]["emoji"], true); // on the other side
    /// # assert!(one.peer_versions().is_empty());
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn app_versions(mut self, versions: Map<String, Value>) -> Self {
        self.app_versions = versions;
        self
    }

    /// The name and version under which servers count this software; at most 64 bytes each.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |_| {
    /// # use futures_util::StreamExt;
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let url = format!("ws://{}/v1", listener.local_addr()?);
    /// # let serve = async {
    /// #     let stream = listener.accept().await.unwrap().0;
    /// #     let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    /// #     socket.next().await.unwrap().unwrap().into_text().unwrap()
    /// # };
    /// let options = Options::new().rendezvous(url).client_version("chat", "1.4.2");
    /// let connecting = Wormhole::connect("example.com/chat", options);
    /// # let told = tokio::select! { told = serve => told, _ = connecting => panic!("no welcome") };
    /// assert!(told.contains(r#""client_version":["chat","1.4.2"]"#)); // at the server
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn client_version(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.client_version = (name.into(), version.into());
        self
    }

    /// Most bits of hashcash to work for when a server asks for it; [`DEFAULT_MAX_BITS`] unless said
    /// otherwise. The expected work is 2^bits hashes, of which a core does some millions a second.
    ///
    /// ```
    /// use wormhole_sync::{DEFAULT_MAX_BITS, Options};
    ///
    /// let patient = Options::new().max_hashcash_bits(DEFAULT_MAX_BITS + 4);
    /// assert!(format!("{patient:?}").contains("max_hashcash_bits: 28")); // sixteen times the work
    /// ```
    #[must_use]
    pub const fn max_hashcash_bits(mut self, bits: u32) -> Self {
        self.max_hashcash_bits = bits;
        self
    }

    /// The proxy by way of which the mailbox server is reached, and in a transfer the other side and relays;
    /// the environment's unless said otherwise.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, Options, Proxy, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |_| {
    /// let proxy = Proxy::parse("socks5://127.0.0.1:1")?; // nobody is there
    /// let error = Wormhole::connect("example.com/chat", Options::new().proxy(proxy)).await.err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::Unreachable);
    /// assert!(error.to_string().contains("socks5://127.0.0.1:1 does not answer"));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Chosen::Proxy(Arc::new(proxy));
        self
    }

    /// No proxy, whatever the environment names.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// Wormhole::connect("example.com/chat", Options::new().rendezvous(url).no_proxy()).await?;
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Chosen::None;
        self
    }

    /// Calls `watch` for each change of status, from the task that drives the exchange: it must not
    /// wait for anything. May be called several times; all watchers are called.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// use wormhole_sync::{Options, Status, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let up = Arc::new(AtomicBool::new(false));
    /// let shown = up.clone();
    /// let options = Options::new().rendezvous(url).on_status(move |status| match status {
    ///     Status::Connected => shown.store(true, Ordering::Relaxed),
    ///     Status::Disconnected { .. } => shown.store(false, Ordering::Relaxed),
    ///     _ => {}
    /// });
    /// let connected = Wormhole::connect("example.com/chat", options).await?;
    /// assert!(up.load(Ordering::Relaxed));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn on_status(mut self, watch: impl Fn(&Status) + Send + Sync + 'static) -> Self {
        self.on_status.push(Arc::new(watch));
        self
    }

    /// The changes of status as a stream, for a task of its own. See [`StatusStream`] for a slow
    /// reader.
    ///
    /// ```
    /// use wormhole_sync::{Options, Status, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let (options, mut statuses) = Options::new().rendezvous(url).status_stream();
    /// let connected = Wormhole::connect("example.com/chat", options).await?;
    /// assert!(matches!(statuses.next().await, Some(Status::Connecting { url: of, .. }) if of == url));
    /// assert!(matches!(statuses.next().await, Some(Status::Connected)));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn status_stream(self) -> (Self, StatusStream) {
        let (teller, stream) = stream::statuses();
        let options = self.on_status(move |status| teller.tell(status.clone()));
        (options, stream)
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
            .field("rendezvous", &without_login(&self.rendezvous))
            .field("words", &self.words)
            .field("time_limit", &self.time_limit)
            .field("app_versions", &self.app_versions)
            .field("max_hashcash_bits", &self.max_hashcash_bits)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Which proxy is used.
#[derive(Clone, Debug)]
pub(crate) enum Chosen {
    Environment,
    None,
    Proxy(Arc<Proxy>),
}

impl Chosen {
    /// The environment cannot name Tor.
    pub(crate) fn is_tor(&self) -> bool {
        matches!(self, Self::Proxy(proxy) if proxy.is_tor())
    }

    pub(crate) fn for_one_wormhole(&self) -> Result<Option<Arc<Proxy>>, Error> {
        let proxy = match self {
            Self::Environment => Proxy::from_environment()?,
            Self::None => None,
            Self::Proxy(proxy) => Some(Proxy::clone(proxy)),
        };
        Ok(proxy.map(Proxy::for_one_wormhole).transpose()?.map(Arc::new))
    }
}

//! The general form: any number of messages each way.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use wormhole_sync_core::{
    Code, Verifier, transit::TransitKey, wire::hint::Relay, wormhole::Confirmed,
};
use zeroize::Zeroizing;

use crate::{
    driver::{self, Greeting, Handle, News},
    error::{Cause, Error},
    options::Options,
    proxy::Proxy,
};

/// A connection to a mailbox server that has no code yet.
///
/// ```
/// use wormhole_sync::{Code, Options, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
/// let coded = connected.set_code(Code::parse("4-purple-sausages")?).await?;
/// assert_eq!(coded.code().as_str(), "4-purple-sausages");
/// # Ok(()) });
/// ```
pub struct Connected {
    handle: Handle,
    greeting: Greeting,
}

/// A wormhole whose code is known, and whose other side may or may not be there.
///
/// ```
/// use wormhole_sync::{Options, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let options = Options::new().rendezvous(url);
/// let coded = Wormhole::connect("example.com/chat", options.clone()).await?.allocate().await?;
/// let other = Wormhole::connect("example.com/chat", options).await?;
/// let other = other.set_code(coded.code().clone()).await?; // a person carries it
/// let (one, other) = tokio::try_join!(coded.confirmed(), other.confirmed())?;
/// assert_eq!(one.verifier(), other.verifier());
/// # Ok(()) });
/// ```
pub struct Coded {
    handle: Handle,
    greeting: Greeting,
    code: Code,
}

/// An open wormhole: both sides know the code, and everything between them is sealed.
///
/// ```
/// use wormhole_sync::{Code, Options, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let one = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
/// # let one = one.allocate().await?;
/// # let typed = one.code().as_str().to_owned();
/// # tokio::spawn(async move {
/// #     let mut one = one.confirmed().await?;
/// #     let said = one.receive().await?;
/// #     one.send(&[&said[..], b" yourself"].concat()).await?;
/// #     one.close().await
/// # });
/// let options = Options::new().rendezvous(url);
/// let connected = Wormhole::connect("example.com/chat", options).await?;
/// let coded = connected.set_code(Code::parse(&typed)?).await?;
/// let mut wormhole = coded.confirmed().await?;
/// println!("compare with the other side: {}", wormhole.verifier());
/// wormhole.send(b"hello").await?;
/// assert_eq!(wormhole.receive().await?, b"hello yourself");
/// wormhole.close().await?;
/// # Ok(()) });
/// ```
pub struct Wormhole {
    handle: Handle,
    greeting: Greeting,
    confirmed: Confirmed,
}

impl Wormhole {
    /// Connects to the mailbox server. A server that cannot be reached now is an error that names it;
    /// a connection that is lost later is resumed without a word.
    ///
    /// Must be called inside a tokio runtime, like all async functions here.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    ///
    /// let nobody = Options::new().rendezvous("ws://127.0.0.1:1/v1");
    /// let error = Wormhole::connect("example.com/chat", nobody).await.err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::Unreachable);
    /// # Ok(()) });
    /// ```
    pub async fn connect(app_id: &str, options: Options) -> Result<Connected, Error> {
        let mut handle = driver::open(app_id, &options)?;
        loop {
            if let News::Welcome(greeting) = next(&mut handle).await? {
                return Ok(Connected { handle, greeting });
            }
        }
    }

    /// The value that both sides can compare aloud: equal exactly when nobody sits between them.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// assert_eq!(one.verifier(), other.verifier());
    /// assert_eq!(one.verifier().to_string().len(), 64); // hex
    /// # Ok(()) });
    /// ```
    pub const fn verifier(&self) -> Verifier {
        self.confirmed.verifier()
    }

    /// What the other side's application said of itself with [`Options::app_versions`].
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// assert_eq!(one.peer_versions()["example"], 1);
    /// # assert_eq!(other.peer_versions()["example"], 1);
    /// # Ok(()) });
    /// ```
    pub const fn peer_versions(&self) -> &Map<String, Value> {
        self.confirmed.peer_versions()
    }

    /// The server's message of the day: a stranger's text.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// assert_eq!(one.welcome(), Some("down for repair on Sunday"));
    /// # drop(other);
    /// # Ok(()) });
    /// ```
    pub fn welcome(&self) -> Option<&str> {
        self.greeting.motd.as_deref()
    }

    /// Sends a message of at most [`MAX_BLOB`](crate::MAX_BLOB) bytes. It is on its way when this
    /// returns, and stored at the server when [`close`](Self::close) does. Once the exchange has
    /// failed, this fails for the same reason.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// one.send(b"hello").await?;
    /// assert_eq!(other.receive().await?, b"hello");
    /// assert!(one.send(&vec![0; wormhole_sync::MAX_BLOB + 1]).await.is_err());
    /// # Ok(()) });
    /// ```
    #[expect(clippy::unused_async, reason = "room for waiting, should the wire ever push back")]
    pub async fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.handle.send(message)
    }

    /// The other side's next message, in order. Cancelling loses nothing.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// other.send(b"first").await?;
    /// other.send(b"second").await?;
    /// assert_eq!(one.receive().await?, b"first");
    /// assert_eq!(one.receive().await?, b"second");
    /// # Ok(()) });
    /// ```
    pub async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let News::Received(message) = next(&mut self.handle).await? {
                return Ok(message);
            }
        }
    }

    /// A key of `length` bytes that both sides can derive for `purpose`, and nobody else.
    ///
    /// The purpose must not begin with `wormhole:`; the length is 1 to 8160.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// let key = one.derive_key("example.com/chat/history", 32).await?;
    /// assert_eq!(key, other.derive_key("example.com/chat/history", 32).await?);
    /// assert_ne!(key, one.derive_key("example.com/chat/avatar", 32).await?);
    /// assert!(one.derive_key("wormhole:verifier", 32).await.is_err());
    /// # Ok(()) });
    /// ```
    pub async fn derive_key(
        &self,
        purpose: &str,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.handle.derive(purpose, length).await
    }

    pub(crate) const fn proxy(&self) -> Option<&Arc<Proxy>> {
        self.handle.proxy()
    }

    /// The transit relays that the server advertises.
    pub(crate) fn advertised(&self) -> &[Relay] {
        &self.greeting.transit_relays
    }

    pub(crate) async fn transit_key(&self) -> Result<TransitKey, Error> {
        self.handle.transit_key().await
    }

    /// Waits until everything sent is stored at the server, lets everything go, and disconnects.
    /// Bounded by [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (mut one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// one.send(b"good night").await?;
    /// one.close().await?; // it is stored now
    /// assert_eq!(other.receive().await?, b"good night");
    /// # Ok(()) });
    /// ```
    pub async fn close(self) -> Result<(), Error> {
        self.handle.close().await
    }

    /// The same, unless there is no connection to the server for so long.
    pub(crate) async fn close_unless_away(self, limit: Duration) -> Result<(), Error> {
        self.handle.close_unless_away(limit).await
    }

    /// Leaves because something is wrong, in the background. The other side, if it is made with this
    /// library and still waits for something, ends with [`ErrorKind::Rejected`](crate::ErrorKind).
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (one, mut other) = wormhole_sync_testkit::doc::pair(url).await?;
    /// one.abort();
    /// let error = other.receive().await.err().unwrap();
    /// assert_eq!(error.kind(), wormhole_sync::ErrorKind::Rejected);
    /// # Ok(()) });
    /// ```
    pub fn abort(self) {
        self.handle.abort();
    }
}

impl Connected {
    /// The server's message of the day: a stranger's text.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// assert_eq!(connected.welcome(), Some("down for repair on Sunday"));
    /// # Ok(()) });
    /// ```
    pub fn welcome(&self) -> Option<&str> {
        self.greeting.motd.as_deref()
    }

    /// The nameplates in use, for completing a code that is being typed. Many servers do not list
    /// them: then there are none.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let coded = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// # let coded = coded.allocate().await?; // another side is waiting
    /// let mut typing = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// assert_eq!(typing.nameplates().await?, [coded.code().nameplate().as_str()]);
    /// # Ok(()) });
    /// ```
    pub async fn nameplates(&mut self) -> Result<Vec<String>, Error> {
        self.handle.list();
        loop {
            if let News::Nameplates(nameplates) = next(&mut self.handle).await? {
                return Ok(nameplates);
            }
        }
    }

    /// Asks for a nameplate and makes a code of [`Options::words`] words.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// let coded = connected.allocate().await?;
    /// println!("Invitation code: {}", coded.code().as_str()); // such as 4-guitarist-revenge
    /// # assert!(coded.code().unknown_words().is_empty());
    /// # Ok(()) });
    /// ```
    pub async fn allocate(self) -> Result<Coded, Error> {
        self.handle.allocate();
        Coded::new(self.handle, self.greeting).await
    }

    /// Uses a code that is known. Only now is its nameplate claimed, and the one guess that a wrong
    /// code is worth spent as soon as the other side is there.
    ///
    /// ```
    /// use wormhole_sync::{Code, Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// let typed = Code::parse("4-guitarist-revenge")?;
    /// let coded = connected.set_code(typed).await?;
    /// assert_eq!(coded.code().nameplate().as_str(), "4");
    /// # Ok(()) });
    /// ```
    pub async fn set_code(self, code: Code) -> Result<Coded, Error> {
        self.handle.set_code(code);
        Coded::new(self.handle, self.greeting).await
    }

    /// Disconnects. Bounded by [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// connected.close().await?; // the user thought better of it
    /// # Ok(()) });
    /// ```
    pub async fn close(self) -> Result<(), Error> {
        self.handle.close().await
    }
}

impl Coded {
    pub(crate) async fn new(mut handle: Handle, mut greeting: Greeting) -> Result<Self, Error> {
        loop {
            match next(&mut handle).await? {
                News::Code(code) => return Ok(Self { handle, greeting, code }),
                News::Welcome(told) => greeting = told,
                _ => {}
            }
        }
    }

    /// The code, to be shown to the person who carries it.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// let coded = connected.allocate().await?;
    /// let (number, words) = coded.code().as_str().split_once('-').unwrap();
    /// assert_eq!((number.len(), words.split('-').count()), (1, 2));
    /// # Ok(()) });
    /// ```
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// The server's message of the day: a stranger's text.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// let coded = connected.allocate().await?;
    /// assert_eq!(coded.welcome(), Some("down for repair on Sunday"));
    /// # Ok(()) });
    /// ```
    pub fn welcome(&self) -> Option<&str> {
        self.greeting.motd.as_deref()
    }

    /// Waits for the other side, and until it has shown that it knows the code.
    ///
    /// ```
    /// use wormhole_sync::{Code, ErrorKind, Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let wrong = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// # let wrong = wrong.set_code(Code::parse("4-guitarist-revenue")?).await?;
    /// # tokio::spawn(wrong.confirmed()); // the other side's user mistyped it
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// let coded = connected.set_code(Code::parse("4-guitarist-revenge")?).await?;
    /// let error = coded.confirmed().await.err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::WrongCode);
    /// # Ok(()) });
    /// ```
    pub async fn confirmed(mut self) -> Result<Wormhole, Error> {
        loop {
            if let News::Confirmed(confirmed) = next(&mut self.handle).await? {
                return Ok(Wormhole { handle: self.handle, greeting: self.greeting, confirmed });
            }
        }
    }

    /// Lets go of the code and disconnects. Bounded by [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let options = Options::new().rendezvous(url);
    /// # let mut watching = Wormhole::connect("example.com/chat", options).await?;
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url)).await?;
    /// connected.allocate().await?.close().await?;
    /// assert!(watching.nameplates().await?.is_empty()); // the number is free again
    /// # Ok(()) });
    /// ```
    pub async fn close(self) -> Result<(), Error> {
        self.handle.close().await
    }
}

macro_rules! opaque {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            /// Without its secrets.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

pub(crate) use opaque;

opaque!(Connected, Coded, Wormhole);

/// The next news of a wormhole that nobody has asked to close.
async fn next(handle: &mut Handle) -> Result<News, Error> {
    match handle.next().await? {
        News::Closed(_) => Err(Cause::Stopped.into()),
        news => Ok(news),
    }
}

//! One blob each way.
//!
//! An [`Initiator`] is given a code and shows it; a [`Receiver`] types it. Each gives a blob and gets
//! the other's. The roles can be turned around: a receiver that [allocates](Receiver::allocating),
//! and an initiator that [types](Initiator::typing).
//!
//! ```
//! use wormhole_sync::transcribe::{Initiator, Receiver};
//!
//! # wormhole_sync_testkit::doc::run(async |url| {
//! let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
//! let code = started.code().clone(); // a person carries it
//! let receiver = Receiver::new("example.com/pairing", code.as_str(), b"two").rendezvous(url);
//! let (theirs, ours) = tokio::try_join!(started.finish(), receiver.finish())?;
//! assert_eq!((&*theirs, &*ours), (&b"two"[..], &b"one"[..]));
//! # Ok(()) });
//! ```

use std::{fmt, future::Future, pin::Pin, time::Duration};

use wormhole_sync_core::{Code, Verifier};

use crate::{
    MAX_BLOB,
    driver::{self, Greeting, Handle},
    error::{Cause, Error},
    options::Options,
    wormhole::{Coded, opaque},
};

type Verify = Box<dyn FnOnce(Verifier) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send>;

/// The side that shows the code.
///
/// ```
/// use wormhole_sync::transcribe::Initiator;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let initiator = Initiator::new("example.com/pairing", b"my public key").rendezvous(url);
/// let started = initiator.start().await?;
/// println!("Invitation code: {}", started.code().as_str());
/// # assert!(started.code().unknown_words().is_empty());
/// # Ok(()) });
/// ```
pub struct Initiator {
    exchange: Exchange,
    code: Option<Result<Code, Error>>,
}

/// The side that types the code.
///
/// ```
/// use wormhole_sync::transcribe::{Initiator, Receiver};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
/// # let typed = started.code().as_str().to_owned();
/// # tokio::spawn(started.finish());
/// let receiver = Receiver::new("example.com/pairing", &typed, b"two").rendezvous(url);
/// assert_eq!(receiver.finish().await?, b"one");
/// # Ok(()) });
/// ```
pub struct Receiver {
    exchange: Exchange,
    code: Result<Code, Error>,
}

/// An exchange whose code is known. Show [`code`](Self::code), then [`finish`](Self::finish).
///
/// ```
/// use wormhole_sync::transcribe::Initiator;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
/// let code = started.code().clone();
/// # let receiver = Initiator::typing("example.com/pairing", code.as_str(), b"two");
/// # tokio::spawn(receiver.rendezvous(url).finish());
/// assert_eq!(started.finish().await?, b"two");
/// # Ok(()) });
/// ```
pub struct Started {
    coded: Coded,
    exchange: Exchange,
}

opaque!(Initiator, Receiver, Started);

struct Exchange {
    app_id: String,
    blob: Vec<u8>,
    options: Options,
    verify: Option<Verify>,
}

macro_rules! choices {
    () => {
        /// Takes all options at once, in place of those chosen so far.
        ///
        /// ```
        /// use wormhole_sync::{Options, transcribe::{Initiator, Receiver}};
        ///
        /// # wormhole_sync_testkit::doc::run(async |url| {
        /// let options = Options::new().rendezvous(url).client_version("pairing", "1.4.2");
        /// let initiator = Initiator::new("example.com/pairing", b"one").options(options.clone());
        /// let started = initiator.start().await?;
        /// let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
        /// let receiver = receiver.options(options);
        /// let (theirs, _) = tokio::try_join!(started.finish(), receiver.finish())?;
        /// assert_eq!(theirs, b"two");
        /// # Ok(()) });
        /// ```
        #[must_use]
        pub fn options(mut self, options: Options) -> Self {
            self.exchange.options = options;
            self
        }

        /// The mailbox server; see [`Options::rendezvous`].
        ///
        /// ```
        /// use wormhole_sync::{ErrorKind, transcribe::{Initiator, Receiver}};
        ///
        /// # wormhole_sync_testkit::doc::run(async |url| {
        /// Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
        ///
        /// let nobody = "ws://127.0.0.1:1/v1";
        /// let receiver = Receiver::new("example.com/pairing", "4-guitarist-revenge", b"two");
        /// assert_eq!(receiver.rendezvous(nobody).finish().await.err().unwrap().kind(), ErrorKind::Unreachable);
        /// # Ok(()) });
        /// ```
        #[must_use]
        pub fn rendezvous(mut self, url: impl Into<String>) -> Self {
            self.exchange.options = self.exchange.options.rendezvous(url);
            self
        }

        /// How long the whole exchange may take; see [`Options::time_limit`].
        ///
        /// ```
        /// use std::time::Duration;
        /// use wormhole_sync::{ErrorKind, transcribe::{Initiator, Receiver}};
        ///
        /// # wormhole_sync_testkit::doc::run(async |url| {
        /// let limit = Duration::from_millis(300);
        /// let initiator = Initiator::new("example.com/pairing", b"one");
        /// let initiator = initiator.rendezvous(url).time_limit(limit);
        /// let receiver = Receiver::new("example.com/pairing", "40-guitarist-revenge", b"two");
        /// let receiver = receiver.rendezvous(url).time_limit(limit);
        /// for alone in [initiator.start().await?.finish().await, receiver.finish().await] {
        ///     assert_eq!(alone.err().unwrap().kind(), ErrorKind::TimedOut);
        /// }
        /// # Ok(()) });
        /// ```
        #[must_use]
        pub fn time_limit(mut self, limit: Duration) -> Self {
            self.exchange.options = self.exchange.options.time_limit(limit);
            self
        }

        /// Shows the verifier before the blob is sent, and sends it only when the answer is `true`.
        ///
        /// After a refusal a peer made with this library ends with
        /// [`ErrorKind::Rejected`](crate::ErrorKind); another one waits for its time limit.
        ///
        /// ```
        /// use wormhole_sync::{ErrorKind, transcribe::{Initiator, Receiver}};
        ///
        /// # wormhole_sync_testkit::doc::run(async |url| {
        /// let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(url);
        /// let started = initiator.verify(async |_| true).start().await?;
        /// let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
        /// let receiver = receiver.rendezvous(url).verify(async |verifier| {
        ///     println!("does the other screen show {verifier}, too?");
        ///     false
        /// });
        /// let (one, other) = tokio::join!(started.finish(), receiver.finish());
        /// assert_eq!(one.err().unwrap().kind(), ErrorKind::Rejected);
        /// assert_eq!(other.err().unwrap().kind(), ErrorKind::VerifierRefused);
        /// # Ok(()) });
        /// ```
        #[must_use]
        pub fn verify<F>(mut self, ask: impl FnOnce(Verifier) -> F + Send + 'static) -> Self
        where
            F: Future<Output = bool> + Send + 'static,
        {
            self.exchange.verify = Some(Box::new(move |verifier| Box::pin(ask(verifier))));
            self
        }
    };
}

impl Initiator {
    /// An initiator for `app_id` that gives `blob`, of at most [`MAX_BLOB`] bytes. An empty blob is a
    /// blob.
    ///
    /// ```
    /// use wormhole_sync::transcribe::{Initiator, Receiver};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let started = Initiator::new("example.com/pairing", "").rendezvous(url).start().await?;
    /// # let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
    /// # let (_, ours) = tokio::try_join!(started.finish(), receiver.rendezvous(url).finish())?;
    /// assert_eq!(ours, b""); // on the other side
    /// # Ok(()) });
    /// ```
    pub fn new(app_id: impl Into<String>, blob: impl Into<Vec<u8>>) -> Self {
        Self { exchange: Exchange::new(app_id.into(), blob.into()), code: None }
    }

    /// An initiator that types the code which a [receiver](Receiver::allocating) shows. On the wire
    /// the roles differ in nothing but who has the code first, so this is what a [`Receiver`] does.
    ///
    /// ```
    /// use wormhole_sync::transcribe::{Initiator, Receiver};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let receiver = Receiver::allocating("example.com/pairing", b"two").rendezvous(url);
    /// let shown = receiver.start().await?;
    /// let initiator = Initiator::typing("example.com/pairing", shown.code().as_str(), b"one");
    /// let (ours, theirs) = tokio::try_join!(shown.finish(), initiator.rendezvous(url).finish())?;
    /// assert_eq!((&*ours, &*theirs), (&b"one"[..], &b"two"[..]));
    /// # Ok(()) });
    /// ```
    pub fn typing(app_id: impl Into<String>, code: &str, blob: impl Into<Vec<u8>>) -> Receiver {
        Receiver::new(app_id, code, blob)
    }

    choices!();

    /// Words of the code; see [`Options::words`].
    ///
    /// ```
    /// use wormhole_sync::transcribe::Initiator;
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(url).words(4);
    /// assert_eq!(initiator.start().await?.code().as_str().split('-').count(), 1 + 4);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn words(mut self, words: usize) -> Self {
        self.exchange.options = self.exchange.options.words(words);
        self
    }

    /// A code of one's own choosing instead of an allocated one: a number, a dash, and anything
    /// without spaces. Its number may be in use; its words are as strong as they are hard to guess.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, transcribe::Initiator};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(url);
    /// let started = initiator.code("77-our-cat's-first-name").start().await?;
    /// assert_eq!(started.code().as_str(), "77-our-cat's-first-name");
    ///
    /// let nonsense = Initiator::new("example.com/pairing", b"one").rendezvous(url).code("cat");
    /// assert_eq!(nonsense.start().await.err().unwrap().kind(), ErrorKind::BadCode);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(Code::parse(code).map_err(Error::from));
        self
    }

    /// Connects, and gets the code.
    ///
    /// ```
    /// use wormhole_sync::transcribe::Initiator;
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
    /// assert_eq!(started.code().nameplate().as_str().len(), 1); // the number is short
    /// # Ok(()) });
    /// ```
    pub async fn start(self) -> Result<Started, Error> {
        let handle = self.exchange.open()?;
        match self.code.transpose()? {
            Some(code) => handle.set_code(code),
            None => handle.allocate(),
        }
        Ok(Started {
            coded: Coded::new(handle, Greeting::default()).await?,
            exchange: self.exchange,
        })
    }
}

impl Receiver {
    /// A receiver for `app_id` that was told `code`, and gives `blob`, of at most [`MAX_BLOB`] bytes.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, transcribe::Receiver};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let receiver = Receiver::new("example.com/pairing", "purple-sausages", b"two");
    /// assert_eq!(receiver.rendezvous(url).finish().await.err().unwrap().kind(), ErrorKind::BadCode); // no number
    /// # Ok(()) });
    /// ```
    pub fn new(app_id: impl Into<String>, code: &str, blob: impl Into<Vec<u8>>) -> Self {
        Self {
            exchange: Exchange::new(app_id.into(), blob.into()),
            code: Code::parse(code).map_err(Error::from),
        }
    }

    /// A receiver that shows a code, for an [initiator that types](Initiator::typing): what an
    /// [`Initiator`] does.
    ///
    /// ```
    /// use wormhole_sync::transcribe::{Initiator, Receiver};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let receiver = Receiver::allocating("example.com/pairing", b"two").rendezvous(url);
    /// let started = receiver.start().await?;
    /// println!("Type this on the other computer: {}", started.code().as_str());
    /// # let initiator = Initiator::typing("example.com/pairing", started.code().as_str(), b"one");
    /// # tokio::spawn(initiator.rendezvous(url).finish());
    /// assert_eq!(started.finish().await?, b"one");
    /// # Ok(()) });
    /// ```
    pub fn allocating(app_id: impl Into<String>, blob: impl Into<Vec<u8>>) -> Initiator {
        Initiator::new(app_id, blob)
    }

    choices!();

    /// Connects, waits for the other side, and returns its blob.
    ///
    /// ```
    /// use wormhole_sync::transcribe::{Initiator, Receiver};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
    /// # let typed = started.code().as_str().to_owned();
    /// # tokio::spawn(started.finish());
    /// let receiver = Receiver::new("example.com/pairing", &typed, b"two").rendezvous(url);
    /// assert_eq!(receiver.finish().await?, b"one");
    /// # Ok(()) });
    /// ```
    pub async fn finish(self) -> Result<Vec<u8>, Error> {
        let code = self.code?;
        let handle = self.exchange.open()?;
        handle.set_code(code);
        let coded = Coded::new(handle, Greeting::default()).await?;
        Started { coded, exchange: self.exchange }.finish().await
    }
}

impl Started {
    /// The code, to be carried to the other side.
    ///
    /// ```
    /// use wormhole_sync::transcribe::Initiator;
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
    /// let code = started.code();
    /// assert!(code.as_str().starts_with(code.nameplate().as_str()));
    /// # Ok(()) });
    /// ```
    pub const fn code(&self) -> &Code {
        self.coded.code()
    }

    /// Waits for the other side, and returns its blob. When this returns, the own blob is at the
    /// server for the other side to fetch.
    ///
    /// ```
    /// use wormhole_sync::transcribe::{Initiator, Receiver};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start().await?;
    /// # let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
    /// # tokio::spawn(receiver.rendezvous(url).finish());
    /// assert_eq!(started.finish().await?, b"two");
    /// # Ok(()) });
    /// ```
    pub async fn finish(self) -> Result<Vec<u8>, Error> {
        let mut wormhole = self.coded.confirmed().await?;
        if let Some(ask) = self.exchange.verify
            && !ask(wormhole.verifier()).await
        {
            wormhole.abort();
            return Err(Cause::VerifierRefused.into());
        }
        wormhole.send(&self.exchange.blob).await?;
        let theirs = wormhole.receive().await?;
        wormhole.close().await?;
        Ok(theirs)
    }
}

impl Exchange {
    fn new(app_id: String, blob: Vec<u8>) -> Self {
        Self { app_id, blob, options: Options::new(), verify: None }
    }

    /// Refuses what cannot be sent before anything is.
    fn open(&self) -> Result<Handle, Error> {
        if self.blob.len() > MAX_BLOB {
            return Err(Cause::TooLong { length: self.blob.len() }.into());
        }
        driver::open(&self.app_id, &self.options)
    }
}

//! One blob each way, without async. See [`crate::transcribe`] for the roles.
//!
//! ```
//! use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
//!
//! # let url = wormhole_sync_testkit::doc::server();
//! let initiator = Initiator::new("example.com/pairing", b"initiator's blob");
//! let started = initiator.rendezvous(&url).start()?;
//! println!("Invitation code: {}", started.code().as_str());
//! # let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
//! # std::thread::spawn(move || receiver.rendezvous(url).finish());
//! assert_eq!(started.finish()?, b"two"); // the receiver's blob
//! # Ok::<(), wormhole_sync::Error>(())
//! ```

use std::{fmt, time::Duration};

use super::On;
use crate::{Code, Error, Options, Verifier, transcribe, wormhole::opaque};

/// The side that shows the code. See [`transcribe::Initiator`].
///
/// ```
/// use wormhole_sync::blocking::transcribe::Initiator;
///
/// # let url = wormhole_sync_testkit::doc::server();
/// let initiator = Initiator::new("example.com/pairing", b"my public key").rendezvous(url);
/// let started = initiator.start()?;
/// println!("Invitation code: {}", started.code().as_str());
/// # assert!(started.code().unknown_words().is_empty());
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Initiator(transcribe::Initiator);

/// The side that types the code. See [`transcribe::Receiver`].
///
/// ```
/// use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// # let started = Initiator::new("example.com/pairing", b"one").rendezvous(&url).start()?;
/// # let typed = started.code().as_str().to_owned();
/// # std::thread::spawn(move || started.finish());
/// let receiver = Receiver::new("example.com/pairing", &typed, b"two").rendezvous(url);
/// assert_eq!(receiver.finish()?, b"one");
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Receiver(transcribe::Receiver);

/// An exchange whose code is known. See [`transcribe::Started`].
///
/// ```
/// use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// let started = Initiator::new("example.com/pairing", b"one").rendezvous(&url).start()?;
/// # let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
/// # let receiver = std::thread::spawn(move || receiver.rendezvous(url).finish());
/// assert_eq!(started.finish()?, b"two"); // the other side's blob
/// # assert_eq!(receiver.join().unwrap()?, b"one");
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Started(On<transcribe::Started>);

opaque!(Initiator, Receiver, Started);

macro_rules! choices {
    () => {
        /// Takes all options at once, in place of those chosen so far.
        ///
        /// ```
        /// use wormhole_sync::{Options, blocking::transcribe::{Initiator, Receiver}};
        ///
        /// # let url = wormhole_sync_testkit::doc::server();
        /// let options = Options::new().rendezvous(url).words(3);
        /// let initiator = Initiator::new("example.com/pairing", b"one").options(options.clone());
        /// let started = initiator.start()?;
        /// let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
        /// let receiver = receiver.options(options); // on the other computer
        /// # let receiver = std::thread::spawn(move || receiver.finish());
        /// assert_eq!(started.finish()?, b"two");
        /// # assert_eq!(receiver.join().unwrap()?, b"one");
        /// # Ok::<(), wormhole_sync::Error>(())
        /// ```
        #[must_use]
        pub fn options(self, options: Options) -> Self {
            Self(self.0.options(options))
        }

        /// The mailbox server; see [`Options::rendezvous`].
        ///
        /// ```
        /// use wormhole_sync::{ErrorKind, blocking::transcribe::{Initiator, Receiver}};
        ///
        /// # let url = wormhole_sync_testkit::doc::server();
        /// Initiator::new("example.com/pairing", b"one").rendezvous(url).start()?;
        ///
        /// let nobody = "ws://127.0.0.1:1/v1";
        /// let receiver = Receiver::new("example.com/pairing", "4-guitarist-revenge", b"two");
        /// assert_eq!(receiver.rendezvous(nobody).finish().err().unwrap().kind(), ErrorKind::Unreachable);
        /// # Ok::<(), wormhole_sync::Error>(())
        /// ```
        #[must_use]
        pub fn rendezvous(self, url: impl Into<String>) -> Self {
            Self(self.0.rendezvous(url))
        }

        /// How long the whole exchange may take; see [`Options::time_limit`].
        ///
        /// ```
        /// use std::{fmt, time::Duration};
        /// use wormhole_sync::{ErrorKind, blocking::transcribe::{Initiator, Receiver}};
        ///
        /// # let url = wormhole_sync_testkit::doc::server();
        /// let limit = Duration::from_millis(300);
        /// let initiator = Initiator::new("example.com/pairing", b"one");
        /// let initiator = initiator.rendezvous(&url).time_limit(limit);
        /// let receiver = Receiver::new("example.com/pairing", "40-guitarist-revenge", b"two");
        /// let receiver = receiver.rendezvous(url).time_limit(limit);
        /// for alone in [initiator.start()?.finish(), receiver.finish()] {
        ///     assert_eq!(alone.err().unwrap().kind(), ErrorKind::TimedOut);
        /// }
        /// # Ok::<(), wormhole_sync::Error>(())
        /// ```
        #[must_use]
        pub fn time_limit(self, limit: Duration) -> Self {
            Self(self.0.time_limit(limit))
        }

        /// Shows the verifier before the blob is sent, and sends it only when the answer is `true`.
        /// `ask` may block: it is called on a thread of its own.
        ///
        /// ```
        /// use wormhole_sync::{ErrorKind, blocking::transcribe::{Initiator, Receiver}};
        ///
        /// # let url = wormhole_sync_testkit::doc::server();
        /// let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(&url);
        /// let started = initiator.verify(|_| true).start()?;
        /// let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
        /// let receiver = receiver.rendezvous(url).verify(|verifier| {
        ///     println!("does the other screen show {verifier}, too?");
        ///     false
        /// });
        /// # let receiver = std::thread::spawn(move || receiver.finish());
        /// assert_eq!(started.finish().err().unwrap().kind(), ErrorKind::Rejected);
        /// # assert_eq!(receiver.join().unwrap().err().unwrap().kind(), ErrorKind::VerifierRefused);
        /// # Ok::<(), wormhole_sync::Error>(())
        /// ```
        #[must_use]
        pub fn verify(self, ask: impl FnOnce(Verifier) -> bool + Send + 'static) -> Self {
            Self(self.0.verify(|verifier| async move {
                tokio::task::spawn_blocking(move || ask(verifier)).await.unwrap_or(false)
            }))
        }
    };
}

impl Initiator {
    /// An initiator for `app_id` that gives `blob`. See [`transcribe::Initiator::new`].
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, MAX_BLOB, blocking::transcribe::Initiator};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let initiator = Initiator::new("example.com/pairing", vec![0; MAX_BLOB + 1]).rendezvous(url);
    /// assert_eq!(initiator.start().err().unwrap().kind(), ErrorKind::TooLong);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn new(app_id: impl Into<String>, blob: impl Into<Vec<u8>>) -> Self {
        Self(transcribe::Initiator::new(app_id, blob))
    }

    /// An initiator that types the code which a [receiver](Receiver::allocating) shows: what a
    /// [`Receiver`] does.
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let shown = Receiver::allocating("example.com/pairing", b"two").rendezvous(&url).start()?;
    /// let initiator = Initiator::typing("example.com/pairing", shown.code().as_str(), b"one");
    /// # std::thread::spawn(move || shown.finish());
    /// assert_eq!(initiator.rendezvous(url).finish()?, b"two");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn typing(app_id: impl Into<String>, code: &str, blob: impl Into<Vec<u8>>) -> Receiver {
        Receiver::new(app_id, code, blob)
    }

    choices!();

    /// Words of the code; see [`Options::words`].
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::Initiator;
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(url).words(4);
    /// assert_eq!(initiator.start()?.code().as_str().split('-').count(), 1 + 4);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    #[must_use]
    pub fn words(self, words: usize) -> Self {
        Self(self.0.words(words))
    }

    /// A code of one's own choosing. See [`transcribe::Initiator::code`].
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::Initiator;
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(url);
    /// let started = initiator.code("77-our-cat's-first-name").start()?;
    /// assert_eq!(started.code().as_str(), "77-our-cat's-first-name");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    #[must_use]
    pub fn code(self, code: &str) -> Self {
        Self(self.0.code(code))
    }

    /// Connects, and gets the code.
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::Initiator;
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start()?;
    /// assert_eq!(started.code().nameplate().as_str().len(), 1); // the number is short
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn start(self) -> Result<Started, Error> {
        On::begin(self.0.start()).map(Started)
    }
}

impl Receiver {
    /// A receiver for `app_id` that was told `code`. See [`transcribe::Receiver::new`].
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, blocking::transcribe::Receiver};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let receiver = Receiver::new("example.com/pairing", "purple-sausages", b"two");
    /// assert_eq!(receiver.rendezvous(url).finish().err().unwrap().kind(), ErrorKind::BadCode); // no number
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn new(app_id: impl Into<String>, code: &str, blob: impl Into<Vec<u8>>) -> Self {
        Self(transcribe::Receiver::new(app_id, code, blob))
    }

    /// A receiver that shows a code, for an [initiator that types](Initiator::typing): what an
    /// [`Initiator`] does.
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let shown = Receiver::allocating("example.com/pairing", b"two").rendezvous(&url).start()?;
    /// println!("Type this on the other computer: {}", shown.code().as_str());
    /// # let initiator = Initiator::typing("example.com/pairing", shown.code().as_str(), b"one");
    /// # std::thread::spawn(move || initiator.rendezvous(url).finish());
    /// assert_eq!(shown.finish()?, b"one");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn allocating(app_id: impl Into<String>, blob: impl Into<Vec<u8>>) -> Initiator {
        Initiator::new(app_id, blob)
    }

    choices!();

    /// Connects, waits for the other side, and returns its blob.
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let started = Initiator::new("example.com/pairing", b"one").rendezvous(&url).start()?;
    /// # let typed = started.code().as_str().to_owned();
    /// # std::thread::spawn(move || started.finish());
    /// let receiver = Receiver::new("example.com/pairing", &typed, b"two").rendezvous(url);
    /// assert_eq!(receiver.finish()?, b"one");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        On::begin(self.0.finish()).map(|on| on.value)
    }
}

impl Started {
    /// The code, to be carried to the other side.
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::Initiator;
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let started = Initiator::new("example.com/pairing", b"one").rendezvous(url).start()?;
    /// let code = started.code();
    /// assert!(code.as_str().starts_with(code.nameplate().as_str()));
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn code(&self) -> &Code {
        self.0.value.code()
    }

    /// Waits for the other side, and returns its blob.
    ///
    /// ```
    /// use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let started = Initiator::new("example.com/pairing", b"one").rendezvous(&url).start()?;
    /// # let receiver = Receiver::new("example.com/pairing", started.code().as_str(), b"two");
    /// # let receiver = std::thread::spawn(move || receiver.rendezvous(url).finish());
    /// assert_eq!(started.finish()?, b"two");
    /// # assert_eq!(receiver.join().unwrap()?, b"one");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        self.0.end(transcribe::Started::finish)
    }
}

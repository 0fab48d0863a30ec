//! One blob each way, without async. See [`crate::transcribe`] for the roles.
//!
//! ```no_run
//! use wormhole_sync::blocking::transcribe::Initiator;
//!
//! # fn run() -> Result<(), wormhole_sync::Error> {
//! let started = Initiator::new("example.com/pairing", b"initiator's blob").start()?;
//! println!("Invitation code: {}", started.code().as_str());
//! let theirs = started.finish()?;
//! # Ok(()) }
//! ```

use std::time::Duration;

use super::On;
use crate::{Code, Error, Options, Verifier, transcribe};

/// The side that shows the code. See [`transcribe::Initiator`].
pub struct Initiator(transcribe::Initiator);

/// The side that types the code. See [`transcribe::Receiver`].
pub struct Receiver(transcribe::Receiver);

/// An exchange whose code is known. See [`transcribe::Started`].
pub struct Started(On<transcribe::Started>);

macro_rules! choices {
    () => {
        /// Takes all options at once, in place of those chosen so far.
        #[must_use]
        pub fn options(self, options: Options) -> Self {
            Self(self.0.options(options))
        }

        /// The mailbox server; see [`Options::rendezvous`].
        #[must_use]
        pub fn rendezvous(self, url: impl Into<String>) -> Self {
            Self(self.0.rendezvous(url))
        }

        /// How long the whole exchange may take; see [`Options::time_limit`].
        #[must_use]
        pub fn time_limit(self, limit: Duration) -> Self {
            Self(self.0.time_limit(limit))
        }

        /// Shows the verifier before the blob is sent, and sends it only when the answer is `true`.
        /// `ask` may block: it is called on a thread of its own.
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
    pub fn new(app_id: impl Into<String>, blob: impl Into<Vec<u8>>) -> Self {
        Self(transcribe::Initiator::new(app_id, blob))
    }

    /// An initiator that types the code which a [receiver](Receiver::allocating) shows.
    pub fn typing(app_id: impl Into<String>, code: &str, blob: impl Into<Vec<u8>>) -> Receiver {
        Receiver::new(app_id, code, blob)
    }

    choices!();

    /// Words of the code; see [`Options::words`].
    #[must_use]
    pub fn words(self, words: usize) -> Self {
        Self(self.0.words(words))
    }

    /// A code of one's own choosing. See [`transcribe::Initiator::code`].
    #[must_use]
    pub fn code(self, code: &str) -> Self {
        Self(self.0.code(code))
    }

    /// Connects, and gets the code.
    pub fn start(self) -> Result<Started, Error> {
        On::begin(self.0.start()).map(Started)
    }
}

impl Receiver {
    /// A receiver for `app_id` that was told `code`. See [`transcribe::Receiver::new`].
    pub fn new(app_id: impl Into<String>, code: &str, blob: impl Into<Vec<u8>>) -> Self {
        Self(transcribe::Receiver::new(app_id, code, blob))
    }

    /// A receiver that shows a code, for an [initiator that types](Initiator::typing).
    pub fn allocating(app_id: impl Into<String>, blob: impl Into<Vec<u8>>) -> Initiator {
        Initiator::new(app_id, blob)
    }

    choices!();

    /// Connects, waits for the other side, and returns its blob.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        On::begin(self.0.finish()).map(|on| on.value)
    }
}

impl Started {
    /// The code, to be carried to the other side.
    pub fn code(&self) -> &Code {
        self.0.value.code()
    }

    /// Waits for the other side, and returns its blob.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        self.0.end(transcribe::Started::finish)
    }
}

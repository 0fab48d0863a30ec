//! The same without async: a thin runtime around the async types.
//!
//! Each value brings its own single-threaded runtime, so that these must not be used inside another
//! one (tokio panics there). Dropping a value says goodbye to the server first, for at most
//! [`DROP_LIMIT`].

use std::future::Future;

use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use crate::{
    Code, DROP_LIMIT, DeriveError, Error, Options, Verifier, driver::farewells, error::Cause,
    wormhole,
};

pub mod transcribe;

/// A connection to a mailbox server that has no code yet. See [`crate::Connected`].
pub struct Connected(On<wormhole::Connected>);

/// A wormhole whose code is known. See [`crate::Coded`].
pub struct Coded(On<wormhole::Coded>);

/// An open wormhole. See [`crate::Wormhole`].
///
/// ```no_run
/// use wormhole_sync::{Options, blocking::Wormhole};
///
/// # fn run() -> Result<(), wormhole_sync::Error> {
/// let coded = Wormhole::connect("example.com/chat", Options::new())?.allocate()?;
/// println!("Code: {}", coded.code().as_str());
/// let mut wormhole = coded.confirmed()?;
/// wormhole.send(b"hello")?;
/// let reply = wormhole.receive()?;
/// wormhole.close()?;
/// # Ok(()) }
/// ```
pub struct Wormhole(On<wormhole::Wormhole>);

impl Wormhole {
    /// Connects to the mailbox server. See [`crate::Wormhole::connect`].
    pub fn connect(app_id: &str, options: Options) -> Result<Connected, Error> {
        On::begin(wormhole::Wormhole::connect(app_id, options)).map(Connected)
    }

    /// The value that both sides can compare aloud.
    pub fn verifier(&self) -> Verifier {
        self.0.value.verifier()
    }

    /// What the other side's application said of itself.
    pub fn peer_versions(&self) -> &Map<String, Value> {
        self.0.value.peer_versions()
    }

    /// The server's message of the day: a stranger's text.
    pub fn welcome(&self) -> Option<&str> {
        self.0.value.welcome()
    }

    /// Sends a message. See [`crate::Wormhole::send`].
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.0.runtime.block_on(self.0.value.send(message))
    }

    /// The other side's next message, in order.
    pub fn receive(&mut self) -> Result<Vec<u8>, Error> {
        self.0.runtime.block_on(self.0.value.receive())
    }

    /// A key for a purpose. See [`crate::Wormhole::derive_key`].
    pub fn derive_key(
        &self,
        purpose: &str,
        length: usize,
    ) -> Result<Result<Zeroizing<Vec<u8>>, DeriveError>, Error> {
        self.0.runtime.block_on(self.0.value.derive_key(purpose, length))
    }

    /// Delivers, lets go and disconnects. See [`crate::Wormhole::close`].
    pub fn close(self) -> Result<(), Error> {
        self.0.end(wormhole::Wormhole::close)
    }
}

impl Connected {
    /// The server's message of the day: a stranger's text.
    pub fn welcome(&self) -> Option<&str> {
        self.0.value.welcome()
    }

    /// The nameplates in use. See [`crate::Connected::nameplates`].
    pub fn nameplates(&mut self) -> Result<Vec<String>, Error> {
        self.0.runtime.block_on(self.0.value.nameplates())
    }

    /// Asks for a nameplate and makes a code.
    pub fn allocate(self) -> Result<Coded, Error> {
        self.0.next(wormhole::Connected::allocate).map(Coded)
    }

    /// Uses a code that is known.
    pub fn set_code(self, code: Code) -> Result<Coded, Error> {
        self.0.next(|connected| connected.set_code(code)).map(Coded)
    }

    /// Disconnects.
    pub fn close(self) -> Result<(), Error> {
        self.0.end(wormhole::Connected::close)
    }
}

impl Coded {
    /// The code, to be shown to the person who carries it.
    pub fn code(&self) -> &Code {
        self.0.value.code()
    }

    /// Waits for the other side, and until it has shown that it knows the code.
    pub fn confirmed(self) -> Result<Wormhole, Error> {
        self.0.next(wormhole::Coded::confirmed).map(Wormhole)
    }

    /// Lets go of the code and disconnects.
    pub fn close(self) -> Result<(), Error> {
        self.0.end(wormhole::Coded::close)
    }
}

/// A value and the runtime that drives it. The fields are dropped in their order: the value first,
/// whose goodbye the runtime then sees through.
struct On<T> {
    value: T,
    runtime: SeesThrough,
}

/// A runtime that lasts until the goodbyes on it are over.
struct SeesThrough(Runtime);

impl SeesThrough {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}

impl Drop for SeesThrough {
    fn drop(&mut self) {
        self.0.block_on(farewells(DROP_LIMIT));
    }
}

impl<T> On<T> {
    fn begin<F>(future: F) -> Result<Self, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Cause::Runtime(error.to_string()))?;
        let runtime = SeesThrough(runtime);
        let value = runtime.block_on(future)?;
        Ok(Self { value, runtime })
    }

    fn next<U, F>(self, step: impl FnOnce(T) -> F) -> Result<On<U>, Error>
    where
        F: Future<Output = Result<U, Error>>,
    {
        let value = self.runtime.block_on(step(self.value))?;
        Ok(On { value, runtime: self.runtime })
    }

    fn end<U, F>(self, step: impl FnOnce(T) -> F) -> Result<U, Error>
    where
        F: Future<Output = Result<U, Error>>,
    {
        self.runtime.block_on(step(self.value))
    }
}

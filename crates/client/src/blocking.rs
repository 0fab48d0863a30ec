//! The same without async.
//!
//! Each value brings a thread of its own, which drives it until it is dropped, also while no method
//! runs: the connection is kept alive and resumed, and what was sent leaves at once. A method blocks
//! its caller, and may be called on any thread; inside an async runtime it holds up that runtime's
//! thread, no more. Dropping a value says goodbye to the server, and waits for that, for about
//! [`DROP_LIMIT`](crate::DROP_LIMIT) at the most; so a program may end at any time.
//!
//! Threads do not survive a `fork`: a value belongs to the process that made it, and a child makes
//! its own.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    Code, Error, Options, Verifier,
    wormhole::{self, opaque},
};

mod thread;

pub mod transcribe;
pub mod transfer;

use thread::On;

/// A connection to a mailbox server that has no code yet. See [`crate::Connected`].
///
/// ```
/// use wormhole_sync::{Options, blocking::Wormhole};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
///
/// assert_eq!(connected.allocate()?.code().nameplate().as_str().len(), 1);
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Connected(On<wormhole::Connected>);

/// A wormhole whose code is known. See [`crate::Coded`].
///
/// ```
/// use wormhole_sync::{Options, blocking::Wormhole};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(&url))?;
///
/// let coded = connected.allocate()?;
/// # let other = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
/// # let code = coded.code().clone();
/// # let other = std::thread::spawn(move || other.set_code(code)?.confirmed());
/// let wormhole = coded.confirmed()?; // once the other side has typed the code
/// # assert_eq!(wormhole.verifier(), other.join().unwrap()?.verifier());
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Coded(On<wormhole::Coded>);

/// An open wormhole. See [`crate::Wormhole`].
///
/// ```
/// use wormhole_sync::{Options, blocking::Wormhole};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// let options = Options::new().rendezvous(url);
/// # let other = Wormhole::connect("example.com/chat", options.clone())?;
/// let coded = Wormhole::connect("example.com/chat", options)?.allocate()?;
/// println!("Code: {}", coded.code().as_str());
/// # let code = coded.code().clone();
/// # let other = std::thread::spawn(move || {
/// #     let mut other = other.set_code(code)?.confirmed()?;
/// #     let said = other.receive()?;
/// #     other.send(&[&said[..], b" yourself"].concat())?;
/// #     other.close()
/// # });
/// let mut wormhole = coded.confirmed()?;
/// wormhole.send(b"hello")?;
/// assert_eq!(wormhole.receive()?, b"hello yourself");
/// wormhole.close()?;
/// # other.join().unwrap()?;
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Wormhole(On<wormhole::Wormhole>);

impl Wormhole {
    /// Connects to the mailbox server. See [`crate::Wormhole::connect`].
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, Options, blocking::Wormhole};
    ///
    /// let nobody = Options::new().rendezvous("ws://127.0.0.1:1/v1");
    /// let error = Wormhole::connect("example.com/chat", nobody).err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::Unreachable);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn connect(app_id: &str, options: Options) -> Result<Connected, Error> {
        On::begin(wormhole::Wormhole::connect(app_id, options)).map(Connected)
    }

    /// The value that both sides can compare aloud.
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// assert_eq!(one.verifier(), other.verifier());
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn verifier(&self) -> Verifier {
        self.0.value.verifier()
    }

    /// What the other side's application said of itself.
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// assert_eq!(one.peer_versions()["example"], 1);
    /// # assert_eq!(other.peer_versions()["example"], 1);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn peer_versions(&self) -> &Map<String, Value> {
        self.0.value.peer_versions()
    }

    /// The server's message of the day: a stranger's text.
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// assert_eq!(one.welcome(), Some("down for repair on Sunday"));
    /// # drop(other);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn welcome(&self) -> Option<&str> {
        self.0.value.welcome()
    }

    /// Sends a message. See [`crate::Wormhole::send`].
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (mut one, mut other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// one.send(b"hello")?;
    /// one.close()?;
    /// assert_eq!(other.receive()?, b"hello");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.0.run_mut(async |wormhole| wormhole.send(message).await)
    }

    /// The other side's next message, in order.
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (mut one, mut other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// # std::thread::spawn(move || {
    /// #     other.send(b"first")?;
    /// #     other.send(b"second")?;
    /// #     other.close()
    /// # });
    /// assert_eq!(one.receive()?, b"first");
    /// assert_eq!(one.receive()?, b"second");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn receive(&mut self) -> Result<Vec<u8>, Error> {
        self.0.run_mut(wormhole::Wormhole::receive)
    }

    /// A key for a purpose. See [`crate::Wormhole::derive_key`].
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// let key = one.derive_key("example.com/chat/history", 32)?;
    /// # assert_eq!(key, other.derive_key("example.com/chat/history", 32)?);
    /// assert!(one.derive_key("wormhole:verifier", 32).is_err());
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn derive_key(&self, purpose: &str, length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.0.run(async |wormhole| wormhole.derive_key(purpose, length).await)
    }

    /// Delivers, lets go and disconnects. See [`crate::Wormhole::close`].
    ///
    /// ```
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let (mut one, mut other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
    /// one.send(b"good night")?;
    /// one.close()?; // it is stored now
    /// assert_eq!(other.receive()?, b"good night");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn close(self) -> Result<(), Error> {
        self.0.end(wormhole::Wormhole::close)
    }
}

impl Connected {
    /// The server's message of the day: a stranger's text.
    ///
    /// ```
    /// use wormhole_sync::{Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    /// assert_eq!(connected.welcome(), Some("down for repair on Sunday"));
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn welcome(&self) -> Option<&str> {
        self.0.value.welcome()
    }

    /// The nameplates in use. See [`crate::Connected::nameplates`].
    ///
    /// ```
    /// use wormhole_sync::{Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let coded = Wormhole::connect("example.com/chat", Options::new().rendezvous(&url))?;
    /// # let coded = coded.allocate()?; // another side is waiting
    /// let mut typing = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    /// assert_eq!(typing.nameplates()?, [coded.code().nameplate().as_str()]);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn nameplates(&mut self) -> Result<Vec<String>, Error> {
        self.0.run_mut(wormhole::Connected::nameplates)
    }

    /// Asks for a nameplate and makes a code.
    ///
    /// ```
    /// use wormhole_sync::{Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    ///
    /// let coded = connected.allocate()?;
    /// println!("Invitation code: {}", coded.code().as_str()); // such as 4-guitarist-revenge
    /// # assert!(coded.code().unknown_words().is_empty());
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn allocate(self) -> Result<Coded, Error> {
        self.0.next(wormhole::Connected::allocate).map(Coded)
    }

    /// Uses a code that is known.
    ///
    /// ```
    /// use wormhole_sync::{Code, Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    ///
    /// let typed = Code::parse("4-guitarist-revenge").expect("a number and words");
    /// assert_eq!(connected.set_code(typed)?.code().nameplate().as_str(), "4");
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn set_code(self, code: Code) -> Result<Coded, Error> {
        self.0.next(|connected| connected.set_code(code)).map(Coded)
    }

    /// Disconnects.
    ///
    /// ```
    /// use wormhole_sync::{Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    /// connected.close()?; // the user thought better of it
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn close(self) -> Result<(), Error> {
        self.0.end(wormhole::Connected::close)
    }
}

impl Coded {
    /// The code, to be shown to the person who carries it.
    ///
    /// ```
    /// use wormhole_sync::{Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    ///
    /// let coded = connected.allocate()?;
    /// assert_eq!(coded.code().as_str().split('-').count(), 1 + 2);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn code(&self) -> &Code {
        self.0.value.code()
    }

    /// Waits for the other side, and until it has shown that it knows the code.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wormhole_sync::{ErrorKind, Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// let options = Options::new().rendezvous(url).time_limit(Duration::from_millis(300));
    /// let coded = Wormhole::connect("example.com/chat", options)?.allocate()?;
    /// assert_eq!(coded.confirmed().err().unwrap().kind(), ErrorKind::TimedOut); // nobody came
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn confirmed(self) -> Result<Wormhole, Error> {
        self.0.next(wormhole::Coded::confirmed).map(Wormhole)
    }

    /// Lets go of the code and disconnects.
    ///
    /// ```
    /// use wormhole_sync::{Options, blocking::Wormhole};
    ///
    /// # let url = wormhole_sync_testkit::doc::server();
    /// # let mut watching = Wormhole::connect("example.com/chat", Options::new().rendezvous(&url))?;
    /// let connected = Wormhole::connect("example.com/chat", Options::new().rendezvous(url))?;
    ///
    /// connected.allocate()?.close()?;
    /// assert!(watching.nameplates()?.is_empty()); // the number is free again
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn close(self) -> Result<(), Error> {
        self.0.end(wormhole::Coded::close)
    }
}

opaque!(Connected, Coded, Wormhole);

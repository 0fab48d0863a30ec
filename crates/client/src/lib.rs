//! Two computers, one short code, a secret each way.
//!
//! Two machines on the internet, neither with a public address, exchange a small secret each,
//! encrypted and authenticated. One side asks a mailbox server for a channel number and shows an
//! invitation code, the number and a few words; a person carries it to the other side. A
//! password-authenticated key exchange turns the words into a strong key, with a single guess for
//! an attacker; the server relays, and can read nothing.
//!
//! # The simple face
//!
//! [`transcribe`] exchanges one blob each way, asynchronously; [`blocking::transcribe`] is the same
//! without async.
//!
//! ```
//! use wormhole_sync::transcribe::{Initiator, Receiver};
//!
//! # wormhole_sync_testkit::doc::run(async |url| {
//! # let (tell, told) = tokio::sync::oneshot::channel();
//! # let one = async move {
//! let initiator = Initiator::new("example.com/pairing", b"initiator's blob");
//! let started = initiator.rendezvous(url).start().await?;
//! println!("Invitation code: {}", started.code().as_str());
//! # tell.send(started.code().as_str().to_owned()).unwrap();
//! let theirs = started.finish().await?;
//! assert_eq!(theirs, b"receiver's blob");
//! # Ok::<_, wormhole_sync::Error>(()) };
//!
//! // and on the other computer:
//! # let other = async move {
//! # let typed = told.await.unwrap();
//! let receiver = Receiver::new("example.com/pairing", &typed, b"receiver's blob");
//! let theirs = receiver.rendezvous(url).finish().await?;
//! assert_eq!(theirs, b"initiator's blob");
//! # Ok::<_, wormhole_sync::Error>(()) };
//! # tokio::try_join!(one, other)?;
//! # Ok(()) });
//! ```
//!
//! Without `rendezvous` both meet at [`DEFAULT_RENDEZVOUS`].
//!
//! # The general form
//!
//! [`Wormhole::connect`] leads through [`Connected`] and [`Coded`] to a [`Wormhole`] that sends and
//! receives any number of messages. What cannot be called yet does not exist yet.
//!
//! # Files, directories and texts
//!
//! [`transfer`] sends and receives them over a [`Wormhole`], with every tool of the family: handles
//! with events to show, an offer to accept or reject, and a way to cancel. [`files`] makes what is sent
//! out of paths, and puts what is received safely into a directory. [`blocking::transfer`] is the same
//! without async.
//!
//! # Application ids
//!
//! Clients with different application ids never see each other: two sides whose ids differ wait, and are not told. Each
//! id has short numbers of its own. Choose one under a domain name of yours, such as `example.com/pairing`.
//!
//! # Leaving
//!
//! Dropping any of these types, or a future of theirs, lets go of the server in the background:
//! what was claimed is released and the mailbox closed, within [`DROP_LIMIT`]. A program that is
//! about to exit, or to shut down a runtime, waits for that with [`farewells`] on that runtime.

mod refusal;

mod error;

mod harmful;

mod tcp;
mod url;

mod proxy;

mod options;

mod dial;
mod driver;

mod wormhole;

pub mod files;
pub mod transcribe;
pub mod transfer;

pub mod blocking;

pub mod probe;

pub use driver::{CLOSE_LIMIT, DROP_LIMIT, farewells};
pub use error::{Error, ErrorKind};
pub use harmful::is_harmful;
pub use options::{
    DEFAULT_RENDEZVOUS, Options, RENDEZVOUS_VARIABLE, STATUS_BACKLOG, Status, StatusStream,
};
pub use proxy::{NO_PROXY_VARIABLE, PROXY_VARIABLE, Proxy, TOR_PORTS};
pub use refusal::Trouble;
pub use url::without_login;
pub use wormhole::{Coded, Connected, Wormhole};
pub use wormhole_sync_core::{
    Code, Fault, Verifier,
    code::{CodeError, DEFAULT_WORDS, MAX_WORDS, UnknownWord, complete},
    hashcash::DEFAULT_MAX_BITS,
    wire::uri::{CodeUri, InvalidUri, Role},
};

/// Most bytes of one message, and so of a blob: 256 KiB.
///
/// ```
/// use wormhole_sync::{ErrorKind, MAX_BLOB, transcribe::Initiator};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let too_long = Initiator::new("example.com/pairing", vec![0; MAX_BLOB + 1]).rendezvous(url);
/// assert_eq!(too_long.start().await.err().unwrap().kind(), ErrorKind::TooLong);
/// # Ok(()) });
/// ```
pub const MAX_BLOB: usize = wormhole_sync_core::wire::limits::MAX_PLAINTEXT;

/// The application id under which the family's tools transfer texts and files.
///
/// ```
/// use wormhole_sync::{Options, TRANSFER_APP_ID, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let options = Options::new().rendezvous(url);
/// let coded = Wormhole::connect(TRANSFER_APP_ID, options).await?.allocate().await?;
/// println!("On the other computer: wormhole receive {}", coded.code().as_str());
/// # assert_eq!(coded.code().nameplate().as_str().len(), 1);
/// coded.close().await?;
/// # Ok(()) });
/// ```
pub const TRANSFER_APP_ID: &str = "lothar.com/wormhole/text-or-file-xfer";

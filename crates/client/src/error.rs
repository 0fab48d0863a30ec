//! What can go wrong, whose fault it is, and what to do.

use std::{fmt, io, sync::Arc, time::Duration};

use wormhole_sync_core::{
    Error as ProtocolError, Fault, code::CodeError, key::DeriveError, transfer::Failure,
    wire::InvalidName,
};

use crate::{
    MAX_BLOB,
    refusal::{Refusal, Trouble},
};

/// Why an exchange did not come about. Its text says what happened and what to do next.
///
/// ```
/// use wormhole_sync::transcribe::{Initiator, Receiver};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let initiator = Initiator::new("example.com/pairing", b"one").rendezvous(url);
/// # let started = initiator.code("4-guitarist-revenge").start().await?;
/// # tokio::spawn(started.finish());
/// let typo = Receiver::new("example.com/pairing", "4-guitarist-revenue", b"two").rendezvous(url);
/// let error = typo.finish().await.err().unwrap();
/// assert!(error.to_string().ends_with("start again with a new code"));
/// # Ok(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    cause: Cause,
}

/// The kinds of [`Error`], for programs that treat some of them in a special way.
///
/// ```
/// use wormhole_sync::{ErrorKind, Options, Wormhole};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let options = Options::new().rendezvous("ws://127.0.0.1:1/v1");
/// let advice = match Wormhole::connect("example.com/chat", options).await {
///     Err(error) if error.kind() == ErrorKind::Unreachable => "Is this computer online?".to_owned(),
///     Err(error) => error.to_string(),
///     Ok(_) => "all is well".to_owned(),
/// };
/// assert_eq!(advice, "Is this computer online?");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The two sides have different codes; or somebody guessed.
    WrongCode,
    /// The code's number is used by two others.
    Crowded,
    /// The text is no code.
    BadCode,
    /// The server's URL is no WebSocket URL, or a relay's or proxy's address none.
    BadUrl,
    /// The application id is empty or longer than 256 bytes.
    BadAppId,
    /// The purpose of a derived key is the protocol's own, or its length out of range.
    BadPurpose,
    /// The message is longer than [`MAX_BLOB`].
    TooLong,
    /// There was no connection to the server the first time.
    Unreachable,
    /// There was one, and no telling whom it led to: TLS failed, or there was none where there should be.
    Insecure,
    /// The server refused, or what answers in its place is none.
    Server,
    /// The peer misbehaved.
    Peer,
    /// The peer said no, or that it failed.
    Rejected,
    /// The verifier was refused on this side.
    VerifierRefused,
    /// The time limit passed.
    TimedOut,
    /// The goodbye took longer than [`CLOSE_LIMIT`](crate::CLOSE_LIMIT).
    Unconfirmed,
    /// The runtime that drove the exchange is gone.
    Stopped,
    /// The two sides cannot reach each other, nor both a relay, or no port can be listened on.
    Unconnected,
    /// The link of a transfer broke or stood still, and the other side has not said why.
    Interrupted,
    /// The other side received something else than was sent.
    Damaged,
    /// The application cancelled the transfer.
    Cancelled,
    /// What was to be sent cannot be read, or what was received cannot be written.
    Io,
}

#[derive(Clone, Debug)]
pub(crate) enum Cause {
    Protocol(ProtocolError),
    Unreachable {
        url: String,
        reason: String,
    },
    Refused {
        url: String,
        refusal: Refusal,
    },
    BadCode(CodeError),
    BadUrl {
        url: String,
    },
    BadAppId(InvalidName),
    BadPurpose(DeriveError),
    TooLong {
        length: usize,
    },
    VerifierRefused,
    TimedOut(Duration),
    Delayed {
        url: String,
        reason: String,
        limit: Duration,
    },
    Unconfirmed,
    Stopped,
    Random(String),
    Runtime(String),
    BadRelay(String),
    /// Without its login.
    BadProxy(String),
    NotTor(String),
    Listen(String),
    Transfer(Failure),
    Cancelled(String),
    /// One of [`crate::files`], which names what it is about, and says what to do.
    Files(Arc<io::Error>),
    Read(Arc<io::Error>),
    Write(Arc<io::Error>),
    /// What the peer sent is not what it offered, or made to do harm.
    Unusable(String),
}

impl Error {
    /// The kind, for programs.
    ///
    /// ```
    /// use wormhole_sync::{Code, Error, ErrorKind};
    ///
    /// let error = Error::from(Code::parse("purple-sausages").err().unwrap());
    /// assert_eq!(error.kind(), ErrorKind::BadCode);
    /// ```
    pub const fn kind(&self) -> ErrorKind {
        match &self.cause {
            Cause::Protocol(ProtocolError::WrongCode) => ErrorKind::WrongCode,
            Cause::Protocol(ProtocolError::Crowded) => ErrorKind::Crowded,
            Cause::Protocol(ProtocolError::PeerGaveUp) => ErrorKind::Rejected,
            Cause::Protocol(ProtocolError::Unreachable) | Cause::Unreachable { .. } => {
                ErrorKind::Unreachable
            }
            Cause::Refused { refusal, .. } if refusal.trouble.is_of_tls() => ErrorKind::Insecure,
            Cause::Protocol(error) if matches!(error.fault(), Fault::Peer) => ErrorKind::Peer,
            Cause::Refused { .. } | Cause::Protocol(_) => ErrorKind::Server,
            Cause::BadCode(_) => ErrorKind::BadCode,
            Cause::BadUrl { .. } | Cause::BadRelay(_) | Cause::BadProxy(_) | Cause::NotTor(_) => {
                ErrorKind::BadUrl
            }
            Cause::BadAppId(_) => ErrorKind::BadAppId,
            Cause::BadPurpose(_) => ErrorKind::BadPurpose,
            Cause::TooLong { .. } => ErrorKind::TooLong,
            Cause::VerifierRefused => ErrorKind::VerifierRefused,
            Cause::TimedOut(_) | Cause::Delayed { .. } => ErrorKind::TimedOut,
            Cause::Unconfirmed => ErrorKind::Unconfirmed,
            Cause::Stopped | Cause::Random(_) | Cause::Runtime(_) => ErrorKind::Stopped,
            Cause::Listen(_) => ErrorKind::Unconnected,
            Cause::Cancelled(_) => ErrorKind::Cancelled,
            Cause::Transfer(failure) => kind_of(failure),
            Cause::Files(_) | Cause::Read(_) | Cause::Write(_) => ErrorKind::Io,
            Cause::Unusable(_) => ErrorKind::Peer,
        }
    }

    /// Who is to blame.
    ///
    /// ```
    /// use wormhole_sync::{Code, Error, Fault};
    ///
    /// let error = Error::from(Code::parse("purple-sausages").err().unwrap());
    /// assert_eq!(error.fault(), Fault::Code); // and not the network's: trying again is of no use
    /// ```
    pub const fn fault(&self) -> Fault {
        match &self.cause {
            Cause::Protocol(error) => error.fault(),
            Cause::Unreachable { .. } | Cause::Unconfirmed => Fault::Network,
            Cause::Refused { refusal, .. } if refusal.trouble.is_of_tls() => Fault::Network,
            Cause::Delayed { .. } | Cause::Refused { .. } => Fault::Server,
            Cause::BadCode(_) => Fault::Code,
            Cause::TimedOut(_) | Cause::Unusable(_) => Fault::Peer,
            Cause::BadUrl { .. }
            | Cause::BadAppId(_)
            | Cause::BadPurpose(_)
            | Cause::TooLong { .. }
            | Cause::VerifierRefused
            | Cause::Stopped
            | Cause::Random(_)
            | Cause::Runtime(_)
            | Cause::BadRelay(_)
            | Cause::BadProxy(_)
            | Cause::NotTor(_)
            | Cause::Listen(_)
            | Cause::Cancelled(_)
            | Cause::Files(_)
            | Cause::Read(_)
            | Cause::Write(_) => Fault::Caller,
            Cause::Transfer(failure) => fault_of(failure),
        }
    }

    /// What is wrong with a server that was connected to the first time, and that let nobody in.
    ///
    /// ```
    /// use wormhole_sync::{Options, Trouble, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let secure = Options::new().rendezvous(url.replace("ws://", "wss://"));
    /// let error = Wormhole::connect("example.com/chat", secure).await.err().unwrap();
    /// assert_eq!(error.trouble(), Some(Trouble::NoTls));
    /// # Ok(()) });
    /// ```
    pub const fn trouble(&self) -> Option<Trouble> {
        match &self.cause {
            Cause::Refused { refusal, .. } => Some(refusal.trouble),
            _ => None,
        }
    }

    /// Why the server could not be used, without what the error's text has around it. It may quote a stranger: it is to
    /// be cleaned before it reaches a terminal, as the text is.
    ///
    /// ```
    /// use wormhole_sync::{Options, Wormhole};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// let wrong = Options::new().rendezvous(url.replace("/v1", "/v7"));
    /// let error = Wormhole::connect("example.com/chat", wrong).await.err().unwrap();
    /// assert!(error.reason().unwrap().starts_with("HTTP 404 Not Found: There is nothing here"));
    /// # Ok(()) });
    /// ```
    pub fn reason(&self) -> Option<&str> {
        match &self.cause {
            Cause::Unreachable { reason, .. } | Cause::Delayed { reason, .. } => Some(reason),
            Cause::Refused { refusal, .. } => Some(&refusal.reason),
            _ => None,
        }
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self { cause }
    }
}

impl From<CodeError> for Error {
    fn from(error: CodeError) -> Self {
        Cause::BadCode(error).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Protocol(error) => error.fmt(f),
            Cause::Unreachable { url, reason } => write!(
                f,
                "the mailbox server {url} cannot be reached ({reason}); check the network, or name another \
                 server"
            ),
            Cause::Refused { url, refusal } => refused(f, url, refusal),
            Cause::BadCode(error) => error.fmt(f),
            Cause::BadUrl { url } => write!(
                f,
                "'{url}' is no address of a mailbox server; it must look like wss://host:port/v1"
            ),
            Cause::BadAppId(error) => write!(f, "the application id is not valid: {error}"),
            Cause::BadPurpose(error) => error.fmt(f),
            Cause::TooLong { length } => write!(
                f,
                "the message has {length} bytes and {MAX_BLOB} are the most; send it as a file instead"
            ),
            Cause::VerifierRefused => f.write_str(
                "the verifier was refused on this side; start again with a new code, and beware of whoever \
                 answered this one",
            ),
            Cause::TimedOut(limit) => write!(
                f,
                "nothing came of it within {} seconds; make sure that the other side is running, with the same server and \
                 application id, and start again",
                limit.as_secs_f64()
            ),
            Cause::Delayed { url, reason, limit } => write!(
                f,
                "the mailbox server {url} went on refusing for {} seconds: {reason}; try later, or name \
                 another server",
                limit.as_secs_f64()
            ),
            Cause::Unconfirmed => f.write_str(
                "the connection was lost before the server confirmed the last messages; ask the other side \
                 whether they arrived",
            ),
            Cause::Stopped => f.write_str(
                "the runtime that drove the exchange was shut down; keep it running until the exchange ends",
            ),
            Cause::Runtime(reason) => write!(f, "no runtime can be started: {reason}; free some resources"),
            Cause::BadRelay(relay) => write!(
                f,
                "'{relay}' is no address of a transit relay; it must look like tcp:host:port or wss://host:port/path"
            ),
            Cause::BadProxy(url) => write!(
                f,
                "'{url}' is no address of a proxy; it must look like socks5://host:port or http://host:port, \
                 with user:password@ before the host where the proxy asks for that"
            ),
            Cause::NotTor(proxy) => write!(
                f,
                "{proxy} cannot be Tor, which is a SOCKS5 proxy; name it as socks5://host:port"
            ),
            Cause::Listen(reason) => write!(
                f,
                "the port for the transfer cannot be listened on ({reason}); choose another port, or do not listen"
            ),
            Cause::Transfer(failure) => failed(f, failure),
            Cause::Cancelled(reason) => write!(f, "the transfer was cancelled on this side: {reason}"),
            Cause::Files(error) => error.fmt(f),
            Cause::Read(error) => {
                write!(f, "what was to be sent cannot be read: {error}; mend that and send again")
            }
            Cause::Write(error) => write!(
                f,
                "what was received cannot be written: {error}; mend that and start again with a new code"
            ),
            Cause::Unusable(reason) => f.write_str(reason),
            Cause::Random(reason) => {
                write!(f, "the operating system gives no random numbers ({reason}); nothing can be done safely")
            }
        }
    }
}

const fn kind_of(failure: &Failure) -> ErrorKind {
    match failure {
        Failure::Refused(_) => ErrorKind::Rejected,
        Failure::NoLink => ErrorKind::Unconnected,
        Failure::Lost | Failure::Stalled => ErrorKind::Interrupted,
        Failure::Unanswered => ErrorKind::TimedOut,
        Failure::WrongHash => ErrorKind::Damaged,
        Failure::Cancelled(_) => ErrorKind::Cancelled,
        _ => ErrorKind::Peer,
    }
}

const fn fault_of(failure: &Failure) -> Fault {
    match failure {
        Failure::NoLink | Failure::Lost | Failure::Stalled | Failure::WrongHash => Fault::Network,
        Failure::Cancelled(_) => Fault::Caller,
        _ => Fault::Peer,
    }
}

fn refused(f: &mut fmt::Formatter<'_>, url: &str, refusal: &Refusal) -> fmt::Result {
    let Refusal { trouble, reason } = refusal;
    let what = match trouble {
        Trouble::Http(200..=299) | Trouble::Silent | Trouble::NoWebSocket => {
            "gives no answer that can be used"
        }
        Trouble::Http(_) => "refused",
        _ => "cannot be trusted",
    };
    write!(f, "the mailbox server {url} {what}: {reason}; {}", trouble.advice())
}

fn failed(f: &mut fmt::Formatter<'_>, failure: &Failure) -> fmt::Result {
    match failure {
        Failure::Refused(reason) => write!(f, "the other side refused: {reason}; ask its user"),
        Failure::NoLink => f.write_str(
            "the two computers cannot reach each other, nor both a relay; check the firewalls, or name a \
             transit relay on one side",
        ),
        Failure::Lost => f.write_str(
            "the connection to the other computer broke, and it has not said why; start again with a new code",
        ),
        Failure::Stalled => f.write_str(
            "the connection to the other computer stood still for too long; start again with a new code",
        ),
        Failure::Unanswered => f.write_str(
            "the other side has not answered for an hour; make sure that it is running, and start again",
        ),
        Failure::WrongHash => f.write_str(
            "what the other side received is not what was sent; start again with a new code",
        ),
        Failure::Cancelled(reason) => write!(f, "the transfer was cancelled on this side: {reason}"),
        Failure::BothSend => f.write_str(
            "both sides send, and neither receives; agree who receives, and start again with a new code",
        ),
        Failure::Nonsense(what) => write!(
            f,
            "the other side sent {what}; check that both sides run an up-to-date tool of the family"
        ),
        _ => f.write_str("the transfer failed; start again with a new code"),
    }
}

impl std::error::Error for Error {
    /// Of [`ErrorKind::Io`] the [`io::Error`]; it holds a [`SourceError`](crate::files::SourceError) or a
    /// [`FilesError`](crate::files::FilesError) where the files were this library's to read or write.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Files(error) | Cause::Read(error) | Cause::Write(error) => Some(&**error),
            _ => None,
        }
    }
}

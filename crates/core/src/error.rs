//! What can go wrong, and whose fault it is.

use std::fmt;

use wormhole_sync_wire::Mood;

/// Who is to blame, and so who can do something about it.
///
/// ```
/// use wormhole_sync_core::{Error, Fault};
///
/// let worth_another_try = |error: &Error| matches!(error.fault(), Fault::Network | Fault::Code);
/// assert!(worth_another_try(&Error::Unreachable));
/// assert!(!worth_another_try(&Error::ServerNonsense));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The code was mistyped, guessed at, or is in use.
    Code,
    /// The other side, or whoever speaks in its place.
    Peer,
    /// The mailbox server.
    Server,
    /// The network between here and the server.
    Network,
    /// The application on this side.
    Caller,
}

/// Why an exchange ended without its purpose. The text ends with what to do next.
///
/// ```
/// use wormhole_sync_core::Error;
///
/// let error = Error::TooMuchWork { bits: 40, most: 24 };
/// assert!(error.to_string().contains("40"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer's first sealed message does not open: the two codes differ.
    WrongCode,
    /// The peer's message of the key exchange is not one that an honest peer sends.
    BadKeyExchange(BadPoint),
    /// A later message of the peer's does not open: it was altered on its way.
    Altered,
    /// The peer sent a versions message that cannot be read.
    PeerVersions,
    /// The peer sent more, or further ahead, than this side is willing to hold.
    PeerFlood,
    /// The peer gave up, and said so under the key.
    PeerGaveUp,
    /// Two others use the code's number already.
    Crowded,
    /// The server refused a request.
    Refused {
        /// The request's type, such as `claim`.
        request: String,
        /// The server's reason, not cleaned for a terminal.
        reason: String,
    },
    /// The server's welcome told this client to leave.
    Unwelcome(String),
    /// The server sent what no mailbox server sends.
    ServerNonsense,
    /// The server asks for a permission that this library does not know how to give.
    UnknownPermission,
    /// The server asks for more work than the caller allows.
    TooMuchWork {
        /// Leading zero bits asked for.
        bits: u32,
        /// Leading zero bits allowed.
        most: u32,
    },
    /// The server could not be reached the first time.
    Unreachable,
}

/// What is wrong with the peer's message of the key exchange.
///
/// ```
/// use wormhole_sync_core::error::BadPoint;
///
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # use wormhole_sync_core::{Code, pake::Pake, wire::AppId};
/// # let (code, app_id) = (Code::parse("4-a")?, AppId::new("example.com/chat")?);
/// # let pake = Pake::start(&code, &app_id, ChaCha20Rng::from_seed([1; 32]));
/// let body = pake.body();
/// assert_eq!(pake.finish(&body).err(), Some(BadPoint::Reflected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPoint {
    /// It is not 33 bytes in hex under `pake_v1`.
    Malformed,
    /// It was made for one role of an exchange that has none.
    WrongRole,
    /// It encodes no point of the curve, or not in the one way allowed.
    NotAPoint,
    /// It is the identity, which would give a key that everyone knows.
    Identity,
    /// It lies outside the subgroup of prime order, which would leak bits of the key.
    SmallOrder,
    /// It is this side's own message, sent back.
    Reflected,
}

impl Error {
    /// Who is to blame.
    ///
    /// ```
    /// use wormhole_sync_core::{Error, Fault};
    ///
    /// assert_eq!(Error::WrongCode.fault(), Fault::Code);
    /// assert_eq!(Error::Altered.fault(), Fault::Peer);
    /// ```
    pub const fn fault(&self) -> Fault {
        match self {
            Self::WrongCode | Self::Crowded => Fault::Code,
            Self::BadKeyExchange(_)
            | Self::Altered
            | Self::PeerVersions
            | Self::PeerFlood
            | Self::PeerGaveUp => Fault::Peer,
            Self::Refused { .. }
            | Self::Unwelcome(_)
            | Self::ServerNonsense
            | Self::UnknownPermission
            | Self::TooMuchWork { .. } => Fault::Server,
            Self::Unreachable => Fault::Network,
        }
    }

    /// What the server is told on the way out.
    ///
    /// ```
    /// use wormhole_sync_core::{Error, wire::Mood};
    ///
    /// assert_eq!(Error::WrongCode.mood(), Mood::Scary);
    /// assert_eq!(Error::Crowded.mood(), Mood::Errory);
    /// ```
    pub const fn mood(&self) -> Mood {
        match self {
            Self::WrongCode | Self::BadKeyExchange(_) | Self::Altered => Mood::Scary,
            Self::Unwelcome(_) => Mood::Unwelcome,
            _ => Mood::Errory,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongCode => f.write_str(
                "the codes do not match: one side mistyped it, or somebody else tried to guess it; \
                 start again with a new code",
            ),
            Self::BadKeyExchange(why) => write!(
                f,
                "the other side's part of the key exchange is not honest ({why}); start again with a \
                 new code, and beware of whoever answered this one"
            ),
            Self::Altered => f.write_str(
                "a message from the other side was altered on its way; start again with a new code",
            ),
            Self::PeerVersions => f.write_str(
                "the other side's first message cannot be understood; check that its software is up to date",
            ),
            Self::PeerFlood => f.write_str(
                "the other side sent more than this side is willing to hold; start again with a new \
                 code, and beware of whoever answered this one",
            ),
            Self::PeerGaveUp => f.write_str(
                "the other side gave up: its user refused the verifier, or stopped it; ask, and start \
                 again with a new code",
            ),
            Self::Crowded => f.write_str(
                "two others already use this code's number; check the number, or start again with a new code",
            ),
            Self::Refused { request, reason } => write!(
                f,
                "the mailbox server refused '{request}': {reason}; try again with a new code, or tell \
                 the server's operator"
            ),
            Self::Unwelcome(reason) => {
                write!(f, "the mailbox server turned this client away: {reason}; try another server")
            }
            Self::ServerNonsense => f.write_str(
                "the server does not speak the mailbox protocol; check its address",
            ),
            Self::UnknownPermission => f.write_str(
                "the mailbox server asks for a permission that this software cannot give; update it, or \
                 try another server",
            ),
            Self::TooMuchWork { bits, most } => write!(
                f,
                "the mailbox server asks for {bits} bits of work and {most} are allowed; try later, \
                 allow more, or try another server"
            ),
            Self::Unreachable => {
                f.write_str("the mailbox server cannot be reached; check the network and the server's address")
            }
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for BadPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed",
            Self::WrongRole => "made for another role",
            Self::NotAPoint => "no point of the curve",
            Self::Identity => "the identity",
            Self::SmallOrder => "outside the group",
            Self::Reflected => "a reflection of our own",
        })
    }
}

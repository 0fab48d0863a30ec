//! What can be watched.

use std::{fmt, time::Duration};

use wormhole_sync_core::{Code, Verifier};

/// How far an exchange has come. Later versions may add changes, and fields.
///
/// ```
/// use wormhole_sync::Status;
///
/// fn line(status: &Status) -> Option<String> {
///     match status {
///         Status::Connecting { url, .. } => Some(format!("connecting to {url}")),
///         Status::Code(code) => Some(format!("the code is {}", code.as_str())),
///         Status::KeyConfirmed { verifier, .. } => Some(format!("compare: {verifier}")),
///         _ => None,
///     }
/// }
/// assert_eq!(line(&Status::WaitingForPeer), None);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Status {
    /// A connection to the server is being opened.
    #[non_exhaustive]
    Connecting {
        /// The server's URL.
        url: String,
    },
    /// The connection is up.
    Connected,
    /// The connection was lost; it is resumed by itself.
    #[non_exhaustive]
    Disconnected {
        /// When the next attempt begins.
        retry_in: Duration,
    },
    /// The server's welcome.
    #[non_exhaustive]
    Welcome {
        /// A message of the day: a stranger's text, to be cleaned before it reaches a terminal.
        motd: Option<String>,
    },
    /// The server refused something for now, such as a full one; it is asked again after a pause, until
    /// it grants it or the time limit passes.
    #[non_exhaustive]
    Delayed {
        /// The server's reason: a stranger's text, to be cleaned before it reaches a terminal.
        reason: String,
    },
    /// The server asked for hashcash, and it is being worked for.
    #[non_exhaustive]
    Working {
        /// Leading zero bits asked for: 2^bits hashes on average.
        bits: u32,
    },
    /// The code is known.
    Code(Code),
    /// This side has done what it can until the other side uses the code.
    WaitingForPeer,
    /// The other side has answered, and a key was agreed on; whether it is the same key is not known yet.
    KeyAgreed,
    /// Both sides have the same key.
    #[non_exhaustive]
    KeyConfirmed {
        /// The value that both sides can compare aloud.
        verifier: Verifier,
    },
    /// The exchange is over.
    Closed,
}

impl fmt::Debug for Status {
    /// Without the code, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { url } => write!(f, "Connecting({url})"),
            Self::Connected => f.write_str("Connected"),
            Self::Disconnected { retry_in } => write!(f, "Disconnected(retry in {retry_in:?})"),
            Self::Welcome { motd } => write!(f, "Welcome({motd:?})"),
            Self::Delayed { reason } => write!(f, "Delayed({reason:?})"),
            Self::Working { bits } => write!(f, "Working({bits} bits)"),
            Self::Code(_) => f.write_str("Code(..)"),
            Self::WaitingForPeer => f.write_str("WaitingForPeer"),
            Self::KeyAgreed => f.write_str("KeyAgreed"),
            Self::KeyConfirmed { verifier } => write!(f, "KeyConfirmed({verifier})"),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

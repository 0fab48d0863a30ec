//! What happens, for a person to see.

use std::{fmt, path::PathBuf};

use wormhole_sync_core::connect::Path;

use crate::dial::FarEnd;

/// What happens during a transfer, for a person to see.
///
/// ```
/// use wormhole_sync::transfer::Event;
///
/// let line = |event: &Event| match event {
///     Event::Connected { route } => format!("{route}"),
///     Event::Moved { bytes } => format!("{bytes} bytes"),
///     _ => String::new(),
/// };
/// assert_eq!(line(&Event::Moved { bytes: 7 }), "7 bytes");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The receiver wants it.
    Accepted,
    /// The bytes go this way.
    Connected {
        /// Which.
        route: Route,
    },
    /// So many bytes have been moved, of those that were offered.
    Moved {
        /// Since the beginning.
        bytes: u64,
    },
    /// The link broke. The other side has a few seconds to say why; then the transfer has failed.
    Broken,
    /// All bytes are sent; the receiver writes, unpacks and confirms.
    Confirming,
    /// The sender learns that all of it is there, and is what was sent.
    Delivered,
    /// What was received stands under its final name.
    Stored {
        /// Where, if it is a file or directory.
        path: Option<PathBuf>,
    },
}

/// The way that the bytes of a transfer go.
///
/// ```
/// use wormhole_sync::transfer::{FarEnd, Route};
///
/// let route = Route::Direct(FarEnd::Address("192.0.2.7:4001".parse()?));
/// assert_eq!(route.to_string(), "directly, 192.0.2.7");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// From computer to computer: to the other side.
    Direct(FarEnd),
    /// Through this relay.
    Relay(FarEnd),
}

impl Route {
    pub(super) const fn new(path: Path, far_end: FarEnd) -> Self {
        match path {
            Path::Direct => Self::Direct(far_end),
            Path::Relay => Self::Relay(far_end),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(far_end) => write!(f, "directly, {far_end}"),
            Self::Relay(far_end) => write!(f, "through the relay, {far_end}"),
        }
    }
}

//! What a wormhole told its application, in a form that tests can compare.

use wormhole_sync_core::{Error, Event};

/// One event, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the events")]
pub enum Told {
    Connecting,
    Connected,
    Disconnected,
    Welcome,
    Delayed(String),
    Working(u32),
    Nameplates(Vec<String>),
    Code(String),
    WaitingForPeer,
    KeyAgreed,
    Confirmed(String),
    Received(Vec<u8>),
    Closed(Result<(), Error>),
    /// An event that the core has and this kit does not know.
    Unknown,
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        match event {
            Event::Connecting => Self::Connecting,
            Event::Connected => Self::Connected,
            Event::Disconnected { .. } => Self::Disconnected,
            Event::Welcome(_) => Self::Welcome,
            Event::Delayed { reason } => Self::Delayed(reason),
            Event::Working { bits } => Self::Working(bits),
            Event::Nameplates(nameplates) => {
                Self::Nameplates(nameplates.into_iter().map(String::from).collect())
            }
            Event::Code(code) => Self::Code(code.as_str().to_owned()),
            Event::WaitingForPeer => Self::WaitingForPeer,
            Event::KeyAgreed => Self::KeyAgreed,
            Event::Confirmed(confirmed) => Self::Confirmed(confirmed.verifier().to_string()),
            Event::Received(message) => Self::Received(message),
            Event::Closed(outcome) => Self::Closed(outcome),
            _ => Self::Unknown,
        }
    }
}

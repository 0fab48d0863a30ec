//! Moods: how a side felt about an exchange when it closed the mailbox.

/// How a side felt about the exchange. Servers count moods; peers never see them.
///
/// ```
/// use wormhole_sync_wire::{ClientMessage, Mood};
///
/// let close = ClientMessage::Close { mailbox: None, mood: Some(Mood::Happy) };
/// assert_eq!(close.encode("a1"), r#"{"type":"close","id":"a1","mood":"happy"}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mood {
    /// A message of the peer's opened, and nothing failed since.
    Happy,
    /// Nothing was ever heard from a peer.
    Lonely,
    /// A message failed to open, or the key exchange was malformed: the code was wrong, or guessed at.
    Scary,
    /// Something else failed.
    Errory,
    /// The server's welcome told the client to leave.
    Unwelcome,
}

impl Mood {
    /// The word that goes over the wire.
    ///
    /// ```
    /// assert_eq!(wormhole_sync_wire::Mood::Scary.as_str(), "scary");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Happy => "happy",
            Self::Lonely => "lonely",
            Self::Scary => "scary",
            Self::Errory => "errory",
            Self::Unwelcome => "unwelcome",
        }
    }

    /// Reads a mood; `None` for a word that the protocol does not know, which counts as unset.
    ///
    /// ```
    /// use wormhole_sync_wire::Mood;
    ///
    /// assert_eq!(Mood::parse("lonely"), Some(Mood::Lonely));
    /// assert_eq!(Mood::parse("melancholic"), None);
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Happy, Self::Lonely, Self::Scary, Self::Errory, Self::Unwelcome]
            .into_iter()
            .find(|mood| mood.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mood_is_read_as_it_is_written() {
        for mood in [Mood::Happy, Mood::Lonely, Mood::Scary, Mood::Errory, Mood::Unwelcome] {
            assert_eq!(Mood::parse(mood.as_str()), Some(mood));
        }
        assert_eq!(Mood::parse("Happy"), None);
        assert_eq!(Mood::parse(""), None);
    }
}

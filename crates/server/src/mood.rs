//! How connections to the relay end.

/// How a connection ended, in the words of the family's relay.
///
/// ```
/// use wormhole_sync_server::relay::Mood;
///
/// assert_eq!(Mood::Happy.as_str(), "happy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    /// Both sides came.
    Happy,
    /// The partner never came.
    Lonely,
    /// It was one too many from the same side.
    Redundant,
    /// It sent something before its partner was there.
    Impatient,
    /// It asked for something else, met a limit, or was a pair that was cut.
    Errory,
    /// It closed before it had asked.
    Empty,
}

impl Mood {
    /// The word for it.
    ///
    /// ```
    /// use wormhole_sync_server::relay::Mood;
    ///
    /// assert!(Mood::ALL.iter().all(|mood| !mood.as_str().is_empty()));
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Happy => "happy",
            Self::Lonely => "lonely",
            Self::Redundant => "redundant",
            Self::Impatient => "impatient",
            Self::Errory => "errory",
            Self::Empty => "empty",
        }
    }

    /// All of them.
    ///
    /// ```
    /// use wormhole_sync_server::relay::Mood;
    ///
    /// assert!(Mood::ALL.contains(&Mood::Lonely));
    /// ```
    pub const ALL: [Self; 6] =
        [Self::Happy, Self::Lonely, Self::Redundant, Self::Impatient, Self::Errory, Self::Empty];
}

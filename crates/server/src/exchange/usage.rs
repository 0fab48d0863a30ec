//! How an exchange went, for an operator's statistics. No name and no content is in it.

use wormhole_sync_wire::Mood;

/// How a mailbox ended, in the words of the family's servers.
///
/// ```
/// use wormhole_sync_server::exchange::usage::Outcome;
///
/// assert!(Outcome::Happy < Outcome::Lonely && Outcome::Errory < Outcome::Scary); // the worst counts
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Two sides came, and none complained.
    Happy,
    /// Only one side came, or one side said that it heard nothing.
    Lonely,
    /// One side met an error.
    Errory,
    /// One side met a wrong code.
    Scary,
    /// Nobody closed it, and it was idle for too long.
    Pruney,
    /// A third side was refused.
    Crowded,
}

impl Outcome {
    /// The outcome of a mailbox with so many sides, that closed with these moods.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::usage::Outcome;
    ///
    /// # use wormhole_sync_wire::Mood;
    /// let moods = [Mood::Happy, Mood::Scary];
    /// assert_eq!(Outcome::of(2, moods.into_iter(), false, false), Outcome::Scary);
    /// assert_eq!(Outcome::of(1, std::iter::empty(), false, false), Outcome::Lonely);
    /// ```
    pub fn of(
        sides: usize,
        moods: impl Iterator<Item = Mood>,
        pruned: bool,
        crowded: bool,
    ) -> Self {
        let by_sides = if sides < 2 { Self::Lonely } else { Self::Happy };
        let by_mood = moods.filter_map(|mood| match mood {
            Mood::Lonely => Some(Self::Lonely),
            Mood::Errory => Some(Self::Errory),
            Mood::Scary => Some(Self::Scary),
            Mood::Happy | Mood::Unwelcome => None,
        });
        let worst = by_mood.fold(by_sides, Self::max);
        if crowded {
            Self::Crowded
        } else if pruned {
            Self::Pruney
        } else {
            worst
        }
    }
}

/// The end of a mailbox.
///
/// ```
/// use wormhole_sync_server::exchange::usage::{Ending, Outcome};
///
/// let ending = Ending { outcome: Outcome::Happy, total: 30.0 };
/// assert!(ending.outcome < Outcome::Lonely);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ending {
    /// How it went.
    pub outcome: Outcome,
    /// Seconds from the first side's coming to the end.
    pub total: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_mood_decides() {
        use Mood::{Errory, Happy, Lonely, Scary, Unwelcome};
        for (sides, moods, outcome) in [
            (2, vec![], Outcome::Happy),
            (2, vec![Happy, Happy], Outcome::Happy),
            (1, vec![Happy], Outcome::Lonely),
            (2, vec![Happy, Lonely], Outcome::Lonely),
            (2, vec![Errory, Lonely], Outcome::Errory),
            (2, vec![Errory, Scary], Outcome::Scary),
            (1, vec![Unwelcome], Outcome::Lonely),
        ] {
            assert_eq!(Outcome::of(sides, moods.iter().copied(), false, false), outcome);
            assert_eq!(Outcome::of(sides, moods.iter().copied(), true, false), Outcome::Pruney);
            assert_eq!(Outcome::of(sides, moods.into_iter(), true, true), Outcome::Crowded);
        }
    }
}

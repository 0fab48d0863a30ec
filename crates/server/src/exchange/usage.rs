//! How exchanges went, for an operator's statistics. No nameplate, no mailbox and no content is in it.

use std::sync::Arc;

use wormhole_sync_wire::Mood;

/// How a nameplate or a mailbox ended, in the words of the family's servers.
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
    /// All of them.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::usage::Outcome;
    ///
    /// assert_eq!(Outcome::ALL.map(Outcome::as_str)[0], "happy");
    /// ```
    pub const ALL: [Self; 6] =
        [Self::Happy, Self::Lonely, Self::Errory, Self::Scary, Self::Pruney, Self::Crowded];

    /// Its word.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::usage::Outcome;
    ///
    /// assert_eq!(Outcome::Pruney.as_str(), "pruney");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Happy => "happy",
            Self::Lonely => "lonely",
            Self::Errory => "errory",
            Self::Scary => "scary",
            Self::Pruney => "pruney",
            Self::Crowded => "crowded",
        }
    }

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

/// What has ended.
///
/// ```
/// use wormhole_sync_server::exchange::usage::Retired;
///
/// assert_ne!(Retired::Nameplate, Retired::Mailbox { for_nameplate: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// A nameplate.
    Nameplate,
    /// A mailbox.
    Mailbox {
        /// Whether a nameplate led there when it was made, or since the server started.
        for_nameplate: bool,
    },
}

impl Retired {
    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Nameplate => "nameplate",
            Self::Mailbox { .. } => "mailbox",
        }
    }
}

/// The end of a nameplate or a mailbox.
///
/// ```
/// use wormhole_sync_server::exchange::{embedded::Embedded, usage::Retired};
///
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
/// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
/// # let client = Client { connection, app, side, address: None };
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// let nameplate = exchange.allocate(&client, 7.5)?;
/// exchange.release(&client, &nameplate, 30.0)?; // nobody came
/// let ending = &exchange.take_endings()[0];
/// assert_eq!((ending.what, ending.started, ending.waiting), (Retired::Nameplate, 7.5, None));
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// What has ended.
    pub what: Retired,
    /// The application's id.
    pub app: Arc<str>,
    /// When the first side came, in Unix seconds.
    pub started: f64,
    /// Seconds until the second side came, if it did.
    pub waiting: Option<f64>,
    /// Seconds from the first side's coming to the end.
    pub total: f64,
    /// How it went.
    pub outcome: Outcome,
}

impl Ending {
    /// The end `now` of what sides came to at these times, in order.
    pub(super) fn new(
        what: Retired,
        app: &Arc<str>,
        outcome: Outcome,
        mut times: impl Iterator<Item = f64>,
        now: f64,
    ) -> Self {
        let started = times.next().unwrap_or(now);
        // The clock by which a side came, before a restart, may have been another.
        let since = |moment: f64| (moment - started).max(0.0);
        let (waiting, total) = (times.next().map(since), since(now));
        Self { what, app: Arc::clone(app), started, waiting, total, outcome }
    }
}

/// A client that has said who it is.
///
/// ```
/// use wormhole_sync_server::exchange::embedded::Embedded;
///
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
/// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
/// # let client = Client { connection, app, side, address: None };
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// exchange.greet(&client, Some(("chat", "1.4.2")), 7.5);
/// let greeting = &exchange.take_greetings()[0];
/// assert_eq!(greeting.program, Some(("chat".into(), "1.4.2".into())));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Greeting {
    /// The application's id.
    pub app: Arc<str>,
    /// Its side.
    pub side: Arc<str>,
    /// When, in Unix seconds.
    pub time: f64,
    /// The program's name and its version, if it told them.
    pub program: Option<(Box<str>, Box<str>)>,
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

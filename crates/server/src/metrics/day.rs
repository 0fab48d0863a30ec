//! What of all that was counted is of today.

use std::{collections::BTreeMap, time::Duration};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Numbers that only grow, by name.
pub(crate) type Counts = BTreeMap<&'static str, u64>;

/// What is told for each day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) mailbox_endings: Counts,
    pub(crate) relay_endings: Counts,
    pub(crate) relay_bytes: u64,
    pub(crate) refused: Counts,
}

/// A day, and what the totals were when it began.
pub(super) struct Day {
    number: i64,
    base: Totals,
}

impl Day {
    pub(super) fn new(now: f64) -> Self {
        Self { number: number(now), base: Totals::default() }
    }

    pub(super) fn of(&mut self, now: f64, totals: &Totals) -> Totals {
        if number(now) != self.number {
            *self = Self { number: number(now), base: totals.clone() };
        }
        Totals {
            mailbox_endings: less(&totals.mailbox_endings, &self.base.mailbox_endings),
            relay_endings: less(&totals.relay_endings, &self.base.relay_endings),
            relay_bytes: totals.relay_bytes.saturating_sub(self.base.relay_bytes),
            refused: less(&totals.refused, &self.base.refused),
        }
    }
}

/// Seconds until the next day (UTC) begins.
pub(crate) fn until_midnight(now: f64) -> Duration {
    Duration::from_secs_f64(DAY - now.rem_euclid(DAY))
}

#[expect(clippy::cast_possible_truncation, reason = "days since 1970 are few")]
fn number(now: f64) -> i64 {
    (now / DAY).floor() as i64
}

fn less(all: &Counts, base: &Counts) -> Counts {
    let before = |name| base.get(name).copied().unwrap_or_default();
    all.iter().map(|(name, count)| (*name, count.saturating_sub(before(name)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_with_nothing() {
        let mut day = Day::new(10.0 * DAY + 5.0);
        let totals = |bytes, happy| Totals {
            relay_bytes: bytes,
            mailbox_endings: [("happy", happy), ("lonely", 1)].into(),
            ..Totals::default()
        };
        assert_eq!(day.of(10.0 * DAY + 6.0, &totals(7, 2)), totals(7, 2));
        assert_eq!(day.of(11.0 * DAY - 0.5, &totals(9, 3)).relay_bytes, 9);
        let fresh = day.of(11.0 * DAY, &totals(10, 4));
        assert_eq!((fresh.relay_bytes, fresh.mailbox_endings["happy"]), (0, 0));
        let later = day.of(11.5 * DAY, &totals(15, 5));
        assert_eq!((later.relay_bytes, later.mailbox_endings["happy"]), (5, 1));
        assert_eq!(later.mailbox_endings["lonely"], 0);
    }

    #[test]
    fn midnight_is_awaited() {
        let seconds =
            [DAY, DAY + 1.0, 2.0 * DAY - 0.5].map(|now| until_midnight(now).as_secs_f32());
        assert_eq!(seconds.map(|seconds| seconds.to_string()), ["86400", "86399", "0.5"]);
    }
}

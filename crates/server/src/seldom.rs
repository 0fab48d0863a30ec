//! What is told in the log now and then, and not each time that somebody brings it about.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long nothing is told after it was: whoever can bring something about as often as it likes is not
/// to fill the log, and the disk with it.
const PAUSE: Duration = Duration::from_secs(60);

/// One thing that may happen often.
#[derive(Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Default)]
struct State {
    told: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// It has happened. Whether to tell it: then with how often it was left out since the last time.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.turn_at(Instant::now())
    }

    /// How often it was left out since it was told.
    #[cfg(test)]
    pub(crate) fn left_out(&self) -> u64 {
        self.0.lock().unwrap().left_out
    }

    fn turn_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.told.is_some_and(|told| now.saturating_duration_since(told) < PAUSE) {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.told = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_what_follows_with_the_next_that_is() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.turn_at(start), Some(0));
        for _ in 0..1000 {
            assert_eq!(seldom.turn_at(start + PAUSE / 2), None);
        }
        assert_eq!(seldom.turn_at(start), None, "a clock of another thread is a little behind");
        assert_eq!(seldom.turn_at(start + PAUSE), Some(1001));
        assert_eq!(seldom.turn_at(start + PAUSE), None);
        assert_eq!(seldom.turn_at(start + 3 * PAUSE), Some(1));
    }
}

//! What time it is.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Seconds by which the system's clock may be away before it is followed: it is set more often by a
/// little than the moments that are told need to be right.
const TOLERANCE: f64 = 1.0;

/// The system's time of day, for what others are told, and beside it one that is never set. A board
/// begins to serve before it has learnt the time, and a machine that was suspended wakes up days later.
pub(crate) struct Clock {
    steady: Steady,
    system: Box<dyn Fn() -> f64 + Send + Sync>,
    /// Seconds by which the system's clock was set since the start: the bits of an `f64`.
    set_by: AtomicU64,
}

/// The time of day at the start, and what has passed since. It never jumps, and is right only for how
/// long something takes.
#[derive(Clone, Copy)]
pub(crate) struct Steady {
    started: Instant,
    at: f64,
}

/// One look at the clock, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Unix time.
    pub(crate) now: f64,
    /// By how much the clock was set since the start.
    pub(crate) set_by: f64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::of(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
    }

    /// One that follows this system's clock, which tells Unix seconds.
    pub(crate) fn of(system: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        let steady = Steady { started: Instant::now(), at: system() };
        Self { steady, system: Box::new(system), set_by: AtomicU64::new(0.0_f64.to_bits()) }
    }

    /// Unix seconds. They jump when the system's clock is set by more than a second.
    pub(crate) fn now(&self) -> f64 {
        self.read().now
    }

    /// The same, with how much of it is jumps: who keeps times of both sides of one can take it out.
    pub(crate) fn read(&self) -> Reading {
        let before = self.set_by.load(Relaxed);
        let (steady, system, known) = (self.steady.now(), (self.system)(), f64::from_bits(before));
        if (system - steady - known).abs() <= TOLERANCE {
            return Reading { now: steady + known, set_by: known };
        }
        let found = (system - steady).to_bits();
        let swapped = self.set_by.compare_exchange(before, found, Relaxed, Relaxed);
        let set_by = f64::from_bits(swapped.map_or_else(|other| other, |_| found));
        Reading { now: steady + set_by, set_by }
    }

    pub(crate) const fn steady(&self) -> Steady {
        self.steady
    }

    /// The Unix time of a moment of the steady clock, as far as is known now.
    pub(crate) fn moment(&self, steady: f64) -> f64 {
        steady + self.read().set_by
    }
}

impl Steady {
    /// Seconds.
    pub(crate) fn now(&self) -> f64 {
        self.at + self.started.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    };

    use super::*;

    /// A clock, and how many seconds the system's one is set by.
    pub(crate) fn settable() -> (Arc<Clock>, Arc<AtomicI64>) {
        let set = Arc::new(AtomicI64::new(0));
        let (of, real) = (Arc::clone(&set), Clock::start().steady());
        #[expect(clippy::cast_precision_loss, reason = "tests set clocks by years at most")]
        let system = move || real.now() + of.load(Relaxed) as f64;
        (Arc::new(Clock::of(system)), set)
    }

    #[test]
    fn a_clock_that_is_set_is_followed_and_no_duration_notices() {
        let (clock, set) = settable();
        let begun = clock.steady().now();
        let year = 365 * 86_400;
        for by in [0, year, 3, -year] {
            set.store(by, Relaxed);
            let Reading { now, set_by } = clock.read();
            #[expect(clippy::cast_precision_loss, reason = "years")]
            let by = by as f64;
            assert!((set_by - by).abs() < 1.0, "{set_by} instead of {by}");
            assert!((0.0..3600.0).contains(&(now - set_by - begun)), "{now}");
            assert!((clock.moment(begun) - begun - by).abs() < 1.0);
            assert!(clock.steady().now() - begun < 3600.0);
        }
    }

    #[test]
    fn a_clock_that_is_a_little_away_is_left_alone() {
        let real = Clock::start().steady();
        let away = AtomicU64::new(0);
        let clock = Clock::of(move || {
            // every other look finds it half a second away
            real.now() + if away.fetch_add(1, Relaxed).is_multiple_of(2) { 0.0 } else { 0.5 }
        });
        assert!((0..100).all(|_| clock.read().set_by == 0.0));
    }
}

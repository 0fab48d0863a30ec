//! Statistics that tell no more than they must.

use std::time::Duration;

/// How exact what is written down may be.
#[derive(Clone, Copy)]
pub(super) struct Blur(Option<u64>);

impl Blur {
    /// Rounds to so much time, or to nothing.
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self(interval.map(|interval| interval.as_secs().max(1)))
    }

    /// Seconds of the interval.
    pub(super) const fn seconds(self) -> Option<u64> {
        self.0
    }

    /// A moment, rounded down.
    #[expect(clippy::cast_precision_loss, reason = "an interval of that many years is none")]
    pub(super) fn time(self, moment: f64) -> f64 {
        self.0.map_or(moment, |interval| (moment / interval as f64).floor() * interval as f64)
    }

    /// A size, rounded up: the coarser, the larger it is.
    pub(super) const fn size(self, bytes: u64) -> u64 {
        let step = match (self.0, bytes) {
            (None, _) => 1,
            (_, ..1_000_000) => 10_000,
            (_, ..1_000_000_000) => 1_000_000,
            _ => 100_000_000,
        };
        bytes.div_ceil(step).saturating_mul(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rounded_down_and_sizes_up() {
        let blur = Blur::new(Some(Duration::from_secs(3600)));
        let rounded = [0.0, 3599.9, 3600.0, 7300.5].map(|time| blur.time(time).to_string());
        assert_eq!(rounded, ["0", "0", "3600", "7200"]);
        for (bytes, rounded) in [
            (0, 0),
            (1, 10_000),
            (10_000, 10_000),
            (10_001, 20_000),
            (999_999, 1_000_000),
            (1_000_001, 2_000_000),
            (999_999_999, 1_000_000_000),
            (1_000_000_001, 1_100_000_000),
        ] {
            assert_eq!(blur.size(bytes), rounded, "{bytes}");
        }
    }

    #[test]
    fn without_blur_all_is_exact() {
        let exact = Blur::new(None);
        assert_eq!((exact.time(7.25), exact.size(12_345)), (7.25, 12_345));
    }

    #[test]
    fn an_interval_of_nothing_is_a_second() {
        assert_eq!(Blur::new(Some(Duration::ZERO)).time(7.25).to_string(), "7");
    }
}

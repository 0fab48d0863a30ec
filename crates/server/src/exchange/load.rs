//! How many clients come.

/// Seconds over which the number of clients is smoothed: a burst of a second is none, and an attack is
/// noticed within a few.
const SMOOTHING: f64 = 10.0;

/// Clients a second, of which those who came longer ago count ever less.
#[derive(Default)]
pub(super) struct Load {
    rate: f64,
    at: f64,
}

impl Load {
    /// One more has come. How many do so a second.
    pub(super) fn welcomed(&mut self, now: f64) -> f64 {
        self.rate = self.now(now) + 1.0 / SMOOTHING;
        self.at = self.at.max(now);
        self.rate
    }

    pub(super) fn clock_was_set(&mut self, by: f64) {
        self.at += by;
    }

    pub(super) fn now(&self, now: f64) -> f64 {
        self.rate * (-(now - self.at).max(0.0) / SMOOTHING).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_and_forgotten_once_it_ends() {
        for each_second in [1_u32, 50, 2000] {
            let mut load = Load::default();
            for number in 0..60 * each_second {
                load.welcomed(1e9 + f64::from(number) / f64::from(each_second));
            }
            let (measured, expected) = (load.now(1e9 + 60.0), f64::from(each_second));
            assert!((measured / expected - 1.0).abs() < 0.1, "{measured} of {expected}");
            assert!(load.now(1e9 + 160.0) < expected / 1000.0);
        }
    }

    #[test]
    fn a_clock_that_goes_back_does_not_matter() {
        let mut load = Load::default();
        load.welcomed(100.0);
        assert!(load.welcomed(50.0) <= 0.2 && load.now(0.0) <= 0.2);
    }
}

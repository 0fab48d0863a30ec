//! How fast the connections of one address move bytes, all together.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant};

use crate::address::{Address, ByAddress};

/// A second's worth may go at once.
const BURST: Duration = Duration::from_secs(1);

/// What one address may move.
pub(super) struct Rate {
    per_second: u64,
    /// Until when it has used up what it may.
    used_until: Mutex<Instant>,
}

impl Rate {
    fn new(per_second: u64) -> Self {
        Self { per_second: per_second.max(1), used_until: Mutex::new(Instant::now()) }
    }

    /// Counts bytes that were moved. How long to wait before the next.
    pub(super) fn charge(&self, bytes: usize) -> Duration {
        let now = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds do not matter here")]
        let takes = Duration::from_secs_f64(bytes as f64 / self.per_second as f64);
        let mut until = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(now) + takes;
        until.saturating_duration_since(now + BURST)
    }
}

/// The rates of all addresses, if there is a limit.
pub(super) struct Rates {
    per_second: Option<u64>,
    rates: ByAddress<Rate>,
}

impl Rates {
    pub(super) fn new(per_second: Option<u64>) -> Self {
        Self { per_second, rates: ByAddress::default() }
    }

    /// The rate that an address's connections share.
    pub(super) fn of(&self, address: Option<Address>) -> Option<Arc<Rate>> {
        let (per_second, address) = (self.per_second?, address?);
        Some(self.rates.of(address, || Arc::new(Rate::new(per_second))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<Address> {
        text.parse().ok().map(Address::of)
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_goes_at_once_and_then_what_a_second_brings() {
        let rates = Rates::new(Some(1000));
        let rate = rates.of(address("192.0.2.1")).unwrap();
        assert_eq!(rate.charge(1000), Duration::ZERO);
        assert_eq!(rates.of(address("192.0.2.1")).unwrap().charge(500), Duration::from_millis(500));
        assert_eq!(rates.of(address("192.0.2.2")).unwrap().charge(500), Duration::ZERO);
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(rate.charge(1000), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_without_a_limit_or_when_exempt() {
        assert!(Rates::new(None).of(address("192.0.2.1")).is_none());
        assert!(Rates::new(Some(1)).of(None).is_none());
    }
}

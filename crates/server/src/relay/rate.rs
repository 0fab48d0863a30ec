//! How fast the connections of one address move bytes, all together.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant};

use crate::{address::Address, bucket::FullAt};

/// A second's worth may go at once.
const BURST: Duration = Duration::from_secs(1);

/// What each address may move, if there is a limit. It is remembered of an address for as long as its
/// connections would have to wait: or whoever connects anew could begin anew.
pub(super) struct Rates {
    per_second: Option<u64>,
    opened: Instant,
    /// In nanoseconds since then.
    full_at: Mutex<FullAt>,
}

/// What one address may move.
pub(super) struct Rate {
    rates: Arc<Rates>,
    per_second: u64,
    address: Address,
}

impl Rates {
    pub(super) fn new(per_second: Option<u64>) -> Arc<Self> {
        Arc::new(Self { per_second, opened: Instant::now(), full_at: Mutex::default() })
    }

    /// The rate that an address's connections share.
    pub(super) fn of(self: &Arc<Self>, address: Option<Address>) -> Option<Arc<Rate>> {
        let (per_second, address) = (self.per_second?.max(1), address?);
        Some(Arc::new(Rate { rates: Arc::clone(self), per_second, address }))
    }
}

impl Rate {
    /// Bytes that may go at once.
    pub(super) fn burst(&self) -> usize {
        usize::try_from(self.per_second).unwrap_or(usize::MAX)
    }

    /// Counts bytes that were moved. How long to wait before the next.
    pub(super) fn charge(&self, bytes: usize) -> Duration {
        let now = nanoseconds(self.rates.opened.elapsed().as_nanos());
        let takes = bytes as u128 * 1_000_000_000 / u128::from(self.per_second);
        let mut known = self.rates.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = known.of(self.address, now).saturating_add(nanoseconds(takes));
        known.set(self.address, full_at, now);
        Duration::from_nanos(full_at - now).saturating_sub(BURST)
    }
}

fn nanoseconds(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
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

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_anew_does_not_begin_anew() {
        let rates = Rates::new(Some(1000));
        for number in 0..100 {
            let again = rates.of(address("192.0.2.1")).unwrap(); // the one before is gone
            assert_eq!(again.charge(1000), Duration::from_secs(number));
        }
        tokio::time::advance(Duration::from_secs(99)).await;
        assert_eq!(rates.of(address("192.0.2.1")).unwrap().charge(0), Duration::ZERO);
        assert_eq!(rates.of(address("192.0.2.2")).unwrap().charge(1), Duration::ZERO);
        assert_eq!(rates.full_at.lock().unwrap().len(), 2);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(rates.of(address("192.0.2.3")).unwrap().charge(1), Duration::ZERO);
        assert_eq!(rates.full_at.lock().unwrap().len(), 1, "those who may do all again");
    }

    #[test]
    fn nobody_waits_without_a_limit_or_when_exempt() {
        assert!(Rates::new(None).of(address("192.0.2.1")).is_none());
        assert!(Rates::new(Some(1)).of(None).is_none());
    }
}

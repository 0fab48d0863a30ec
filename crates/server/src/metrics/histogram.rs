//! How often a value was at most so large.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Values, sorted into buckets. Sums are kept in millionths.
pub(crate) struct Histogram<const BUCKETS: usize> {
    bounds: [f64; BUCKETS],
    counts: [AtomicU64; BUCKETS],
    count: AtomicU64,
    millionths: AtomicU64,
}

impl<const BUCKETS: usize> Histogram<BUCKETS> {
    /// With upper bounds, which grow.
    pub(crate) fn new(bounds: [f64; BUCKETS]) -> Self {
        let counts = bounds.map(|_| AtomicU64::new(0));
        Self { bounds, counts, count: AtomicU64::new(0), millionths: AtomicU64::new(0) }
    }

    pub(crate) fn took(&self, time: Duration) {
        let millionths = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.observe(time.as_secs_f64(), millionths);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn counted(&self, number: usize) {
        self.observe(number as f64, (number as u64).saturating_mul(1_000_000));
    }

    fn observe(&self, value: f64, millionths: u64) {
        let bucket = self.bounds.iter().zip(&self.counts).find(|(bound, _)| value <= **bound);
        if let Some((_, count)) = bucket {
            count.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.millionths.fetch_add(millionths, Relaxed);
    }

    /// Upper bounds, and how many values were at most so large.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts.iter().scan(0, |sum, count| {
            *sum += count.load(Relaxed);
            Some(*sum)
        });
        self.bounds.iter().copied().zip(counts)
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum that large is no longer exact anyway")]
    pub(crate) fn sum(&self) -> f64 {
        self.millionths.load(Relaxed) as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_in_every_bucket_that_holds_them() {
        let histogram = Histogram::new([0.001, 0.01, 0.1]);
        for millis in [1, 5, 7, 1000] {
            histogram.took(Duration::from_millis(millis));
        }
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(0.001, 1), (0.01, 3), (0.1, 3)]);
        assert_eq!((histogram.count(), histogram.sum()), (4, 1.013));
    }
}

//! Memory that all connections of a server share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A number of bytes that all together may hold.
pub(crate) struct Pool {
    held: AtomicUsize,
    limit: usize,
}

impl Pool {
    /// Nothing is held yet. Together it may be about `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit })
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn let_go(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }

    /// Whether it would be too much with so many bytes more.
    pub(crate) fn is_beyond(&self, more: usize) -> bool {
        self.held.load(Relaxed).saturating_add(more) > self.limit
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }
}

/// What one connection holds of a pool, until this is dropped.
pub(crate) struct Share {
    pool: Arc<Pool>,
    held: usize,
}

impl Share {
    pub(crate) const fn of(pool: Arc<Pool>) -> Self {
        Self { pool, held: 0 }
    }

    /// From now on it is so much.
    pub(crate) fn set(&mut self, bytes: usize) {
        if bytes != self.held {
            self.pool.hold(bytes);
            self.pool.let_go(self.held);
            self.held = bytes;
        }
    }

    /// Whether the pool is used up and this share, beyond `small` bytes, is one of those that did it.
    pub(crate) fn is_too_much(&self, small: usize) -> bool {
        self.held > small && self.pool.is_beyond(0)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.let_go(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_too_much_is_held_the_small_shares_stay() {
        let pool = Pool::new(1000);
        let (mut large, mut small) = (Share::of(Arc::clone(&pool)), Share::of(Arc::clone(&pool)));
        large.set(1000);
        assert!(!large.is_too_much(10));
        small.set(10);
        assert!(large.is_too_much(10) && !small.is_too_much(10));
        large.set(990);
        assert!(!large.is_too_much(10));
        drop((large, small));
        assert_eq!(pool.held(), 0);
    }
}

//! Memory that all connections of a server share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::address::{Address, ByAddress};

/// A number of bytes that all together may hold, or all from one address.
pub(crate) struct Pool {
    held: AtomicUsize,
    limit: usize,
    /// The pool of all, when this is an address's part of it.
    all: Option<Arc<Self>>,
}

/// Which limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Address(usize),
    All(usize),
}

impl Pool {
    /// Nothing is held yet. Together it may be about `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit, all: None })
    }

    fn within(all: &Arc<Self>, limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit, all: Some(Arc::clone(all)) })
    }

    pub(crate) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Relaxed);
        if let Some(all) = &self.all {
            all.hold(bytes);
        }
    }

    pub(crate) fn let_go(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
        if let Some(all) = &self.all {
            all.let_go(bytes);
        }
    }

    /// What would be too much with so many bytes more.
    pub(crate) fn excess(&self, more: usize) -> Option<Excess> {
        let is_beyond = self.held.load(Relaxed).saturating_add(more) > self.limit;
        match &self.all {
            Some(_) if is_beyond => Some(Excess::Address(self.limit)),
            Some(all) => all.excess(more),
            None => is_beyond.then_some(Excess::All(self.limit)),
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }
}

/// A pool of all, of which each address has no more than a part: or one of them could keep it full,
/// and all others out.
pub(crate) struct Pools {
    all: Arc<Pool>,
    part: usize,
    parts: ByAddress<Pool>,
}

impl Pools {
    /// All addresses together may hold about `limit` bytes, and each about `part` of them.
    pub(crate) fn new(limit: usize, part: usize) -> Self {
        Self { all: Pool::new(limit), part, parts: ByAddress::default() }
    }

    /// Where what a connection from `address` holds is counted.
    pub(crate) fn of(&self, address: Option<Address>) -> Arc<Pool> {
        let Some(address) = address else { return Arc::clone(&self.all) };
        self.parts.of(address, || Pool::within(&self.all, self.part))
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

    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// Whether the pool is used up.
    pub(crate) fn is_tight(&self) -> bool {
        self.pool.excess(0).is_some()
    }

    /// What is used up, if this share, beyond `small` bytes, is one of those that did it.
    pub(crate) fn excess(&self, small: usize) -> Option<Excess> {
        if self.held > small { self.pool.excess(0) } else { None }
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
        assert_eq!(large.excess(10), None);
        small.set(10);
        assert_eq!((large.excess(10), small.excess(10)), (Some(Excess::All(1000)), None));
        large.set(990);
        assert_eq!(large.excess(10), None);
        drop((large, small));
        assert_eq!(pool.held(), 0);
    }

    fn address(text: &str) -> Option<Address> {
        text.parse().ok().map(Address::of)
    }

    #[test]
    fn an_address_that_holds_all_it_may_leaves_room_for_others() {
        let pools = Pools::new(1000, 400);
        let share = |text| Share::of(pools.of(address(text)));
        let (mut one, mut same) = (share("192.0.2.1"), share("192.0.2.1"));
        let (mut other, mut exempt) = (share("192.0.2.2"), Share::of(pools.of(None)));
        one.set(300);
        same.set(200);
        assert_eq!([&one, &same].map(|share| share.excess(10)), [Some(Excess::Address(400)); 2]);
        other.set(300);
        assert_eq!(other.excess(10), None);
        exempt.set(300);
        assert_eq!(other.excess(10), Some(Excess::All(1000)));
        drop((one, same, other));
        assert_eq!((pools.all.held(), exempt.excess(10)), (300, None));
    }
}

//! What is going to happen, in the order of the virtual clock.

use std::collections::BTreeMap;

use wormhole_sync_core::Moment;

/// Things to come. Those of one moment happen in the order in which they were put in.
pub(crate) struct Queue<T> {
    coming: BTreeMap<(Moment, u64), T>,
    put: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { coming: BTreeMap::new(), put: 0 }
    }
}

impl<T> Queue<T> {
    pub(crate) fn put(&mut self, at: Moment, thing: T) {
        self.put += 1;
        self.coming.insert((at, self.put), thing);
    }

    pub(crate) fn pop(&mut self) -> Option<(Moment, T)> {
        self.coming.pop_first().map(|((at, _), thing)| (at, thing))
    }

    pub(crate) fn next_at(&self) -> Option<Moment> {
        self.coming.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.coming.retain(|_, thing| keep(thing));
    }
}

//! What each of many holds.

use std::collections::{BTreeMap, btree_map::Entry};

/// What each holds, for those who hold anything: a stranger who has come and gone costs nothing.
pub(crate) struct Tally<K, T = usize>(BTreeMap<K, T>);

impl<K, T> Default for Tally<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, T: Copy + Default + PartialEq> Tally<K, T> {
    /// What this one holds.
    pub(crate) fn of(&self, key: &K) -> T {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// Changes what this one holds.
    pub(crate) fn change(&mut self, key: K, change: impl FnOnce(&mut T)) {
        match self.0.entry(key) {
            Entry::Vacant(place) => {
                let mut held = T::default();
                change(&mut held);
                if held != T::default() {
                    place.insert(held);
                }
            }
            Entry::Occupied(mut place) => {
                change(place.get_mut());
                if *place.get() == T::default() {
                    place.remove();
                }
            }
        }
    }

    /// Nobody holds anything any more.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_nothing_is_forgotten() {
        let mut tally = Tally::default();
        assert_eq!(tally.of(&"one"), 0);
        tally.change("one", |held| *held += 2);
        tally.change("other", |held| *held += 0);
        assert_eq!((tally.of(&"one"), tally.of(&"other"), tally.0.len()), (2, 0, 1));
        tally.change("one", |held| *held -= 1);
        assert_eq!(tally.of(&"one"), 1);
        tally.change("one", |held| *held -= 1);
        assert!(tally.is_empty());
        tally.change("one", |held| *held += 1);
        tally.clear();
        assert!(tally.is_empty());
    }
}

//! Counters under names that are known beforehand, so that those which are still zero are told, too.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::day::Counts;

/// Numbers that only grow, each under its name.
pub(crate) struct Family<const MEMBERS: usize> {
    members: [(&'static str, AtomicU64); MEMBERS],
}

impl<const MEMBERS: usize> Family<MEMBERS> {
    pub(crate) fn new(names: [&'static str; MEMBERS]) -> Self {
        Self { members: names.map(|name| (name, AtomicU64::new(0))) }
    }

    /// One more under this name. A name that is unknown counts nothing, and no test passes by it.
    pub(crate) fn count(&self, name: &str) {
        let member = self.members.iter().find(|(known, _)| *known == name);
        debug_assert!(member.is_some(), "{name} is counted nowhere");
        if let Some((_, count)) = member {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.members.iter().map(|(name, count)| (*name, count.load(Relaxed))).collect()
    }
}

//! The hashcash stamps that were used already.

use std::collections::{BTreeSet, VecDeque};

use crate::config::REMEMBERED_STAMPS;

/// Remembers the last [`REMEMBERED_STAMPS`] digests: who wants one to be forgotten must work for
/// that many others first.
#[derive(Default)]
pub(super) struct SpentStamps {
    known: BTreeSet<[u8; 20]>,
    order: VecDeque<([u8; 20], i64)>,
}

impl SpentStamps {
    /// Whether the digest is new; from then on it is not.
    pub(super) fn spend(&mut self, digest: [u8; 20], day: i64) -> bool {
        if !self.known.insert(digest) {
            return false;
        }
        self.order.push_back((digest, day));
        while self.order.len() > REMEMBERED_STAMPS {
            let Some((oldest, _)) = self.order.pop_front() else { break };
            self.known.remove(&oldest);
        }
        true
    }

    /// Forgets the stamps that were made before `day` and are refused for that.
    pub(super) fn forget_before(&mut self, day: i64) {
        self.order.retain(|(digest, made)| {
            let keep = *made >= day;
            if !keep {
                self.known.remove(digest);
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> [u8; 20] {
        let mut digest = [0; 20];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn a_stamp_is_good_once() {
        let mut stamps = SpentStamps::default();
        assert!(stamps.spend(digest(1), 5));
        assert!(!stamps.spend(digest(1), 5));
        stamps.forget_before(5);
        assert!(!stamps.spend(digest(1), 5));
        stamps.forget_before(6);
        assert!(stamps.known.is_empty() && stamps.order.is_empty());
    }

    #[test]
    fn the_memory_for_stamps_is_bounded() {
        let mut stamps = SpentStamps::default();
        for number in 0..REMEMBERED_STAMPS + 10 {
            assert!(stamps.spend(digest(number), 0));
        }
        assert_eq!(stamps.known.len(), REMEMBERED_STAMPS);
        assert_eq!(stamps.order.len(), REMEMBERED_STAMPS);
    }
}

//! Solving hashcash: the work that a server under load may ask for.
//!
//! A stamp of `bits` takes 2^bits hashes on average; a core does several millions a second, so 20
//! bits are well under a second and every four more are sixteen times as long.

use sha1::{Digest, Sha1};
use wormhole_sync_wire::{
    hashcash::{Stamp, leading_zero_bits},
    hex,
    limits::MAX_STAMP,
};

/// Most bits that a client works for unless its caller allows more: some seconds on one core.
///
/// ```
/// use wormhole_sync_core::{Error, hashcash::DEFAULT_MAX_BITS};
///
/// // a server that asks for {"hashcash":{"bits":25,"resource":"relay"}}
/// # use wormhole_sync_core::{Event, Output};
/// # let told = wormhole_sync_testkit::doc::asked(25);
/// # let Some(Output::Event(Event::Closed(outcome))) = told.into_iter().last() else { panic!() };
/// assert_eq!(outcome, Err(Error::TooMuchWork { bits: 25, most: DEFAULT_MAX_BITS }));
/// ```
pub const DEFAULT_MAX_BITS: u32 = 24;

/// The work that a server asks for. Solving is the driver's, off the threads that must not wait.
///
/// ```
/// // what a server with this welcome asks for: {"hashcash":{"bits":8,"resource":"relay"}}
/// # let challenge = wormhole_sync_testkit::doc::challenge(8);
/// let stamp = challenge.solve("261123", || false).unwrap();
/// assert!(stamp.starts_with("1:8:261123:relay::"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub(crate) bits: u32,
    pub(crate) resource: String,
    pub(crate) salt: [u8; 12],
}

impl Challenge {
    /// Leading zero bits asked for.
    ///
    /// ```
    /// # let challenge = wormhole_sync_testkit::doc::challenge(8);
    /// assert_eq!(challenge.bits(), 8); // 256 hashes on average
    /// ```
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// Searches until a stamp is found, or until `cancelled` says so, which is asked every few
    /// thousand hashes. `date` is today in UTC as `YYMMDD`.
    ///
    /// ```
    /// # let challenge = wormhole_sync_testkit::doc::challenge(8);
    /// assert!(challenge.solve("261123", || false).is_some());
    /// assert_eq!(challenge.solve("261123", || true), None); // called off
    /// ```
    pub fn solve(&self, date: &str, mut cancelled: impl FnMut() -> bool) -> Option<String> {
        let rand = hex::encode(&self.salt);
        let stamp = Stamp {
            bits: self.bits,
            date,
            resource: &self.resource,
            extension: "",
            rand: &rand,
            counter: "",
        };
        let head = stamp.to_string();
        if head.len() + 16 > MAX_STAMP {
            return None;
        }
        let hashed_head = Sha1::new_with_prefix(&head);
        for counter in 0_u64.. {
            if counter.is_multiple_of(4096) && cancelled() {
                return None;
            }
            let counter = format!("{counter:x}");
            let digest = hashed_head.clone().chain_update(&counter).finalize();
            if leading_zero_bits(&digest) >= self.bits {
                return Some(head + &counter);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(bits: u32) -> Challenge {
        Challenge { bits, resource: "relay".into(), salt: [7; 12] }
    }

    #[test]
    fn a_solution_has_the_bits_that_it_claims() {
        let text = challenge(10).solve("261123", || false).unwrap();
        let stamp = Stamp::parse(&text).unwrap();
        assert_eq!(
            (stamp.bits, stamp.date, stamp.resource, stamp.extension),
            (10, "261123", "relay", "")
        );
        assert!(leading_zero_bits(&Sha1::digest(&text)) >= 10);
    }

    #[test]
    fn a_search_can_be_called_off() {
        let mut asked = 0;
        let stamp = challenge(160).solve("261123", || {
            asked += 1;
            asked > 3
        });
        assert_eq!((stamp, asked), (None, 4));
    }

    #[test]
    fn a_resource_too_long_for_a_stamp_is_not_worked_for() {
        let challenge = Challenge { resource: "r".repeat(MAX_STAMP), ..challenge(0) };
        assert_eq!(challenge.solve("261123", || false), None);
    }
}

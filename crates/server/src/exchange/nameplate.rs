//! One nameplate, and which small numbers are free.

use std::sync::Arc;

use wormhole_sync_wire::{MailboxId, Nameplate};

use super::{
    journal::NameplateRow,
    mailbox::Mailbox,
    sides::Sides,
    usage::{Ending, Outcome, Retired},
};
use crate::{address::Address, tally::Tally};

pub(super) struct Plate {
    pub(super) row: u64,
    pub(super) mailbox: MailboxId,
    pub(super) allocated: bool,
    /// Whose share it is of.
    pub(super) owner: Option<Address>,
    /// Whether each side still claims it.
    pub(super) sides: Sides<bool>,
    /// Whether a third side was refused.
    pub(super) crowded: bool,
}

impl Plate {
    /// Its sides came when they came to its mailbox.
    pub(super) fn ending(
        &self,
        app: &Arc<str>,
        mailbox: &Mailbox,
        pruned: bool,
        now: f64,
    ) -> Ending {
        let sides = self.sides.iter();
        let outcome = Outcome::of(sides.count(), std::iter::empty(), pruned, self.crowded);
        let opened = self.sides.iter().filter_map(|(side, _)| mailbox.sides.find(side));
        Ending::new(Retired::Nameplate, app, outcome, opened.map(|opened| opened.since), now)
    }

    pub(super) fn is_over(&self) -> bool {
        self.sides.iter().all(|(_, claimed)| !claimed)
    }

    /// The side that it was allocated for.
    pub(super) fn allocator(&self) -> Option<&Arc<str>> {
        self.sides.iter().next().filter(|_| self.allocated).map(|(side, _)| side)
    }

    pub(super) fn stored(&self, app: &Arc<str>, name: &Nameplate, mailbox: u64) -> NameplateRow {
        NameplateRow {
            row: self.row,
            app: Arc::clone(app),
            name: name.clone(),
            mailbox,
            allocated: self.allocated,
            sides: self.sides.clone(),
        }
    }
}

/// Numbers below this one are looked for exhaustively, shortest first.
const SMALL: u32 = 1000;

/// Which of the numbers 1 to 999 are taken.
#[derive(Default)]
pub(super) struct Small([u64; 16]);

impl Small {
    pub(super) fn mark(&mut self, name: &Nameplate, taken: bool) {
        let Some((word, bit)) = canonical(name).and_then(|number| self.place(number)) else {
            return;
        };
        if taken { *word |= bit } else { *word &= !bit }
    }

    /// The free numbers of the fewest digits that any free one has, among the lengths of which an
    /// address may have one more.
    pub(super) fn free(&self, may_have: impl Fn(usize) -> bool) -> Vec<u32> {
        [1..10, 10..100, 100..SMALL]
            .into_iter()
            .zip(1..)
            .filter(|(_, digits)| may_have(*digits))
            .map(|(range, _)| range.filter(|number| !self.taken(*number)).collect::<Vec<_>>())
            .find(|free| !free.is_empty())
            .unwrap_or_default()
    }

    fn taken(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    fn place(&mut self, number: u32) -> Option<(&mut u64, u64)> {
        self.0.get_mut(number as usize / 64).map(|word| (word, 1 << (number % 64)))
    }
}

/// How many of the small numbers each address holds.
#[derive(Default)]
pub(super) struct Shares(Tally<(Address, usize)>);

impl Shares {
    /// The most small numbers of so many digits that an address may hold: one in `share`.
    pub(super) const fn most(digits: usize, share: usize) -> usize {
        let all = match digits {
            1 => 9,
            2 => 90,
            _ => 900,
        };
        all / if share == 0 { 1 } else { share }
    }

    /// Whether an address may hold one more number of so many digits.
    pub(super) fn has_room(&self, owner: Option<Address>, digits: usize, share: usize) -> bool {
        owner.map_or(0, |owner| self.0.of(&(owner, digits))) < Self::most(digits, share)
    }

    pub(super) fn mark(&mut self, owner: Option<Address>, name: &Nameplate, taken: bool) {
        let (Some(owner), Some(digits)) = (owner, digits(name)) else { return };
        self.0.change((owner, digits), |held| if taken { *held += 1 } else { *held -= 1 });
    }
}

/// How many digits a small number has.
pub(super) fn digits(name: &Nameplate) -> Option<usize> {
    canonical(name).map(|_| name.len())
}

/// The small number that a name is, unless it is written in another way than an allocated one.
fn canonical(name: &Nameplate) -> Option<u32> {
    let number = name.parse().ok().filter(|number| (1..SMALL).contains(number))?;
    (!name.starts_with('0')).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Nameplate {
        Nameplate::new(text).unwrap()
    }

    #[test]
    fn the_shortest_free_numbers_come_first() {
        let mut small = Small::default();
        assert_eq!(small.free(|_| true), (1..10).collect::<Vec<_>>());
        (1..10).for_each(|number| small.mark(&name(&number.to_string()), true));
        assert_eq!(small.free(|_| true), (10..100).collect::<Vec<_>>());
        small.mark(&name("7"), false);
        assert_eq!(small.free(|_| true), [7]);
        (1..1000).for_each(|number| small.mark(&name(&number.to_string()), true));
        assert!(small.free(|_| true).is_empty());
        small.mark(&name("999"), false);
        assert_eq!(small.free(|_| true), [999]);
    }

    #[test]
    fn names_that_are_never_allocated_take_no_number() {
        let mut small = Small::default();
        for text in ["0", "007", "1000", "1234567890123456789012345678901234567890"] {
            small.mark(&name(text), true);
        }
        assert_eq!(small.free(|_| true).len(), 9);
    }
    #[test]
    fn lengths_of_which_an_address_has_its_share_are_passed_over() {
        let small = Small::default();
        assert_eq!(small.free(|digits| digits > 1), (10..100).collect::<Vec<_>>());
        assert_eq!(small.free(|digits| digits == 3).len(), 900);
        assert!(small.free(|_| false).is_empty());
    }

    #[test]
    fn a_share_is_a_third_of_each_length() {
        let mut shares = Shares::default();
        let [one, other] =
            ["192.0.2.1", "192.0.2.2"].map(|ip| Some(Address::of(ip.parse().unwrap())));
        for number in ["007", "1000", "0", "1", "2", "3"] {
            assert!(shares.has_room(one, 1, 3));
            shares.mark(one, &name(number), true);
        }
        assert!(!shares.has_room(one, 1, 3));
        assert!(shares.has_room(one, 1, 2) && shares.has_room(one, 2, 3));
        assert!(shares.has_room(other, 1, 3) && shares.has_room(None, 1, 3));
        assert_eq!([1, 2, 3].map(|digits| Shares::most(digits, 3)), [3, 30, 300]);
        assert_eq!([0, 1].map(|share| Shares::most(1, share)), [9, 9]);
        for number in ["1", "2", "3", "007"] {
            shares.mark(one, &name(number), false);
        }
        assert!(shares.0.is_empty());
    }
}

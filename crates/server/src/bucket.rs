//! How often each address may do something. Time is an argument, in seconds.

use std::collections::{BTreeMap, BTreeSet};

use crate::{address::Address, config::Rate};

/// Addresses whose buckets are remembered: some 6 MiB.
///
/// When it would be one more, the one is forgotten that is closest to being full again, so that
/// nobody who comes meets a limit for what others did. That helps nobody either: whoever keeps so
/// many addresses from being full may do as often, with all of them, as each may times their number,
/// which for the rates in use is more than the work that one server does.
const REMEMBERED_ADDRESSES: usize = 65_536;

/// When the bucket of each address is full again, on whichever clock it is asked by. One that is full
/// takes no memory.
pub(crate) struct FullAt {
    by_address: BTreeMap<Address, u64>,
    by_time: BTreeSet<(u64, Address)>,
    most: usize,
}

impl Default for FullAt {
    fn default() -> Self {
        let (by_address, by_time) = (BTreeMap::new(), BTreeSet::new());
        Self { by_address, by_time, most: REMEMBERED_ADDRESSES }
    }
}

impl FullAt {
    /// When it is full again: now, if nothing was taken.
    pub(crate) fn of(&self, address: Address, now: u64) -> u64 {
        self.by_address.get(&address).map_or(now, |full_at| now.max(*full_at))
    }

    /// From now on it is then; those that are full by now are forgotten.
    pub(crate) fn set(&mut self, address: Address, full_at: u64, now: u64) {
        if let Some(before) = self.by_address.insert(address, full_at) {
            self.by_time.remove(&(before, address));
        }
        self.by_time.insert((full_at, address));
        while let Some((full_at, address)) = self.by_time.first().copied()
            && (full_at <= now || self.by_time.len() > self.most)
        {
            self.by_time.pop_first();
            self.by_address.remove(&address);
        }
    }

    /// All are full so much later.
    fn shift(&mut self, by: i64) {
        for full_at in self.by_address.values_mut() {
            *full_at = full_at.saturating_add_signed(by);
        }
        let pairs = self.by_address.iter().map(|(address, full_at)| (*full_at, *address));
        self.by_time = pairs.collect();
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.by_address.len(), self.by_time.len());
        self.by_time.len()
    }
}

/// A bucket of tokens for each address.
pub(crate) struct Buckets {
    rate: Rate,
    full_at: FullAt,
}

/// Microseconds.
type Tick = u64;

const TICKS: f64 = 1e6;

/// How many seconds it takes until there is a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) u64);

impl Buckets {
    /// All are full.
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, full_at: FullAt::default() }
    }

    pub(crate) const fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token, if there is one. Whoever is exempt needs none.
    pub(crate) fn take(&mut self, address: Option<Address>, now: f64) -> Result<(), Wait> {
        self.check(address, now)?;
        let Some(address) = address else { return Ok(()) };
        let now = tick(now);
        let full_at = self.full_at.of(address, now);
        self.full_at.set(address, full_at.saturating_add(self.interval()), now);
        Ok(())
    }

    /// Whether there is a token to take.
    pub(crate) fn check(&self, address: Option<Address>, now: f64) -> Result<(), Wait> {
        let Some(address) = address else { return Ok(()) };
        let now = tick(now);
        let missing = self.full_at.of(address, now) - now;
        let room = self.interval().saturating_mul(self.rate.burst.into());
        let wait = missing.saturating_add(self.interval()).saturating_sub(room);
        if wait == 0 { Ok(()) } else { Err(Wait(wait.div_ceil(1_000_000))) }
    }

    /// Gives a token back that was taken.
    pub(crate) fn put_back(&mut self, address: Option<Address>, now: f64) {
        let Some(address) = address else { return };
        let now = tick(now);
        let full_at = self.full_at.of(address, now).saturating_sub(self.interval());
        self.full_at.set(address, full_at, now);
    }

    /// The clock that `now` comes from was set by so many seconds: nobody waits for longer.
    pub(crate) fn clock_was_set(&mut self, by: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates")]
        self.full_at.shift((by * TICKS) as i64);
    }

    fn interval(&self) -> Tick {
        (60_000_000 / Tick::from(self.rate.per_minute.max(1))).max(1)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
fn tick(seconds: f64) -> Tick {
    (seconds * TICKS) as Tick
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::*;

    const RATE: Rate = Rate { burst: 3, per_minute: 6 };

    #[expect(clippy::unnecessary_wraps, reason = "the form that buckets take")]
    fn address(number: u32) -> Option<Address> {
        Some(Address::V4(number.into()))
    }

    fn taken(buckets: &mut Buckets, number: u32, now: f64) -> usize {
        (0..100).take_while(|_| buckets.take(address(number), now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_given_at_once_and_then_so_many_a_minute() {
        let mut buckets = Buckets::new(RATE);
        assert_eq!(taken(&mut buckets, 1, 100.0), 3);
        assert_eq!(buckets.take(address(1), 100.0), Err(Wait(10)));
        assert_eq!(buckets.take(address(1), 109.5), Err(Wait(1)));
        assert_eq!(taken(&mut buckets, 1, 110.0), 1);
        assert_eq!(taken(&mut buckets, 1, 170.0), 3);
        assert_eq!(taken(&mut buckets, 2, 170.0), 3, "another address");
    }

    #[test]
    fn looking_takes_nothing_and_what_is_given_back_can_be_taken_again() {
        let mut buckets = Buckets::new(RATE);
        for _ in 0..9 {
            assert_eq!(buckets.check(address(1), 5.0), Ok(()));
        }
        assert_eq!(taken(&mut buckets, 1, 5.0), 3);
        buckets.put_back(address(1), 5.0);
        assert_eq!(taken(&mut buckets, 1, 5.0), 1);
        // A bucket never holds more than it did when it was full.
        for _ in 0..9 {
            buckets.put_back(address(1), 5.0);
        }
        assert_eq!(buckets.full_at.len(), 0);
        assert_eq!(taken(&mut buckets, 1, 5.0), 3);
    }

    #[test]
    fn whoever_is_exempt_needs_no_token() {
        let mut buckets = Buckets::new(Rate { burst: 0, per_minute: 0 });
        assert_eq!(buckets.take(None, 0.0), Ok(()));
        assert_eq!(buckets.take(address(1), 0.0), Err(Wait(60)));
    }

    #[test]
    fn never_is_never_and_a_boundless_rate_is_none() {
        let all = u32::MAX;
        let mut never = Buckets::new(Rate { burst: 0, per_minute: all });
        assert_eq!(never.take(address(1), 1e9), Err(Wait(1)));
        let mut boundless = Buckets::new(Rate { burst: all, per_minute: all });
        assert_eq!(taken(&mut boundless, 1, 1e9), 100);
        boundless.put_back(address(1), f64::INFINITY);
        assert_eq!(taken(&mut boundless, 1, f64::INFINITY), 100);
        let mut slow = Buckets::new(Rate { burst: all, per_minute: 0 });
        assert_eq!(taken(&mut slow, 1, f64::INFINITY), 100);
    }

    #[test]
    fn an_address_whose_bucket_is_full_again_is_forgotten() {
        let mut buckets = Buckets::new(RATE);
        for number in 0..1000 {
            buckets.take(address(number), 0.0).unwrap();
        }
        assert_eq!(buckets.full_at.len(), 1000);
        buckets.take(address(7), 10.0).unwrap();
        assert_eq!(buckets.full_at.len(), 1);
    }

    #[test]
    fn beyond_the_cap_those_are_forgotten_who_did_least() {
        let mut buckets = Buckets::new(RATE);
        buckets.full_at.most = 10;
        assert_eq!(taken(&mut buckets, 0, 0.0), 3);
        for number in 1..1000 {
            assert_eq!(buckets.take(address(number), 0.0), Ok(()), "others' doing is not theirs");
        }
        assert_eq!(buckets.full_at.len(), 10);
        assert!(buckets.take(address(0), 0.0).is_err(), "whoever did most is remembered");
    }

    #[test]
    fn however_it_is_asked_nobody_gets_more_than_the_rate() {
        arbtest(|u| {
            let rate =
                Rate { burst: u.int_in_range(0..=20)?, per_minute: u.int_in_range(1..=600)? };
            let mut buckets = Buckets::new(rate);
            let (mut now, mut taken) = (1e9, 0_u32);
            while !u.is_empty() {
                now += f64::from(u.int_in_range(0..=2000_u32)?) / 1000.0;
                taken += u32::from(buckets.take(address(1), now).is_ok());
                let most = f64::from(rate.burst) + (now - 1e9) * f64::from(rate.per_minute) / 60.0;
                assert!(f64::from(taken) <= most + 0.01, "{taken} in {} s at {rate}", now - 1e9);
                assert!(buckets.full_at.len() <= 1);
            }
            Ok(())
        })
        .budget_ms(500);
    }
}

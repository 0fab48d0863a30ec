//! Whether a hashcash stamp is what was asked for.

use sha1::{Digest, Sha1};
use wormhole_sync_wire::{
    Refusal,
    hashcash::{Stamp, date, leading_zero_bits},
};

/// Days that a stamp's date may be away from the server's, for clocks and time zones differ.
const DAYS: i64 = 2;

/// The digest of a stamp and the day it was made (days since 1970), when it is worth `bits`.
pub(super) fn check(
    text: &str,
    bits: u32,
    resource: &str,
    now: f64,
) -> Result<([u8; 20], i64), Refusal> {
    let stamp = Stamp::parse(text).ok_or("the stamp is not hashcash of version 1")?;
    if stamp.resource != resource {
        return Err("the stamp is for another resource".into());
    }
    let day = day_of(stamp.date, now).ok_or("the stamp's date is more than two days away")?;
    let digest: [u8; 20] = Sha1::digest(text).into();
    if leading_zero_bits(&digest) < bits {
        return Err(Refusal(format!("the stamp has fewer than {bits} zero bits").into()));
    }
    Ok((digest, day))
}

/// The day since 1970 that the stamp's date is, when it is one of those around today.
fn day_of(stamped: &str, now: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "days since 1970 are few")]
    let today = (now / 86_400.0) as i64;
    let is_stamped = |day: &i64| u32::try_from(*day).is_ok_and(|day| date(day) == stamped);
    (today - DAYS..=today + DAYS).find(is_stamped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of 2026-11-23.
    const NOW: f64 = 1_795_435_200.0;

    fn stamp(bits: u32, date: &str, resource: &str) -> String {
        (0..10_000)
            .map(|counter| format!("1:{bits}:{date}:{resource}::salt:{counter}"))
            .find(|stamp| leading_zero_bits(&Sha1::digest(stamp)) >= bits)
            .unwrap()
    }

    fn refused(stamp: &str) -> String {
        check(stamp, 8, "r", NOW).unwrap_err().0.into_owned()
    }

    #[test]
    fn a_good_stamp_is_taken_within_two_days() {
        for date in ["261121", "261123", "261125"] {
            assert!(check(&stamp(8, date, "r"), 8, "r", NOW).is_ok(), "{date}");
        }
        assert_eq!(day_of("261123", NOW), Some(20_780));
    }

    #[test]
    fn every_other_stamp_is_refused_with_its_reason() {
        assert_eq!(refused("1:8:261123:r"), "the stamp is not hashcash of version 1");
        assert_eq!(refused(&stamp(8, "261123", "q")), "the stamp is for another resource");
        for date in ["261120", "261126", "161123", "day", "", "2611231", "26+123"] {
            let stamp = stamp(8, date, "r");
            assert_eq!(refused(&stamp), "the stamp's date is more than two days away", "{date}");
        }
        let cheap = (0..10_000)
            .map(|counter| format!("1:8:261123:r::salt:{counter}"))
            .find(|stamp| leading_zero_bits(&Sha1::digest(stamp)) < 8)
            .unwrap();
        assert_eq!(refused(&cheap), "the stamp has fewer than 8 zero bits");
    }
}

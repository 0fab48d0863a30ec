//! Whether a hashcash stamp is what was asked for.

use sha1::{Digest, Sha1};
use wormhole_sync_wire::{
    Refusal,
    hashcash::{Stamp, leading_zero_bits},
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
    let day = day_of(stamp.date).ok_or("the stamp's date is not YYMMDD")?;
    #[expect(clippy::cast_possible_truncation, reason = "days since 1970 are few")]
    let today = (now / 86_400.0) as i64;
    if (today - day).abs() > DAYS {
        return Err("the stamp's date is more than two days away".into());
    }
    let digest: [u8; 20] = Sha1::digest(text).into();
    if leading_zero_bits(&digest) < bits {
        return Err(Refusal(format!("the stamp has fewer than {bits} zero bits").into()));
    }
    Ok((digest, day))
}

/// The day since 1970 that `YYMMDD` is, in this century.
fn day_of(date: &str) -> Option<i64> {
    if date.len() != 6 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = date.parse().ok()?;
    let (year, month, day) = (2000 + number / 10_000, number / 100 % 100, number % 100);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    valid.then(|| days_since_1970(year, month, day))
}

/// The Gregorian calendar, with years that begin in March so that leap days come last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
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
    fn days_are_counted_from_1970() {
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        assert_eq!(day_of("000229"), Some(11_016));
        assert_eq!(day_of("000301"), Some(11_017));
        assert_eq!(day_of("261123"), Some(20_780));
        for bad in ["", "26112", "2611231", "261323", "261100", "26+123"] {
            assert_eq!(day_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_good_stamp_is_taken_within_two_days() {
        for date in ["261121", "261123", "261125"] {
            assert!(check(&stamp(8, date, "r"), 8, "r", NOW).is_ok(), "{date}");
        }
    }

    #[test]
    fn every_other_stamp_is_refused_with_its_reason() {
        assert_eq!(refused("1:8:261123:r"), "the stamp is not hashcash of version 1");
        assert_eq!(refused(&stamp(8, "261123", "q")), "the stamp is for another resource");
        assert_eq!(
            refused(&stamp(8, "261120", "r")),
            "the stamp's date is more than two days away"
        );
        assert_eq!(refused(&stamp(8, "day", "r")), "the stamp's date is not YYMMDD");
        let cheap = (0..10_000)
            .map(|counter| format!("1:8:261123:r::salt:{counter}"))
            .find(|stamp| leading_zero_bits(&Sha1::digest(stamp)) < 8)
            .unwrap();
        assert_eq!(refused(&cheap), "the stamp has fewer than 8 zero bits");
    }
}

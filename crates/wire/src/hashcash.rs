//! Hashcash stamps, version 1: what a server under load may ask for before `bind`.
//!
//! The format is that of <http://www.hashcash.org/docs/hashcash.html>: seven fields between colons.

use std::fmt;

use crate::limits::MAX_STAMP;

/// A stamp's seven fields, `1:bits:YYMMDD:resource:extension:rand:counter`.
///
/// ```
/// use wormhole_sync_wire::hashcash::Stamp;
///
/// let stamp = Stamp {
///     bits: 20,
///     date: "261123",
///     resource: "relay",
///     extension: "",
///     rand: "c2FsdA",
///     counter: "9f3a",
/// };
/// assert_eq!(stamp.to_string(), "1:20:261123:relay::c2FsdA:9f3a");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// Leading zero bits of the stamp's SHA-1 that it claims.
    pub bits: u32,
    /// The day it was made, `YYMMDD`.
    pub date: &'a str,
    /// What it was made for.
    pub resource: &'a str,
    /// Reserved, empty.
    pub extension: &'a str,
    /// Random characters that set apart stamps of one day.
    pub rand: &'a str,
    /// The number that was searched for.
    pub counter: &'a str,
}

impl<'a> Stamp<'a> {
    /// Splits a stamp; `None` unless it is of version 1, has exactly seven fields and is within
    /// [`MAX_STAMP`] bytes.
    ///
    /// ```
    /// use wormhole_sync_wire::hashcash::Stamp;
    ///
    /// let stamp = Stamp::parse("1:20:261123:relay::c2FsdA:9f3a").unwrap();
    /// assert_eq!((stamp.bits, stamp.resource), (20, "relay"));
    /// assert_eq!(Stamp::parse("0:20:261123:relay::c2FsdA:9f3a"), None); // another version
    /// ```
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_STAMP {
            return None;
        }
        let fields: Vec<&str> = text.split(':').collect();
        let [version, bits, date, resource, extension, rand, counter] = fields[..] else {
            return None;
        };
        let bits = bits.parse().ok().filter(|_| version == "1")?;
        Some(Self { bits, date, resource, extension, rand, counter })
    }
}

impl fmt::Display for Stamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bits, date, resource, extension, rand, counter } = self;
        write!(f, "1:{bits}:{date}:{resource}:{extension}:{rand}:{counter}")
    }
}

/// How many bits are zero before the first one of `digest`.
///
/// ```
/// use wormhole_sync_wire::hashcash::leading_zero_bits;
///
/// assert_eq!(leading_zero_bits(&[0b0000_0000, 0b0001_0000, 0xff]), 8 + 3);
/// ```
pub fn leading_zero_bits(digest: &[u8]) -> u32 {
    let zero_bytes = digest.iter().take_while(|byte| **byte == 0).count();
    let partial = digest.get(zero_bytes).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zero_bytes).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(partial)
}

/// The date of a stamp that is made so many days after 1970-01-01, in UTC: `YYMMDD`. By the
/// civil-from-days algorithm of Howard Hinnant
/// (<https://howardhinnant.github.io/date_algorithms.html>).
///
/// ```
/// use wormhole_sync_wire::hashcash::date;
///
/// assert_eq!(date(1_795_435_200 / 86_400), "261123");
/// ```
pub fn date(days_since_1970: u32) -> String {
    let days = u64::from(days_since_1970) + 719_468; // from 0000-03-01: leap days end the year
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{:02}{month:02}{day:02}", year % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, text) in [
            (0, "700101"),
            (11_016, "000229"),
            (11_017, "000301"),
            (19_782, "240229"),
            (19_783, "240301"),
            (20_780, "261123"),
            (20_818, "261231"),
            (20_819, "270101"),
            (47_540, "000228"), // 2100 has no leap day
            (47_541, "000301"),
        ] {
            assert_eq!(date(days), text, "{days}");
        }
        assert_eq!(date(u32::MAX).len(), 6);
    }

    #[test]
    fn a_stamp_is_written_as_it_was_read() {
        let text = "1:20:261123:resource::salt:9f";
        assert_eq!(Stamp::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn other_versions_and_other_field_counts_are_refused() {
        for text in [
            "",
            "0:20:261123:r::s:1",
            "1:20:261123:r:s:1",
            "1:20:261123:r::s:1:",
            "1:x:261123:r::s:1",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
        assert_eq!(Stamp::parse(&format!("1:20:261123:{}::s:1", "r".repeat(MAX_STAMP))), None);
    }

    #[test]
    fn zero_bits_are_counted_across_bytes() {
        assert_eq!(leading_zero_bits(&[0x80]), 0);
        assert_eq!(leading_zero_bits(&[0x01, 0xff]), 7);
        assert_eq!(leading_zero_bits(&[0x00, 0x10]), 11);
        assert_eq!(leading_zero_bits(&[0, 0]), 16);
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

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

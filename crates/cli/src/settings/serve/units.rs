//! Times and sizes, as settings have them.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// A unit, and how many of the smallest it is.
type Unit = (&'static str, u64);

/// In milliseconds, the longest first.
const TIMES: [Unit; 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// In bytes: first those in which sizes are shown, the largest first, then others that are read.
const SIZES: [Unit; 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Times such as `10s`, `5m` or `1h`; a number alone is one of seconds.
pub(super) mod time {
    use super::{Deserializer, Duration, Error, Serializer, TIMES, Written, parse, show};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        to.serialize_str(&show(milliseconds, &TIMES))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        of(Written::read(from)?)
    }

    fn of<E: Error>(written: Written) -> Result<Duration, E> {
        match written.with(|text| parse(text, &TIMES, "s")) {
            None => Err(E::custom("write a time such as 10s, 5m or 1h")),
            Some(0) => Err(E::custom("write a time of more than nothing, such as 10s, 5m or 1h")),
            Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        }
    }

    /// The same, and an empty text for none.
    pub(in super::super) mod or_none {
        use super::{Deserializer, Duration, Serializer, Written};

        #[expect(clippy::ref_option, reason = "the form that serde takes")]
        pub(in super::super::super) fn serialize<S: Serializer>(
            time: &Option<Duration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, to),
                None => to.serialize_str(""),
            }
        }

        pub(in super::super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Duration>, D::Error> {
            let written = Written::read(from)?;
            if written.is_empty() { Ok(None) } else { super::of(written).map(Some) }
        }
    }
}

/// Sizes such as `64KiB` or `1GiB`; a number alone is one of bytes.
pub(super) mod size {
    use super::{Deserializer, Error, SIZES, Serializer, Written, parse, show};

    const FORM: &str = "write a size such as 64KiB, 1MiB or 4GiB";

    pub(in super::super) fn serialize<S: Serializer, T: Copy + TryInto<u64>>(
        size: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes = (*size).try_into().unwrap_or(u64::MAX);
        to.serialize_str(&show(bytes, &SIZES))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
        from: D,
    ) -> Result<T, D::Error> {
        let bytes = Written::read(from)?.with(|text| parse(text, &SIZES, "B"));
        bytes.and_then(|bytes| T::try_from(bytes).ok()).ok_or_else(|| D::Error::custom(FORM))
    }

    /// The same, and an empty text for any size.
    pub(in super::super) mod or_any {
        use super::{Deserializer, Error, SIZES, Serializer, Written, parse};

        #[expect(clippy::ref_option, reason = "the form that serde takes")]
        pub(in super::super::super) fn serialize<S: Serializer>(
            size: &Option<u64>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match size {
                Some(size) => super::serialize(size, to),
                None => to.serialize_str(""),
            }
        }

        pub(in super::super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<u64>, D::Error> {
            let written = Written::read(from)?;
            if written.is_empty() {
                return Ok(None);
            }
            let bytes = written.with(|text| parse(text, &SIZES, "B"));
            bytes.map(Some).ok_or_else(|| D::Error::custom(super::FORM))
        }
    }
}

/// A number alone, or a text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "write a number, or a text with a number and its unit")]
enum Written {
    Number(u64),
    Text(String),
}

impl Written {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(from)
    }

    fn with(self, parse: impl Fn(&str) -> Option<u64>) -> Option<u64> {
        match self {
            Self::Number(number) => parse(&number.to_string()),
            Self::Text(text) => parse(&text),
        }
    }
}

/// Reads a whole number and its unit, in the smallest unit.
fn parse(text: &str, units: &[Unit], usual: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = Some(unit.trim_start()).filter(|unit| !unit.is_empty()).unwrap_or(usual);
    let (_, of) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*of)
}

/// In the largest unit that says it exactly.
fn show(value: u64, units: &[Unit]) -> String {
    let unit = units.iter().find(|(_, of)| value >= *of && value.is_multiple_of(*of));
    unit.map_or_else(|| value.to_string(), |(name, of)| format!("{}{name}", value / of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_they_are_shown() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("5m", 300_000),
            ("36h", 129_600_000),
            ("1d", 86_400_000),
            ("1500ms", 1500),
        ] {
            assert_eq!(parse(text, &TIMES, "s"), Some(milliseconds));
            assert_eq!(show(milliseconds, &TIMES), text);
        }
        for (text, bytes) in
            [("0", 0), ("1B", 1), ("64KiB", 65_536), ("1GiB", 1 << 30), ("1000B", 1000)]
        {
            assert_eq!(parse(text, &SIZES, "B"), Some(bytes));
            assert_eq!(show(bytes, &SIZES), text);
        }
    }

    #[test]
    fn a_number_alone_has_the_usual_unit_and_a_space_does_not_matter() {
        assert_eq!(parse("90", &TIMES, "s"), Some(90_000));
        assert_eq!(parse("90", &SIZES, "B"), Some(90));
        assert_eq!(parse(" 2 MB ", &SIZES, "B"), Some(2_000_000));
    }

    #[test]
    fn what_is_no_number_with_its_unit_is_refused() {
        for text in
            ["", "s", "5 parsecs", "-1s", "1.5h", "99999999999999999999", "9999999999999d", "1m30s"]
        {
            assert_eq!(parse(text, &TIMES, "s"), None, "{text}");
        }
    }
}

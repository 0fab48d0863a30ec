//! The phases: what a mailbox message is about.

use std::{borrow::Cow, fmt};

use crate::limits::MAX_PHASE;

/// What a mailbox message is about.
///
/// ```
/// use wormhole_sync_wire::Phase;
///
/// let phases = ["pake", "version", "0", "dilate-1", "song"].map(Phase::parse);
/// assert_eq!(phases[2], Some(Phase::Numbered(0)));
/// assert_eq!(phases[3], Some(Phase::Dilate(1)));
/// assert_eq!(phases[4], Some(Phase::Other("song".into()))); // to be ignored
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// `pake`: the key exchange, the one phase in clear.
    Pake,
    /// `version`: abilities and the application's versions; opening it confirms the key.
    Version,
    /// `0`, `1`, …: the application's messages, in order.
    Numbered(u64),
    /// `dilate-0`, `dilate-1`, …: the control messages of dilation.
    Dilate(u64),
    /// `abort`: the side gives up, and tells so. Ours alone: other peers ignore it.
    Abort,
    /// Any other name. Receivers ignore it.
    Other(Box<str>),
}

impl Phase {
    /// Reads a phase's name; `None` when it is longer than [`MAX_PHASE`] bytes.
    ///
    /// Numbers are canonical: `007` is [`Phase::Other`], for no peer writes it and its key
    /// would differ from that of `7`.
    ///
    /// ```
    /// use wormhole_sync_wire::Phase;
    ///
    /// assert_eq!(Phase::parse("7"), Some(Phase::Numbered(7)));
    /// assert_eq!(Phase::parse("007"), Some(Phase::Other("007".into())));
    /// assert_eq!(Phase::parse(&"7".repeat(65)), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        if name.len() > MAX_PHASE {
            return None;
        }
        Some(match name {
            "pake" => Self::Pake,
            "version" => Self::Version,
            "abort" => Self::Abort,
            _ => canonical(name).map_or_else(|| dilate_or_other(name), Self::Numbered),
        })
    }

    /// The name that goes over the wire.
    ///
    /// ```
    /// use wormhole_sync_wire::Phase;
    ///
    /// assert_eq!(Phase::Dilate(3).name(), "dilate-3");
    /// ```
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Pake => "pake".into(),
            Self::Version => "version".into(),
            Self::Abort => "abort".into(),
            Self::Numbered(number) => number.to_string().into(),
            Self::Dilate(number) => format!("dilate-{number}").into(),
            Self::Other(name) => Cow::Borrowed(name),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

fn canonical(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    if plain && !leading_zero { digits.parse().ok() } else { None }
}

fn dilate_or_other(name: &str) -> Phase {
    name.strip_prefix("dilate-")
        .and_then(canonical)
        .map_or_else(|| Phase::Other(name.into()), Phase::Dilate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_names_of_the_protocol_are_known() {
        for (name, phase) in [
            ("pake", Phase::Pake),
            ("version", Phase::Version),
            ("abort", Phase::Abort),
            ("0", Phase::Numbered(0)),
            ("18446744073709551615", Phase::Numbered(u64::MAX)),
            ("dilate-3", Phase::Dilate(3)),
        ] {
            assert_eq!(Phase::parse(name), Some(phase));
        }
    }

    #[test]
    fn everything_else_is_kept_as_it_came() {
        for name in ["", "Pake", "007", "-1", "+1", "18446744073709551616", "dilate-", "dilate-01"]
        {
            assert_eq!(Phase::parse(name), Some(Phase::Other(name.into())));
        }
    }

    #[test]
    fn a_name_beyond_the_limit_is_refused() {
        assert!(Phase::parse(&"p".repeat(MAX_PHASE)).is_some());
        assert_eq!(Phase::parse(&"p".repeat(MAX_PHASE + 1)), None);
    }

    proptest! {
        #[test]
        fn a_phase_is_written_as_it_was_read(name in ".{0,16}|[0-9]{1,21}|dilate-[0-9]{1,4}") {
            let phase = Phase::parse(&name).unwrap();
            prop_assert_eq!(phase.name(), name);
        }
    }
}

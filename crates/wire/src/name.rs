//! The names that a server keeps apart: application ids, sides, mailboxes, nameplates.

use std::{borrow::Borrow, fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_APP_ID, MAX_MAILBOX_ID, MAX_NAMEPLATE, MAX_SIDE};

/// A name that is empty where it must not be, too long, or of the wrong letters.
///
/// ```
/// use wormhole_sync_wire::{InvalidName, Nameplate};
///
/// let error: InvalidName = Nameplate::new("four").unwrap_err();
/// assert_eq!(error.kind, "nameplate");
/// assert_eq!(error.to_string(), "nameplate must be 1 to 40 decimal digits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName {
    /// What kind of name: `"appid"`, `"side"`, `"mailbox"` or `"nameplate"`.
    pub kind: &'static str,
    /// What is asked of it, in words that follow the kind: "must be …".
    pub rule: &'static str,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.rule)
    }
}

impl std::error::Error for InvalidName {}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the rules of the type.
            ///
            /// ```
            /// use wormhole_sync_wire::{AppId, MailboxId, Nameplate, Side};
            ///
            /// assert!(AppId::new("example.com/chat").is_ok() && AppId::new("").is_err());
            /// assert!(Side::new("5e1f0a9c77d2b364").is_ok() && Side::new("f".repeat(65)).is_err());
            /// assert!(MailboxId::new("kd3mp4vq2t6ya").is_ok() && MailboxId::new("").is_err());
            /// assert!(Nameplate::new("4").is_ok() && Nameplate::new("-4").is_err());
            /// ```
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidName> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidName { kind: $kind, rule: $rule }) }
            }

            /// The text of the name.
            ///
            /// ```
            /// use wormhole_sync_wire::{AppId, MailboxId, Nameplate, Side};
            ///
            /// assert_eq!(AppId::new("example.com/chat")?.as_str(), "example.com/chat");
            /// assert_eq!(Side::new("5e1f0a9c77d2b364")?.as_str(), "5e1f0a9c77d2b364");
            /// assert_eq!(MailboxId::new("kd3mp4vq2t6ya")?.as_str(), "kd3mp4vq2t6ya");
            /// assert_eq!(Nameplate::new("007")?.as_str(), "007");
            /// # Ok::<(), wormhole_sync_wire::InvalidName>(())
            /// ```
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The application that a client speaks for: up to [`MAX_APP_ID`] bytes of UTF-8.
    ///
    /// Clients of different applications never see each other: two sides whose ids differ wait, and are not told.
    ///
    /// ```
    /// use wormhole_sync_wire::AppId;
    ///
    /// let app_id = AppId::new("example.com/pairing")?; // under a domain name of one's own
    /// assert!(app_id.starts_with("example.com/"));
    /// # Ok::<(), wormhole_sync_wire::InvalidName>(())
    /// ```
    AppId, "appid", "must be 1 to 256 bytes", |text| (1..=MAX_APP_ID).contains(&text.len())
}

name! {
    /// One client of a mailbox, under a name that it made up: up to [`MAX_SIDE`] bytes.
    ///
    /// ```
    /// use wormhole_sync_wire::Side;
    ///
    /// assert_eq!(Side::new("5e1f0a9c77d2b364")?.to_string(), "5e1f0a9c77d2b364");
    /// assert!(Side::new("").is_err());
    /// # Ok::<(), wormhole_sync_wire::InvalidName>(())
    /// ```
    Side, "side", "must be 1 to 64 bytes", |text| (1..=MAX_SIDE).contains(&text.len())
}

name! {
    /// The mailbox that a nameplate stands for: up to [`MAX_MAILBOX_ID`] bytes.
    ///
    /// ```
    /// use wormhole_sync_wire::{ClientMessage, MailboxId};
    ///
    /// let open = ClientMessage::Open(MailboxId::new("kd3mp4vq2t6ya")?);
    /// assert!(open.encode("a1").contains(r#""mailbox":"kd3mp4vq2t6ya""#));
    /// # Ok::<(), wormhole_sync_wire::InvalidName>(())
    /// ```
    MailboxId, "mailbox", "must be 1 to 64 bytes", |text| (1..=MAX_MAILBOX_ID).contains(&text.len())
}

name! {
    /// The channel number at the head of a code: 1 to [`MAX_NAMEPLATE`] decimal digits.
    ///
    /// ```
    /// use wormhole_sync_wire::Nameplate;
    ///
    /// let nameplate = Nameplate::new("4")?;
    /// assert_eq!(format!("{nameplate}-purple-sausages"), "4-purple-sausages");
    /// assert!(Nameplate::new("4-purple-sausages").is_err());
    /// # Ok::<(), wormhole_sync_wire::InvalidName>(())
    /// ```
    Nameplate, "nameplate", "must be 1 to 40 decimal digits", |text| {
        (1..=MAX_NAMEPLATE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameplates_are_digits_and_nothing_else() {
        for good in ["0", "4", "007", "1234567890123456789012345678901234567890"] {
            assert_eq!(Nameplate::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "4a", "-4", "4 ", "٤", "12345678901234567890123456789012345678901"] {
            assert!(Nameplate::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths_are_counted_in_bytes() {
        assert!(AppId::new("é".repeat(MAX_APP_ID / 2)).is_ok());
        assert!(AppId::new("é".repeat(MAX_APP_ID / 2 + 1)).is_err());
        assert!(Side::new("f".repeat(MAX_SIDE)).is_ok());
        assert!(Side::new("f".repeat(MAX_SIDE + 1)).is_err());
        assert!(MailboxId::new("m".repeat(MAX_MAILBOX_ID)).is_ok());
        assert!(MailboxId::new("m".repeat(MAX_MAILBOX_ID + 1)).is_err());
        assert!(Side::new("").is_err() && AppId::new("").is_err() && MailboxId::new("").is_err());
    }

    #[test]
    fn the_rule_is_told_with_the_kind() {
        let error = Nameplate::new("x").unwrap_err();
        assert_eq!(error.to_string(), "nameplate must be 1 to 40 decimal digits");
    }

    #[test]
    fn a_name_from_json_is_checked_too() {
        assert!(serde_json::from_str::<Nameplate>("\"4\"").is_ok());
        assert!(serde_json::from_str::<Nameplate>("\"four\"").is_err());
        assert!(serde_json::from_str::<Nameplate>("4").is_err());
    }
}

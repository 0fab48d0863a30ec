//! The code's URI, as it stands in a QR code:
//! `wormhole-transfer:CODE[?version=0&rendezvous=URL&role=follower|leader]`.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::limits::{MAX_CODE, MAX_URI};

const SCHEME: &str = "wormhole-transfer:";
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A code with where to use it. It has no `Debug`: the code is a secret.
///
/// ```
/// use wormhole_sync_wire::uri::{CodeUri, Role};
///
/// let uri = CodeUri { role: Role::Leader, ..CodeUri::new("4-purple-sausages") };
/// assert_eq!(uri.to_string(), "wormhole-transfer:4-purple-sausages?role=leader");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CodeUri {
    /// The whole code.
    pub code: String,
    /// The mailbox server, when it is not the application's own.
    pub rendezvous: Option<String>,
    /// What the reader of the URI is to be; a follower when absent.
    pub role: Role,
}

/// Which part of a transfer the reader of a URI takes.
///
/// ```
/// use wormhole_sync_wire::uri::{CodeUri, Role};
///
/// assert_eq!(CodeUri::parse("wormhole-transfer:4-a?role=leader")?.role, Role::Leader);
/// assert_eq!(CodeUri::parse("wormhole-transfer:4-a")?.role, Role::Follower);
/// # Ok::<(), wormhole_sync_wire::uri::InvalidUri>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The reader receives.
    #[default]
    Follower,
    /// The reader sends.
    Leader,
}

/// Why a text is no code URI.
///
/// ```
/// use wormhole_sync_wire::uri::{CodeUri, InvalidUri};
///
/// let error = CodeUri::parse("https://example.com/4-a").err().unwrap();
/// assert_eq!(error, InvalidUri::Scheme);
/// assert_eq!(error.to_string(), "a code URI begins with wormhole-transfer:");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUri {
    /// It does not begin with `wormhole-transfer:`.
    Scheme,
    /// It is longer than [`MAX_URI`], or its code longer than [`MAX_CODE`].
    Length,
    /// A percent escape is not UTF-8.
    Encoding,
    /// There is no code.
    NoCode,
    /// A field is unknown, stands twice or has no value.
    Field,
    /// The version is not 0.
    Version,
    /// The role is neither `follower` nor `leader`.
    Role,
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a code URI begins with wormhole-transfer:",
            Self::Length => "the code URI is too long",
            Self::Encoding => "the code URI holds a percent escape that is not UTF-8",
            Self::NoCode => "the code URI holds no code",
            Self::Field => "the code URI holds a field that is unknown, double or empty",
            Self::Version => "the code URI is of a version other than 0",
            Self::Role => "the code URI's role is neither follower nor leader",
        })
    }
}

impl std::error::Error for InvalidUri {}

impl CodeUri {
    /// A URI for `code` on the application's own server, for someone who is to receive.
    ///
    /// ```
    /// use wormhole_sync_wire::uri::CodeUri;
    ///
    /// let uri = CodeUri::new("4-crème-brûlée").to_string();
    /// assert_eq!(uri, "wormhole-transfer:4-cr%C3%A8me-br%C3%BBl%C3%A9e");
    /// ```
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into(), rendezvous: None, role: Role::Follower }
    }

    /// Reads a URI.
    ///
    /// ```
    /// use wormhole_sync_wire::uri::CodeUri;
    ///
    /// let text = "wormhole-transfer:4-a?rendezvous=ws%3A%2F%2Fexample.com%3A4000%2Fv1";
    /// let uri = CodeUri::parse(text)?;
    /// assert_eq!(uri.code, "4-a");
    /// assert_eq!(uri.rendezvous.as_deref(), Some("ws://example.com:4000/v1"));
    /// assert!(CodeUri::parse("wormhole-transfer:4-a?colour=blue").is_err());
    /// # Ok::<(), wormhole_sync_wire::uri::InvalidUri>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidUri> {
        if text.len() > MAX_URI {
            return Err(InvalidUri::Length);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidUri::Scheme)?;
        let (code, query) =
            rest.split_once('?').map_or((rest, None), |(code, query)| (code, Some(query)));
        let mut uri = Self::new(decoded(code)?);
        if uri.code.is_empty() {
            return Err(InvalidUri::NoCode);
        }
        if uri.code.len() > MAX_CODE {
            return Err(InvalidUri::Length);
        }
        uri.read_fields(query.unwrap_or_default())?;
        Ok(uri)
    }

    fn read_fields(&mut self, query: &str) -> Result<(), InvalidUri> {
        let mut seen = Vec::new();
        for field in query.split('&').filter(|_| !query.is_empty()) {
            let (key, value) = field.split_once('=').ok_or(InvalidUri::Field)?;
            if value.is_empty() || seen.contains(&key) {
                return Err(InvalidUri::Field);
            }
            seen.push(key);
            self.read_field(key, decoded(value)?)?;
        }
        Ok(())
    }

    fn read_field(&mut self, key: &str, value: String) -> Result<(), InvalidUri> {
        match (key, &*value) {
            ("version", "0") => {}
            ("version", _) => return Err(InvalidUri::Version),
            ("rendezvous", _) => self.rendezvous = Some(value),
            ("role", "follower") => self.role = Role::Follower,
            ("role", "leader") => self.role = Role::Leader,
            ("role", _) => return Err(InvalidUri::Role),
            _ => return Err(InvalidUri::Field),
        }
        Ok(())
    }
}

impl fmt::Display for CodeUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", utf8_percent_encode(&self.code, UNRESERVED))?;
        let mut separator = '?';
        if let Some(rendezvous) = &self.rendezvous {
            write!(f, "{separator}rendezvous={}", utf8_percent_encode(rendezvous, UNRESERVED))?;
            separator = '&';
        }
        if self.role == Role::Leader {
            write!(f, "{separator}role=leader")?;
        }
        Ok(())
    }
}

fn decoded(text: &str) -> Result<String, InvalidUri> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| InvalidUri::Encoding)?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> Option<InvalidUri> {
        CodeUri::parse(text).err()
    }

    #[test]
    fn the_usual_form_is_short() {
        assert_eq!(
            CodeUri::new("4-purple-sausages").to_string(),
            "wormhole-transfer:4-purple-sausages"
        );
    }

    #[test]
    fn every_field_is_read() {
        let text =
            "wormhole-transfer:4-%C3%A9t%C3%A9?version=0&rendezvous=ws%3A%2F%2Fx%2Fv1&role=leader";
        let uri = CodeUri::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(uri.code, "4-été");
        assert_eq!(uri.rendezvous.as_deref(), Some("ws://x/v1"));
        assert_eq!(uri.role, Role::Leader);
    }

    #[test]
    fn each_fault_is_told() {
        for (text, fault) in [
            ("https://x", InvalidUri::Scheme),
            ("wormhole-transfer:", InvalidUri::NoCode),
            ("wormhole-transfer:4-a?version=1", InvalidUri::Version),
            ("wormhole-transfer:4-a?role=boss", InvalidUri::Role),
            ("wormhole-transfer:4-a?colour=red", InvalidUri::Field),
            ("wormhole-transfer:4-a?role=leader&role=leader", InvalidUri::Field),
            ("wormhole-transfer:4-a?rendezvous=", InvalidUri::Field),
            ("wormhole-transfer:4-a?role", InvalidUri::Field),
            ("wormhole-transfer:4-%ff", InvalidUri::Encoding),
        ] {
            assert_eq!(error(text), Some(fault), "{text}");
        }
        assert_eq!(
            error(&format!("{SCHEME}{}", "a".repeat(MAX_CODE + 1))),
            Some(InvalidUri::Length)
        );
        assert_eq!(error(&format!("{SCHEME}{}", "a".repeat(MAX_URI))), Some(InvalidUri::Length));
    }

    proptest! {
        #[test]
        fn a_uri_is_read_as_it_was_written(code in "\\PC{1,40}", url in proptest::option::of("\\PC{1,40}"), lead: bool) {
            let role = if lead { Role::Leader } else { Role::Follower };
            let uri = CodeUri { code, rendezvous: url, role };
            prop_assert!(CodeUri::parse(&uri.to_string()).ok() == Some(uri));
        }

        #[test]
        fn no_text_panics(text in "wormhole-transfer:.{0,60}|.{0,60}") {
            let _ = CodeUri::parse(&text);
        }
    }
}

//! Servers that were reached and are of no use: what they do, and what to do about it.

use std::{fmt, io};

use rustls::{CertificateError, Error as TlsError};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, error::ProtocolError};

/// Most letters of what a stranger says that are passed on.
const MAX_WORDS: usize = 200;

/// Most names of a certificate that are told.
const MAX_NAMES: usize = 3;

/// What a server does, or what answers in its place, that was connected to and is of no use.
///
/// ```
/// use wormhole_sync::{Options, Trouble, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let wrong = Options::new().rendezvous(url.replace("/v1", "/v7"));
/// let error = Wormhole::connect("example.com/chat", wrong).await.err().unwrap();
/// assert_eq!(error.trouble(), Some(Trouble::Http(404)));
/// # Ok(()) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// It hangs up, or keeps silent.
    Silent,
    /// It does not speak TLS, which the URL asks for.
    NoTls,
    /// No authority that this computer knows vouches for its certificate.
    UnknownAuthority,
    /// Its certificate is for other names.
    OtherName,
    /// Its certificate has expired, by this computer's clock.
    Expired,
    /// Its certificate is not valid yet, by this computer's clock.
    NotYetValid,
    /// TLS failed in another way.
    Tls,
    /// It answers by HTTP, with this status.
    Http(u16),
    /// It speaks something else.
    NoWebSocket,
}

impl Trouble {
    /// What to do about it, as the end of a sentence.
    ///
    /// ```
    /// use wormhole_sync::Trouble;
    ///
    /// assert!(Trouble::NoTls.advice().contains("ws://"));
    /// ```
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Silent => "check the URL's host and port, and ask whoever runs the server",
            Self::NoTls => "try ws:// in place of wss://, or check the URL's host and port",
            Self::UnknownAuthority => {
                "make sure that nobody between opens TLS; if the server's authority is one of your own, name the \
                 file of its certificate in the environment variable SSL_CERT_FILE"
            }
            Self::OtherName => "check the URL's host, which must be one of those names",
            Self::Expired => {
                "ask whoever runs the server to renew it, unless it is this computer's clock that is ahead"
            }
            Self::NotYetValid => "set this computer's clock, which is behind, as it seems",
            Self::Tls => "check the URL's host and port, and that nobody between opens TLS",
            // The front page of a server, or nothing of its own.
            Self::Http(200..=299 | 404) => "check the URL, whose path is /v1 as a rule",
            Self::Http(300..=399) => {
                "check the URL: the server sends elsewhere, such as from ws:// to wss://"
            }
            Self::Http(429) => "try again later",
            Self::Http(500..=599) => {
                "the server is down or not well, or what stands before it does not reach it: try again later, or \
                 ask whoever runs it"
            }
            Self::Http(_) => {
                "check the URL: ws:// or wss://, its host and port, and its path, which is /v1 as a rule"
            }
            Self::NoWebSocket => "check the URL: ws:// or wss://, and its host and port",
        }
    }

    /// Whether it keeps this side from being sure whom it talks to.
    pub(crate) const fn is_of_tls(self) -> bool {
        !matches!(self, Self::Silent | Self::Http(_) | Self::NoWebSocket)
    }
}

/// A trouble, with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) trouble: Trouble,
    /// It may quote a stranger.
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(trouble: Trouble, reason: impl Into<String>) -> Self {
        Self { trouble, reason: reason.into() }
    }

    /// The server has not said anything in time.
    pub(crate) fn late() -> Self {
        Self::new(Trouble::Silent, "it did not answer in time")
    }

    /// An answer by HTTP, with the server's own words where it has some.
    pub(crate) fn http(status: u16, outline: &str, words: Option<&str>) -> Self {
        let words = words.map_or_else(String::new, |words| format!(": {words}"));
        Self::new(Trouble::Http(status), format!("HTTP {outline}{words}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A connection that broke while something was awaited on it.
impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            Some(error) => error.into(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => hung_up(),
            None => Self::new(Trouble::Silent, format!("the connection broke: {error}")),
        }
    }
}

impl From<&TlsError> for Refusal {
    fn from(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidMessage(_) => {
                Self::new(Trouble::NoTls, "what answers there does not speak TLS")
            }
            TlsError::InvalidCertificate(error) => error.into(),
            other => Self::new(Trouble::Tls, format!("TLS failed: {other}")),
        }
    }
}

impl From<&CertificateError> for Refusal {
    fn from(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::new(
                Trouble::UnknownAuthority,
                "no authority that this computer knows vouches for its certificate",
            ),
            CertificateError::NotValidForName => {
                Self::new(Trouble::OtherName, "its certificate is for other names")
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
                Self::new(
                    Trouble::OtherName,
                    format!("its certificate is for other names: {}", listed(&names)),
                )
            }
            CertificateError::Expired => Self::new(Trouble::Expired, "its certificate has expired"),
            CertificateError::ExpiredContext { time, not_after } => Self::new(
                Trouble::Expired,
                format!(
                    "its certificate has expired, {} ago",
                    span(time.as_secs().saturating_sub(not_after.as_secs()))
                ),
            ),
            CertificateError::NotValidYet => {
                Self::new(Trouble::NotYetValid, "its certificate is not valid yet")
            }
            CertificateError::NotValidYetContext { time, not_before } => Self::new(
                Trouble::NotYetValid,
                format!(
                    "its certificate is not valid yet, but in {}",
                    span(not_before.as_secs().saturating_sub(time.as_secs()))
                ),
            ),
            other => Self::new(
                Trouble::Tls,
                format!("its certificate is of no use: {}", TlsError::from(other.clone())),
            ),
        }
    }
}

/// All but an answer by HTTP, whose words must be fetched first.
impl From<WebSocketError> for Refusal {
    fn from(error: WebSocketError) -> Self {
        match error {
            WebSocketError::Io(error) => error.into(),
            WebSocketError::Protocol(ProtocolError::HandshakeIncomplete) => hung_up(),
            WebSocketError::Http(answer) => {
                let status = answer.status();
                Self::http(status.as_u16(), &status.to_string(), None)
            }
            other => Self::new(
                Trouble::NoWebSocket,
                format!("what answers there does not speak WebSocket ({other})"),
            ),
        }
    }
}

fn hung_up() -> Refusal {
    Refusal::new(Trouble::Silent, "it hung up without an answer")
}

/// What a stranger says first, if it is text: one line, not cleaned for a terminal.
pub(crate) fn first_line(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(MAX_WORDS).collect())
}

/// A name of a certificate without its type, which its reader writes before it.
fn bare(name: &str) -> &str {
    let quoted = name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    quoted.unwrap_or(name)
}

fn listed(names: &[&str]) -> String {
    let mut told: Vec<String> =
        names.iter().take(MAX_NAMES).map(|name| name.chars().take(MAX_WORDS).collect()).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MAX_NAMES => {
            told.push("and others".to_owned());
            told.join(", ")
        }
        _ => told.join(", "),
    }
}

/// A time as people say it.
fn span(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} minutes", seconds.div_ceil(60)),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_is_one_line_of_bounded_length() {
        assert_eq!(first_line(b"\r\n  too many \r\nmore").as_deref(), Some("too many"));
        assert_eq!(first_line(b" \r\n\n"), None);
        assert_eq!(first_line(&[b'x'; 5000]).map(|line| line.len()), Some(MAX_WORDS));
        assert_eq!(first_line(b"\xff\xfe").as_deref(), Some("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn the_names_of_a_certificate_are_told_and_not_too_many() {
        assert_eq!(bare("DnsName(\"example.com\")"), "example.com");
        assert_eq!(bare("192.0.2.1"), "192.0.2.1");
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["a", "b", "c", "d"]), "a, b, c, and others");
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        assert_eq!(span(61), "2 minutes");
        assert_eq!(span(7200), "2 hours");
        assert_eq!(span(200_000), "2 days");
    }
}

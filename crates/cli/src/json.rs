//! What happens, as events: one JSON object a line with `--json`, sentences without.
//!
//! The form is documented in docs/json.md. Fields are added, never renamed.

use std::collections::BTreeMap;

use serde::Serialize;

mod finding;

pub(crate) use finding::{Check, Finding, Over, State, Took};

/// One event. Texts are exact here, whoever wrote them; JSON's own escapes keep them in one line.
#[derive(Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// A connection to the server is being opened.
    Connecting { url: &'a str },
    /// It is up.
    Connected,
    /// It was lost, and is tried again after so many seconds.
    Disconnected { retry_in: f64 },
    /// The server's welcome, with its message of the day.
    Welcome { motd: Option<&'a str> },
    /// The server refused something for now, and is asked again.
    Delayed { reason: &'a str },
    /// Work is done for the server, 2^bits hashes on average.
    Working { bits: u32 },
    /// No server is used: the local network, because it was asked for or the server cannot be reached.
    Local {
        role: LocalRole,
        because: Because<'a>,
        /// Why it cannot.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    /// The code. `command` is what to run on the other computer.
    Code {
        code: &'a str,
        uri: &'a str,
        command: &'a str,
        /// Whether a terminal shows the URI as a picture.
        #[serde(skip)]
        picture: bool,
        /// Whether the receiving side made the code.
        #[serde(skip)]
        allocated: bool,
    },
    /// No code is used. `command` is what to run on the other computer.
    NoCode { command: &'a str },
    /// This side has done its part; the other side is awaited.
    WaitingForPeer,
    /// The other side has answered.
    KeyAgreed,
    /// Both sides have the same key.
    KeyConfirmed { verifier: &'a str },
    /// The verifier is to be compared: answer `yes` or `no` on standard input.
    Verify { verifier: &'a str },
    /// A code is wanted: write it to standard input, as one line.
    AskCode,
    /// A text is wanted: write it to standard input, as one line.
    AskText,
    /// A text is being sent, or a blob.
    Sending { bytes: usize },
    /// The other side has it.
    Sent { bytes: usize },
    /// The other side's text, or the size of its blob, which is on standard output.
    Received {
        bytes: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
    },
    /// A file or directory is offered to the other side. `bytes` is what its files hold.
    Offering {
        kind: Kind,
        name: &'a str,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        files: Option<u64>,
    },
    /// This cannot be sent and is left out.
    LeftOut { path: &'a str, reason: &'a str },
    /// The other side offers a file or directory, which would come to stand at `path`.
    Offered {
        kind: Kind,
        name: &'a str,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        files: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a str>,
        /// What is delicate about the name.
        #[serde(skip_serializing_if = "Option::is_none")]
        warning: Option<&'a str>,
    },
    /// Is it wanted: answer `yes` or `no` on standard input.
    AskAccept,
    /// The other side wants it.
    Accepted,
    /// The bytes go this way.
    Route {
        kind: RouteKind,
        address: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        proxy: Option<&'a str>,
    },
    /// So many bytes of the file, or of a directory's archive, have been moved.
    Progress { bytes: u64, total: u64 },
    /// Everything is sent; the other side writes it and confirms.
    Confirming,
    /// What was offered has arrived.
    Delivered { bytes: u64 },
    /// What was received stands here, whole.
    Written {
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a str>,
        bytes: u64,
    },
    /// A public key is awaited, to be added to this file of this user.
    Inviting { user: &'a str, path: &'a str },
    /// This public key is to be sent.
    SendingKey {
        #[serde(flatten)]
        key: KeyOutline<'a>,
        path: &'a str,
    },
    /// Is it to be sent: answer `yes` or `no` on standard input.
    AskSendKey,
    /// The other side has it.
    KeySent {
        #[serde(flatten)]
        key: KeyOutline<'a>,
    },
    /// The other side's public key lets it in as `user`. If it was not added, it was there before.
    KeyAdded {
        #[serde(flatten)]
        key: KeyOutline<'a>,
        user: &'a str,
        path: &'a str,
        added: bool,
    },
    /// Something was looked at.
    Check(&'a Finding),
    /// Everything was: whether an exchange would work, and how many problems there are.
    Diagnosis { works: bool, problems: usize },
    /// A server accepts connections.
    Listening { url: &'a str },
    /// A database was copied.
    BackedUp { path: &'a str, bytes: u64 },
    /// A server has something to say to its operator: `debug`, `info`, `warning` or `error`. The
    /// fields stand in the text, too.
    Log { level: &'a str, text: &'a str, fields: &'a BTreeMap<&'static str, String> },
    /// Something to know.
    Note { message: &'a str },
    /// The exchange is over on this side.
    Closed,
    /// The command ends with this exit code.
    Error { message: &'a str, fault: &'a str, exit: u8 },
}

/// What tells one public key from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyOutline<'a> {
    /// As OpenSSH calls it.
    pub(crate) kind: &'a str,
    /// As `ssh-keygen -l` shows it.
    pub(crate) fingerprint: &'a str,
    /// Its owner's word for it.
    pub(crate) comment: &'a str,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// How the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RouteKind {
    /// From computer to computer.
    Direct,
    /// Through a relay.
    Relay,
}

/// What this side does on the local network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LocalRole {
    /// It hosts the exchange.
    Host,
    /// It looks for the host.
    Find,
}

/// Why the local network is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Because<'a> {
    /// It was asked for, by an option or by the code's form.
    Asked,
    /// The server at this URL cannot be reached.
    Unreachable(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: &Event<'_>) -> String {
        serde_json::to_string(event).unwrap()
    }

    #[test]
    fn an_event_is_one_line_and_says_what_it_is() {
        assert_eq!(line(&Event::Connected), r#"{"event":"connected"}"#);
        assert_eq!(line(&Event::WaitingForPeer), r#"{"event":"waiting_for_peer"}"#);
        let (role, because) = (LocalRole::Host, Because::Unreachable("ws://x"));
        assert_eq!(
            line(&Event::Local { role, because, reason: Some("no route") }),
            r#"{"event":"local","role":"host","because":{"unreachable":"ws://x"},"reason":"no route"}"#
        );
    }

    #[test]
    fn a_strangers_text_stays_exact_and_in_its_line() {
        let text = "a\nb\r\u{1b}]52;c;eA==\u{7}\u{202e}";
        let line = line(&Event::Received { bytes: text.len(), text: Some(text) });
        assert!(!line.contains(['\n', '\r', '\u{1b}', '\u{7}']));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["text"], text);
    }
}

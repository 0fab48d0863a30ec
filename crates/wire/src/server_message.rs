//! What the mailbox server says to a client.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::{
    name::{MailboxId, Nameplate, Side},
    object::{even_null, is_object},
};

mod reply;
mod welcome;

pub use reply::{Reply, TRY_LATER};
pub use welcome::{HashcashRequired, Nothing, PermissionRequired, Welcome, YourAddress};

/// One message from a server, without its `server_tx`.
///
/// ```
/// use wormhole_sync_wire::ServerMessage;
///
/// let frame = r#"{"type":"allocated","nameplate":"4","server_tx":1.5}"#;
/// match ServerMessage::parse(frame) {
///     Some(ServerMessage::Allocated { nameplate }) => assert_eq!(nameplate.as_str(), "4"),
///     _ => panic!("a nameplate was allocated"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum ServerMessage {
    /// Always first.
    Welcome {
        /// What the server has to say.
        welcome: Welcome,
    },
    /// A message has arrived; says nothing of whether it will be obeyed.
    Ack,
    /// The nameplates in use.
    Nameplates {
        /// One entry each.
        nameplates: Vec<ListedNameplate>,
    },
    /// The nameplate that was allocated, and claimed.
    Allocated {
        /// That nameplate.
        nameplate: Nameplate,
    },
    /// A nameplate was claimed.
    Claimed {
        /// The mailbox that it stands for.
        mailbox: MailboxId,
    },
    /// A nameplate was let go.
    Released,
    /// A message in the open mailbox: the peer's, one's own as an echo, or a third side's.
    Message(Relayed),
    /// A mailbox was let go.
    Closed,
    /// The answer to a ping.
    Pong {
        /// The ping's own value.
        pong: Value,
    },
    /// A message was refused. The connection stays open.
    Error {
        /// Why, in the server's words.
        error: String,
        /// The refused message, as it came, or its `type` and `id` when it was long; null when it
        /// is missing or cannot be read.
        orig: Value,
        /// Whether the same, asked a little later, may be granted. Only servers of this family say so.
        temporary: bool,
    },
    /// A type that this library does not know, to be ignored.
    Unknown,
}

impl ServerMessage {
    /// Reads one frame; `None` when it is not a JSON object with a `type`, or one of a known type
    /// whose fields are not as they must be. What else it holds is skipped over and not looked into.
    ///
    /// ```
    /// use wormhole_sync_wire::ServerMessage;
    ///
    /// assert_eq!(ServerMessage::parse(r#"{"type":"closed"}"#), Some(ServerMessage::Closed));
    /// assert_eq!(ServerMessage::parse(r#"{"type":"sung"}"#), Some(ServerMessage::Unknown));
    /// assert_eq!(ServerMessage::parse(r#"{"type":"claimed"}"#), None); // which mailbox?
    /// ```
    pub fn parse(frame: &str) -> Option<Self> {
        if !is_object(frame.as_bytes()) {
            return None;
        }
        serde_json::from_str::<Fields<'_>>(frame).ok()?.message()
    }
}

/// When the server says that it sent a message, in Unix seconds. It may be anything, and nothing must
/// depend on it.
///
/// ```
/// use wormhole_sync_wire::server_message::sent_at;
///
/// assert_eq!(sent_at(r#"{"type":"ack","server_tx":1764000000.5}"#), Some(1_764_000_000.5));
/// assert_eq!(sent_at(r#"{"type":"ack"}"#), None);
/// ```
pub fn sent_at(frame: &str) -> Option<f64> {
    #[derive(Deserialize)]
    struct Stamp<'a> {
        #[serde(borrow)]
        server_tx: &'a RawValue,
    }
    read(Some(serde_json::from_str::<Stamp<'_>>(frame).ok()?.server_tx))
}

/// Every field that a server message can have, not yet looked into: a field of another type, or of
/// none, may hold numbers and escapes that no reader here can represent.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a RawValue,
    #[serde(borrow, default)]
    welcome: Option<&'a RawValue>,
    #[serde(borrow, default)]
    nameplates: Option<&'a RawValue>,
    #[serde(borrow, default)]
    nameplate: Option<&'a RawValue>,
    #[serde(borrow, default)]
    mailbox: Option<&'a RawValue>,
    #[serde(borrow, default)]
    side: Option<&'a RawValue>,
    #[serde(borrow, default)]
    phase: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    pong: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    orig: Option<&'a RawValue>,
    #[serde(borrow, default)]
    temporary: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn message(self) -> Option<ServerMessage> {
        let kind: String = read(Some(self.kind))?;
        Some(match &*kind {
            "welcome" => ServerMessage::Welcome { welcome: read(self.welcome)? },
            "ack" => ServerMessage::Ack,
            "nameplates" => ServerMessage::Nameplates { nameplates: read(self.nameplates)? },
            "allocated" => ServerMessage::Allocated { nameplate: read(self.nameplate)? },
            "claimed" => ServerMessage::Claimed { mailbox: read(self.mailbox)? },
            "released" => ServerMessage::Released,
            "message" => ServerMessage::Message(Relayed {
                side: read(self.side)?,
                phase: read(self.phase)?,
                body: text(self.body?)?,
            }),
            "closed" => ServerMessage::Closed,
            "pong" => ServerMessage::Pong { pong: read(self.pong)? },
            "error" => ServerMessage::Error {
                error: read(self.error)?,
                orig: read(self.orig).unwrap_or_default(),
                temporary: read(self.temporary).unwrap_or_default(),
            },
            _ => ServerMessage::Unknown,
        })
    }
}

/// A text that may be long. It was read once to find its end: without an escape that is enough.
fn text(field: &RawValue) -> Option<String> {
    let quoted = field.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(plain) if !plain.contains('\\') => Some(plain.to_owned()),
        _ => read(Some(field)),
    }
}

fn read<T: DeserializeOwned>(field: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(field?.get()).ok()
}

/// One nameplate of a list.
///
/// ```
/// use wormhole_sync_wire::ServerMessage;
///
/// let frame = r#"{"type":"nameplates","nameplates":[{"id":"4"},{"id":"7"}]}"#;
/// let Some(ServerMessage::Nameplates { nameplates }) = ServerMessage::parse(frame) else { panic!() };
/// assert_eq!(nameplates[1].id.as_str(), "7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedNameplate {
    /// The nameplate.
    pub id: Nameplate,
}

/// A message of a mailbox.
///
/// ```
/// use wormhole_sync_wire::{Relayed, ServerMessage, Side};
///
/// let frame = r#"{"type":"message","side":"5e1f","phase":"0","body":"c0ffee","id":null}"#;
/// let relayed = Relayed { side: Side::new("5e1f")?, phase: "0".into(), body: "c0ffee".into() };
/// assert_eq!(ServerMessage::parse(frame), Some(ServerMessage::Message(relayed)));
/// # Ok::<(), wormhole_sync_wire::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// Who added it.
    pub side: Side,
    /// Its phase's name.
    pub phase: String,
    /// Its body, in hex.
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_are_told_apart_from_malformed_ones() {
        assert_eq!(
            ServerMessage::parse(r#"{"type":"dance","x":[]}"#),
            Some(ServerMessage::Unknown)
        );
        for frame in [
            "",
            "[]",
            r#"["released"]"#,
            "{}",
            r#"{"type":"claimed"}"#,
            r#"{"type":"allocated","nameplate":"x"}"#,
        ] {
            assert_eq!(ServerMessage::parse(frame), None, "{frame}");
        }
    }

    #[test]
    fn what_nobody_needs_may_be_nonsense() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let nonsense = ["1e999", "-1e999", r#""\ud800""#, r#"{"\udc00":[1e999]}"#, &deep];
        for nonsense in nonsense {
            for (frame, message) in [
                (r#""type":"released""#, ServerMessage::Released),
                (r#""type":"dance","welcome":[]"#, ServerMessage::Unknown),
                (
                    r#""type":"allocated","nameplate":"4""#,
                    ServerMessage::Allocated { nameplate: Nameplate::new("4").unwrap() },
                ),
                (
                    r#""type":"message","side":"s","phase":"0","body":"00""#,
                    ServerMessage::Message(Relayed {
                        side: Side::new("s").unwrap(),
                        phase: "0".into(),
                        body: "00".into(),
                    }),
                ),
            ] {
                for key in ["later", "orig", "pong", "server_tx", "id"] {
                    let frame = format!(r#"{{"{key}":{nonsense},{frame}}}"#);
                    assert_eq!(ServerMessage::parse(&frame).as_ref(), Some(&message), "{frame}");
                }
            }
        }
    }

    #[test]
    fn a_body_is_the_same_with_escapes_and_without() {
        for (written, read) in [
            ("", ""),
            ("00ff", "00ff"),
            (r"\u0030\u0030", "00"),
            (r#"\""#, "\""),
            (r"\\", "\\"),
            ("é", "é"),
        ] {
            let frame =
                format!(r#"{{"type":"message","side":"s","phase":"0","body": "{written}" }}"#);
            let Some(ServerMessage::Message(relayed)) = ServerMessage::parse(&frame) else {
                panic!("not a message: {frame}");
            };
            assert_eq!(relayed.body, read);
        }
        for bad in [r#"["00"]"#, "null", "00", r#""\ud800""#, r#""\""#, "\"\n\""] {
            let frame = format!(r#"{{"type":"message","side":"s","phase":"0","body":{bad}}}"#);
            assert_eq!(ServerMessage::parse(&frame), None, "{frame}");
        }
    }

    #[test]
    fn nonsense_where_something_is_needed_is_malformed() {
        for frame in [
            r#"{"type":1e999}"#,
            r#"{"type":"\ud800"}"#,
            r#"{"type":"claimed","mailbox":"\ud800"}"#,
            r#"{"type":"message","side":"s","phase":"0","body":1e999}"#,
            r#"{"type":"error","error":1e999}"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"released","later":1e}"#,
            r#"{"type":"released","later":"\u12"}"#,
            r#"{"type":"released","later":[1}"#,
        ] {
            assert_eq!(ServerMessage::parse(frame), None, "{frame}");
        }
        let empty = r#"{"type":"pong","pong":null}"#;
        assert_eq!(ServerMessage::parse(empty), Some(ServerMessage::Pong { pong: Value::Null }));
    }

    #[test]
    fn an_error_without_its_original_is_understood() {
        let frame = r#"{"type":"error","error":"missing 'type'"}"#;
        assert!(matches!(
            ServerMessage::parse(frame),
            Some(ServerMessage::Error { orig: Value::Null, .. })
        ));
    }
    #[test]
    fn an_original_that_cannot_be_read_leaves_the_error() {
        let frame = r#"{"type":"error","error":"no","orig":{"ping":1e999}}"#;
        let error =
            ServerMessage::Error { error: "no".into(), orig: Value::Null, temporary: false };
        assert_eq!(ServerMessage::parse(frame), Some(error));
    }
}

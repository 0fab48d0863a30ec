//! What the mailbox server says to a client.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::{
    name::{MailboxId, Nameplate, Side},
    object::is_object,
};

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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
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
        /// The refused message, as it came.
        #[serde(default)]
        orig: Value,
    },
    /// A type that this library does not know, to be ignored.
    #[serde(other)]
    Unknown,
}

impl ServerMessage {
    /// Reads one frame; `None` when it is not a JSON object with a `type`, or one of a known type
    /// whose fields are not as they must be.
    ///
    /// ```
    /// use wormhole_sync_wire::ServerMessage;
    ///
    /// assert_eq!(ServerMessage::parse(r#"{"type":"closed"}"#), Some(ServerMessage::Closed));
    /// assert_eq!(ServerMessage::parse(r#"{"type":"sung"}"#), Some(ServerMessage::Unknown));
    /// assert_eq!(ServerMessage::parse(r#"{"type":"claimed"}"#), None); // which mailbox?
    /// ```
    pub fn parse(frame: &str) -> Option<Self> {
        if is_object(frame.as_bytes()) { serde_json::from_str(frame).ok() } else { None }
    }
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

/// What a server says first.
///
/// ```
/// use wormhole_sync_wire::{ServerMessage, Welcome};
///
/// let frame = r#"{"type":"welcome","welcome":{"motd":"hello","later":1}}"#;
/// let welcome = Welcome { motd: Some("hello".into()), ..Welcome::default() };
/// assert_eq!(ServerMessage::parse(frame), Some(ServerMessage::Welcome { welcome }));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// A message of the day for whoever uses the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motd: Option<String>,
    /// Why the client is to leave at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The newest version of the Python tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_cli_version: Option<String>,
    /// What must be shown before `bind`, when anything must.
    #[serde(default, rename = "permission-required", skip_serializing_if = "Option::is_none")]
    pub permission_required: Option<PermissionRequired>,
    /// The address from which the server sees the client.
    #[serde(
        default,
        rename = "your-address",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable"
    )]
    pub your_address: Option<YourAddress>,
}

/// What only informs is ignored when it cannot be read, such as an address with a zone.
fn readable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// The permissions of which one is enough.
///
/// ```
/// use wormhole_sync_wire::Welcome;
///
/// let json = r#"{"permission-required":{"none":{}}}"#;
/// let welcome: Welcome = serde_json::from_str(json)?;
/// let required = welcome.permission_required.unwrap();
/// assert!(required.none.is_some() && required.hashcash.is_none()); // go ahead
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionRequired {
    /// No permission is needed after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<Nothing>,
    /// A hashcash stamp will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashcash: Option<HashcashRequired>,
}

/// An empty JSON object.
///
/// ```
/// use wormhole_sync_wire::server_message::{Nothing, PermissionRequired};
///
/// let none = PermissionRequired { none: Some(Nothing {}), hashcash: None };
/// assert_eq!(serde_json::to_string(&none)?, r#"{"none":{}}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// The stamp that a server asks for.
///
/// ```
/// use wormhole_sync_wire::{Welcome, server_message::HashcashRequired};
///
/// let json = r#"{"permission-required":{"hashcash":{"bits":20,"resource":"relay"}}}"#;
/// let welcome: Welcome = serde_json::from_str(json)?;
/// let asked = HashcashRequired { bits: 20, resource: "relay".into() };
/// assert_eq!(welcome.permission_required.unwrap().hashcash, Some(asked));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashcashRequired {
    /// Leading zero bits of the stamp's SHA-1: the expected work is 2^bits hashes.
    pub bits: u32,
    /// What the stamp must be made for.
    pub resource: String,
}

/// An address from which a server sees a client.
///
/// ```
/// use wormhole_sync_wire::Welcome;
///
/// let json = r#"{"your-address":{"port":50123,"ipv4":"192.0.2.7"}}"#;
/// let welcome: Welcome = serde_json::from_str(json)?;
/// let address = welcome.your_address.unwrap();
/// assert_eq!(address.ipv4, Some([192, 0, 2, 7].into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YourAddress {
    /// The port.
    pub port: u16,
    /// The address, when it is of IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<std::net::Ipv4Addr>,
    /// The address, when it is of IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<std::net::Ipv6Addr>,
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Relayed {
    /// Who added it.
    pub side: Side,
    /// Its phase's name.
    pub phase: String,
    /// Its body, in hex.
    pub body: String,
}

/// A server's answer with the parts that it copies from the client's own text, ready to be written.
///
/// [`ServerMessage`] is what a client keeps of these.
///
/// ```
/// use wormhole_sync_wire::{ServerMessage, server_message::Reply};
///
/// let frame = Reply::Allocated { nameplate: "4" }.encode(1.5);
/// assert!(matches!(ServerMessage::parse(&frame), Some(ServerMessage::Allocated { .. })));
/// ```
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Reply<'a> {
    /// Always first.
    Welcome {
        /// What the server has to say.
        welcome: &'a Welcome,
    },
    /// A message has arrived.
    Ack {
        /// The message's `id`, or null.
        id: Option<&'a RawValue>,
    },
    /// The nameplates in use, sorted as strings.
    Nameplates {
        /// One entry each.
        nameplates: Vec<ListedNameplate>,
    },
    /// A nameplate was allocated.
    Allocated {
        /// That nameplate.
        nameplate: &'a str,
    },
    /// A nameplate was claimed.
    Claimed {
        /// Its mailbox.
        mailbox: &'a str,
    },
    /// A nameplate was let go.
    Released,
    /// A message of the mailbox.
    Message {
        /// Who added it.
        side: &'a str,
        /// Its phase's name.
        phase: &'a str,
        /// Its body, as it came.
        body: &'a str,
        /// When it came, in Unix seconds.
        server_rx: f64,
        /// The `id` of the `add` behind it.
        id: Option<&'a RawValue>,
    },
    /// A mailbox was let go.
    Closed,
    /// The answer to a ping.
    Pong {
        /// The ping's value.
        pong: &'a RawValue,
    },
    /// A message was refused.
    Error {
        /// Why.
        error: &'a str,
        /// The refused message, when it is small enough to be sent back.
        #[serde(skip_serializing_if = "Option::is_none")]
        orig: Option<&'a RawValue>,
    },
}

impl Reply<'_> {
    /// The JSON text that goes over the wire, sent at `server_tx` Unix seconds.
    ///
    /// ```
    /// use wormhole_sync_wire::server_message::Reply;
    ///
    /// assert_eq!(Reply::Released.encode(1.5), r#"{"type":"released","server_tx":1.5}"#);
    /// ```
    pub fn encode(&self, server_tx: f64) -> String {
        #[derive(Serialize)]
        struct Stamped<'a> {
            #[serde(flatten)]
            reply: &'a Reply<'a>,
            server_tx: f64,
        }
        // Strings and finite numbers cannot fail to become JSON.
        serde_json::to_string(&Stamped { reply: self, server_tx }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn every_reply_is_read_as_the_message_that_it_is() {
        let welcome = Welcome {
            motd: Some("hello".into()),
            permission_required: Some(PermissionRequired {
                none: None,
                hashcash: Some(HashcashRequired { bits: 20, resource: "r".into() }),
            }),
            your_address: Some(YourAddress { port: 9, ipv4: "192.0.2.7".parse().ok(), ipv6: None }),
            ..Welcome::default()
        };
        let four = || Nameplate::new("4").unwrap();
        let number = raw("17");
        for (reply, message) in [
            (
                Reply::Welcome { welcome: &welcome },
                ServerMessage::Welcome { welcome: welcome.clone() },
            ),
            (Reply::Ack { id: Some(&number) }, ServerMessage::Ack),
            (
                Reply::Nameplates { nameplates: vec![ListedNameplate { id: four() }] },
                ServerMessage::Nameplates { nameplates: vec![ListedNameplate { id: four() }] },
            ),
            (Reply::Allocated { nameplate: "4" }, ServerMessage::Allocated { nameplate: four() }),
            (
                Reply::Claimed { mailbox: "mmm" },
                ServerMessage::Claimed { mailbox: MailboxId::new("mmm").unwrap() },
            ),
            (Reply::Released, ServerMessage::Released),
            (
                Reply::Message { side: "s", phase: "0", body: "00", server_rx: 1.5, id: None },
                ServerMessage::Message(Relayed {
                    side: Side::new("s").unwrap(),
                    phase: "0".into(),
                    body: "00".into(),
                }),
            ),
            (Reply::Closed, ServerMessage::Closed),
            (Reply::Pong { pong: &number }, ServerMessage::Pong { pong: 17.into() }),
            (
                Reply::Error { error: "crowded", orig: Some(&raw(r#"{"type":"claim"}"#)) },
                ServerMessage::Error {
                    error: "crowded".into(),
                    orig: serde_json::json!({"type": "claim"}),
                },
            ),
        ] {
            let frame = reply.encode(1234.5);
            assert!(frame.contains(r#""server_tx":1234.5"#), "{frame}");
            assert_eq!(ServerMessage::parse(&frame), Some(message), "{frame}");
        }
    }

    #[test]
    fn what_the_python_server_says_is_understood() {
        let frame = r#"{"welcome": {"current_cli_version": null, "motd": "hi", "later": {"x": 1},
            "permission-required": {"none": {}, "hashcash": {"bits": 6, "resource": "r"}, "other": 7},
            "your-address": {"port": 4000, "ipv6": "::1"}}, "type": "welcome", "server_tx": 1.0}"#;
        let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(frame) else {
            panic!("not a welcome");
        };
        let required = welcome.permission_required.unwrap();
        assert!(required.none.is_some());
        assert_eq!(required.hashcash.unwrap().bits, 6);
        assert_eq!(welcome.your_address.unwrap().ipv6, "::1".parse().ok());
    }

    #[test]
    fn an_address_that_cannot_be_read_does_not_spoil_the_welcome() {
        let frame = r#"{"type":"welcome","welcome":{"motd":"x","your-address":{"port":1,"ipv6":"fe80::1%eth0"}}}"#;
        let Some(ServerMessage::Welcome { welcome }) = ServerMessage::parse(frame) else {
            panic!("not a welcome");
        };
        assert_eq!((welcome.motd.as_deref(), welcome.your_address), (Some("x"), None));
    }

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
    fn an_error_without_its_original_is_understood() {
        let frame = r#"{"type":"error","error":"missing 'type'"}"#;
        assert!(matches!(
            ServerMessage::parse(frame),
            Some(ServerMessage::Error { orig: Value::Null, .. })
        ));
    }
}

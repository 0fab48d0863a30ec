//! What a server says, as it writes it.

use std::ops::Not;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{ListedNameplate, Welcome};

/// A server's answer with the parts that it copies from the client's own text, ready to be written.
///
/// [`ServerMessage`](super::ServerMessage) is what a client keeps of these.
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
        /// Why. What ends in [`TRY_LATER`] goes out with `"temporary":true` beside it.
        error: &'a str,
        /// The refused message, when it is small enough to be sent back.
        #[serde(skip_serializing_if = "Option::is_none")]
        orig: Option<&'a RawValue>,
    },
}

/// How the text of a refusal ends that would be none if the same were asked a little later. Such an
/// `error` says so to programs with `"temporary":true`, an addition of this server's that other
/// clients ignore.
///
/// ```
/// use wormhole_sync_wire::server_message::{Reply, TRY_LATER};
///
/// let error = format!("the server is full: {TRY_LATER}");
/// let frame = Reply::Error { error: &error, orig: None }.encode(1.5);
/// assert!(frame.contains(r#""temporary":true"#));
/// ```
pub const TRY_LATER: &str = "try again later";

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
            #[serde(skip_serializing_if = "Not::not")]
            temporary: bool,
            server_tx: f64,
        }
        let temporary = matches!(self, Self::Error { error, .. } if error.ends_with(TRY_LATER));
        // Strings and finite numbers cannot fail to become JSON.
        serde_json::to_string(&Stamped { reply: self, temporary, server_tx }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        name::{MailboxId, Nameplate, Side},
        server_message::{
            HashcashRequired, PermissionRequired, Relayed, ServerMessage, YourAddress,
        },
    };

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
                    temporary: false,
                },
            ),
            (
                Reply::Error { error: "no room: try again later", orig: None },
                ServerMessage::Error {
                    error: "no room: try again later".into(),
                    orig: serde_json::Value::Null,
                    temporary: true,
                },
            ),
        ] {
            let frame = reply.encode(1234.5);
            assert!(frame.contains(r#""server_tx":1234.5"#), "{frame}");
            assert_eq!(ServerMessage::parse(&frame), Some(message), "{frame}");
        }
    }
}

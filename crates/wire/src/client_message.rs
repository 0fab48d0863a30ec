//! What a client says to the mailbox server, and how the server reads it.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    mood::Mood,
    name::{AppId, MailboxId, Nameplate, Side},
};

mod request;

pub use request::{Refusal, Request};

/// One message from a client, without its `id`.
///
/// ```
/// use wormhole_sync_wire::{AppId, ClientMessage, Side};
///
/// let bind = ClientMessage::Bind {
///     app_id: AppId::new("example.com/chat")?,
///     side: Side::new("5e1f0a9c77d2b364")?,
///     client_version: Some(("chat".into(), "1.4.2".into())),
/// };
/// assert!(bind.encode("a1").starts_with(r#"{"type":"bind","id":"a1","appid":"example.com/chat","#));
/// # Ok::<(), wormhole_sync_wire::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// Asks for a `pong` with the same JSON value. Allowed before `bind`.
    Ping(Cow<'a, str>),
    /// Answers a welcome that requires permission, with a hashcash stamp. Comes before `bind`.
    SubmitPermissions {
        /// The stamp, seven fields between colons.
        stamp: Cow<'a, str>,
    },
    /// Says which application the connection is for, and which side it is.
    Bind {
        /// The application.
        app_id: AppId,
        /// The side.
        side: Side,
        /// Name and version of the client's software, when it says so.
        client_version: Option<(String, String)>,
    },
    /// Asks for the nameplates in use.
    List,
    /// Asks for a free nameplate, claimed.
    Allocate,
    /// Claims a nameplate.
    Claim {
        /// The nameplate.
        nameplate: Nameplate,
        /// The mailbox that it stood for when this side claimed it before. A server that has
        /// forgotten both since makes them anew under the same names, so that a side which still
        /// knows the mailbox and one which knows the nameplate meet again. Ours alone: the family's
        /// servers ignore it.
        mailbox: Option<MailboxId>,
    },
    /// Lets a nameplate go: the one named, or the one that this connection claimed.
    Release(Option<Nameplate>),
    /// Opens a mailbox and asks for its messages, those stored and those to come.
    Open(MailboxId),
    /// Adds a message to the open mailbox.
    Add {
        /// The phase's name.
        phase: Cow<'a, str>,
        /// The body, in hex.
        body: Cow<'a, str>,
    },
    /// Lets a mailbox go: the one named, or the one that this connection opened.
    Close {
        /// The mailbox, when named.
        mailbox: Option<MailboxId>,
        /// How the side felt, when said.
        mood: Option<Mood>,
    },
}

impl ClientMessage<'_> {
    /// The JSON text that goes over the wire, with `id`.
    ///
    /// ```
    /// use wormhole_sync_wire::ClientMessage;
    ///
    /// let add = ClientMessage::Add { phase: "0".into(), body: "c0ffee".into() };
    /// assert_eq!(add.encode("a1"), r#"{"type":"add","id":"a1","phase":"0","body":"c0ffee"}"#);
    /// ```
    pub fn encode(&self, id: &str) -> String {
        let mut out = Written { id: Some(id), ..Written::default() };
        match self {
            Self::Ping(value) => {
                out.kind = "ping";
                out.ping = serde_json::from_str(value).ok();
            }
            Self::SubmitPermissions { stamp } => {
                out.kind = "submit-permissions";
                out.method = Some("hashcash");
                out.stamp = Some(stamp);
            }
            Self::Bind { app_id, side, client_version } => {
                out.kind = "bind";
                out.appid = Some(app_id);
                out.side = Some(side);
                out.client_version =
                    client_version.as_ref().map(|(name, version)| [&**name, &**version]);
            }
            Self::List => out.kind = "list",
            Self::Allocate => out.kind = "allocate",
            Self::Claim { nameplate, mailbox } => {
                out.kind = "claim";
                out.mailbox = mailbox.as_deref();
                out.nameplate = Some(nameplate);
            }
            Self::Release(nameplate) => {
                out.kind = "release";
                out.nameplate = nameplate.as_deref();
            }
            Self::Open(mailbox) => {
                out.kind = "open";
                out.mailbox = Some(mailbox);
            }
            Self::Add { phase, body } => {
                out.kind = "add";
                out.phase = Some(phase);
                out.body = Some(body);
            }
            Self::Close { mailbox, mood } => {
                out.kind = "close";
                out.mailbox = mailbox.as_deref();
                out.mood = mood.map(Mood::as_str);
            }
        }
        // A struct of strings cannot fail to become JSON.
        serde_json::to_string(&out).unwrap_or_default()
    }
}

/// Every field that a client message can have, as it is written.
#[derive(Default, Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ping: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stamp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_version: Option<[&'a str; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nameplate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mood: Option<&'a str>,
}

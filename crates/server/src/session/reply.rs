//! Answers, as the frames that they are sent in.

use std::sync::Arc;

use serde_json::value::RawValue;
use wormhole_sync_wire::{
    Nameplate,
    server_message::{ListedNameplate, Reply},
};

use super::orig::orig;
use crate::exchange::{ConnectionId, Message};

/// A frame to be sent.
///
/// ```
/// use wormhole_sync_server::{exchange::ConnectionId, session::{Outgoing, Policy, Session}};
///
/// let session = Session::new(ConnectionId(7), None, Policy::default().into());
/// let Outgoing { to, text } = session.welcome(None, 1.5);
/// assert_eq!(to, ConnectionId(7));
/// assert!(text.ends_with(r#""server_tx":1.5}"#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub to: ConnectionId,
    /// The JSON text.
    pub text: String,
}

/// Where the answers of sessions go.
///
/// A plain `Vec` encodes a replay at once; a server that has thousands of connections does so as
/// each of them reads.
///
/// ```
/// use wormhole_sync_server::{exchange::ConnectionId, session::{Outgoing, Outlet}};
///
/// struct Counter(usize);
///
/// impl Outlet for Counter {
///     fn say(&mut self, frame: Outgoing) {
///         self.0 += frame.text.len();
///     }
///     # fn replay(&mut self, _: ConnectionId, messages: Vec<Arc<Message>>, _: f64) {
///     #     self.0 += messages.len();
///     # }
/// }
/// # use std::sync::Arc;
/// # use wormhole_sync_server::{Limits, exchange::{Message, embedded::Embedded}};
/// # use wormhole_sync_server::session::{Policy, Session};
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// # let mut session = Session::new(ConnectionId(1), None, Policy::default().into());
///
/// let mut bytes = Counter(0);
/// session.handle(r#"{"type":"ping","ping":7}"#, 1.5, &mut exchange, &mut bytes);
/// assert!(bytes.0 > 0); // an ack and a pong
/// ```
pub trait Outlet {
    /// A frame is to be sent.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::ConnectionId, session::{Outgoing, Outlet}};
    ///
    /// let mut out = Vec::new();
    /// out.say(Outgoing { to: ConnectionId(1), text: "{}".into() });
    /// assert_eq!(out.len(), 1);
    /// ```
    fn say(&mut self, frame: Outgoing);

    /// The same text is to be sent to several.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::ConnectionId, session::{Outgoing, Outlet}};
    ///
    /// let mut out: Vec<Outgoing> = Vec::new();
    /// out.broadcast(&[ConnectionId(1), ConnectionId(2)], "{}".into());
    /// assert_eq!(out.len(), 2);
    /// ```
    fn broadcast(&mut self, to: &[ConnectionId], text: String) {
        for to in to {
            self.say(Outgoing { to: *to, text: text.clone() });
        }
    }

    /// What a mailbox holds is to be sent to one who has opened it, message by message, before
    /// what is said to it later.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::{ConnectionId, Message}, session::{Outgoing, Outlet}};
    ///
    /// # let (side, phase, body) = ("a".into(), "0".into(), "c0ffee".into());
    /// # let message = Message { side, phase, body, server_rx: 7.5, id: None }.into();
    /// let mut out: Vec<Outgoing> = Vec::new();
    /// out.replay(ConnectionId(1), vec![message], 8.0);
    /// assert!(out[0].text.starts_with(r#"{"type":"message","side":"a","phase":"0""#));
    /// ```
    fn replay(&mut self, to: ConnectionId, messages: Vec<Arc<Message>>, now: f64);
}

impl Outlet for Vec<Outgoing> {
    fn say(&mut self, frame: Outgoing) {
        self.push(frame);
    }

    fn replay(&mut self, to: ConnectionId, messages: Vec<Arc<Message>>, now: f64) {
        self.extend(
            messages.iter().map(|message| Outgoing { to, text: self::message(message, now) }),
        );
    }
}

pub(super) fn to(connection: ConnectionId, reply: &Reply<'_>, now: f64) -> Outgoing {
    Outgoing { to: connection, text: reply.encode(now) }
}

pub(super) fn ack(connection: ConnectionId, id: Option<&str>, now: f64, out: &mut dyn Outlet) {
    out.say(to(connection, &Reply::Ack { id: raw(id) }, now));
}

pub(super) fn pong(connection: ConnectionId, value: &str, now: f64, out: &mut dyn Outlet) {
    if let Some(pong) = raw(Some(value)) {
        out.say(to(connection, &Reply::Pong { pong }, now));
    }
}

pub(super) fn nameplates(names: Vec<Nameplate>) -> Reply<'static> {
    Reply::Nameplates { nameplates: names.into_iter().map(|id| ListedNameplate { id }).collect() }
}

/// A message of a mailbox, as the JSON text that it is sent in.
pub(crate) fn message(message: &Message, now: f64) -> String {
    let Message { side, phase, body, server_rx, id } = message;
    let id = raw(id.as_deref());
    Reply::Message { side, phase, body, server_rx: *server_rx, id }.encode(now)
}

/// One message to several connections, encoded once.
pub(super) fn broadcast(
    subscribers: &[ConnectionId],
    message: &Message,
    now: f64,
    out: &mut dyn Outlet,
) {
    if !subscribers.is_empty() {
        out.broadcast(subscribers, self::message(message, now));
    }
}

/// A refusal, with what can be said of the refused frame.
pub(super) fn error(
    connection: ConnectionId,
    error: &str,
    frame: Option<&str>,
    now: f64,
) -> Outgoing {
    let orig = frame.and_then(orig);
    to(connection, &Reply::Error { error, orig: orig.as_deref() }, now)
}

fn raw(text: Option<&str>) -> Option<&RawValue> {
    serde_json::from_str(text?).ok()
}

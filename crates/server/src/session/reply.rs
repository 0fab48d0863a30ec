//! Answers, as the frames that they are sent in.

use serde_json::value::RawValue;
use wormhole_sync_wire::{
    Nameplate,
    limits::MAX_ORIG,
    server_message::{ListedNameplate, Reply},
};

use crate::exchange::{ConnectionId, Message};

/// A frame to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub to: ConnectionId,
    /// The JSON text.
    pub text: String,
}

pub(super) fn to(connection: ConnectionId, reply: &Reply<'_>, now: f64) -> Outgoing {
    Outgoing { to: connection, text: reply.encode(now) }
}

pub(super) fn ack(connection: ConnectionId, id: Option<&str>, now: f64, out: &mut Vec<Outgoing>) {
    out.push(to(connection, &Reply::Ack { id: raw(id) }, now));
}

pub(super) fn pong(connection: ConnectionId, value: &str, now: f64, out: &mut Vec<Outgoing>) {
    if let Some(pong) = raw(Some(value)) {
        out.push(to(connection, &Reply::Pong { pong }, now));
    }
}

pub(super) fn nameplates(names: Vec<Nameplate>) -> Reply<'static> {
    Reply::Nameplates { nameplates: names.into_iter().map(|id| ListedNameplate { id }).collect() }
}

pub(super) fn message(connection: ConnectionId, message: &Message, now: f64) -> Outgoing {
    let Message { side, phase, body, server_rx, id } = message;
    let id = raw(id.as_deref());
    to(connection, &Reply::Message { side, phase, body, server_rx: *server_rx, id }, now)
}

/// One message to several connections, encoded once.
pub(super) fn broadcast(
    subscribers: &[ConnectionId],
    message: &Message,
    now: f64,
    out: &mut Vec<Outgoing>,
) {
    let Some((first, others)) = subscribers.split_first() else { return };
    let encoded = self::message(*first, message, now);
    out.extend(others.iter().map(|to| Outgoing { to: *to, text: encoded.text.clone() }));
    out.push(encoded);
}

/// A refusal, with the refused frame when it is JSON and small.
pub(super) fn error(
    connection: ConnectionId,
    error: &str,
    frame: Option<&str>,
    now: f64,
) -> Outgoing {
    let orig = raw(frame.filter(|frame| frame.len() <= MAX_ORIG));
    to(connection, &Reply::Error { error, orig }, now)
}

fn raw(text: Option<&str>) -> Option<&RawValue> {
    serde_json::from_str(text?).ok()
}

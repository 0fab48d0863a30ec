//! The messages of the wire: what was read and written is read again as the same.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, value::to_raw_value};
use wormhole_sync_core::{
    Code,
    error::BadPoint,
    pake::Pake,
    wire::{
        AppId, ClientMessage, Request, ServerMessage,
        limits::{MAX_MESSAGE_ID, MAX_PHASE, MAX_PING, MAX_STAMP},
        pake_message,
        server_message::Reply,
        transfer_message::TransferMessage,
        version_message::VersionMessage,
    },
};

use super::numbers::has_fraction;

/// Bytes of the longest refusal: it is ours, and holds nothing of the stranger's.
const MAX_REFUSAL: usize = 100;

/// Every message is a JSON object; an array of its values is none.
fn assert_object(data: &[u8]) {
    assert!(data.trim_ascii().starts_with(b"{") && data.trim_ascii().ends_with(b"}"));
}

/// What a server reads. A message is within its limits, and is read as it was written.
pub fn client_message(data: &[u8]) {
    let Ok(frame) = std::str::from_utf8(data) else { return };
    let request = match Request::parse(frame) {
        Ok(request) => request,
        Err(refusal) => return assert!((1..=MAX_REFUSAL).contains(&refusal.0.len())),
    };
    if let Some(id) = request.id {
        assert!(id.len() <= MAX_MESSAGE_ID, "an id is copied back and stored");
    }
    assert_object(data);
    match request.message {
        Err(refusal) => assert!((1..=MAX_REFUSAL).contains(&refusal.0.len())),
        Ok(message) => {
            assert_within_limits(&message);
            let again = message.encode("f00d");
            let request = Request::parse(&again).unwrap_or_else(|refusal| panic!("{refusal:?}"));
            assert_eq!(request.message, Ok(message), "{again}");
            assert_eq!(request.id, Some("\"f00d\""));
        }
    }
}

fn assert_within_limits(message: &ClientMessage<'_>) {
    match message {
        ClientMessage::Ping(value) => assert!(value.len() <= MAX_PING),
        ClientMessage::SubmitPermissions { stamp } => assert!(stamp.len() <= MAX_STAMP),
        ClientMessage::Add { phase, .. } => assert!(phase.len() <= MAX_PHASE),
        _ => {} // made of names, which have their limits by construction
    }
}

/// What a client reads. What it keeps of a message is all there, when a server says it again.
pub fn server_message(data: &[u8]) {
    let Ok(frame) = std::str::from_utf8(data) else { return };
    let Some(message) = ServerMessage::parse(frame) else { return };
    assert_object(data);
    let Some(again) = said_again(&message) else { return };
    let reread = ServerMessage::parse(&again);
    assert!(reread.is_some(), "{again}");
    if !fraction_in(&message) {
        assert_eq!(reread, Some(message), "{again}");
    }
}

fn fraction_in(message: &ServerMessage) -> bool {
    match message {
        ServerMessage::Pong { pong: value } | ServerMessage::Error { orig: value, .. } => {
            has_fraction(value)
        }
        // An advertised relay's priority.
        ServerMessage::Welcome { welcome } => {
            serde_json::to_value(welcome).is_ok_and(|value| has_fraction(&value))
        }
        _ => false,
    }
}

/// The frame that a server would send; `None` for a message of an unknown type.
fn said_again(message: &ServerMessage) -> Option<String> {
    let value = match message {
        ServerMessage::Pong { pong: value } | ServerMessage::Error { orig: value, .. } => value,
        _ => &Value::Null,
    };
    let raw = to_raw_value(value).unwrap_or_else(|error| panic!("{error}"));
    let reply = match message {
        ServerMessage::Welcome { welcome } => Reply::Welcome { welcome },
        ServerMessage::Ack => Reply::Ack { id: None },
        ServerMessage::Nameplates { nameplates } => {
            Reply::Nameplates { nameplates: nameplates.clone() }
        }
        ServerMessage::Allocated { nameplate } => Reply::Allocated { nameplate },
        ServerMessage::Claimed { mailbox } => Reply::Claimed { mailbox },
        ServerMessage::Released => Reply::Released,
        ServerMessage::Message(relayed) => Reply::Message {
            side: &relayed.side,
            phase: &relayed.phase,
            body: &relayed.body,
            server_rx: 1.5,
            id: None,
        },
        ServerMessage::Closed => Reply::Closed,
        ServerMessage::Pong { .. } => Reply::Pong { pong: &raw },
        ServerMessage::Error { error, .. } => Reply::Error { error, orig: Some(&raw) },
        ServerMessage::Unknown => return None,
    };
    Some(reply.encode(1234.5))
}

/// The peer's half of the key exchange. What is no message is no key either, and the first
/// exchange that any message takes part in never ends with our own.
pub fn pake_message(data: &[u8]) {
    let message = pake_message::decode(data);
    if let Some(message) = message {
        assert_object(data);
        assert_eq!(pake_message::decode(&pake_message::encode(&message)), Some(message));
    }
    let (code, app_id) = (Code::parse("4-purple-sausages"), AppId::new("app"));
    let (Ok(code), Ok(app_id)) = (code, app_id) else { panic!("the code is one") };
    let pake = Pake::start(&code, &app_id, ChaCha20Rng::from_seed([7; 32]));
    let ours = pake_message::decode(&pake.body());
    match pake.finish(data) {
        Ok(_) => {
            let role = message.as_ref().and_then(|message| message.first());
            assert_eq!(role, Some(&b'S'));
            assert_ne!(message, ours);
        }
        Err(BadPoint::Malformed) => assert_eq!(message, None),
        Err(_) => assert!(message.is_some()),
    }
}

/// What the peer's application says of itself.
pub fn version_message(data: &[u8]) {
    let Some(message) = VersionMessage::decode(data) else { return };
    assert_object(data);
    let again = VersionMessage::decode(&message.encode());
    let fraction = message.app_versions.values().any(has_fraction);
    assert!(again.is_some() && (fraction || again == Some(message)));
}

/// What the peer's file transfer says.
pub fn transfer_message(data: &[u8]) {
    let Some(message) = TransferMessage::decode(data) else { return };
    assert_object(data);
    let again = TransferMessage::decode(&message.encode());
    let fraction = serde_json::to_value(&message).is_ok_and(|value| has_fraction(&value));
    assert!(again.is_some() && (fraction || again == Some(message)));
}

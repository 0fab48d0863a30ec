//! What is said on a link, and where links lead: hints, handshakes and records.

use std::sync::LazyLock;

use wormhole_sync_core::{
    Moment,
    connect::{Action, Connect, MAX_CANDIDATES, Negotiate, Negotiation, Output, Path, Progress},
    transit::{Handshakes, OVERHEAD, RecordError, TransitKey, frame},
    wire::{
        hint::{Hint, Relay},
        limits::{MAX_HINTS, MAX_RECORD},
        transfer_message::TransferMessage,
        transit::{GO, Role},
    },
};

use super::numbers::has_fraction;
use crate::doc;

/// A list of hints, or a relay as people write it. Few are kept, few are dialed, and what is kept is written as it was read.
pub fn hints(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(relay) = Relay::parse(text) {
        assert_eq!(relay.doors.len(), 1);
        assert_dials(&[Hint::Relay(relay)]);
    }
    let message = format!(r#"{{"transit":{{"hints-v1":{text}}}}}"#);
    let Some(message) = TransferMessage::decode(message.as_bytes()) else { return };
    let again = TransferMessage::decode(&message.encode());
    let fraction = serde_json::to_value(&message).is_ok_and(|value| has_fraction(&value));
    assert!(again.is_some() && (fraction || again.as_ref() == Some(&message)));
    let hints = message.transit.unwrap_or_default().hints;
    assert!(hints.len() <= MAX_HINTS);
    assert_dials(&hints);
}

/// Each place is dialed once, and there are not many.
fn assert_dials(hints: &[Hint]) {
    let handshakes = Handshakes::new(key(), Role::Sender, "00".repeat(8));
    let mut race = Connect::new(handshakes, false);
    for hint in hints {
        race.hint(hint);
    }
    race.begin(Moment::ZERO);
    let (mut now, mut dialed) = (Moment::ZERO, Vec::new());
    loop {
        match race.poll(now) {
            Output::Link(Action::Dial { target, .. }) => dialed.push(format!("{target:?}")),
            Output::Wait(None) => break,
            Output::Wait(Some(moment)) => {
                assert!(moment > now, "it would spin");
                now = moment;
            }
            _ => {}
        }
    }
    assert!(dialed.len() <= MAX_CANDIDATES);
    dialed.sort_unstable();
    assert!(dialed.windows(2).all(|pair| pair.first() != pair.last()), "{dialed:?}");
}

/// One link's handshake. The first byte tells who listens and where; in the rest `{peer}` stands for the peer's line, and
/// `{own}` for our own, so that a text can hold them.
pub fn handshake(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (role, path) = match first {
        b's' => (Role::Sender, Path::Direct),
        b'S' => (Role::Sender, Path::Relay),
        b'R' => (Role::Receiver, Path::Relay),
        _ => (Role::Receiver, Path::Direct),
    };
    let (own, peer) = (key().ready_line(role), key().ready_line(role.other()));
    let Ok(rest) = std::str::from_utf8(rest) else { return };
    let said = rest.replace("{peer}", &peer).replace("{own}", &own).into_bytes();
    let at_once = outcome(role, path, &[&said]);
    let pieces: Vec<&[u8]> = said.chunks(1).collect();
    let consent: &[u8] = if path == Path::Relay { b"ok\n" } else { b"" };
    let proof = [consent, peer.as_bytes()].concat();
    match (&at_once.0, role) {
        (Progress::Ready, Role::Sender) => assert_eq!(said, proof),
        (Progress::Chosen { rest }, Role::Receiver) => {
            assert_eq!(said, [&proof, GO, rest].concat());
        }
        (Progress::Waiting, _) => assert!(said.len() < proof.len()),
        (Progress::Proven, Role::Receiver) => {
            assert!(said.starts_with(&proof) && said.len() < proof.len() + GO.len());
        }
        (Progress::Refused, _) => {}
        (progress, role) => panic!("{role:?} is {progress:?}"),
    }
    assert_eq!(at_once.0, with_rest(outcome(role, path, &pieces)), "however it is cut");
}

/// What a handshake comes to, and what followed its end.
fn outcome(role: Role, path: Path, pieces: &[&[u8]]) -> (Progress, Vec<u8>) {
    let mut handshake = Handshakes::new(key(), role, "00".repeat(8)).begin(path);
    handshake.opened();
    let (mut progress, mut reply, mut pieces) = (Progress::Waiting, Vec::new(), pieces.iter());
    for piece in pieces.by_ref() {
        progress = handshake.received(piece, &mut reply);
        if matches!(progress, Progress::Refused | Progress::Chosen { .. }) {
            break;
        }
    }
    (progress, pieces.copied().flatten().copied().collect())
}

/// What follows the choice belongs to the link's next owner, in whichever piece it comes.
fn with_rest((progress, behind): (Progress, Vec<u8>)) -> Progress {
    match progress {
        Progress::Chosen { rest } => Progress::Chosen { rest: [rest, behind].concat() },
        progress => progress,
    }
}

/// A stream of three records that somebody has tampered with: each four bytes of the input name a place
/// and what becomes of it. Whatever opens is the beginning of what was sealed.
pub fn records(data: &[u8]) {
    assert_frame(data);
    let plaintexts = [&b"one"[..], b"", b"the third"];
    let mut sealer = key().sealer(Role::Sender);
    let mut stream = Vec::new();
    for plaintext in plaintexts {
        let mut record = vec![0; plaintext.len() + OVERHEAD];
        assert_eq!(sealer.seal(plaintext, &mut record), Some(record.len()));
        stream.extend_from_slice(&record);
    }
    let untouched = stream.clone();
    for change in data.chunks_exact(4) {
        tamper(&mut stream, change);
    }
    let opened = open_all(&stream);
    assert!(plaintexts.iter().take(opened.len()).eq(opened.iter()));
    assert_eq!(opened.len() == plaintexts.len(), stream.starts_with(&untouched));
}

fn tamper(stream: &mut Vec<u8>, change: &[u8]) {
    let [verb, high, low, value] = *change else { return };
    let place = usize::from(u16::from_be_bytes([high, low])) % (stream.len() + 1);
    match verb {
        b'x' => stream.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= value),
        b't' => stream.truncate(place),
        b'r' => stream.rotate_left(place),
        b'i' => stream.insert(place, value),
        b'd' => drop(stream.drain(place..stream.len().min(place + usize::from(value)))),
        _ => {}
    }
}

fn open_all(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let (mut opener, mut opened) = (key().opener(Role::Sender), Vec::new());
    while let Some(length) = assert_frame(stream) {
        let (record, rest) = stream.split_at(4 + length);
        let mut plaintext = vec![0; length - (OVERHEAD - 4)];
        let result = opener.open(record.get(4..).unwrap_or_default(), &mut plaintext);
        if result.is_err() {
            assert!(plaintext.iter().all(|byte| *byte == 0), "nothing of it may be used");
            break;
        }
        assert_eq!(result, Ok(plaintext.len()));
        opened.push(plaintext);
        stream = rest;
    }
    opened
}

/// A frame lies within the limits and within what is there.
fn assert_frame(data: &[u8]) -> Option<usize> {
    match frame(data) {
        Ok(Some(length)) => {
            assert!((OVERHEAD - 4..=MAX_RECORD + OVERHEAD - 4).contains(&length));
            assert!(4 + length <= data.len());
            Some(length)
        }
        Ok(None) => None,
        Err(error) => {
            assert!(matches!(error, RecordError::Length(_)));
            None
        }
    }
}

/// Any key: made once, for making one is slow.
pub(super) fn key() -> TransitKey {
    static KEY: LazyLock<TransitKey> = LazyLock::new(|| TransitKey::new(&doc::keys().0));
    KEY.clone()
}

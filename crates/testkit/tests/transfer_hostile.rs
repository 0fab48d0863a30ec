//! File transfer with a peer that lies, and with strangers at the port.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wormhole_sync_core::{
    connect::{MAX_CANDIDATES, NEGOTIATION_LIMIT},
    transfer::{ACK_LIMIT, Failure, STALL_LIMIT},
    transit::{OVERHEAD, Sealer},
    wire::{
        limits::MAX_RECORD,
        transfer_message::{Ack, Digest},
        transit::{GO, NEVERMIND, Role},
    },
};
use wormhole_sync_testkit::transfer::{
    Consent, Ending, Give, Plan, Stranger, Taking, WireId, World, direct,
};

mod transfer_hostile {
    mod digests;
    mod third_parties;
}

const OFFER: &str = r#"{"offer":{"file":{"filename":"plan.pdf","filesize":1000}}}"#;
const CONSENT: &str = r#"{"answer":{"file_ack":"ok"}}"#;

/// A sender that is to give a file to the hand.
fn sender_of(size: usize) -> World {
    World::with_hand(1, Plan { give: Give::File(size), ..Plan::default() }, Role::Receiver)
}

/// A receiver that accepts whatever the hand offers.
fn receiver() -> World {
    World::with_hand(1, Plan::default(), Role::Sender)
}

/// The machine's end, which the hand learns of in the same words.
fn assert_ends(world: &mut World, machine: Role, failure: &Failure) {
    world.run();
    assert_eq!(world.ending(machine), Some(Ending::Failed(failure.clone())));
    world.run_out();
    if let Some(told) = failure.told() {
        let last = world.inbox().pop().unwrap();
        assert_eq!(last, serde_json::json!({ "error": told }).to_string());
    }
}

fn record(sealer: &mut Sealer, plaintext: &[u8]) -> Vec<u8> {
    let mut record = vec![0; plaintext.len() + OVERHEAD];
    sealer.seal(plaintext, &mut record).unwrap();
    record
}

// ---- a receiver that lies ----

/// The sender has sent everything to the hand, which now writes one record.
fn acknowledged_with(world: &mut World, size: usize, ack: &[u8]) -> WireId {
    world.say(CONSENT);
    world.run_until(World::accepted);
    let wire = world.join();
    let line = world.key().ready_line(Role::Sender).len();
    world.run_until(|world| {
        let records = size.div_ceil(4096);
        world.heard(wire).len() >= line + GO.len() + size + records * OVERHEAD
    });
    let mut sealer = world.key().sealer(Role::Receiver);
    world.writes(wire, &record(&mut sealer, ack));
    wire
}

#[test]
fn an_acknowledgement_with_a_wrong_hash_is_no_delivery() {
    let mut world = sender_of(10_000);
    acknowledged_with(&mut world, 10_000, &Ack::ok(Digest::Sha256, &[7; 32]).encode());
    assert_ends(&mut world, Role::Sender, &Failure::WrongHash);
}

#[test]
fn an_acknowledgement_that_is_none_is_no_delivery() {
    for (ack, failure) in [
        (&b"ok"[..], Failure::Nonsense("what is no acknowledgement")),
        (b"", Failure::Nonsense("what is no acknowledgement")),
        (br#"{"sha256":"00"}"#, Failure::Nonsense("what is no acknowledgement")),
        (br#"{"ack":"disk full"}"#, Failure::Refused("disk full".to_owned())),
    ] {
        let mut world = sender_of(10_000);
        acknowledged_with(&mut world, 10_000, ack);
        assert_ends(&mut world, Role::Sender, &failure);
    }
}

#[test]
fn the_right_acknowledgement_from_the_hand_is_a_delivery() {
    let mut world = sender_of(10_000);
    let hash = Sha256::digest(world.bytes(Role::Sender)).into();
    acknowledged_with(&mut world, 10_000, &Ack::ok(Digest::Sha256, &hash).encode());
    world.run();
    assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
}

#[test]
fn an_acknowledgement_before_everything_is_sent_is_no_delivery() {
    let mut world = sender_of(400_000);
    let hash = Sha256::digest(world.bytes(Role::Sender)).into();
    acknowledged_with(&mut world, 4096, &Ack::ok(Digest::Sha256, &hash).encode());
    let early = Failure::Nonsense("an acknowledgement before everything was sent");
    assert_ends(&mut world, Role::Sender, &early);
}

#[test]
fn a_receiver_that_has_everything_and_says_nothing_is_given_up() {
    let mut world = sender_of(1000);
    world.say(CONSENT);
    world.run_until(World::accepted);
    world.join();
    assert_ends(&mut world, Role::Sender, &Failure::Stalled);
    assert!(world.ended_at(Role::Sender) <= ACK_LIMIT + Duration::from_secs(1));
}

#[test]
fn an_answer_that_is_no_consent_is_none() {
    for answer in [
        r#"{"answer":{}}"#,
        r#"{"answer":{"file_ack":"no"}}"#,
        r#"{"answer":{"message_ack":"ok"}}"#,
    ] {
        let mut world = sender_of(1000);
        world.say(answer);
        let failure = Failure::Nonsense("an answer that is no consent");
        assert_ends(&mut world, Role::Sender, &failure);
    }
}

#[test]
fn a_peer_that_offers_too_is_told_that_both_send() {
    let mut world = sender_of(1000);
    world.say(OFFER);
    assert_ends(&mut world, Role::Sender, &Failure::BothSend);
}

#[test]
fn a_receiver_that_consents_and_never_comes_is_not_waited_for_for_long() {
    let mut world = sender_of(1000);
    world.say(CONSENT);
    assert_ends(&mut world, Role::Sender, &Failure::NoLink);
    assert!(world.now() < NEGOTIATION_LIMIT);
}

// ---- a sender that lies ----

/// The receiver has accepted 1,000 bytes, and the hand's link is chosen.
fn joined() -> (World, WireId, Sealer) {
    let mut world = receiver();
    world.say(OFFER);
    world.run_until(|world| world.inbox().iter().any(|message| message == CONSENT));
    let wire = world.join();
    let sealer = world.key().sealer(Role::Sender);
    (world, wire, sealer)
}

#[test]
fn more_bytes_than_were_offered_are_refused() {
    let (mut world, wire, mut sealer) = joined();
    for length in [600, 401] {
        world.writes(wire, &record(&mut sealer, &vec![0; length]));
    }
    assert_ends(&mut world, Role::Receiver, &Failure::Nonsense("more than it had announced"));
}

#[test]
fn fewer_bytes_than_were_offered_and_silence_end_after_a_minute() {
    let (mut world, wire, mut sealer) = joined();
    world.writes(wire, &record(&mut sealer, &[0; 999]));
    assert_ends(&mut world, Role::Receiver, &Failure::Stalled);
    assert!(world.ended_at(Role::Receiver) < STALL_LIMIT + Duration::from_secs(1));
}

#[test]
fn fewer_bytes_than_were_offered_and_a_closed_link_are_a_lost_link() {
    let (mut world, wire, mut sealer) = joined();
    world.writes(wire, &record(&mut sealer, &[0; 999]));
    world.hangs_up(wire);
    assert_ends(&mut world, Role::Receiver, &Failure::Lost);
}

#[test]
fn empty_records_are_no_progress() {
    let (mut world, wire, mut sealer) = joined();
    let before = world.now();
    for second in (0..600).step_by(30) {
        world.writes(wire, &record(&mut sealer, b""));
        let next = before + Duration::from_secs(second);
        world.run_until(|world| world.now() >= next || world.ending(Role::Receiver).is_some());
        world.knock(Role::Receiver, Duration::from_secs(30), Stranger::Mute); // time goes on
    }
    assert_ends(&mut world, Role::Receiver, &Failure::Stalled);
    assert!(world.ended_at(Role::Receiver) < before + STALL_LIMIT + Duration::from_secs(1));
}

#[test]
fn a_second_offer_is_refused() {
    for wait_for_consent in [false, true] {
        let mut world = receiver();
        world.say(OFFER);
        if wait_for_consent {
            world.run_until(|world| world.inbox().iter().any(|message| message == CONSENT));
        }
        world.say(OFFER);
        assert_ends(&mut world, Role::Receiver, &Failure::Nonsense("a second offer"));
    }
}

#[test]
fn a_message_that_is_none_ends_the_transfer_at_either_side() {
    for text in ["", "[]", r#"{"offer":{"song":"x"}}"#, r#"{"offer":{"file":{"filename":"x"}}}"#] {
        for (mut world, machine) in [(receiver(), Role::Receiver), (sender_of(9), Role::Sender)] {
            world.say(text);
            let failure = Failure::Nonsense("what is no message of file transfer");
            assert_ends(&mut world, machine, &failure);
        }
    }
}

#[test]
fn what_a_later_peer_may_say_is_passed_over() {
    for (mut world, machine) in [(receiver(), Role::Receiver), (sender_of(9), Role::Sender)] {
        world.say(r#"{"later":{"offer":1}}"#);
        for _ in 0..4 {
            world.step();
        }
        assert!(
            world.ending(machine).is_none()
                || world.ending(machine) == Some(Ending::Failed(Failure::Unanswered))
        );
    }
}

/// What is written, made of two records.
type Crime<'a> = Box<dyn Fn(&[u8], &[u8]) -> Vec<u8> + 'a>;

#[test]
fn records_replayed_reordered_flipped_truncated_or_beyond_all_length_end_the_transfer() {
    let bad = Failure::Nonsense("a record that does not open");
    let long = Failure::Nonsense("a record of an impossible length");
    let flipped = |record: &[u8], at: usize| {
        let mut record = record.to_vec();
        record[at] ^= 1;
        record
    };
    let shortened = |record: &[u8]| {
        let mut record = record[..record.len() - 1].to_vec();
        record[3] -= 1; // the length prefix agrees
        record
    };
    let too_long = u32::try_from(MAX_RECORD + 41).unwrap().to_be_bytes();
    let crimes: Vec<(Crime<'_>, &Failure)> = vec![
        (Box::new(|one, _| [one, one].concat()), &bad),
        (Box::new(|_, two| two.to_vec()), &bad),
        (Box::new(|one, _| flipped(one, 4 + 23)), &bad),
        (Box::new(|one, _| flipped(one, 4 + 24)), &bad),
        (Box::new(|one, _| flipped(one, one.len() - 1)), &bad),
        (Box::new(|one, _| shortened(one)), &bad),
        (Box::new(|_, _| too_long.to_vec()), &long),
        (Box::new(|_, _| vec![0xff; 4]), &long),
        (Box::new(|_, _| vec![0, 0, 0, 39]), &long),
        (Box::new(|one, _| one[..one.len() - 1].to_vec()), &Failure::Stalled),
    ];
    for (crime, failure) in crimes {
        let (mut world, wire, mut sealer) = joined();
        let (one, two) = (record(&mut sealer, &[1; 100]), record(&mut sealer, &[2; 100]));
        world.writes(wire, &crime(&one, &two));
        assert_ends(&mut world, Role::Receiver, failure);
        assert!(world.is_lost(wire));
    }
}

#[test]
fn records_of_the_receivers_own_key_are_not_taken() {
    let (mut world, wire, _) = joined();
    let mut reflected = world.key().sealer(Role::Receiver);
    world.writes(wire, &record(&mut reflected, &[0; 1000]));
    assert_ends(&mut world, Role::Receiver, &Failure::Nonsense("a record that does not open"));
}

#[test]
fn a_sender_that_changes_its_mind_about_a_link_is_waited_for() {
    let mut world = receiver();
    world.say(OFFER);
    world.run_until(|world| world.inbox().iter().any(|message| message == CONSENT));
    let declined = world.dial();
    let line = world.key().ready_line(Role::Sender);
    world.writes(declined, &[line.as_bytes(), NEVERMIND].concat());
    let wire = world.join();
    world.run_until(|world| world.is_lost(declined));
    let mut sealer = world.key().sealer(Role::Sender);
    world.writes(wire, &record(&mut sealer, &[0; 1000]));
    world.run();
    assert_eq!(world.ending(Role::Receiver), Some(Ending::Received));
}

// ---- hints ----

#[test]
fn hints_by_the_thousand_are_no_thousand_dials() {
    let mut world = receiver();
    for message in 0..30_u8 {
        let hint = |port: u16| direct(&format!("198.51.100.{message}:{port}"));
        let hints: Vec<_> = (1..1000).map(hint).collect();
        let transit = serde_json::json!({ "transit": { "hints-v1": hints } }).to_string();
        world.say(&transit);
        if message == 15 {
            world.say(OFFER);
        }
    }
    world.run();
    assert!(world.dials(Role::Receiver) <= MAX_CANDIDATES);
    assert!(matches!(world.ending(Role::Receiver), Some(Ending::Failed(Failure::NoLink))));
}

#[test]
fn a_side_that_has_not_accepted_knocks_at_no_door() {
    let taking = Taking { consent: Consent::Hesitates, ..Taking::default() };
    let mut world = World::with_hand(1, Plan { taking, ..Plan::default() }, Role::Sender);
    let hints = [direct("198.51.100.1:1")];
    world.say(&serde_json::json!({ "transit": { "hints-v1": hints } }).to_string());
    world.say(OFFER);
    for _ in 0..10 {
        world.step();
    }
    assert_eq!(world.dials(Role::Receiver), 0);
    assert!(!world.inbox().iter().any(|message| message.contains("hints")), "nor says where it is");
}

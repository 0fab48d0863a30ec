//! The hash of all bytes that two of ours take, and what a peer may say of it.

use sha2::{Digest as _, Sha256};
use wormhole_sync_core::{
    transfer::Failure,
    transit::frame,
    wire::{
        transfer_message::{Ack, Digest},
        transit::Role,
    },
};
use wormhole_sync_testkit::transfer::{Ending, Plan, World};

use crate::{CONSENT, OFFER, acknowledged_with, assert_ends, receiver, record, sender_of};

const TAKES_BLAKE3: &str = r#"{"transit":{"digests-v1":["md7",7,"blake3"]}}"#;
const TAKES_NOTHING_NEW: &str = r#"{"transit":{"digests-v1":["md7"],"hints-v1":[]}}"#;

#[test]
fn two_of_ours_agree_on_the_faster_one() {
    let mut world = World::new(1, Plan::default());
    world.run();
    for role in [Role::Sender, Role::Receiver] {
        assert_eq!(world.digest(role), Some(Digest::Blake3), "{role:?}");
    }
    assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
}

#[test]
fn a_receiver_confirms_what_the_sender_takes() {
    for (said, digest) in [
        (&[OFFER][..], Digest::Sha256),
        (&[TAKES_NOTHING_NEW, OFFER], Digest::Sha256),
        (&[TAKES_BLAKE3, OFFER], Digest::Blake3),
        (&[TAKES_NOTHING_NEW, TAKES_BLAKE3, OFFER], Digest::Blake3),
    ] {
        let mut world = receiver();
        for said in said {
            world.say(said);
        }
        world.run_until(|world| world.inbox().iter().any(|message| message == CONSENT));
        let wire = world.join();
        let greeting = world.key().ready_line(Role::Receiver).len();
        let mut sealer = world.key().sealer(Role::Sender);
        world.writes(wire, &record(&mut sealer, &[7; 1000]));
        world.run();
        world.run_out();
        let sealed = world.heard(wire).split_at(greeting).1;
        let length = frame(sealed).unwrap().unwrap();
        let mut ack = vec![0; length - 40];
        let mut opener = world.key().opener(Role::Receiver);
        opener.open(&sealed[4..4 + length], &mut ack).unwrap();
        let hash = Sha256::digest([7; 1000]).into(); // the driver of these worlds always takes this one
        assert_eq!(Ack::decode(&ack), Some(Ack::ok(digest, &hash)), "{said:?}");
    }
}

#[test]
fn a_sender_believes_only_the_hash_that_was_agreed_on() {
    let (right, wrong) = (|bytes: &[u8]| Sha256::digest(bytes).into(), |_: &[u8]| [7; 32]);
    for (said, digest, hash, is_believed) in [
        (TAKES_BLAKE3, Digest::Blake3, right as fn(&[u8]) -> [u8; 32], true),
        (TAKES_BLAKE3, Digest::Blake3, wrong, false),
        (TAKES_BLAKE3, Digest::Sha256, right, false),
        (TAKES_NOTHING_NEW, Digest::Sha256, right, true),
        (TAKES_NOTHING_NEW, Digest::Sha256, wrong, false),
    ] {
        let mut world = sender_of(10_000);
        world.say(said);
        let ack = Ack::ok(digest, &hash(world.bytes(Role::Sender))).encode();
        acknowledged_with(&mut world, 10_000, &ack);
        if is_believed {
            world.run();
            assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered), "{said} {digest:?}");
        } else {
            assert_ends(&mut world, Role::Sender, &Failure::WrongHash);
        }
    }
}

#[test]
fn who_agreed_and_confirms_no_hash_at_all_is_not_believed() {
    let mut world = sender_of(10_000);
    world.say(TAKES_BLAKE3);
    acknowledged_with(&mut world, 10_000, br#"{"ack":"ok"}"#);
    assert_ends(&mut world, Role::Sender, &Failure::WrongHash);
}

#[test]
fn what_is_said_once_the_link_is_chosen_changes_nothing() {
    let mut world = sender_of(400_000);
    world.say(TAKES_BLAKE3);
    world.say(CONSENT);
    world.run_until(World::accepted);
    let wire = world.join();
    world.say(TAKES_NOTHING_NEW);
    world.run_until(|world| world.heard(wire).len() > 400_000);
    assert_eq!(world.digest(Role::Sender), Some(Digest::Blake3));
    let hash = Sha256::digest(world.bytes(Role::Sender)).into();
    let mut sealer = world.key().sealer(Role::Receiver);
    world.writes(wire, &record(&mut sealer, &Ack::ok(Digest::Blake3, &hash).encode()));
    world.run();
    assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
}

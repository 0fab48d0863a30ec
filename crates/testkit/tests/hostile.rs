//! What strangers send: a malicious peer, a third side, a server that lies.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wormhole_sync_core::{
    Code, Error, SharedKey, Wormhole,
    error::BadPoint,
    pake::Pake,
    phase::{MAX_AHEAD, seal},
    wire::{AppId, Mood, Phase, Side, hex, limits::MAX_PLAINTEXT},
    wormhole::MAX_EARLY,
};
use wormhole_sync_server::{Notices, Permission, exchange::usage::Outcome, session::Policy};
use wormhole_sync_testkit::{ClientId, Stranger, Told, World};

const CODE: &str = "4-purple-sausages";
const PEER: &str = "peer";

/// A wormhole that waits for its peer under [`CODE`], and a stranger in its mailbox.
fn waiting(world: &mut World) -> (ClientId, Stranger) {
    let client = world.join("app");
    world.with(client, |wormhole| wormhole.set_code(Code::parse(CODE).ok().unwrap()).unwrap());
    assert!(world.run_until(|world| world.told(client).contains(&Told::WaitingForPeer)));
    assert!(
        world.run_until(|world| world.wire().iter().any(|frame| frame.contains(r#""type":"add""#)))
    );
    let stranger = Stranger::connect(world);
    stranger.enter(world, "app", PEER, "4").unwrap();
    (client, stranger)
}

/// The other end of a key exchange, by hand.
struct Hand {
    pake: Pake,
}

impl Hand {
    fn new(code: &str) -> Self {
        let code = Code::parse(code).ok().unwrap();
        Self {
            pake: Pake::start(&code, &AppId::new("app").unwrap(), ChaCha20Rng::from_seed([9; 32])),
        }
    }

    fn key(self, world: &World) -> SharedKey {
        self.pake.finish(&pake_of_the_client(world)).ok().unwrap()
    }
}

/// The body of the client's own `pake`, as it went over the wire.
fn pake_of_the_client(world: &World) -> Vec<u8> {
    let add = world.wire().iter().find(|frame| frame.contains(r#""type":"add""#)).unwrap();
    let add: serde_json::Value = serde_json::from_str(add).unwrap();
    hex::decode(add.get("body").unwrap().as_str().unwrap()).unwrap()
}

fn sealed(key: &SharedKey, side: &str, phase: &str, plaintext: &[u8]) -> Vec<u8> {
    let phase = Phase::parse(phase).unwrap();
    seal(key, &Side::new(side).unwrap(), &phase, [7; 24], plaintext)
}

fn assert_ended(world: &mut World, client: ClientId, error: &Error) {
    assert!(world.run_to_end(&[client]), "{:?}", world.told(client));
    assert_eq!(world.outcome(client), Some(Err(error.clone())));
    assert!(world.received(client).is_empty());
}

// ---- the key exchange ----

#[test]
fn a_key_exchange_that_no_honest_peer_begins_is_scary_and_lets_everything_go() {
    let point = |encoded: &str| format!("{{\"pake_v1\":\"53{encoded}\"}}").into_bytes();
    let identity = format!("01{}", "00".repeat(31));
    for (body, why) in [
        (b"".to_vec(), BadPoint::Malformed),
        (b"{}".to_vec(), BadPoint::Malformed),
        (point("00"), BadPoint::Malformed),
        (point(&identity), BadPoint::Identity),
        (point(&"00".repeat(32)), BadPoint::SmallOrder),
        (point(&"ff".repeat(32)), BadPoint::NotAPoint),
    ] {
        let mut world = World::new(1);
        let (client, stranger) = waiting(&mut world);
        stranger.add(&mut world, "pake", &body);
        assert_ended(&mut world, client, &Error::BadKeyExchange(why));
        stranger.close(&mut world, Mood::Happy);
        assert_eq!(world.outcomes(), [Outcome::Scary]);
        assert_eq!(world.mailboxes(), 0);
    }
}

#[test]
fn our_own_key_exchange_sent_back_is_no_peer() {
    let mut world = World::new(2);
    let (client, stranger) = waiting(&mut world);
    let body = pake_of_the_client(&world);
    stranger.add(&mut world, "pake", &body);
    assert_ended(&mut world, client, &Error::BadKeyExchange(BadPoint::Reflected));
}

#[test]
fn a_guess_costs_the_guesser_the_only_try() {
    let mut world = World::new(3);
    let (client, stranger) = waiting(&mut world);
    let hand = Hand::new("4-purple-haze");
    stranger.add(&mut world, "pake", &hand.pake.body());
    let key = hand.key(&world);
    stranger.add(&mut world, "version", &sealed(&key, PEER, "version", b"{}"));
    assert_ended(&mut world, client, &Error::WrongCode);
    let second = Stranger::connect(&mut world);
    assert_eq!(second.enter(&mut world, "app", "again", "4").err().as_deref(), Some("crowded"));
    assert_eq!(world.told(client).last(), Some(&Told::Closed(Err(Error::WrongCode))));
}

// ---- a peer that knows the code, and misbehaves ----

#[test]
fn phases_in_any_order_unknown_ones_and_duplicates_do_no_harm() {
    let mut world = World::new(4);
    let (client, stranger) = waiting(&mut world);
    let hand = Hand::new(CODE);
    let pake = hand.pake.body();
    let key = hand.key(&world);
    for (phase, plaintext) in
        [("dilate-0", &b"{}"[..]), ("1", b"two"), ("version", b"{}"), ("gossip", b"x")]
    {
        stranger.add(&mut world, phase, &sealed(&key, PEER, phase, plaintext));
    }
    stranger.add(&mut world, "pake", &pake);
    for (phase, plaintext) in
        [("0", &b"one"[..]), ("0", b"one"), ("version", b"{}"), ("pake", b""), ("2", b"three")]
    {
        stranger.add(&mut world, phase, &sealed(&key, PEER, phase, plaintext));
    }
    assert!(world.run_until(|world| world.received(client).len() == 3), "{:?}", world.told(client));
    assert_eq!(world.received(client), [&b"one"[..], b"two", b"three"]);
    world.with(client, Wormhole::close);
    assert!(world.run_to_end(&[client]));
    assert_eq!(world.outcome(client), Some(Ok(())));
}

/// A wormhole whose key is confirmed by a stranger who knows the code.
fn confirmed(world: &mut World) -> (ClientId, Stranger, SharedKey) {
    let (client, stranger) = waiting(world);
    let hand = Hand::new(CODE);
    stranger.add(world, "pake", &hand.pake.body());
    let key = hand.key(world);
    stranger.add(world, "version", &sealed(&key, PEER, "version", b"{}"));
    assert!(world.run_until(|world| matches!(world.told(client).last(), Some(Told::Confirmed(_)))));
    (client, stranger, key)
}

#[test]
fn a_message_altered_on_its_way_is_scary() {
    let mut world = World::new(5);
    let (client, stranger, key) = confirmed(&mut world);
    let mut body = sealed(&key, PEER, "0", b"pay 100");
    *body.last_mut().unwrap() ^= 1;
    stranger.add(&mut world, "0", &body);
    assert_ended(&mut world, client, &Error::Altered);
    stranger.close(&mut world, Mood::Happy);
    assert_eq!(world.outcomes(), [Outcome::Scary]);
}

#[test]
fn a_message_moved_to_another_phase_does_not_open() {
    let mut world = World::new(6);
    let (client, stranger, key) = confirmed(&mut world);
    stranger.add(&mut world, "0", &sealed(&key, PEER, "1", b"later"));
    assert_ended(&mut world, client, &Error::Altered);
}

#[test]
fn bodies_too_short_to_be_sealed_do_not_open() {
    for body in [&b""[..], &[0; 23], &[0; 24], &[0; 39], &[0; 40]] {
        let mut world = World::new(7);
        let (client, stranger, _) = confirmed(&mut world);
        stranger.add(&mut world, "0", body);
        assert_ended(&mut world, client, &Error::Altered);
    }
}

#[test]
fn versions_that_are_no_versions_are_an_error_of_the_peers() {
    let mut world = World::new(8);
    let (client, stranger) = waiting(&mut world);
    let hand = Hand::new(CODE);
    stranger.add(&mut world, "pake", &hand.pake.body());
    let key = hand.key(&world);
    stranger.add(&mut world, "version", &sealed(&key, PEER, "version", b"[1]"));
    assert_ended(&mut world, client, &Error::PeerVersions);
}

#[test]
fn a_flood_before_the_key_exchange_ends_the_exchange() {
    let mut world = World::new(9);
    let (client, stranger) = waiting(&mut world);
    for number in 0..=MAX_EARLY {
        stranger.add(&mut world, &number.to_string(), b"early");
    }
    assert_ended(&mut world, client, &Error::PeerFlood);
}

#[test]
fn a_flood_ahead_of_its_turn_ends_the_exchange() {
    let mut world = World::new(10);
    let (client, stranger, key) = confirmed(&mut world);
    for number in 1..=MAX_AHEAD + 1 {
        let phase = number.to_string();
        stranger.add(&mut world, &phase, &sealed(&key, PEER, &phase, b"ahead"));
    }
    assert_ended(&mut world, client, &Error::PeerFlood);
}

#[test]
fn a_message_beyond_the_limit_is_refused_before_anything_is_sent() {
    let mut world = World::new(11);
    let client = world.join("app");
    world.with(client, |wormhole| {
        assert!(wormhole.send(vec![0; MAX_PLAINTEXT]).is_ok());
        assert!(wormhole.send(vec![0; MAX_PLAINTEXT + 1]).is_err());
    });
}

// ---- a third side ----

#[test]
fn a_third_claimant_is_refused_while_the_honest_two_go_on() {
    let mut world = World::new(12);
    let (client, stranger, key) = confirmed(&mut world);
    let third = Stranger::connect(&mut world);
    assert_eq!(
        third.enter(&mut world, "app", "third", "4").ok(),
        None,
        "the nameplate stands until both let go"
    );
    stranger.add(&mut world, "0", &sealed(&key, PEER, "0", b"still here"));
    assert!(world.run_until(|world| !world.received(client).is_empty()));
}

#[test]
fn the_third_wormhole_on_a_code_is_told_that_it_is_crowded() {
    let mut world = World::new(13);
    let (first, _) = waiting(&mut world);
    let third = world.join("app");
    world.with(third, |wormhole| wormhole.set_code(Code::parse(CODE).ok().unwrap()).unwrap());
    assert_ended(&mut world, third, &Error::Crowded);
    assert_eq!(world.outcome(first), None);
}

#[test]
fn a_third_sides_messages_are_never_taken_for_the_peers() {
    let mut world = World::new(14);
    let (client, stranger, key) = confirmed(&mut world);
    for phase in ["0", "version", "pake"] {
        let body = hex::encode(&sealed(&key, "third", phase, b"forged"));
        world.forge(
            client,
            &format!(r#"{{"type":"message","side":"third","phase":"{phase}","body":"{body}"}}"#),
        );
        world.forge(
            client,
            &format!(r#"{{"type":"message","side":"third","phase":"{phase}","body":"junk"}}"#),
        );
    }
    stranger.add(&mut world, "0", &sealed(&key, PEER, "0", b"true"));
    assert!(world.run_until(|world| !world.received(client).is_empty()));
    assert_eq!(world.received(client), [b"true"]);
    assert_eq!(world.outcome(client), None);
}

// ---- a server that lies ----

#[test]
fn nonsense_from_a_server_ends_the_exchange() {
    for frame in [
        "",
        "[]",
        "{",
        "null",
        r#"{"type":"claimed"}"#,
        r#"{"type":"message","side":"x"}"#,
        "\u{0}",
    ] {
        let mut world = World::new(15);
        let (client, _) = waiting(&mut world);
        world.forge(client, frame);
        assert_ended(&mut world, client, &Error::ServerNonsense);
    }
}

#[test]
fn answers_to_questions_never_asked_change_nothing() {
    let mut world = World::new(16);
    let (client, stranger, key) = confirmed(&mut world);
    for frame in [
        r#"{"type":"allocated","nameplate":"9"}"#,
        r#"{"type":"claimed","mailbox":"elsewhere"}"#,
        r#"{"type":"released"}"#,
        r#"{"type":"closed"}"#,
        r#"{"type":"pong","pong":99}"#,
        r#"{"type":"dance"}"#,
        r#"{"type":"ack"}"#,
        r#"{"type":"nameplates","nameplates":[]}"#,
    ] {
        world.forge(client, frame);
    }
    stranger.add(&mut world, "0", &sealed(&key, PEER, "0", b"true"));
    assert!(world.run_until(|world| !world.received(client).is_empty()));
    assert_eq!(world.outcome(client), None);
}

#[test]
fn a_refusal_is_told_with_the_servers_words() {
    let mut world = World::new(17);
    let (client, _) = waiting(&mut world);
    world.forge(client, r#"{"type":"error","error":"too many messages","orig":{"type":"add"}}"#);
    let refused = Error::Refused { request: "add".into(), reason: "too many messages".into() };
    assert_ended(&mut world, client, &refused);
}

#[test]
fn an_unwelcome_client_leaves() {
    let notices = Notices { error: Some("closed for today".into()), ..Notices::default() };
    let mut world = World::with_policy(18, Policy { notices, ..Policy::default() });
    let client = world.join("app");
    world.with(client, |wormhole| wormhole.allocate(2).unwrap());
    assert_ended(&mut world, client, &Error::Unwelcome("closed for today".into()));
    world.run_until(|_| false);
    assert_eq!(world.mailboxes(), 0);
}

// ---- work that a server asks for ----

fn hashcash(bits: u32) -> World {
    let permission = Permission::Hashcash { bits, resource: "testkit".into() };
    World::with_policy(19, Policy { permission, ..Policy::default() })
}

#[test]
fn hashcash_is_worked_for_and_the_exchange_goes_on() {
    for bits in [0, 8] {
        let mut world = hashcash(bits);
        let one = world.join("app");
        world.with(one, |wormhole| {
            wormhole.allocate(2).unwrap();
            wormhole.send(b"paid for".to_vec()).unwrap();
        });
        assert!(world.run_until(|world| world.code(one).is_some()), "{:?}", world.told(one));
        assert!(world.told(one).contains(&Told::Working(bits)));
        world.cut(one); // the next connection costs another stamp
        let code = Code::parse(&world.code(one).unwrap()).ok().unwrap();
        let other = world.join("app");
        world.with(other, |wormhole| wormhole.set_code(code).unwrap());
        assert!(
            world.run_until(|world| world.received(other) == [b"paid for"]),
            "{:?}",
            world.told(other)
        );
        assert_eq!(world.told(one).iter().filter(|told| **told == Told::Working(bits)).count(), 2);
    }
}

#[test]
fn more_work_than_allowed_is_refused() {
    let mut world = hashcash(25);
    let client = world.join("app");
    world.with(client, |wormhole| wormhole.allocate(2).unwrap());
    assert_ended(&mut world, client, &Error::TooMuchWork { bits: 25, most: 24 });
}

#[test]
fn a_permission_that_nobody_knows_is_refused() {
    let mut world = World::new(20);
    let client = world.join("app");
    world.run_until(|world| world.told(client).contains(&Told::Connected));
    world.forge(
        client,
        r#"{"type":"welcome","welcome":{"permission-required":{"stool-sample":{}}}}"#,
    );
    assert_ended(&mut world, client, &Error::UnknownPermission);
}

// ---- any bytes ----

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_frame_panics_a_wormhole(frames in proptest::collection::vec(frame(), 1..12)) {
        let mut world = World::new(21);
        let (client, _) = waiting(&mut world);
        for frame in &frames {
            world.forge(client, frame);
        }
        world.run_until(|_| false);
    }
}

fn frame() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        Just("welcome"),
        Just("allocated"),
        Just("claimed"),
        Just("released"),
        Just("closed"),
        Just("message"),
        Just("pong"),
        Just("error"),
        Just("nameplates"),
        Just("ack"),
    ];
    let key = prop_oneof![
        Just("welcome"),
        Just("nameplate"),
        Just("mailbox"),
        Just("side"),
        Just("phase"),
        Just("body"),
        Just("pong"),
        Just("error"),
        Just("orig"),
        Just("nameplates"),
    ];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just("\"4\"".to_owned()),
        Just("\"pake\"".to_owned()),
        Just("\"version\"".to_owned()),
        Just("\"0\"".to_owned()),
        Just("1".to_owned()),
        Just(r#"{"error":"x"}"#.to_owned()),
        Just(r#"{"permission-required":{"hashcash":{"bits":4,"resource":"r"}}}"#.to_owned()),
        Just(r#"{"type":"claim","id":"1"}"#.to_owned()),
        Just("\"7b7d\"".to_owned()),
        "\"[ -~&&[^\"\\\\]]{0,8}\"",
    ];
    let fields = proptest::collection::btree_map(key, value, 0..5);
    prop_oneof![
        8 => (kind, fields).prop_map(|(kind, fields)| {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!(r#","{key}":{value}"#)).collect();
            let fields = fields.concat();
            format!(r#"{{"type":"{kind}"{fields}}}"#)
        }),
        1 => "\\PC{0,40}",
    ]
}

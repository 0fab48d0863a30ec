//! File transfer between honest sides: every way to meet, and every way to decline.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::time::Duration;

use wormhole_sync_core::{
    connect::{GRACE, NEGOTIATION_LIMIT, Path, RACE_LIMIT, RELAY_DELAY},
    transfer::{ANSWER_LIMIT, Failure},
    wire::transit::Role,
};
use wormhole_sync_testkit::transfer::{
    Consent, Ending, Give, Place, Plan, RELAY, Reach, Stranger, Taking, World, direct, relay,
};

fn failed(failure: Failure) -> Ending {
    Ending::Failed(failure)
}

fn refused(reason: &str) -> Ending {
    failed(Failure::Refused(reason.to_owned()))
}

fn cancelled(reason: &str) -> Ending {
    failed(Failure::Cancelled(reason.to_owned()))
}

/// How it ended at a side, where it has.
fn end(world: &World, role: Role) -> Ending {
    world.ending(role).unwrap()
}

fn listens() -> Reach {
    Reach { listens: true, hints: Vec::new() }
}

/// It listens nowhere and knows the relay.
fn by_relay() -> Reach {
    Reach { listens: false, hints: vec![relay(RELAY)] }
}

fn dials_only() -> Reach {
    Reach::default()
}

fn assert_delivered(world: &mut World) {
    world.run();
    assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
    assert_eq!(world.ending(Role::Receiver), Some(Ending::Received));
    assert!(world.bytes(Role::Sender) == world.bytes(Role::Receiver));
    assert!(world.use_one_link());
    world.run_out();
}

#[test]
fn a_text_needs_no_link() {
    let mut world = World::new(1, Plan { give: Give::Text("hello"), ..Plan::default() });
    world.run();
    assert_eq!(world.text(), Some("hello"));
    assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
    assert_eq!(world.ending(Role::Receiver), Some(Ending::Received));
    assert_eq!(world.dials(Role::Sender) + world.dials(Role::Receiver), 0);
}

#[test]
fn either_sides_port_is_enough() {
    for (sender, receiver) in
        [(listens(), dials_only()), (dials_only(), listens()), (listens(), listens())]
    {
        let mut world = World::new(2, Plan { sender, receiver, ..Plan::default() });
        assert_delivered(&mut world);
        assert_eq!(world.path(Role::Sender), Some(Path::Direct));
        assert_eq!(world.path(Role::Receiver), Some(Path::Direct));
        assert!(world.now() < Duration::from_secs(1), "at {:?}", world.now());
    }
}

#[test]
fn files_of_every_awkward_size_arrive_whole() {
    for size in [0, 1, 4095, 4096, 4097, 8192, 200_000] {
        for pieces in [false, true] {
            let mut plan = Plan { give: Give::File(size), ..Plan::default() };
            plan.weather.pieces = pieces;
            assert_delivered(&mut World::new(size as u64, plan));
        }
    }
}

#[test]
fn an_empty_file_that_takes_its_receiver_long_to_write_is_no_stalled_link() {
    let taking = Taking { writing: Duration::from_secs(600), ..Taking::default() };
    assert_delivered(&mut World::new(3, Plan { give: Give::File(0), taking, ..Plan::default() }));
}

#[test]
fn a_receiver_may_take_its_time_to_write_everything_out() {
    let taking = Taking { writing: Duration::from_secs(1700), ..Taking::default() };
    assert_delivered(&mut World::new(4, Plan { taking, ..Plan::default() }));
}

#[test]
fn a_receiver_that_writes_for_too_long_is_given_up_and_learns_it() {
    let taking = Taking { writing: Duration::from_secs(2000), ..Taking::default() };
    let mut world = World::new(5, Plan { taking, ..Plan::default() });
    world.run();
    assert_eq!(end(&world, Role::Sender), failed(Failure::Stalled));
    assert_eq!(end(&world, Role::Receiver), refused(&Failure::Stalled.told().unwrap()));
}

// ---- the relay ----

#[test]
fn the_relay_is_enough_and_has_to_be_given_by_one_side_only() {
    for (sender, receiver) in
        [(by_relay(), by_relay()), (by_relay(), dials_only()), (dials_only(), by_relay())]
    {
        let mut world = World::new(6, Plan { sender, receiver, ..Plan::default() });
        assert_delivered(&mut world);
        assert_eq!(world.path(Role::Sender), Some(Path::Relay));
        assert_eq!(world.path(Role::Receiver), Some(Path::Relay));
        assert!(world.now() < RELAY_DELAY, "there was nothing direct to wait for");
    }
}

/// Both have an address that nothing comes back from, and a relay.
fn walled_off() -> Plan {
    let behind = |address| Reach { listens: true, hints: vec![direct(address), relay(RELAY)] };
    let (sender, receiver) = (behind("192.0.2.8:1"), behind("192.0.2.9:1"));
    Plan { sender, receiver, ..Plan::default() }
}

fn wall(world: &mut World, place: &Place) {
    for address in ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.8:1", "192.0.2.9:1"] {
        world.put(address, place.clone());
    }
}

#[test]
fn where_direct_addresses_never_answer_the_relay_follows_after_two_seconds() {
    let mut world = World::new(7, walled_off());
    wall(&mut world, &Place::NeverAnswers);
    assert_delivered(&mut world);
    assert_eq!(world.path(Role::Sender), Some(Path::Relay));
    let took = world.ended_at(Role::Sender);
    assert!((RELAY_DELAY..RELAY_DELAY + GRACE).contains(&took), "{took:?}");
}

#[test]
fn where_direct_addresses_refuse_the_relay_follows_at_once() {
    let mut world = World::new(8, walled_off());
    wall(&mut world, &Place::Refuses);
    assert_delivered(&mut world);
    assert!(world.now() < RELAY_DELAY);
}

#[test]
fn strangers_at_the_peers_addresses_cost_moments_only() {
    for stranger in [Stranger::Mute, Stranger::http(), Stranger::Echoes, Stranger::HangsUp] {
        let mut world = World::new(9, walled_off());
        wall(&mut world, &Place::Holds(stranger.clone()));
        assert_delivered(&mut world);
        assert_eq!(world.path(Role::Sender), Some(Path::Relay));
        let took = world.ended_at(Role::Sender);
        assert!(took < RELAY_DELAY + GRACE * 2, "{stranger:?}: {took:?}");
    }
}

#[test]
fn a_direct_link_is_better_than_a_relay_that_is_there() {
    let reach = Reach { listens: true, hints: vec![relay(RELAY)] };
    let plan = Plan { sender: reach.clone(), receiver: reach, ..Plan::default() };
    let mut world = World::new(10, plan);
    assert_delivered(&mut world);
    assert_eq!(world.path(Role::Sender), Some(Path::Direct));
}

#[test]
fn without_any_way_to_meet_both_sides_say_so_in_time() {
    for place in [Place::Refuses, Place::NeverAnswers, Place::Holds(Stranger::Mute)] {
        let mut world = World::new(11, walled_off());
        wall(&mut world, &place);
        world.put(RELAY, place);
        world.run();
        let both = [Role::Sender, Role::Receiver].map(|role| end(&world, role));
        let told = refused(&Failure::NoLink.told().unwrap());
        assert!(both.contains(&failed(Failure::NoLink)), "{both:?}");
        let known = |end: &Ending| *end == failed(Failure::NoLink) || *end == told;
        assert!(both.iter().all(known), "{both:?}");
        assert!(world.now() < RACE_LIMIT);
    }
}

#[test]
fn a_relay_where_the_peer_never_comes_is_waited_at_for_a_minute() {
    let mut world =
        World::new(12, Plan { sender: by_relay(), receiver: by_relay(), ..Plan::default() });
    world.put(RELAY, Place::Holds(Stranger::Mute));
    world.run();
    let took = world.now();
    assert!((NEGOTIATION_LIMIT..NEGOTIATION_LIMIT + GRACE).contains(&took), "{took:?}");
}

#[test]
fn whoever_watches_a_link_reads_neither_name_nor_content_nor_address_nor_acknowledgement() {
    let mut world =
        World::new(20, Plan { sender: by_relay(), receiver: by_relay(), ..Plan::default() });
    assert_delivered(&mut world);
    let seen = |bytes: &[u8]| world.traffic().windows(bytes.len()).any(|window| window == bytes);
    assert!(seen(b"please relay "), "the search finds what is there");
    for secret in ["plan.pdf", "192.0.2.", "203.0.113.", "sha256", "filesize", "\"ok\""] {
        assert!(!seen(secret.as_bytes()), "{secret}");
    }
    assert!(!world.bytes(Role::Sender).chunks(8).step_by(100).any(seen));
}

// ---- declining ----

#[test]
fn a_receiver_that_rejects_is_heard() {
    for give in [Give::Text("hello"), Give::File(1000)] {
        let taking = Taking { consent: Consent::Rejects, ..Taking::default() };
        let mut world = World::new(13, Plan { give, taking, ..Plan::default() });
        world.run();
        assert_eq!(end(&world, Role::Sender), refused("transfer rejected"));
        assert_eq!(end(&world, Role::Receiver), cancelled("transfer rejected"));
        assert_eq!(world.dials(Role::Sender) + world.dials(Role::Receiver), 0);
        assert_eq!(world.text(), None);
    }
}

#[test]
fn a_sender_that_gives_up_while_the_receiver_hesitates_is_heard() {
    let taking = Taking { consent: Consent::Hesitates, ..Taking::default() };
    let mut world = World::new(14, Plan { taking, ..Plan::default() });
    for _ in 0..2 {
        world.step(); // its hints and its offer arrive
    }
    world.cancel(Role::Sender, "it is late");
    world.run();
    assert_eq!(end(&world, Role::Sender), cancelled("it is late"));
    assert_eq!(end(&world, Role::Receiver), refused("it is late"));
}

#[test]
fn a_receiver_that_never_decides_is_waited_for_an_hour() {
    for give in [Give::Text("hello"), Give::File(1000)] {
        let taking = Taking { consent: Consent::Hesitates, ..Taking::default() };
        let mut world = World::new(15, Plan { give, taking, ..Plan::default() });
        world.run();
        assert_eq!(end(&world, Role::Sender), failed(Failure::Unanswered));
        assert_eq!(world.ended_at(Role::Sender), ANSWER_LIMIT);
        let told = Failure::Unanswered.told().unwrap();
        assert_eq!(end(&world, Role::Receiver), refused(&told));
    }
}

#[test]
fn a_disk_that_is_full_half_way_is_told() {
    let taking = Taking { room: 10_000, ..Taking::default() };
    let mut world = World::new(16, Plan { give: Give::File(200_000), taking, ..Plan::default() });
    world.run();
    assert_eq!(end(&world, Role::Sender), refused("disk full"));
    assert_eq!(end(&world, Role::Receiver), cancelled("disk full"));
}

#[test]
fn either_side_may_give_up_at_every_single_step() {
    let steps = World::new(17, Plan::default()).steps_to_end();
    for (quitter, other) in [(Role::Sender, Role::Receiver), (Role::Receiver, Role::Sender)] {
        for step in 0..steps {
            let mut world = World::new(17, Plan::default());
            world.run_until(|world| world.steps() >= step);
            world.cancel(quitter, "no");
            world.run();
            if end(&world, quitter) == cancelled("no") {
                let end = end(&world, other);
                assert!(end == refused("no") || end == Ending::Received, "step {step}: {end:?}");
            }
            assert!(world.now() < Duration::from_secs(10), "step {step}: {:?}", world.now());
            world.run_out();
        }
    }
}

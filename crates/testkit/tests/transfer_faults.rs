//! File transfer while links break, stall, and programs are killed, at each single step.

use std::time::Duration;

use proptest::prelude::*;
use wormhole_sync_core::{
    connect::RACE_LIMIT,
    transfer::{ACK_LIMIT, ANSWER_LIMIT, Failure, REASON_WAIT, STALL_LIMIT},
    wire::transit::Role,
};
use wormhole_sync_testkit::transfer::{
    Ending, Give, Place, Plan, RELAY, Reach, Stranger, Weather, World, direct, relay,
};

const ROLES: [Role; 2] = [Role::Sender, Role::Receiver];

/// Everything breaks after this many steps.
fn plan() -> Plan {
    Plan { give: Give::File(40_000), ..Plan::default() }
}

fn by_relay() -> Plan {
    let reach = Reach { listens: false, hints: vec![relay(RELAY)] };
    Plan { sender: reach.clone(), receiver: reach, ..plan() }
}

/// Nobody is told that what is not there has arrived, and nobody uses another link than the other.
fn assert_honest(world: &World, what: &str) {
    if world.ending(Role::Sender) == Some(Ending::Delivered) {
        assert_eq!(world.ending(Role::Receiver), Some(Ending::Received), "{what}");
    }
    if world.ending(Role::Receiver) == Some(Ending::Received) {
        assert!(world.bytes(Role::Sender) == world.bytes(Role::Receiver), "{what}");
    }
    if ROLES.iter().all(|role| world.path(*role).is_some()) {
        assert!(world.use_one_link(), "{what}");
    }
}

/// A world whose step is reached; `None` once there are no more.
fn at_step(plan: &Plan, step: u64) -> Option<World> {
    let mut world = World::new(step, plan.clone());
    while world.steps() < step {
        if ROLES.iter().all(|role| world.ending(*role).is_some()) {
            return None;
        }
        assert!(world.step());
    }
    Some(world)
}

#[test]
fn links_that_break_at_any_step_are_noticed_by_both_in_moments() {
    for plan in [plan(), by_relay()] {
        let mut delivered = 0;
        for step in 0.. {
            let Some(mut world) = at_step(&plan, step) else { break };
            world.cut_links();
            let cut_at = world.now();
            world.run();
            assert_honest(&world, &format!("step {step}"));
            delivered += u32::from(world.ending(Role::Sender) == Some(Ending::Delivered));
            let limit = if world.path(Role::Receiver).is_some() { REASON_WAIT } else { RACE_LIMIT };
            let latest = cut_at + limit + Duration::from_secs(1);
            assert!(world.now() <= latest, "step {step}: {:?}", world.now());
            world.run_out();
        }
        assert!(delivered > 0, "before there are links, breaking them changes nothing");
    }
}

#[test]
fn a_way_that_goes_dead_at_any_step_ends_in_an_error_that_says_so() {
    let mut stalled = 0;
    for plan in [plan(), by_relay()] {
        for from in ROLES {
            for step in 0.. {
                let Some(mut world) = at_step(&plan, step) else { break };
                world.stall_links(from);
                let stalled_at = world.now();
                world.run();
                let what = format!("{from:?}'s way at step {step}");
                assert_honest(&world, &what);
                for role in ROLES {
                    let Some(Ending::Failed(failure)) = world.ending(role) else { continue };
                    stalled += u32::from(failure == Failure::Stalled);
                    let told = [Failure::Stalled, Failure::NoLink, Failure::Lost];
                    let told = told.map(|failure| failure.told().unwrap());
                    let says_so = match failure {
                        Failure::Refused(text) => told.contains(&text),
                        failure => told.contains(&failure.told().unwrap()),
                    };
                    assert!(says_so, "{what}: {:?}", world.ending(role));
                }
                // What takes longest is a receiver's acknowledgement that is not heard.
                assert!(world.now() <= stalled_at + ACK_LIMIT + STALL_LIMIT, "{what}");
                world.run_out();
            }
        }
    }
    assert!(stalled > 20, "{stalled}");
}

#[test]
fn a_receiver_that_no_longer_hears_the_sender_tells_it_after_a_minute() {
    let mut world = World::new(1, Plan { give: Give::File(400_000), ..Plan::default() });
    world.run_until(|world| world.bytes(Role::Receiver).len() > 10_000);
    world.stall_links(Role::Sender);
    let stalled_at = world.now();
    world.run();
    let ends = ROLES.map(|role| world.ending(role));
    assert!(ends.contains(&Some(Ending::Failed(Failure::Stalled))), "{ends:?}");
    assert!(world.now() < stalled_at + STALL_LIMIT + Duration::from_secs(1));
}

#[test]
fn a_side_that_is_killed_at_any_step_is_noticed_by_the_other() {
    for plan in [plan(), by_relay(), Plan { give: Give::Text("hello"), ..Plan::default() }] {
        for (killed, other) in [(Role::Sender, Role::Receiver), (Role::Receiver, Role::Sender)] {
            for step in 0.. {
                let Some(mut world) = at_step(&plan, step) else { break };
                let size = world.bytes(Role::Sender).len();
                let had_everything = world.bytes(Role::Sender) == world.bytes(Role::Receiver)
                    && world.path(Role::Receiver).is_some();
                world.kill(killed);
                let killed_at = world.now();
                world.run();
                let what = format!("{killed:?} at step {step}");
                let ending = world.ending(other).unwrap();
                match ending {
                    Ending::Delivered => {
                        assert!(had_everything || world.path(other).is_none(), "{what}");
                    }
                    Ending::Received => assert_eq!(world.bytes(other).len(), size, "{what}"),
                    Ending::Failed(_) => {}
                }
                let limit = if world.path(other).is_some() { REASON_WAIT } else { ANSWER_LIMIT };
                assert!(world.now() <= killed_at + limit + RACE_LIMIT, "{what}: {:?}", world.now());
                world.run_out();
            }
        }
    }
}

#[test]
fn a_receiver_whose_sender_is_killed_before_the_offer_does_not_wait_for_ever() {
    let mut world = World::with_hand(1, Plan::default(), Role::Sender);
    world.run();
    assert_eq!(world.ending(Role::Receiver), Some(Ending::Failed(Failure::Unanswered)));
    assert_eq!(world.now(), ANSWER_LIMIT);
}

// ---- any network ----

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Refuses),
        Just(Place::NeverAnswers),
        Just(Place::Holds(Stranger::Mute)),
        Just(Place::Holds(Stranger::Echoes)),
        Just(Place::Holds(Stranger::http())),
        Just(Place::Holds(Stranger::HangsUp)),
        Just(Place::Listener(Role::Sender)), // also its own
        Just(Place::Listener(Role::Receiver)),
        Just(Place::Relay),
    ]
}

const ELSEWHERE: [&str; 3] = ["198.51.100.1:1", "198.51.100.2:1", "198.51.100.3:1"];

fn reach() -> impl Strategy<Value = Reach> {
    let hints = proptest::sample::subsequence(ELSEWHERE.to_vec(), 0..=3);
    (any::<bool>(), hints, any::<bool>()).prop_map(|(listens, hints, relayed)| {
        let mut hints: Vec<_> = hints.into_iter().map(direct).collect();
        hints.extend(relayed.then(|| relay(RELAY)));
        Reach { listens, hints }
    })
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Cut,
    Stall(Role),
    Knock(Role),
}

fn fault() -> impl Strategy<Value = (u64, Fault)> {
    let role = prop_oneof![Just(Role::Sender), Just(Role::Receiver)];
    let fault = prop_oneof![
        Just(Fault::Cut),
        role.clone().prop_map(Fault::Stall),
        role.prop_map(Fault::Knock),
    ];
    (0_u64..150, fault)
}

fn weather() -> impl Strategy<Value = Weather> {
    let delay = prop_oneof![Just(0), 1_u64..200, 1_u64..5000];
    (delay.clone(), delay, any::<bool>()).prop_map(|(link, message, pieces)| Weather {
        link: Duration::from_millis(link),
        message: Duration::from_millis(message),
        pieces,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn in_any_network_both_choose_the_same_link_or_both_fail_in_time(
        seed in any::<u64>(),
        sender in reach(),
        receiver in reach(),
        places in proptest::collection::vec(place(), 3),
        the_relay in place(),
        weather in weather(),
        mut faults in proptest::collection::vec(fault(), 0..3),
    ) {
        let plan = Plan { sender, receiver, weather, ..plan() };
        let mut world = World::new(seed, plan);
        for (address, place) in ELSEWHERE.iter().zip(places) {
            world.put(address, place);
        }
        world.put(RELAY, the_relay);
        faults.sort_by_key(|(step, _)| *step);
        for (step, fault) in faults {
            while world.steps() < step && world.step() {}
            match fault {
                Fault::Cut => world.cut_links(),
                Fault::Stall(from) => world.stall_links(from),
                Fault::Knock(at) => world.knock(at, Duration::ZERO, Stranger::Echoes),
            }
        }
        world.run();
        assert_honest(&world, "");
        prop_assert!(world.now() <= RACE_LIMIT + ACK_LIMIT + STALL_LIMIT, "{:?}", world.now());
        world.run_out();
    }

    #[test]
    fn wherever_a_port_can_be_reached_and_nothing_breaks_the_file_arrives(
        seed in any::<u64>(),
        one_side in any::<bool>(),
        mut sender in reach(),
        mut receiver in reach(),
        places in proptest::collection::vec(place(), 3),
        link in 0_u64..1000,
        pieces in any::<bool>(),
    ) {
        if one_side { sender.listens = true } else { receiver.listens = true }
        let link = Duration::from_millis(link);
        let weather = Weather { link, message: Duration::from_millis(300), pieces };
        let mut world = World::new(seed, Plan { sender, receiver, weather, ..plan() });
        for (address, place) in ELSEWHERE.iter().zip(places) {
            world.put(address, place);
        }
        world.run();
        prop_assert_eq!(world.ending(Role::Sender), Some(Ending::Delivered));
        assert_honest(&world, "");
    }
}

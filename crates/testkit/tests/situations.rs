//! What happens to pairs of wormholes, from a quiet day to a server that vanishes at every step.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::time::Duration;

use wormhole_sync_core::{Code, Error, Wormhole, wire::hex};
use wormhole_sync_server::{exchange::usage::Outcome, session::Policy};
use wormhole_sync_testkit::{ClientId, Return, Told, World};

const AWAY: Duration = Duration::from_secs(7);

/// Two applications that exchange a blob each, and leave once they have the other's.
struct Pair {
    initiator: ClientId,
    receiver: ClientId,
    mistyped: bool,
    typed: bool,
    left: Vec<ClientId>,
}

impl Pair {
    /// Two that have reached the server once: only a first failure is told to the user.
    fn new(world: &mut World) -> Self {
        let (initiator, receiver) = (world.join("app"), world.join("app"));
        assert!(world.run_until(|world| {
            [initiator, receiver].iter().all(|id| world.told(*id).contains(&Told::Connected))
        }));
        world.with(initiator, |wormhole| {
            wormhole.allocate(2).unwrap();
            wormhole.send(b"from the initiator".to_vec()).unwrap();
        });
        world.with(receiver, |wormhole| wormhole.send(b"from the receiver".to_vec()).unwrap());
        Self { initiator, receiver, mistyped: false, typed: false, left: Vec::new() }
    }

    fn mistyped(world: &mut World) -> Self {
        Self { mistyped: true, ..Self::new(world) }
    }

    fn both(&self) -> [ClientId; 2] {
        [self.initiator, self.receiver]
    }

    /// What the applications and their users do as soon as they can.
    fn act(&mut self, world: &mut World) {
        if let Some(code) = world.code(self.initiator).filter(|_| !self.typed) {
            self.typed = true;
            let code = if self.mistyped { code + "x" } else { code };
            let code = Code::parse(&code).ok().unwrap();
            world.with(self.receiver, |wormhole| wormhole.set_code(code).unwrap());
        }
        for id in self.both() {
            if !world.received(id).is_empty() && !self.left.contains(&id) {
                self.left.push(id);
                world.with(id, Wormhole::close);
            }
        }
    }

    /// Plays until both have ended, disturbing the world before step `at`. Returns the steps taken.
    fn play(&mut self, world: &mut World, at: u64, disturb: impl Fn(&mut World, &Self)) -> u64 {
        let mut steps = 0;
        let end = world.now() + Duration::from_secs(3600);
        while self.both().iter().any(|id| world.outcome(*id).is_none()) {
            self.act(world);
            if steps == at {
                disturb(world, self);
            }
            assert!(
                world.step() && world.now() < end,
                "stuck after {steps} steps: {}",
                self.story(world)
            );
            steps += 1;
        }
        steps
    }

    fn story(&self, world: &World) -> String {
        format!(
            "initiator {:?}\nreceiver {:?}",
            world.told(self.initiator),
            world.told(self.receiver)
        )
    }

    fn assert_exchanged(&self, world: &World, about: &str) {
        assert_eq!(
            world.received(self.initiator),
            [b"from the receiver"],
            "{about}\n{}",
            self.story(world)
        );
        assert_eq!(
            world.received(self.receiver),
            [b"from the initiator"],
            "{about}\n{}",
            self.story(world)
        );
        for id in self.both() {
            assert_eq!(world.outcome(id), Some(Ok(())), "{about}\n{}", self.story(world));
        }
    }
}

impl Pair {
    fn assert_wrong_code(&self, world: &World, about: &str) {
        for id in self.both() {
            assert_eq!(
                world.outcome(id),
                Some(Err(Error::WrongCode)),
                "{about}\n{}",
                self.story(world)
            );
            assert!(world.received(id).is_empty(), "{about}");
        }
    }
}

/// A side whose goodbye was cut off opens the mailbox once more to say it again, alone or with the
/// other, so that the server may count a further exchange; but the first count is the true one.
fn assert_outcomes(world: &World, outcome: Outcome, about: &str) {
    let again = |other: &Outcome| *other == outcome || *other == Outcome::Lonely;
    assert_eq!(world.outcomes().first(), Some(&outcome), "{about}");
    assert!(world.outcomes().iter().all(again), "{about}: {:?}", world.outcomes());
}

/// Runs a pair once for every step, with a disturbance before that step.
fn at_every_step(
    begin: fn(&mut World) -> Pair,
    disturb: impl Fn(&mut World, &Pair),
    check: impl Fn(&Pair, &World, &str),
) {
    for seed in 0..3 {
        let mut at = 0;
        loop {
            let mut world = World::new(seed);
            let mut pair = begin(&mut world);
            let steps = pair.play(&mut world, at, &disturb);
            if at >= steps {
                break;
            }
            let about = format!("seed {seed}, disturbed before step {at}");
            world.run_until(|_| false); // what is still under way
            check(&pair, &world, &about);
            at += 1;
        }
        assert!(at > 40, "only {at} steps were disturbed");
    }
}

#[test]
fn a_quiet_day() {
    let mut world = World::new(1);
    let mut pair = Pair::new(&mut world);
    pair.play(&mut world, u64::MAX, |_, _| ());
    pair.assert_exchanged(&world, "undisturbed");
    world.run_until(|_| false);
    assert_eq!(world.outcomes(), [Outcome::Happy]);
    assert_eq!(world.mailboxes(), 0);
}

#[test]
fn both_are_shown_the_same_verifier() {
    let mut world = World::new(2);
    let mut pair = Pair::new(&mut world);
    pair.play(&mut world, u64::MAX, |_, _| ());
    let verifier = |id| {
        world.told(id).iter().find_map(|told| match told {
            Told::Confirmed(verifier) => Some(verifier.clone()),
            _ => None,
        })
    };
    assert!(verifier(pair.initiator).is_some());
    assert_eq!(verifier(pair.initiator), verifier(pair.receiver));
}

#[test]
fn the_server_vanishes_at_every_single_step_and_comes_back_full() {
    at_every_step(
        Pair::new,
        |world, _| world.kill_server(AWAY, Return::Full),
        |pair, world, about| {
            pair.assert_exchanged(world, about);
            assert_outcomes(world, Outcome::Happy, about);
            assert_eq!(world.mailboxes(), 0, "{about}");
        },
    );
}

#[test]
fn the_server_vanishes_at_every_single_step_and_comes_back_empty() {
    at_every_step(
        Pair::new,
        |world, _| world.kill_server(AWAY, Return::Empty),
        |pair, world, about| {
            pair.assert_exchanged(world, about);
            assert_eq!(world.mailboxes(), 0, "{about}");
        },
    );
}

#[test]
fn one_connection_breaks_at_every_single_step() {
    for id in 0..2 {
        at_every_step(
            Pair::new,
            move |world, pair| world.cut(pair.both()[id]),
            |pair, world, about| {
                pair.assert_exchanged(world, about);
                assert_eq!(world.mailboxes(), 0, "{about}");
            },
        );
    }
}

#[test]
fn one_connection_falls_silent_at_every_single_step() {
    for id in 0..2 {
        at_every_step(
            Pair::new,
            move |world, pair| world.stall(pair.both()[id]),
            Pair::assert_exchanged,
        );
    }
}

#[test]
fn a_wrong_code_is_told_to_both_and_burns_the_nameplate() {
    let mut world = World::new(3);
    let mut pair = Pair::mistyped(&mut world);
    pair.play(&mut world, u64::MAX, |_, _| ());
    world.run_until(|_| false);
    pair.assert_wrong_code(&world, "undisturbed");
    assert_eq!(world.outcomes(), [Outcome::Scary]);
    assert_eq!(world.mailboxes(), 0);
}

#[test]
fn a_wrong_code_is_told_as_scary_across_a_server_that_vanishes_at_every_single_step() {
    at_every_step(
        Pair::mistyped,
        |world, _| world.kill_server(AWAY, Return::Full),
        |pair, world, about| {
            pair.assert_wrong_code(world, about);
            assert_outcomes(world, Outcome::Scary, about);
        },
    );
}

#[test]
fn a_side_that_leaves_at_every_single_step_leaves_nothing_behind() {
    for seed in 0..3 {
        for at in 0..120 {
            let mut world = World::new(seed);
            let mut pair = Pair::new(&mut world);
            for _ in 0..at {
                pair.act(&mut world);
                world.step();
            }
            for id in pair.both() {
                world.with(id, Wormhole::close);
            }
            let about = format!("seed {seed}, left before step {at}");
            assert!(world.run_to_end(&pair.both()), "{about}: {}", pair.story(&world));
            world.run_until(|_| false);
            assert_eq!(world.mailboxes(), 0, "{about}: {}", pair.story(&world));
        }
    }
}

#[test]
fn a_server_that_is_away_at_the_first_call_is_told_at_once() {
    let mut world = World::new(4);
    world.kill_server(AWAY, Return::Full);
    let client = world.join("app");
    assert!(world.run_to_end(&[client]));
    assert_eq!(world.outcome(client), Some(Err(Error::Unreachable)));
    assert!(world.now() < Duration::from_secs(1));
}

#[test]
fn the_database_fails_for_a_while_at_every_single_step_and_nobody_notices() {
    at_every_step(
        Pair::new,
        |world, _| world.fail_database("the server's disk is full: try again later", AWAY * 3),
        |pair, world, about| {
            pair.assert_exchanged(world, about);
            assert_eq!(world.mailboxes(), 0, "{about}");
        },
    );
}

#[test]
fn a_server_that_stays_full_is_asked_ever_more_rarely() {
    let mut world = World::new(7);
    let client = world.join("app");
    world.fail_database("the server's disk is full: try again later", Duration::from_secs(7200));
    world.with(client, |wormhole| wormhole.allocate(2).unwrap());
    let delays = |world: &World| {
        let reason = Told::Delayed("the server's disk is full: try again later".to_owned());
        world.told(client).iter().filter(|told| **told == reason).count()
    };
    assert!(world.run_until(|world| world.now() > Duration::from_secs(600)));
    // 1 s, half as much again each time up to a minute: eleven pauses in two minutes, then one a minute.
    let delays = delays(&world);
    assert!((12..=22).contains(&delays), "asked {delays} times in ten minutes");
    assert_eq!(world.outcome(client), None);
}

#[test]
fn a_message_that_is_too_long_for_the_server_is_told_and_not_said_for_ever() {
    let policy = Policy { message_bytes: 6_000, ..Policy::default() };
    let mut world = World::with_policy(21, policy);
    let (long, short) = (world.join("app"), world.join("app"));
    world.with(long, |wormhole| {
        wormhole.allocate(2).unwrap();
        wormhole.send(vec![b'x'; 5_000]).unwrap();
    });
    assert!(world.run_until(|world| world.code(long).is_some()));
    let code = Code::parse(&world.code(long).unwrap()).ok().unwrap();
    world.with(short, |wormhole| wormhole.set_code(code).unwrap());
    assert!(world.run_until(|world| world.outcome(long).is_some()), "{:?}", world.told(long));
    let reason = "message too large: this server's limit is 6000 bytes".to_owned();
    assert_eq!(world.outcome(long), Some(Err(Error::Refused { request: "add".into(), reason })));
    let said = world.wire().iter().filter(|frame| frame.len() > 6_000).count();
    assert_eq!(said, 1);
}

#[test]
fn nothing_readable_crosses_the_wire() {
    let mut world = World::new(5);
    let mut pair = Pair::new(&mut world);
    pair.play(&mut world, u64::MAX, |_, _| ());
    let code = world.code(pair.initiator).unwrap();
    let wire = world.wire().join("\n");
    assert!(wire.contains("pake"));
    for secret in code.split('-').skip(1).chain(["initiator", "receiver"]) {
        assert!(!wire.contains(secret), "{secret}");
        let hex = hex::encode(secret.as_bytes());
        assert!(!wire.contains(&hex), "{secret} in hex");
    }
}

#[test]
fn a_side_that_gives_up_tells_the_other() {
    let mut world = World::new(6);
    let pair = Pair::new(&mut world);
    let confirmed =
        |world: &World, id| world.told(id).iter().any(|told| matches!(told, Told::Confirmed(_)));
    let code = |world: &World| world.code(pair.initiator);
    assert!(world.run_until(|world| code(world).is_some()));
    let typed = Code::parse(&code(&world).unwrap()).ok().unwrap();
    world.with(pair.receiver, |wormhole| wormhole.set_code(typed).unwrap());
    assert!(world.run_until(|world| pair.both().iter().all(|id| confirmed(world, *id))));
    world.with(pair.receiver, Wormhole::abort);
    assert!(world.run_to_end(&pair.both()));
    assert_eq!(world.outcome(pair.receiver), Some(Ok(())));
    assert_eq!(world.outcome(pair.initiator), Some(Err(Error::PeerGaveUp)));
    world.run_until(|_| false);
    assert_eq!(world.outcomes(), [Outcome::Errory]);
}

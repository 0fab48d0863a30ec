//! Strangers who look for nameplates, guess at codes and use up what is short, on a virtual clock.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wormhole_sync_server::{
    Limits,
    address::Address,
    config::Rate,
    exchange::{Addition, Client, ConnectionId, Exchange, embedded::Embedded, journal::Snapshot},
};
use wormhole_sync_wire::{MailboxId, Mood, Nameplate, server_message::TRY_LATER};

/// An exchange, and clients who have just connected to it.
struct World {
    exchange: Embedded,
    connections: u64,
    now: f64,
}

/// Where clients are.
const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";
const ATTACKER: &str = "2001:db8:bad::1";

impl World {
    fn new(limits: Limits) -> Self {
        Self { exchange: Embedded::new(limits, [7; 32]), connections: 0, now: 1_000_000.0 }
    }

    fn client(&mut self, ip: &str, side: &str) -> Client {
        self.connections += 1;
        let address = Some(Address::of(ip.parse().unwrap()));
        let connection = ConnectionId(self.connections);
        Client { connection, app: "app".into(), side: side.into(), address }
    }

    /// A client that waits behind a nameplate for another.
    fn waiting(&mut self, ip: &str, side: &str) -> (Client, Nameplate, MailboxId) {
        let client = self.client(ip, side);
        let nameplate = self.exchange.allocate(&client, self.now).unwrap();
        let mailbox = self.exchange.claim(&client, &nameplate, None, self.now).unwrap();
        self.exchange.open(&client, &mailbox, self.now).unwrap();
        self.add(&client, &mailbox, "pake");
        (client, nameplate, mailbox)
    }

    fn claim(&mut self, client: &Client, nameplate: &Nameplate) -> Result<MailboxId, String> {
        let claimed = self.exchange.claim(client, nameplate, None, self.now);
        claimed.map_err(|refusal| refusal.0.into_owned())
    }

    /// A stranger that joins, hears what it needs for a guess, and is not heard of again.
    fn guess(&mut self, side: &str, nameplate: &Nameplate) -> Result<(), String> {
        let client = self.client(ATTACKER, side);
        let mailbox = self.claim(&client, nameplate)?;
        self.exchange.open(&client, &mailbox, self.now).unwrap();
        self.add(&client, &mailbox, "pake");
        self.exchange.leave(&client, &mailbox, self.now);
        Ok(())
    }

    fn add(&mut self, client: &Client, mailbox: &MailboxId, phase: &str) {
        let addition = Addition { phase: phase.into(), body: "00".into(), id: None };
        self.exchange.add(client, mailbox, addition, self.now).unwrap();
    }

    /// An exchange from its first message to its end, whose side `b` has the right code.
    fn meet(&mut self, ips: [&str; 2], number: usize) -> Result<(), String> {
        let (a, nameplate, mailbox) = self.waiting(ips[0], &format!("a{number}"));
        let b = self.client(ips[1], &format!("b{number}"));
        let joined = self.claim(&b, &nameplate)?;
        self.exchange.open(&b, &joined, self.now).unwrap();
        for phase in ["pake", "version"] {
            self.add(&b, &mailbox, phase);
        }
        for phase in ["version", "0"] {
            self.add(&a, &mailbox, phase);
        }
        self.end(&[&a, &b], &nameplate, &mailbox, Mood::Happy);
        Ok(())
    }

    fn end(&mut self, sides: &[&Client], nameplate: &Nameplate, mailbox: &MailboxId, mood: Mood) {
        for client in sides {
            self.exchange.release(client, nameplate, self.now).unwrap();
            self.exchange.close(client, mailbox, Some(mood), self.now).unwrap();
        }
    }
}

fn name(number: usize) -> Nameplate {
    Nameplate::new(number.to_string()).unwrap()
}

/// Failed claims are few, everything else is plenty.
fn few_failed(burst: u32) -> Limits {
    let plenty = Rate { burst: 1_000_000, per_minute: 1_000_000 };
    Limits { failed_claims: Rate { burst, per_minute: 1 }, claims: plenty, ..Limits::default() }
}

const FAILED: &str = "too many failed claims from your address: this server's limit is";

#[test]
fn who_guesses_at_one_nameplate_after_another_is_slowed_to_a_crawl() {
    let mut world = World::new(Limits { mailboxes_per_address: 1000, ..Limits::default() });
    let waiting: Vec<_> = (0..900)
        .map(|number| {
            world.waiting(&format!("10.0.{}.{}", number / 250, number % 250), &number.to_string()).1
        })
        .collect();
    let (mut guessed, mut victims) = (0_u32, waiting.iter());
    let mut victim = victims.next().unwrap();
    for step in 0..3 * 3600 {
        world.now += 1.0;
        match world.guess(&format!("guess {step}"), victim) {
            Ok(()) => {
                guessed += 1;
                victim = victims.next().unwrap();
            }
            Err(text) => {
                assert!(text.starts_with(FAILED) && text.ends_with(TRY_LATER), "{text}");
            }
        }
    }
    assert!((195..=200).contains(&guessed), "{guessed} in three hours of a guess a second");
    // Nobody else is held back by it.
    for number in 0..50 {
        world.meet([HOME, ELSEWHERE], number).unwrap();
    }
}

#[test]
fn exchanges_that_go_well_cost_no_failed_claim() {
    let mut world = World::new(few_failed(2));
    for number in 0..500 {
        world.meet([HOME, HOME], number).unwrap();
    }
}

#[test]
fn one_mistyped_code_does_not_hurt_a_pair_behind_one_address() {
    let mut world = World::new(Limits::default());
    let (a, nameplate, mailbox) = world.waiting(HOME, "a");
    let b = world.client(HOME, "b");
    world.claim(&b, &nameplate).unwrap();
    world.exchange.open(&b, &mailbox, world.now).unwrap();
    world.end(&[&b, &a], &nameplate, &mailbox, Mood::Scary);
    for number in 0..40 {
        world.meet([HOME, HOME], number).unwrap();
    }
}

#[test]
fn a_guesser_cannot_give_its_claim_back() {
    let mut world = World::new(few_failed(1));
    let (_, nameplate, mailbox) = world.waiting(HOME, "a");
    world.guess("x", &nameplate).unwrap();
    // It has heard the other's side, and takes it for its own on another connection.
    let forged = world.client(ATTACKER, "a");
    world.exchange.open(&forged, &mailbox, world.now).unwrap();
    world.add(&forged, &mailbox, "0");
    world.exchange.close(&forged, &mailbox, Some(Mood::Happy), world.now).unwrap();
    // Its own side is none that waited.
    let again = world.client(ATTACKER, "x");
    world.exchange.open(&again, &mailbox, world.now).unwrap();
    world.add(&again, &mailbox, "0");
    world.exchange.close(&again, &mailbox, Some(Mood::Happy), world.now).unwrap();
    let next = world.waiting(HOME, "next").1;
    assert!(world.guess("y", &next).unwrap_err().starts_with(FAILED));
}

#[test]
fn the_side_that_waited_gives_the_claim_back_by_going_on_or_by_leaving_happily() {
    for happens in ["0", "7", "happy"] {
        let mut world = World::new(few_failed(1));
        let (a, nameplate, mailbox) = world.waiting(HOME, "a");
        let b = world.client(ATTACKER, "b");
        world.claim(&b, &nameplate).unwrap();
        // What everybody says, whether the code was right or not, gives nothing back.
        for phase in ["version", "dilate-0", "abort"] {
            world.add(&a, &mailbox, phase);
        }
        let (_, next, _) = world.waiting(HOME, "next");
        assert!(world.guess("x", &next).unwrap_err().starts_with(FAILED));
        match happens {
            "happy" => world.end(&[&a], &nameplate, &mailbox, Mood::Happy),
            phase => world.add(&a, &mailbox, phase),
        }
        world.guess("x", &next).unwrap();
        assert!(world.guess("y", &next).is_err(), "and once only");
    }
}

#[test]
fn a_mood_that_complains_gives_nothing_back() {
    for mood in [Mood::Lonely, Mood::Scary, Mood::Errory] {
        let mut world = World::new(few_failed(1));
        let (a, nameplate, mailbox) = world.waiting(HOME, "a");
        world.guess("x", &nameplate).unwrap();
        world.end(&[&a], &nameplate, &mailbox, mood);
        let (_, next, _) = world.waiting(HOME, "next");
        assert!(world.guess("y", &next).unwrap_err().starts_with(FAILED));
    }
}

#[test]
fn a_claim_of_what_others_have_or_one_has_let_go_is_a_failed_one() {
    let mut world = World::new(few_failed(2));
    let (_, nameplate, _) = world.waiting(HOME, "a");
    let b = world.client(ELSEWHERE, "b");
    world.claim(&b, &nameplate).unwrap();
    for _ in 0..2 {
        assert_eq!(world.guess("x", &nameplate).unwrap_err(), "crowded");
    }
    assert!(world.guess("x", &nameplate).unwrap_err().starts_with(FAILED));
    world.now += 60.0;
    world.exchange.release(&b, &nameplate, world.now).unwrap();
    assert_eq!(world.claim(&b, &nameplate).unwrap_err(), "reclaimed");
    world.now += 1.0;
    assert_eq!(world.claim(&b, &nameplate).unwrap_err(), "reclaimed");
    assert!(world.claim(&b, &nameplate).unwrap_err().starts_with(FAILED));
}

#[test]
fn who_has_guessed_too_often_may_still_allocate_and_claim_what_it_has() {
    let mut world = World::new(few_failed(1));
    let (_, nameplate, _) = world.waiting(HOME, "a");
    world.guess("x", &nameplate).unwrap();
    let (_, own, _) = world.waiting(ATTACKER, "own");
    // Its connection is lost: the next claims again.
    let back = world.client(ATTACKER, "own");
    world.claim(&back, &own).unwrap();
    // Whether a nameplate is there cannot be found out any more.
    assert!(world.guess("y", &name(777_777)).unwrap_err().starts_with(FAILED));
}

#[test]
fn claims_and_allocations_together_have_their_rate() {
    let claims = Rate { burst: 5, per_minute: 60 };
    let mut world = World::new(Limits { claims, ..Limits::default() });
    for number in 0..3 {
        world.waiting(HOME, &number.to_string()); // its claim is of what it has allocated
    }
    for number in 0..2 {
        let client = world.client(HOME, "b");
        world.claim(&client, &name(1000 + number)).unwrap();
    }
    let client = world.client(HOME, "c");
    let text = "too many claims from your address: this server's limit is 5 at once and then 60 a \
                minute; try again later";
    assert_eq!(world.claim(&client, &name(1005)).unwrap_err(), text);
    assert_eq!(world.exchange.allocate(&client, world.now).unwrap_err().0, text);
    world.waiting(ELSEWHERE, "d");
    world.now += 1.0;
    world.exchange.allocate(&client, world.now).unwrap();
}

#[test]
fn lists_have_their_rate() {
    let lists = Rate { burst: 2, per_minute: 1 };
    let mut world = World::new(Limits { lists, ..Limits::default() });
    let client = world.client(HOME, "a");
    for _ in 0..2 {
        world.exchange.list(&client, world.now).unwrap();
    }
    let refusal = world.exchange.list(&client, world.now).unwrap_err();
    assert!(refusal.0.starts_with("too many lists for your address"), "{}", refusal.0);
    let other = world.client(ELSEWHERE, "a");
    world.exchange.list(&other, world.now).unwrap();
}

#[test]
fn one_address_gets_a_third_of_each_length_and_then_longer_ones() {
    let mut world =
        World::new(Limits { mailboxes_per_address: 1000, claims: PLENTY, ..Limits::default() });
    let mut lengths = [0; 7];
    for number in 0..400 {
        let (_, nameplate, _) = world.waiting(ATTACKER, &number.to_string());
        lengths[nameplate.len()] += 1;
    }
    assert_eq!(lengths[1..4], [3, 30, 300]);
    // Claiming by name does not get it more.
    let client = world.client(ATTACKER, "x");
    let free = |world: &mut World, numbers: std::ops::Range<usize>| {
        let taken = world.exchange.list(&client, world.now).unwrap();
        numbers.map(name).find(|name| !taken.contains(name)).unwrap()
    };
    for (numbers, most) in [(1..10, 3), (10..100, 30), (100..1000, 300)] {
        let nameplate = free(&mut world, numbers);
        let text = world.exchange.claim(&client, &nameplate, None, world.now).unwrap_err().0;
        assert_eq!(
            text,
            format!(
                "too many short nameplates are held from your address: this server's limit is {most} of this length"
            )
        );
    }
    let long = world.client(ATTACKER, "long");
    world.claim(&long, &name(123_456)).unwrap();
    // Everybody else gets what is left, as short as ever.
    for number in 0..6 {
        let ip = if number < 3 { HOME } else { ELSEWHERE };
        assert_eq!(world.waiting(ip, &format!("honest {number}")).1.len(), 1);
    }
}

const PLENTY: Rate = Rate { burst: 1_000_000, per_minute: 1_000_000 };

#[test]
fn a_nameplate_that_is_let_go_counts_no_more() {
    let mut world = World::new(Limits { claims: PLENTY, ..Limits::default() });
    for number in 0..100 {
        let (a, nameplate, mailbox) = world.waiting(HOME, &number.to_string());
        assert_eq!(nameplate.len(), 1);
        match number % 3 {
            0 => world.exchange.release(&a, &nameplate, world.now).unwrap(),
            1 => world.exchange.close(&a, &mailbox, None, world.now).unwrap(),
            _ => {
                world.exchange.leave(&a, &mailbox, world.now);
                world.exchange.prune(0.0, world.now + 1.0);
            }
        }
    }
}

#[test]
fn what_an_address_did_outlives_a_disk_that_fails() {
    let mut world = World::new(few_failed(1));
    let (_, nameplate, _) = world.waiting(HOME, "a");
    world.guess("x", &nameplate).unwrap();
    world.exchange.restore(Snapshot::default(), |_| true, world.now);
    assert!(world.guess("y", &name(5)).unwrap_err().starts_with(FAILED));
}

#[test]
fn whoever_is_exempt_may_do_as_often_as_it_likes() {
    let never = Rate { burst: 0, per_minute: 0 };
    let limits = Limits { claims: never, failed_claims: never, lists: never, ..Limits::default() };
    let mut world = World::new(limits);
    for number in 0..9 {
        let client = Client { address: None, ..world.client(HOME, &number.to_string()) };
        let nameplate = world.exchange.allocate(&client, world.now).unwrap();
        assert_eq!(nameplate.len(), 1);
        world.exchange.list(&client, world.now).unwrap();
        let other = Client { address: None, ..world.client(HOME, "other") };
        world.claim(&other, &nameplate).unwrap();
    }
}

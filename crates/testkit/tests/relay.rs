//! The transit relay's machine: any number of links, in any order, on a virtual clock.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use wormhole_sync_core::wire::transit::RelayRequest;
use wormhole_sync_server::{
    Relay,
    address::Address,
    relay::{LinkId, Mood, Output, Pairing, Record},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Open { address: Option<u8> },
    Ask { link: usize, request: Option<(u8, Option<u8>)> },
    Speak(usize),
    Lose(usize),
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let link = 0..24_usize;
    let request = prop::option::weighted(0.95, (0..4_u8, prop::option::weighted(0.8, 0..3_u8)));
    let step = prop_oneof![
        3 => prop::option::of(0..3_u8).prop_map(|address| Step::Open { address }),
        4 => (link.clone(), request).prop_map(|(link, request)| Step::Ask { link, request }),
        1 => link.clone().prop_map(Step::Speak),
        1 => link.prop_map(Step::Lose),
        1 => (0..400_u16).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

/// What the outside knows of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Asking,
    Waits(RelayRequestOf, f64),
    Paired(usize),
    Gone,
}

type RelayRequestOf = (u8, Option<u8>);

fn request((token, side): RelayRequestOf) -> RelayRequest {
    RelayRequest { token: [b'0' + token; 64], side: side.map(|side| [b'0' + side; 16]) }
}

fn address(number: u8) -> Address {
    Address::of(format!("192.0.2.{number}").parse().unwrap())
}

/// The machine, and what it must have said so far.
struct Room {
    relay: Pairing,
    links: Vec<Known>,
    addresses: Vec<Option<u8>>,
    records: Vec<Record>,
    now: f64,
}

const WAITING: f64 = 600.0;
const ALL: usize = 3;
const EACH: usize = 2;

impl Room {
    fn new() -> Self {
        let config = Relay {
            waiting_connections: ALL,
            waiting_connections_per_address: EACH,
            ..Relay::default()
        };
        Self {
            relay: Pairing::new(config),
            links: Vec::new(),
            addresses: Vec::new(),
            records: Vec::new(),
            now: 1000.0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Open { address: of } => {
                let id = LinkId(self.links.len() as u64);
                self.relay.opened(id, of.map(address), self.now);
                self.links.push(Known::Asking);
                self.addresses.push(of);
            }
            Step::Ask { link, request: asked } => {
                if self.links.get(link) != Some(&Known::Asking) {
                    return;
                }
                let expected = asked.map_or(Known::Gone, |asked| self.expected(link, asked));
                if let Some(asked) = asked {
                    self.links[link] = Known::Waits(asked, self.now);
                }
                self.relay.asked(LinkId(link as u64), asked.map(request), self.now);
                self.drain();
                assert_eq!(self.links[link], expected);
            }
            Step::Speak(link) => self.relay.impatient(LinkId(link as u64), self.now),
            Step::Lose(link) => match self.links.get(link).copied() {
                Some(Known::Asking | Known::Waits(..)) => {
                    self.relay.lost(LinkId(link as u64), self.now);
                    self.links[link] = Known::Gone;
                }
                Some(Known::Paired(partner)) => {
                    for end in [link, partner] {
                        self.relay.ended(LinkId(end as u64), 7, true, self.now);
                        self.links[end] = Known::Gone;
                    }
                }
                Some(Known::Gone) | None => {}
            },
            Step::Wait(seconds) => {
                self.now += f64::from(seconds);
                self.relay.expire(self.now);
            }
        }
        self.drain();
    }

    /// What is to become of a link that asks for this: whoever has a partner meets it.
    fn expected(&self, link: usize, asked: RelayRequestOf) -> Known {
        let (token, side) = asked;
        let waiting = || {
            self.links.iter().enumerate().filter_map(|(link, known)| match known {
                Known::Waits(request, _) => Some((link, *request)),
                _ => None,
            })
        };
        let same = |other: &(usize, RelayRequestOf)| {
            self.addresses[link].is_some() && self.addresses[other.0] == self.addresses[link]
        };
        match waiting().find(|(_, (other, _))| *other == token) {
            Some((_, (_, other))) if side.is_some() && side == other => Known::Gone,
            Some((partner, _)) => Known::Paired(partner),
            None if waiting().count() < ALL && waiting().filter(same).count() < EACH => {
                Known::Waits(asked, self.now)
            }
            None => Known::Gone,
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.relay.poll() {
            match output {
                Output::Join { waiting, newcomer } => self.join(waiting, newcomer),
                Output::Close { link, text } => {
                    let link = usize::try_from(link.0).unwrap();
                    let was = std::mem::replace(&mut self.links[link], Known::Gone);
                    assert!(matches!(was, Known::Asking | Known::Waits(..)), "{was:?} {text}");
                }
                Output::Record(record) => self.records.push(record),
            }
        }
    }

    fn join(&mut self, waiting: LinkId, newcomer: LinkId) {
        let ends = [waiting, newcomer].map(|end| usize::try_from(end.0).unwrap());
        let [Known::Waits(one, _), Known::Waits(other, since)] = ends.map(|end| self.links[end])
        else {
            panic!("joined {:?}", ends.map(|end| self.links[end]));
        };
        assert_eq!(one.0, other.0, "different tokens meet");
        assert!(one.1.is_none() || one.1 != other.1, "a side meets itself");
        assert!((since - self.now).abs() < 1e-9, "the newcomer waited");
        self.links[ends[0]] = Known::Paired(ends[1]);
        self.links[ends[1]] = Known::Paired(ends[0]);
    }

    /// What holds after every step.
    fn check(&self) {
        let waiting: Vec<(usize, RelayRequestOf, f64)> = self
            .links
            .iter()
            .enumerate()
            .filter_map(|(link, known)| match known {
                Known::Waits(request, since) => Some((link, *request, *since)),
                _ => None,
            })
            .collect();
        assert_eq!(self.relay.waiting(), waiting.len());
        assert!(waiting.len() <= ALL);
        let mut tokens = BTreeMap::new();
        let mut addresses = BTreeMap::<u8, usize>::new();
        for (link, (token, _), since) in &waiting {
            assert_eq!(tokens.insert(token, link), None, "two wait with one token");
            assert!(self.now - since <= WAITING + 400.0);
            if let Some(address) = self.addresses[*link] {
                *addresses.entry(address).or_default() += 1;
            }
        }
        assert!(addresses.values().all(|count| *count <= EACH), "{addresses:?}");
        let paired = self.links.iter().filter(|known| matches!(known, Known::Paired(_))).count();
        assert_eq!(2 * self.relay.pairs(), paired);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn partners_meet_and_nobody_else_and_everybody_is_counted(steps in steps()) {
        let mut room = Room::new();
        for step in steps {
            room.step(step);
            room.check();
        }
        for link in 0..room.links.len() {
            room.step(Step::Lose(link));
        }
        room.check();
        // One record for each pair, and one for each link that was no half of one.
        let happy = room.records.iter().filter(|record| record.mood == Mood::Happy).count();
        assert_eq!(2 * happy + (room.records.len() - happy), room.links.len());
        assert!(room.records.iter().all(|record| record.total >= 0.0));
        assert_eq!((room.relay.waiting(), room.relay.pairs()), (0, 0));
    }
}

fn ends(steps: impl IntoIterator<Item = Step>) -> Vec<Record> {
    let mut room = Room::new();
    for step in steps {
        room.step(step);
    }
    room.records
}

const fn open() -> Step {
    Step::Open { address: None }
}

const fn ask(link: usize, side: u8) -> Step {
    Step::Ask { link, request: Some((1, Some(side))) }
}

#[test]
fn each_way_to_end_has_its_mood() {
    let mood = |steps: Vec<Step>| ends(steps).last().map(|record| record.mood);
    let pair = [open(), ask(0, 1), Step::Wait(5), open(), ask(1, 2)];
    assert_eq!(mood([&pair[..], &[Step::Lose(0)]].concat()), Some(Mood::Happy));
    assert_eq!(mood(vec![open(), Step::Lose(0)]), Some(Mood::Empty));
    assert_eq!(mood(vec![open(), Step::Ask { link: 0, request: None }]), Some(Mood::Errory));
    assert_eq!(mood(vec![open(), ask(0, 1), Step::Lose(0)]), Some(Mood::Lonely));
    let expired = vec![open(), ask(0, 1), Step::Wait(399), Step::Wait(399)];
    assert_eq!(mood(expired), Some(Mood::Lonely));
    assert_eq!(mood(vec![open(), ask(0, 1), Step::Speak(0)]), Some(Mood::Impatient));
    assert_eq!(mood(vec![open(), ask(0, 1), open(), ask(1, 1)]), Some(Mood::Redundant));
}

#[test]
fn a_pair_is_recorded_once_with_its_times_and_bytes() {
    let steps =
        [open(), ask(0, 1), Step::Wait(5), open(), ask(1, 2), Step::Wait(30), Step::Lose(1)];
    let record =
        Record { started: 1000.0, waiting: Some(5.0), total: 35.0, bytes: 7, mood: Mood::Happy };
    assert_eq!(ends(steps), [record]);
}

#[test]
fn a_relay_that_stops_closes_all_but_pairs() {
    let mut room = Room::new();
    let steps = [open(), ask(0, 1), open(), ask(1, 2), open(), open()];
    for step in steps {
        room.step(step);
    }
    room.step(Step::Ask { link: 2, request: Some((2, None)) });
    room.relay.stop(room.now);
    room.drain();
    assert_eq!(room.links, [Known::Paired(1), Known::Paired(0), Known::Gone, Known::Gone]);
    let moods: Vec<_> = room.records.iter().map(|record| record.mood).collect();
    assert_eq!(moods, [Mood::Lonely, Mood::Empty]);
}

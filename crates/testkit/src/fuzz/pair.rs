//! An honest pair in a world that breaks.

use std::time::Duration;

use wormhole_sync_core::{Code, Wormhole};

use super::lines::{lines, number, verb};
use crate::{
    server::Return,
    told::Told,
    world::{ClientId, World},
};

/// Disturbances beyond this many are left out: a world has to stop breaking in order to be judged.
const MAX_DISTURBANCES: usize = 12;

/// Most messages each way.
const MAX_MESSAGES: u64 = 5;

/// Most steps between two disturbances: nothing happens to a pair after so many.
const MAX_STEPS: u64 = 300;

/// Most seconds for which a server is away: beyond the longest pause of a client.
const MAX_AWAY: u64 = 100;

/// The longest that an undisturbed pair can still take, from the last disturbance on.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A schedule of disturbances. Whatever breaks and whenever, both get each other's messages, in
/// order and once; both end well, and the server keeps nothing.
///
/// ```text
/// seed 7        everything else that is left to chance
/// messages 3    so many each way
/// kill 12 30    12 steps later the server vanishes for 30 seconds
/// empty 12 30   the same, and it forgets everything
/// cut 3 1       3 steps later the connection of the second breaks
/// stall 3 0     3 steps later that of the first falls silent
/// ```
pub fn world(data: &[u8]) {
    let schedule = Schedule::read(data);
    let mut world = World::new(schedule.seed);
    let pair = [world.join("app"), world.join("app")];
    let [first, _] = pair;
    assert!(world.run_until(|world| pair.iter().all(|id| is_connected(world, *id))));
    world.with(first, |wormhole| assert!(wormhole.allocate(2).is_ok()));
    let messages: Vec<Vec<u8>> = (0..schedule.messages).map(|number| vec![number]).collect();
    for (id, message) in pair.iter().flat_map(|id| messages.iter().map(|message| (*id, message))) {
        world.with(id, |wormhole| assert!(wormhole.send(message.clone()).is_ok()));
    }
    meet(&mut world, pair, &schedule);
    for id in pair {
        assert_eq!(world.received(id), messages);
        world.with(id, Wormhole::close);
    }
    assert!(world.run_to_end(&pair), "{:?}\n{:?}", world.told(pair[0]), world.told(pair[1]));
    world.run_until(|_| false);
    for id in pair {
        assert_eq!(world.outcome(id), Some(Ok(())));
        assert_eq!(world.received(id), messages);
    }
    assert_eq!(world.mailboxes(), 0);
}

fn is_connected(world: &World, id: ClientId) -> bool {
    world.told(id).contains(&Told::Connected)
}

/// Lets things happen, and break, until both have what the other sent.
fn meet(world: &mut World, pair: [ClientId; 2], schedule: &Schedule) {
    let [first, second] = pair;
    let mut disturbances = schedule.disturbances.iter();
    let mut next = disturbances.next().map(|(steps, what)| (*steps, what));
    let mut code_is_typed = false;
    let mut end = world.now() + PATIENCE;
    while pair.iter().any(|id| world.received(*id).len() < usize::from(schedule.messages)) {
        if let Some(code) = world.code(first).filter(|_| !code_is_typed) {
            code_is_typed = true;
            let Ok(code) = Code::parse(&code) else { panic!("{code} is no code") };
            world.with(second, |wormhole| assert!(wormhole.set_code(code).is_ok()));
        }
        match &mut next {
            Some((0, what)) => {
                what.disturb(world, pair);
                next = disturbances.next().map(|(steps, what)| (*steps, what));
                end = world.now() + PATIENCE;
            }
            Some((steps, _)) => *steps -= 1,
            None => {}
        }
        let told = |id| world.told(id);
        assert!(world.now() < end, "{:?}\n{:?}", told(first), told(second));
        assert!(world.step(), "{:?}\n{:?}", world.told(first), world.told(second));
    }
}

struct Schedule {
    seed: u64,
    messages: u8,
    /// What breaks, and how many steps after what broke before.
    disturbances: Vec<(u64, Disturbance)>,
}

enum Disturbance {
    Kill(Duration, Return),
    Cut(bool),
    Stall(bool),
}

impl Schedule {
    fn read(data: &[u8]) -> Self {
        let mut schedule = Self { seed: 0, messages: 1, disturbances: Vec::new() };
        for line in lines(data) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (one, rest) = number(rest);
            let (other, _) = number(rest);
            match verb(word).map(|(letter, _)| letter) {
                Some('s') if word.starts_with("se") => schedule.seed = one,
                Some('m') => schedule.messages = messages(one),
                Some(letter) => schedule.disturb(letter, one, other),
                None => {}
            }
        }
        schedule.disturbances.truncate(MAX_DISTURBANCES);
        schedule
    }

    fn disturb(&mut self, letter: char, steps: u64, other: u64) {
        let away = Duration::from_secs(other.clamp(1, MAX_AWAY));
        let what = match letter {
            'k' => Disturbance::Kill(away, Return::Full),
            'e' => Disturbance::Kill(away, Return::Empty),
            'c' => Disturbance::Cut(other % 2 == 1),
            's' => Disturbance::Stall(other % 2 == 1),
            _ => return,
        };
        self.disturbances.push((steps.min(MAX_STEPS), what));
    }
}

fn messages(asked: u64) -> u8 {
    u8::try_from(asked.clamp(1, MAX_MESSAGES)).unwrap_or(1)
}

impl Disturbance {
    fn disturb(&self, world: &mut World, [first, second]: [ClientId; 2]) {
        let whose = |second_one: bool| if second_one { second } else { first };
        match self {
            Self::Kill(away, how) => world.kill_server(*away, *how),
            Self::Cut(second_one) => world.cut(whose(*second_one)),
            Self::Stall(second_one) => world.stall(whose(*second_one)),
        }
    }
}

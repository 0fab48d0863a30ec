//! The set-up that the examples in the crates' documentation hide.

#![expect(clippy::missing_panics_doc, reason = "an example that cannot be run is to stop")]

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wormhole_sync_core::{
    Code, Event, Input, Moment, Output, Settings, SharedKey, Wormhole,
    hashcash::{Challenge, DEFAULT_MAX_BITS},
    pake::Pake,
    wire::AppId,
    wormhole::{CodeAlreadySet, Effect},
};
use wormhole_sync_server::{exchange::ConnectionId, session::Policy};

use crate::server::Server;

mod transfer;

pub use transfer::{
    handshakes, line, meeting, offered, race, receiving_connected, sending, sending_connected,
    transit_key,
};

#[cfg(feature = "doc")]
mod loopback;

#[cfg(feature = "doc")]
pub use loopback::{
    MOTD, blocking_offered_file, blocking_offered_text, blocking_pair, blocking_taker,
    offered_file, offered_text, pair, relay, routes, run, server, taker,
};

/// The settings of every [`wormhole`].
pub fn settings() -> Settings {
    Settings {
        app_id: app_id(),
        app_versions: serde_json::Map::new(),
        client_version: ("example".to_owned(), "1".to_owned()),
        max_hashcash_bits: DEFAULT_MAX_BITS,
    }
}

/// A wormhole that begins to connect; different ones for different seeds.
pub fn wormhole(seed: u8) -> Wormhole {
    Wormhole::new(settings(), [seed; 32], Moment::ZERO)
}

/// What a wormhole does and tells whose server asks for hashcash in its welcome.
pub fn asked(bits: u32) -> Vec<Output> {
    let asked = format!(r#"{{"hashcash":{{"bits":{bits},"resource":"relay"}}}}"#);
    let welcome = format!(r#"{{"type":"welcome","welcome":{{"permission-required":{asked}}}}}"#);
    let mut wormhole = wormhole(1);
    wormhole.handle(Input::Opened, Moment::ZERO);
    wormhole.handle(Input::Received(&welcome), Moment::ZERO);
    let output = std::iter::from_fn(|| Some(wormhole.poll()));
    output.take_while(|output| !matches!(output, Output::Wait(_))).collect()
}

/// The challenge in such a welcome.
pub fn challenge(bits: u32) -> Challenge {
    let work = asked(bits).into_iter().find_map(|output| match output {
        Output::Effect(Effect::Work(challenge)) => Some(challenge),
        _ => None,
    });
    work.unwrap_or_else(|| panic!("{bits} bits are not worked for"))
}

/// The key that two sides agree on, at each of them.
pub fn keys() -> (SharedKey, SharedKey) {
    let pake = |seed| Pake::start(&code(), &app_id(), ChaCha20Rng::from_seed([seed; 32]));
    let (one, other) = (pake(1), pake(2));
    let (body, others) = (one.body(), other.body());
    let finish = |pake: Pake, body: &[u8]| pake.finish(body).unwrap_or_else(|why| panic!("{why}"));
    (finish(one, &others), finish(other, &body))
}

/// Two wormholes and a server, joined without delay.
pub struct Meeting {
    /// One side.
    pub one: Wormhole,
    /// The other.
    pub other: Wormhole,
    server: Server,
    connections: [Option<ConnectionId>; 2],
}

impl Meeting {
    /// Two that have no code yet.
    pub fn new() -> Self {
        let policy = Policy { allow_list: true, ..Policy::default() };
        let server = Server::new(policy, [3; 32]);
        Self { one: wormhole(1), other: wormhole(2), server, connections: [None; 2] }
    }

    /// Two that have confirmed their key.
    pub fn confirmed() -> Self {
        let mut meeting = Self::new();
        let set = |wormhole: &mut Wormhole| wormhole.set_code(code());
        for wormhole in [&mut meeting.one, &mut meeting.other] {
            set(wormhole).unwrap_or_else(|CodeAlreadySet| panic!("a new wormhole has no code"));
        }
        meeting.run();
        meeting
    }

    /// Does everything that is to be done, and returns what each side told.
    pub fn run(&mut self) -> [Vec<Event>; 2] {
        let mut told = [Vec::new(), Vec::new()];
        loop {
            let before = told.each_ref().map(Vec::len);
            let mut effects = 0;
            for (side, told) in told.iter_mut().enumerate() {
                effects += self.drain(side, told);
            }
            if effects == 0 && told.each_ref().map(Vec::len) == before {
                return told;
            }
        }
    }

    fn drain(&mut self, side: usize, told: &mut Vec<Event>) -> usize {
        let mut effects = 0;
        loop {
            match self.side(side).poll() {
                Output::Effect(effect) => {
                    self.perform(side, effect);
                    effects += 1;
                }
                Output::Event(event) => told.push(event),
                Output::Wait(_) => return effects,
            }
        }
    }

    fn perform(&mut self, side: usize, effect: Effect) {
        let connection = self.connections.get(side).copied().flatten();
        match (effect, connection) {
            (Effect::Open, _) => {
                let (connection, welcome) = self.server.accept(0.0);
                self.connections
                    .iter_mut()
                    .skip(side)
                    .take(1)
                    .for_each(|at| *at = Some(connection));
                self.side(side).handle(Input::Opened, Moment::ZERO);
                self.side(side).handle(Input::Received(&welcome.text), Moment::ZERO);
            }
            (Effect::Transmit(frame), Some(connection)) => {
                for answer in self.server.receive(connection, &frame, 0.0) {
                    let to = self.connections.iter().position(|at| *at == Some(answer.to));
                    if let Some(to) = to {
                        self.side(to).handle(Input::Received(&answer.text), Moment::ZERO);
                    }
                }
            }
            (Effect::Close, Some(connection)) => self.server.hang_up(connection, 0.0),
            (effect, _) => panic!("{effect:?} is not to be done here"),
        }
    }

    const fn side(&mut self, side: usize) -> &mut Wormhole {
        if side == 0 { &mut self.one } else { &mut self.other }
    }
}

impl Default for Meeting {
    fn default() -> Self {
        Self::new()
    }
}

fn app_id() -> AppId {
    AppId::new("example.com/chat").unwrap_or_else(|error| panic!("{error}"))
}

fn code() -> Code {
    Code::parse("4-purple-sausages").unwrap_or_else(|error| panic!("{error}"))
}

//! Clients, a server, and everything that is under way between them.

use std::{collections::BTreeMap, time::Duration};

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use wormhole_sync_core::{Error, Input, Moment, Wormhole, wormhole::Effect};
use wormhole_sync_server::{
    exchange::{ConnectionId, usage::Outcome},
    session::{Outgoing, Policy},
};

use crate::{
    client::Client,
    queue::Queue,
    server::{Return, Server},
    told::Told,
};

/// A client of a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(usize);

/// The longest delay of one frame on its way.
const MAX_DELAY: Duration = Duration::from_millis(80);

/// When the virtual clock begins, in Unix seconds, and as hashcash writes that day.
const BEGIN: f64 = 1_790_000_000.0;
const BEGIN_DATE: &str = "260921";

/// How long a test may take on the virtual clock before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(3600);

/// See the [crate].
pub struct World {
    now: Moment,
    random: ChaCha20Rng,
    server: Server,
    server_is_up: bool,
    clients: Vec<Client>,
    coming: Queue<Happening>,
    /// When the last frame of each connection and direction arrives: none overtakes another.
    arrivals: BTreeMap<(ConnectionId, Direction), Moment>,
    steps: u64,
    wire: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    ToServer,
    ToClient,
}

enum Happening {
    Dialed { client: ClientId },
    ToServer { connection: ConnectionId, frame: String },
    ToClient { connection: ConnectionId, frame: String },
    HungUp { connection: ConnectionId },
    Lost { client: ClientId, connection: Option<ConnectionId> },
    Solved { client: ClientId, stamp: String },
    ServerReturns,
    ServerIsWell,
}

impl World {
    /// A world with a server that is up. `seed` decides everything.
    pub fn new(seed: u64) -> Self {
        Self::with_policy(seed, Policy { allow_list: true, ..Policy::default() })
    }

    /// The same, with a server of one's own choosing.
    pub fn with_policy(seed: u64, policy: Policy) -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let server = Server::new(policy, bytes(&mut random));
        Self {
            now: Moment::ZERO,
            random,
            server,
            server_is_up: true,
            clients: Vec::new(),
            coming: Queue::default(),
            arrivals: BTreeMap::new(),
            steps: 0,
            wire: Vec::new(),
        }
    }

    // ---- clients ----

    /// A new wormhole, which connects at once.
    pub fn join(&mut self, app_id: &str) -> ClientId {
        let seed = bytes(&mut self.random);
        let id = ClientId(self.clients.len());
        self.clients.push(Client::new(app_id, seed, self.now));
        self.perform(id);
        id
    }

    /// Does something with a wormhole, and performs what comes of it.
    pub fn with<T>(&mut self, id: ClientId, act: impl FnOnce(&mut Wormhole) -> T) -> T {
        let result = act(&mut self.client(id).wormhole);
        self.perform(id);
        result
    }

    /// What a wormhole told so far.
    pub fn told(&self, id: ClientId) -> &[Told] {
        self.clients.get(id.0).map_or(&[], |client| &client.told)
    }

    /// The code, once told.
    pub fn code(&self, id: ClientId) -> Option<String> {
        self.told(id).iter().find_map(|told| match told {
            Told::Code(code) => Some(code.clone()),
            _ => None,
        })
    }

    /// The messages that came out.
    pub fn received(&self, id: ClientId) -> Vec<Vec<u8>> {
        let messages = self.told(id).iter().filter_map(|told| match told {
            Told::Received(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    /// How it ended, once it has.
    pub fn outcome(&self, id: ClientId) -> Option<Result<(), Error>> {
        self.told(id).iter().find_map(|told| match told {
            Told::Closed(outcome) => Some(outcome.clone()),
            _ => None,
        })
    }

    /// Hands a wormhole a frame as if its server had sent it.
    pub fn forge(&mut self, id: ClientId, frame: &str) {
        let now = self.now;
        self.client(id).handle(Input::Received(frame), now);
        self.perform(id);
    }

    // ---- the server and the links ----

    pub(crate) fn accept(&mut self) -> ConnectionId {
        self.server.accept(self.unix()).0
    }

    pub(crate) fn say(&mut self, connection: ConnectionId, frame: &str) -> Vec<String> {
        let answers = self.server.receive(connection, frame, self.unix());
        let (own, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|outgoing| outgoing.to == connection);
        self.deliver(others);
        own.into_iter().map(|outgoing| outgoing.text).collect()
    }

    /// The server is killed: connections break, and new ones are refused until it returns.
    pub fn kill_server(&mut self, away: Duration, how: Return) {
        self.server_is_up = false;
        let now = self.unix();
        let seed = bytes(&mut self.random);
        self.server.restart(how, seed, now);
        self.coming.retain(|happening| {
            !matches!(
                happening,
                Happening::ToServer { .. } | Happening::ToClient { .. } | Happening::HungUp { .. }
            )
        });
        for index in 0..self.clients.len() {
            let id = ClientId(index);
            if let Some(connection) = self.client(id).connection {
                self.coming
                    .put(self.now, Happening::Lost { client: id, connection: Some(connection) });
            }
        }
        self.coming.put(self.now + away, Happening::ServerReturns);
    }

    /// The server's database fails for so long: whoever asks for a change is told this reason and
    /// disconnected.
    pub fn fail_database(&mut self, reason: &'static str, span: Duration) {
        self.server.fail(Some(reason));
        self.coming.put(self.now + span, Happening::ServerIsWell);
    }

    /// Breaks one client's connection; what was under way on it is lost.
    pub fn cut(&mut self, id: ClientId) {
        if let Some(connection) = self.client(id).connection {
            self.server.hang_up(connection, self.unix());
            self.stall(id);
            self.coming.put(self.now, Happening::Lost { client: id, connection: Some(connection) });
        }
    }

    /// Loses everything on one client's connection from now on, and tells nobody: a half-open link.
    pub fn stall(&mut self, id: ClientId) {
        let stalled = self.client(id).connection;
        self.coming.retain(|happening| match happening {
            Happening::ToServer { connection, .. }
            | Happening::ToClient { connection, .. }
            | Happening::HungUp { connection } => Some(*connection) != stalled,
            _ => true,
        });
        if let Some(connection) = stalled {
            self.server.hang_up(connection, self.unix());
        }
    }

    /// How the mailboxes that are gone ended, in the server's words.
    pub fn outcomes(&self) -> &[Outcome] {
        self.server.outcomes()
    }

    /// Mailboxes that the server still holds.
    pub fn mailboxes(&self) -> usize {
        self.server.mailboxes()
    }

    /// Every frame that went over a link so far, for searching.
    pub fn wire(&self) -> &[String] {
        &self.wire
    }

    /// The virtual clock.
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// Things that have happened so far.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    // ---- running ----

    /// Lets the next thing happen; `false` when nothing is to come.
    pub fn step(&mut self) -> bool {
        let timer = self
            .clients
            .iter()
            .enumerate()
            .filter_map(|(index, client)| client.deadline.map(|at| (at, ClientId(index))))
            .min();
        self.steps += 1;
        match (timer, self.coming.next_at()) {
            (Some((at, id)), next) if next.is_none_or(|next| at < next) => {
                self.now = self.now.max(at);
                let now = self.now;
                self.client(id).handle(Input::Timeout, now);
                self.perform(id);
                true
            }
            (_, None) => false,
            (_, Some(_)) => {
                if let Some((at, happening)) = self.coming.pop() {
                    self.now = self.now.max(at);
                    self.happen(happening);
                }
                true
            }
        }
    }

    /// Runs until `done`, or until nothing is to come, or for an hour of the virtual clock. Returns
    /// whether it is done.
    pub fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + PATIENCE;
        while !done(self) {
            if self.now > end || !self.step() {
                return done(self);
            }
        }
        true
    }

    /// Runs until every given wormhole has ended. Returns whether they have.
    pub fn run_to_end(&mut self, ids: &[ClientId]) -> bool {
        self.run_until(|world| ids.iter().all(|id| world.outcome(*id).is_some()))
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Dialed { client } => self.dialed(client),
            Happening::ToServer { connection, frame } => {
                let answers = self.server.receive(connection, &frame, self.unix());
                self.wire.push(frame);
                self.deliver(answers);
                if let Some(client) =
                    self.owner(connection).filter(|_| !self.server.keeps(connection))
                {
                    let at = self.arrival(connection, Direction::ToClient);
                    let connection = Some(connection);
                    self.coming.put(at, Happening::Lost { client, connection });
                }
            }
            Happening::ToClient { connection, frame } => {
                if let Some(id) = self.owner(connection) {
                    let now = self.now;
                    self.client(id).handle(Input::Received(&frame), now);
                    self.perform(id);
                }
                self.wire.push(frame);
            }
            Happening::HungUp { connection } => self.server.hang_up(connection, self.unix()),
            Happening::Lost { client, connection } => self.lost(client, connection),
            Happening::Solved { client, stamp } => {
                let now = self.now;
                self.client(client).handle(Input::Solved(stamp), now);
                self.perform(client);
            }
            Happening::ServerReturns => self.server_is_up = true,
            Happening::ServerIsWell => self.server.fail(None),
        }
    }

    fn dialed(&mut self, id: ClientId) {
        if !self.server_is_up {
            self.lost(id, None);
            return;
        }
        let (connection, welcome) = self.server.accept(self.unix());
        self.client(id).connection = Some(connection);
        let now = self.now;
        self.client(id).handle(Input::Opened, now);
        self.perform(id);
        self.deliver(vec![welcome]);
    }

    fn lost(&mut self, id: ClientId, connection: Option<ConnectionId>) {
        if self.client(id).connection == connection {
            self.client(id).connection = None;
            let now = self.now;
            self.client(id).handle(Input::Lost, now);
            self.perform(id);
        }
    }

    fn perform(&mut self, id: ClientId) {
        for effect in self.client(id).drain() {
            let connection = self.client(id).connection;
            match effect {
                Effect::Open => {
                    let at = self.now + self.delay();
                    self.coming.put(at, Happening::Dialed { client: id });
                }
                Effect::Transmit(frame) => {
                    if let Some(connection) = connection {
                        let at = self.arrival(connection, Direction::ToServer);
                        self.coming.put(at, Happening::ToServer { connection, frame });
                    }
                }
                Effect::Close => {
                    self.client(id).connection = None;
                    self.coming.retain(|happening| {
                        !matches!(happening, Happening::Dialed { client } if *client == id)
                    });
                    if let Some(connection) = connection {
                        let at = self.arrival(connection, Direction::ToServer);
                        self.coming.put(at, Happening::HungUp { connection });
                    }
                }
                Effect::Work(challenge) => {
                    let stamp = challenge.solve(BEGIN_DATE, || false).unwrap_or_default();
                    let at = self.now + Duration::from_secs(1);
                    self.coming.put(at, Happening::Solved { client: id, stamp });
                }
            }
        }
    }

    fn deliver(&mut self, frames: Vec<Outgoing>) {
        for Outgoing { to, text } in frames {
            let at = self.arrival(to, Direction::ToClient);
            self.coming.put(at, Happening::ToClient { connection: to, frame: text });
        }
    }

    /// When a frame sent now arrives.
    fn arrival(&mut self, connection: ConnectionId, direction: Direction) -> Moment {
        let earliest = self.now + self.delay();
        let last = self.arrivals.entry((connection, direction)).or_default();
        *last = earliest.max(*last);
        *last
    }

    fn delay(&mut self) -> Duration {
        MAX_DELAY * self.random.next_u32().div_euclid(1 << 22) / 1024
    }

    fn owner(&self, connection: ConnectionId) -> Option<ClientId> {
        self.clients.iter().position(|client| client.connection == Some(connection)).map(ClientId)
    }

    fn client(&mut self, id: ClientId) -> &mut Client {
        self.clients.get_mut(id.0).unwrap_or_else(|| panic!("no client {id:?}"))
    }

    /// The virtual clock as the server reads it.
    fn unix(&self) -> f64 {
        BEGIN + self.now.as_secs_f64()
    }
}

fn bytes(random: &mut ChaCha20Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill_bytes(&mut bytes);
    bytes
}

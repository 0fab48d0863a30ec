//! The mailbox server: the server crate's own exchange and sessions, without sockets.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use wormhole_sync_core::wire::server_message::Reply;
use wormhole_sync_server::{
    Limits,
    exchange::{
        ConnectionId,
        embedded::Embedded,
        usage::{Outcome, Retired},
    },
    session::{Outgoing, Policy, Session},
    store::Store,
};

/// How a server comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// With everything that it had confirmed.
    Full,
    /// With nothing.
    Empty,
}

pub(crate) struct Server {
    exchange: Embedded,
    store: Store,
    /// Why nothing can be stored, while that is so.
    fault: Option<&'static str>,
    sessions: BTreeMap<ConnectionId, Session>,
    policy: Arc<Policy>,
    connections: u64,
    outcomes: Vec<Outcome>,
}

impl Server {
    pub(crate) fn new(policy: Policy, seed: [u8; 32]) -> Self {
        Self {
            exchange: Embedded::new(Limits::default(), seed),
            store: empty_store(),
            fault: None,
            sessions: BTreeMap::new(),
            policy: Arc::new(policy),
            connections: 0,
            outcomes: Vec::new(),
        }
    }

    pub(crate) fn accept(&mut self, now: f64) -> (ConnectionId, Outgoing) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let load = self.exchange.welcomed(now);
        let session = Session::new(connection, None, Arc::clone(&self.policy)).under_load(load);
        let welcome = session.welcome(None, now);
        self.sessions.insert(connection, session);
        (connection, welcome)
    }

    pub(crate) fn receive(
        &mut self,
        connection: ConnectionId,
        frame: &str,
        now: f64,
    ) -> Vec<Outgoing> {
        let mut out = Vec::new();
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.handle(frame, now, &mut self.exchange, &mut out);
        }
        if self.settle() {
            return out;
        }
        // As the server's writer does.
        let stored = self.store.load().unwrap_or_else(|error| panic!("{error}"));
        self.exchange.restore(stored, |id| id != connection, now);
        self.sessions.remove(&connection);
        let (error, orig) = (self.fault.unwrap_or_default(), serde_json::from_str(frame).ok());
        vec![Outgoing { to: connection, text: Reply::Error { error, orig }.encode(now) }]
    }

    /// Whether the server has not ended this connection.
    pub(crate) fn keeps(&self, connection: ConnectionId) -> bool {
        self.sessions.contains_key(&connection)
    }

    pub(crate) fn hang_up(&mut self, connection: ConnectionId, now: f64) {
        if let Some(mut session) = self.sessions.remove(&connection) {
            session.leave(now, &mut self.exchange);
        }
        self.settle();
    }

    pub(crate) fn restart(&mut self, how: Return, seed: [u8; 32], now: f64) {
        for connection in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.hang_up(connection, now);
        }
        if how == Return::Empty {
            self.exchange = Embedded::new(Limits::default(), seed);
            self.store = empty_store();
        }
    }

    /// From now on nothing can be stored, or everything again.
    pub(crate) fn fail(&mut self, fault: Option<&'static str>) {
        self.fault = fault;
    }

    /// How the mailboxes that are gone ended.
    pub(crate) fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    pub(crate) fn mailboxes(&self) -> usize {
        self.exchange.mailboxes()
    }

    /// Stores what changed, if that is possible.
    fn settle(&mut self) -> bool {
        let (endings, changes) = (self.exchange.take_endings(), self.exchange.take_journal());
        if self.fault.is_some() && !changes.is_empty() {
            return false;
        }
        if !changes.is_empty() {
            let stored = self.store.writer().and_then(|mut writer| writer.commit(&changes));
            stored.unwrap_or_else(|error| panic!("{error}"));
        }
        let mailboxes = endings.iter().filter(|ending| ending.what != Retired::Nameplate);
        self.outcomes.extend(mailboxes.map(|ending| ending.outcome));
        true
    }
}

fn empty_store() -> Store {
    Store::open(Path::new(":memory:"), u64::MAX).unwrap_or_else(|error| panic!("{error}"))
}

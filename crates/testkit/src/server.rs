//! The mailbox server: the server crate's own exchange and sessions, without sockets.

use std::{collections::BTreeMap, sync::Arc};

use wormhole_sync_server::{
    Limits,
    exchange::{ConnectionId, embedded::Embedded, usage::Outcome},
    session::{Outgoing, Policy, Session},
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
    sessions: BTreeMap<ConnectionId, Session>,
    policy: Arc<Policy>,
    connections: u64,
    outcomes: Vec<Outcome>,
}

impl Server {
    pub(crate) fn new(policy: Policy, seed: [u8; 32]) -> Self {
        Self {
            exchange: Embedded::new(Limits::default(), seed),
            sessions: BTreeMap::new(),
            policy: Arc::new(policy),
            connections: 0,
            outcomes: Vec::new(),
        }
    }

    pub(crate) fn accept(&mut self, now: f64) -> (ConnectionId, Outgoing) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let session = Session::new(connection, None, Arc::clone(&self.policy));
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
        self.settle();
        out
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
        }
    }

    pub(crate) fn suspend(&mut self, reason: Option<&'static str>) {
        self.exchange.suspend(reason);
    }

    /// How the mailboxes that are gone ended.
    pub(crate) fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    pub(crate) fn mailboxes(&self) -> usize {
        self.exchange.mailboxes()
    }

    fn settle(&mut self) {
        self.outcomes.extend(self.exchange.take_endings().into_iter().map(|ending| ending.outcome));
        drop(self.exchange.take_journal()); // the store is tested with the server
    }
}

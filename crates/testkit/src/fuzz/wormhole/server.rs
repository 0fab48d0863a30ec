//! An honest server and the frames under way to and from it.

use std::{collections::VecDeque, sync::Arc};

use wormhole_sync_server::{
    Limits,
    exchange::{ConnectionId, embedded::Embedded},
    session::{Policy, Session},
};

/// The time of day, which does not matter here, in Unix seconds.
const NOON: f64 = 1_790_000_000.0;

pub(super) struct Server {
    exchange: Embedded,
    session: Option<Session>,
    connections: u64,
    requests: VecDeque<String>,
    answers: VecDeque<String>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            exchange: Embedded::new(Limits::default(), [5; 32]),
            session: None,
            connections: 0,
            requests: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    pub(super) fn accept(&mut self) {
        self.connections += 1;
        let policy = Arc::new(Policy { allow_list: true, ..Policy::default() });
        let session = Session::new(ConnectionId(self.connections), None, policy);
        self.answers.push_back(session.welcome(None, NOON).text);
        self.session = Some(session);
    }

    /// The connection is gone, and what was under way on it.
    pub(super) fn hang_up(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.leave(NOON, &mut self.exchange);
        }
        self.requests.clear();
        self.answers.clear();
    }

    pub(super) fn send(&mut self, frame: String) {
        self.requests.push_back(frame);
    }

    /// Obeys the next frame, and gives the next of its answers.
    pub(super) fn exchange(&mut self) -> Option<String> {
        if let (Some(frame), Some(session)) = (self.requests.pop_front(), &mut self.session) {
            let mut out = Vec::new();
            session.handle(&frame, NOON, &mut self.exchange, &mut out);
            drop(self.exchange.take_journal());
            self.answers.extend(out.into_iter().map(|outgoing| outgoing.text));
        }
        self.answers.pop_front()
    }

    /// Whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.requests.is_empty() && self.answers.is_empty()
    }
}

//! A wormhole with its driver's share: what it told, and which connection it has.

use wormhole_sync_core::{
    Input, Moment, Output, Settings, Wormhole, hashcash::DEFAULT_MAX_BITS, wire::AppId,
    wormhole::Effect,
};
use wormhole_sync_server::exchange::ConnectionId;

use crate::told::Told;

pub(crate) struct Client {
    pub(crate) wormhole: Wormhole,
    pub(crate) told: Vec<Told>,
    /// The connection that is up or being opened.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) deadline: Option<Moment>,
}

impl Client {
    pub(crate) fn new(app_id: &str, seed: [u8; 32], now: Moment) -> Self {
        let settings = Settings {
            app_id: AppId::new(app_id).unwrap_or_else(|error| panic!("{error}")),
            app_versions: serde_json::Map::new(),
            client_version: ("testkit".into(), "0".into()),
            max_hashcash_bits: DEFAULT_MAX_BITS,
        };
        Self {
            wormhole: Wormhole::new(settings, seed, now),
            told: Vec::new(),
            connection: None,
            deadline: None,
        }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>, now: Moment) {
        self.wormhole.handle(input, now);
    }

    /// Takes what the machine has until it waits. The effects are the world's to perform.
    pub(crate) fn drain(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            match self.wormhole.poll() {
                Output::Effect(effect) => effects.push(effect),
                Output::Event(event) => self.told.push(event.into()),
                Output::Wait(wait) => {
                    self.deadline = wait.map(|(moment, _)| moment);
                    return effects;
                }
            }
        }
    }
}

//! The other side, which knows the code, or another one.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wormhole_sync_core::{
    Code, SharedKey,
    pake::Pake,
    phase::seal,
    wire::{AppId, Phase, Side, hex},
};

const SIDE: &str = "peer";

/// The peer's half of the exchange, from its beginning on.
pub(super) struct Peer {
    /// What it said first, and says again.
    body: Vec<u8>,
    waiting: Option<Pake>,
    key: Option<SharedKey>,
}

impl Peer {
    pub(super) fn begin(code: &Code, app_id: &AppId) -> Self {
        let pake = Pake::start(code, app_id, ChaCha20Rng::from_seed([9; 32]));
        Self { body: pake.body(), waiting: Some(pake), key: None }
    }

    /// The frame that holds its `pake`.
    pub(super) fn pake(&self) -> String {
        frame("pake", &hex::encode(&self.body))
    }

    /// Takes the wormhole's half, as soon as there is one.
    pub(super) fn learn(&mut self, theirs: Option<&Vec<u8>>) {
        if let Some(theirs) = theirs
            && let Some(pake) = self.waiting.take()
        {
            self.key = pake.finish(theirs).ok();
        }
    }

    pub(super) const fn key(&self) -> Option<&SharedKey> {
        self.key.as_ref()
    }

    /// The frame that holds `plaintext` sealed; `None` before there is a key.
    pub(super) fn sealed(&self, phase: &str, plaintext: &str) -> Option<String> {
        let (name, side) = (Phase::parse(phase)?, Side::new(SIDE).ok()?);
        let body = seal(self.key.as_ref()?, &side, &name, [7; 24], plaintext.as_bytes());
        Some(frame(phase, &hex::encode(&body)))
    }
}

/// A message of the peer's, as a server relays it.
pub(super) fn frame(phase: &str, body: &str) -> String {
    serde_json::json!({ "type": "message", "side": SIDE, "phase": phase, "body": body }).to_string()
}

//! A peer that is played by hand: what it has heard.

use std::collections::BTreeMap;

use wormhole_sync_core::wire::transit::Role;

use super::net::WireId;

#[derive(Default)]
pub(super) struct Hand {
    pub(super) role: Option<Role>,
    pub(super) inbox: Vec<Vec<u8>>,
    pub(super) heard: BTreeMap<WireId, Vec<u8>>,
    pub(super) lost: Vec<WireId>,
}

impl Hand {
    pub(super) fn new(role: Option<Role>) -> Self {
        Self { role, ..Self::default() }
    }
}

//! The relay: the server crate's own pairing, without sockets.

use std::collections::BTreeMap;

use wormhole_sync_core::Moment;
use wormhole_sync_server::relay::{Hello, LinkId, Output, Pairing, Said};

use super::net::WireId;

pub(super) struct Relay {
    pairing: Pairing,
    /// What those have said who have not asked yet.
    hellos: BTreeMap<WireId, Hello>,
    partners: BTreeMap<WireId, WireId>,
    /// All pairs that there ever were.
    pairs: Vec<[WireId; 2]>,
}

impl Default for Relay {
    fn default() -> Self {
        let pairing = Pairing::new(wormhole_sync_server::Relay::default());
        Self { pairing, hellos: BTreeMap::new(), partners: BTreeMap::new(), pairs: Vec::new() }
    }
}

pub(super) enum Relayed {
    Write(WireId, Vec<u8>),
    Close(WireId),
}

impl Relay {
    pub(super) fn opened(&mut self, wire: WireId, now: Moment) {
        self.hellos.insert(wire, Hello::default());
        self.pairing.opened(link(wire), None, now.as_secs_f64());
    }

    /// What becomes of bytes that come on a link.
    pub(super) fn received(&mut self, wire: WireId, bytes: &[u8], now: Moment) -> Vec<Relayed> {
        if let Some(partner) = self.partners.get(&wire) {
            return vec![Relayed::Write(*partner, bytes.to_vec())];
        }
        let said = self.hellos.get_mut(&wire).map(|hello| hello.received(bytes));
        let now = now.as_secs_f64();
        match said {
            Some(Said::Part) => return Vec::new(),
            Some(Said::Line(request)) => self.pairing.asked(link(wire), request, now),
            Some(Said::Early(_)) | None => self.pairing.impatient(link(wire), now),
        }
        self.hellos.remove(&wire);
        self.settle()
    }

    pub(super) fn lost(&mut self, wire: WireId, now: Moment) -> Vec<Relayed> {
        self.hellos.remove(&wire);
        let Some(partner) = self.partners.remove(&wire) else {
            self.pairing.lost(link(wire), now.as_secs_f64());
            return self.settle();
        };
        self.partners.remove(&partner);
        for waited in [wire, partner] {
            self.pairing.ended(link(waited), 0, true, now.as_secs_f64());
        }
        let mut relayed = self.settle();
        relayed.push(Relayed::Close(partner));
        relayed
    }

    /// Whether two links are one through here, or were.
    pub(super) fn joins(&self, one: WireId, other: WireId) -> bool {
        self.pairs.contains(&[one, other]) || self.pairs.contains(&[other, one])
    }

    fn settle(&mut self) -> Vec<Relayed> {
        let mut relayed = Vec::new();
        while let Some(output) = self.pairing.poll() {
            match output {
                Output::Join { waiting, newcomer } => {
                    let (one, other) = (wire(waiting), wire(newcomer));
                    self.partners.extend([(one, other), (other, one)]);
                    self.pairs.push([one, other]);
                    relayed.extend([one, other].map(|end| Relayed::Write(end, b"ok\n".to_vec())));
                }
                Output::Close { link, text } => {
                    relayed.push(Relayed::Write(wire(link), text.into_owned().into_bytes()));
                    relayed.push(Relayed::Close(wire(link)));
                }
                Output::Record(_) => {}
            }
        }
        relayed
    }
}

fn link(wire: WireId) -> LinkId {
    LinkId(wire.0 as u64)
}

fn wire(link: LinkId) -> WireId {
    WireId(usize::try_from(link.0).unwrap_or(usize::MAX))
}

//! The relay: pairs two links that name the same token and different sides, then hands bytes through.

use std::collections::BTreeMap;

use super::net::WireId;

#[derive(Default)]
pub(super) struct Relay {
    /// What has come on links that have no partner.
    waiting: BTreeMap<WireId, Vec<u8>>,
    partners: BTreeMap<WireId, WireId>,
}

pub(super) enum Relayed {
    Write(WireId, Vec<u8>),
    Close(WireId),
}

impl Relay {
    /// What becomes of bytes that come on a link.
    pub(super) fn received(&mut self, wire: WireId, bytes: &[u8]) -> Vec<Relayed> {
        if let Some(partner) = self.partners.get(&wire) {
            return vec![Relayed::Write(*partner, bytes.to_vec())];
        }
        self.waiting.entry(wire).or_default().extend_from_slice(bytes);
        let Some((token, side)) = self.asked(wire) else {
            return if self.is_nonsense(wire) { self.refuse(wire) } else { Vec::new() };
        };
        let partner = self.waiting.keys().copied().find(|other| {
            self.asked(*other).is_some_and(|(t, s)| *other != wire && t == token && s != side)
        });
        let Some(partner) = partner else { return Vec::new() };
        for (one, other) in [(wire, partner), (partner, wire)] {
            self.waiting.remove(&one);
            self.partners.insert(one, other);
        }
        [wire, partner].map(|wire| Relayed::Write(wire, b"ok\n".to_vec())).into()
    }

    pub(super) fn lost(&mut self, wire: WireId) -> Vec<Relayed> {
        self.waiting.remove(&wire);
        let partner = self.partners.remove(&wire);
        partner.map(Relayed::Close).into_iter().collect()
    }

    /// Whether two links are one through here.
    pub(super) fn joins(&self, one: WireId, other: WireId) -> bool {
        self.partners.get(&one) == Some(&other) || self.partners.get(&other) == Some(&one)
    }

    fn refuse(&mut self, wire: WireId) -> Vec<Relayed> {
        self.waiting.remove(&wire);
        vec![Relayed::Write(wire, b"bad handshake\n".to_vec()), Relayed::Close(wire)]
    }

    /// The token and side of a link that has said its line, and nothing else.
    fn asked(&self, wire: WireId) -> Option<(&str, &str)> {
        let line = std::str::from_utf8(self.waiting.get(&wire)?).ok()?;
        line.strip_prefix("please relay ")?.strip_suffix('\n')?.split_once(" for side ")
    }

    fn is_nonsense(&self, wire: WireId) -> bool {
        let said = self.waiting.get(&wire).map_or(&[][..], Vec::as_slice);
        said.contains(&b'\n') || said.len() > 1024
    }
}

//! Who comes: from where, and what chance makes of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::ClientConfig;
use wormhole_sync_bench::client::Url;

/// Where the server's doors are.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) web: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) relay: SocketAddr,
    pub(crate) trust: Arc<ClientConfig>,
}

/// Who comes next.
pub(crate) struct Visitor {
    pub(crate) place: Place,
    pub(crate) chance: Chance,
    number: u64,
}

impl Visitor {
    /// The first of those whom this worker sends, as chance has it that begins with the seed.
    pub(crate) const fn new(place: Place, seed: u64, worker: u64) -> Self {
        Self { place, chance: Chance(seed), number: worker << 40 }
    }

    /// Where to go to from which address, one in four times within TLS, and a number that nobody has
    /// had.
    pub(crate) fn next(&mut self) -> (Url, u64) {
        self.number += 1;
        let (address, trust) = match self.chance.below(4) {
            0 => (self.place.tls, Some(Arc::clone(&self.place.trust))),
            _ => (self.place.web, None),
        };
        (Url { from: Some(self.address()), trust, ..Url::of(address) }, self.number)
    }

    /// One address among a million.
    pub(crate) fn address(&mut self) -> IpAddr {
        let first = Ipv4Addr::new(127, 16, 0, 1).to_bits();
        let offset = u32::try_from(self.chance.below(1 << 20)).unwrap_or_default();
        Ipv4Addr::from_bits(first + offset).into()
    }
}

/// Numbers that look like chance, the same for the same seed (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// One below this.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// So many bytes, at the most.
    pub(crate) fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length)
            .map(|_| self.below(256).to_le_bytes().first().copied().unwrap_or_default())
            .collect()
    }
}

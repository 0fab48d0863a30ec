//! Everybody who comes: the honest, and the others.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};
use wormhole_sync_bench::{client::Url, exchange};

use crate::{
    relay,
    strangers::{self, Held},
};

/// Those who come at the same time, each again and again.
const WORKERS: u64 = 16;

/// What is honest must be done within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a stranger does ends by then, done or not.
const STRANGE: Duration = Duration::from_secs(5);

/// Everybody who comes, until told to stop.
pub(crate) struct Churn {
    workers: JoinSet<io::Result<()>>,
    stopping: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

/// How much was done.
#[derive(Default)]
pub(crate) struct Counts {
    exchanges: AtomicU64,
    pairs: AtomicU64,
    strangers: AtomicU64,
}

/// Where the server is, and who comes next.
pub(crate) struct Visitor {
    pub(crate) web: SocketAddr,
    pub(crate) relay: SocketAddr,
    pub(crate) chance: Chance,
    number: u64,
}

impl Churn {
    pub(crate) fn start(web: SocketAddr, relay: SocketAddr, seed: u64) -> Self {
        let (stopping, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let chance = Chance(seed.wrapping_mul(WORKERS) + worker);
            let visitor = Visitor { web, relay, chance, number: worker << 40 };
            workers.spawn(work(visitor, Arc::clone(&stopping), Arc::clone(&counts)));
        }
        Self { workers, stopping, counts }
    }

    /// Ready when somebody honest has failed.
    pub(crate) async fn failed(&mut self) -> io::Error {
        match self.workers.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => io::Error::other(error),
            Some(Ok(Ok(()))) | None => io::Error::other("nobody comes any more"),
        }
    }

    /// Lets everybody come to their end. How much was done.
    pub(crate) async fn stop(mut self) -> io::Result<Arc<Counts>> {
        self.stopping.store(true, Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            ended.map_err(io::Error::other)??;
        }
        Ok(self.counts)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchanges, pairs, strangers } = self;
        let [exchanges, pairs, strangers] = [exchanges, pairs, strangers].map(|n| n.load(Relaxed));
        write!(f, "{exchanges} exchanges, {pairs} pairs at the relay, {strangers} strangers")
    }
}

async fn work(
    mut visitor: Visitor,
    stopping: Arc<AtomicBool>,
    counts: Arc<Counts>,
) -> io::Result<()> {
    let mut held = Held::default();
    while !stopping.load(Relaxed) {
        let count = match visitor.chance.below(10) {
            0..4 => {
                let (url, number) = visitor.next();
                timeout(PATIENCE, exchange::run(&url, number)).await??;
                &counts.exchanges
            }
            4..6 => {
                timeout(PATIENCE, relay::honest(&mut visitor)).await??;
                &counts.pairs
            }
            6..8 => {
                // What becomes of strangers is not looked at.
                _ = timeout(STRANGE, relay::strange(&mut visitor, &mut held)).await;
                &counts.strangers
            }
            _ => {
                _ = timeout(STRANGE, strangers::visit(&mut visitor, &mut held)).await;
                &counts.strangers
            }
        };
        count.fetch_add(1, Relaxed);
    }
    Ok(())
}

impl Visitor {
    /// Where to go to from which address, and a number that nobody has had.
    pub(crate) fn next(&mut self) -> (Url, u64) {
        self.number += 1;
        (Url { from: Some(self.address()), ..Url::of(self.web) }, self.number)
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

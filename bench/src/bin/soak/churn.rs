//! Everybody who comes: the honest, and the others.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};
use wormhole_sync_bench::exchange;

use crate::{
    relay,
    strangers::{self, Held},
    visitor::{Place, Visitor},
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

impl Churn {
    pub(crate) fn start(place: &Place, seed: u64) -> Self {
        let (stopping, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let seed = seed.wrapping_mul(WORKERS) + worker;
            let visitor = Visitor::new(place.clone(), seed, worker);
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

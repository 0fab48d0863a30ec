//! Exchanges that begin when they are to, whatever became of those before.

use std::{io, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};
use wormhole_sync_bench::{client::Url, exchange};

/// One exchange may take this long before the run fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long exchanges took, counted from when they were to begin.
pub(crate) struct Latencies {
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) p99: Duration,
    pub(crate) most: Duration,
}

/// Begins `rate` exchanges each second, and waits for all of them. None may fail.
pub(crate) async fn run(url: &Url, rate: u32, seconds: u32) -> io::Result<Latencies> {
    let started = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..rate * seconds {
        let begin = started + Duration::from_secs(1) * number / rate;
        sleep_until(begin).await;
        let url = url.clone();
        tasks.push(tokio::spawn(async move {
            timeout(PATIENCE, exchange::run(&url, FIRST + u64::from(number))).await??;
            io::Result::Ok(begin.elapsed())
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.push(task.await.map_err(io::Error::other)??);
    }
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default()
    };
    Ok(Latencies {
        p50: percentile(50),
        p90: percentile(90),
        p99: percentile(99),
        most: percentile(100),
    })
}

/// Their numbers are others than those of the crowd.
const FIRST: u64 = 1 << 40;

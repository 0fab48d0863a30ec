//! Throughput, latency and memory of a server.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use wormhole_sync_bench::{
    client::{Client, Url},
    exchange,
    server::resident,
};

/// One exchange may take this long before the run fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waiting clients that connect at the same time.
const CONNECTING: usize = 32;

/// What a run of exchanges showed.
pub(crate) struct Throughput {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) p99: Duration,
}

/// Runs exchanges, `concurrency` at a time, for `seconds`.
pub(crate) async fn throughput(
    url: &Url,
    concurrency: usize,
    seconds: f64,
) -> io::Result<Throughput> {
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(seconds);
    let number = Arc::new(AtomicU64::new(u64::from(std::process::id()) << 24));
    let workers: Vec<_> = (0..concurrency)
        .map(|_| tokio::spawn(work(url.clone(), Arc::clone(&number), deadline)))
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await.map_err(io::Error::other)??);
    }
    let per_second = latencies.len() as f64 / started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default()
    };
    Ok(Throughput { per_second, p50: percentile(50), p90: percentile(90), p99: percentile(99) })
}

async fn work(url: Url, number: Arc<AtomicU64>, deadline: Instant) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let started = Instant::now();
        let exchange = exchange::run(&url, number.fetch_add(1, Relaxed));
        tokio::time::timeout(PATIENCE, exchange).await??;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

/// Bytes of the server's memory for each of `clients` that wait.
pub(crate) async fn memory(url: &Url, clients: usize, server: u32) -> io::Result<f64> {
    // The first ones pay for what a server sets up once.
    let mut waiting = open(url, 0, CONNECTING).await?;
    let before = resident(server)?;
    waiting.append(&mut open(url, CONNECTING, clients).await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = resident(server)?;
    for client in waiting {
        client.leave().await;
    }
    Ok((after as f64 - before as f64) / clients as f64)
}

async fn open(url: &Url, first: usize, count: usize) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    let base = u64::from(std::process::id()) << 24;
    for start in (first..first + count).step_by(CONNECTING) {
        let end = (start + CONNECTING).min(first + count);
        let tasks: Vec<_> = (start..end)
            .map(|number| {
                let url = url.clone();
                tokio::spawn(async move { exchange::wait(&url, base + number as u64).await })
            })
            .collect();
        for task in tasks {
            clients.push(task.await.map_err(io::Error::other)??);
        }
    }
    Ok(clients)
}

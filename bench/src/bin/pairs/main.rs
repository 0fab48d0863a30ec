//! How long one exchange of blobs takes within one process that does both sides, through the library.
//!
//! `bench/python.py` runs this and the same through the Python package in turn.

use std::{process::ExitCode, thread, time::Instant};

use clap::{Parser, ValueEnum};
use wormhole_sync::{Error, blocking, transcribe};

const APP: &str = "example.com/bench";

/// Exchanges, one after the other; prints the milliseconds of each.
#[derive(Parser)]
struct Arguments {
    /// The mailbox server
    #[arg(long)]
    url: String,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// The library's face
    #[arg(long, value_enum)]
    face: Face,
}

#[derive(Clone, Copy, ValueEnum)]
enum Face {
    Blocking,
    Async,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]
fn main() -> ExitCode {
    let Arguments { url, count, face } = Arguments::parse();
    let times = match face {
        Face::Blocking => (0..count).map(|_| timed(|| blocking(&url))).collect(),
        Face::Async => in_a_runtime(&url, count),
    };
    match times {
        Ok(times) => {
            let times: Vec<f64> = times;
            for time in times {
                println!("{time:.3}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn timed(exchange: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let began = Instant::now();
    exchange()?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

fn blocking(url: &str) -> Result<(), Error> {
    use blocking::transcribe::{Initiator, Receiver};
    let started = Initiator::new(APP, "one").rendezvous(url).start()?;
    let receiver = Receiver::new(APP, started.code().as_str(), "two").rendezvous(url);
    thread::scope(|scope| {
        let receiving = scope.spawn(|| receiver.finish());
        started.finish()?;
        receiving.join().map_or(Ok(()), |theirs| theirs.map(drop))
    })
}

fn in_a_runtime(url: &str, count: u32) -> Result<Vec<f64>, Error> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let Ok(runtime) = runtime else { return Ok(Vec::new()) };
    let exchange = || runtime.block_on(one_of_them(url));
    (0..count).map(|_| timed(exchange)).collect()
}

async fn one_of_them(url: &str) -> Result<(), Error> {
    use transcribe::{Initiator, Receiver};
    let started = Initiator::new(APP, "one").rendezvous(url).start().await?;
    let receiver = Receiver::new(APP, started.code().as_str(), "two").rendezvous(url);
    tokio::try_join!(started.finish(), receiver.finish()).map(drop)
}

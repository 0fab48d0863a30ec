//! Kills a server at random moments under load, again and again, and shows that nothing that was
//! acknowledged is lost and that everybody who waits comes through.
//!
//! ```text
//! crash 100
//! ```
//!
//! The server is this program itself, in a process of its own, with a database on disk. A message
//! counts as acknowledged when its sender has heard its echo.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[path = "../mailbox/client.rs"]
mod client;
mod pair;
mod server;

use std::{
    process::ExitCode,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use pair::Progress;

/// Pairs at a time.
const PAIRS: u64 = 16;

/// How long after the last kill everybody must be through.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
                (Some("serve"), Some(address), Some(database)) => {
                    server::run(&address, database.into()).await
                }
                (kills, ..) => attack(kills.unwrap_or("5").parse().unwrap_or(5)).await,
            }
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn attack(kills: u32) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let database = folder.path().join("mailbox.sqlite");
    let address = server::free_address().map_err(|error| error.to_string())?;
    let progress = Arc::new(Progress::default());
    let workers: Vec<_> = (0..PAIRS)
        .map(|worker| tokio::spawn(pair::work(address, worker, Arc::clone(&progress))))
        .collect();
    for kill in 0..kills {
        let mut process = server::Process::start(address, &database)?;
        tokio::time::sleep(Duration::from_millis(pair::random(20..300))).await;
        process.kill()?;
        if (kill + 1) % 10 == 0 {
            println!("{} kills: {progress}", kill + 1);
        }
    }
    let _process = server::Process::start(address, &database)?;
    progress.finish.store(true, Relaxed);
    for worker in workers {
        let ended = tokio::time::timeout(PATIENCE, worker).await;
        ended.map_err(|_| "a pair does not come through")?.map_err(|error| error.to_string())??;
    }
    println!("{kills} kills: {progress}; no acknowledged message lost, every pair came through");
    Ok(())
}

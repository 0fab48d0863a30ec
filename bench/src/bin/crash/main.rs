//! Kills a server at random moments under load, again and again, and shows that nothing that was
//! acknowledged is lost and that everybody who waits comes through.
//!
//! ```text
//! crash 100
//! ```
//!
//! The server is this program itself, in a process of its own, with a database on disk. A message
//! counts as acknowledged when its sender has heard its echo.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod pair;

use std::{
    io,
    process::ExitCode,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use clap::{Parser, Subcommand};
use pair::Progress;
use wormhole_sync_bench::server::{Process, Serve, free_address, ours};

/// Pairs at a time.
const PAIRS: u64 = 16;

/// How long after the last kill everybody must be through.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Parser)]
#[command(about = "Kills a server under load, and shows that nothing acknowledged is lost")]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// How often the server is killed.
    #[arg(default_value_t = 5)]
    kills: u32,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Runs the server until it is killed.
    #[command(hide = true)]
    Serve(Serve),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result =
        tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
            runtime.block_on(async {
                match arguments.action {
                    Some(Action::Serve(server)) => server.run().await,
                    None => attack(arguments.kills).await,
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

async fn attack(kills: u32) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("mailbox.sqlite");
    let address = free_address()?;
    let progress = Arc::new(Progress::default());
    let workers: Vec<_> = (0..PAIRS)
        .map(|worker| tokio::spawn(pair::work(address, worker, Arc::clone(&progress))))
        .collect();
    for kill in 0..kills {
        let mut process = Process::start(&mut ours(address, &database)?)?;
        tokio::time::sleep(Duration::from_millis(pair::random(20..300))).await;
        process.kill()?;
        if (kill + 1) % 10 == 0 {
            println!("{} kills: {progress}", kill + 1);
        }
    }
    let _process = Process::start(&mut ours(address, &database)?)?;
    progress.finish.store(true, Relaxed);
    for worker in workers {
        let ended = tokio::time::timeout(PATIENCE, worker).await;
        let ended = ended.map_err(|_| io::Error::other("a pair does not come through"))?;
        ended?.map_err(io::Error::other)?;
    }
    println!("{kills} kills: {progress}; no acknowledged message lost, every pair came through");
    Ok(())
}

//! Moves bytes through transit relays, ours and the Python one in turn, and prints what it costs.
//!
//! ```text
//! relay compare --twist PATH      both, in one run
//! relay drive 127.0.0.1:4001 --server-pid PID
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod link;
mod measure;

mod compare;

use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use wormhole_sync_server::{Doors, Relay, listen, serve};

#[derive(Parser)]
#[command(about = "Drives transit relays and measures them")]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Measures one relay.
    Drive {
        /// Its address.
        address: SocketAddr,
        /// Its process.
        #[arg(long)]
        server_pid: u32,
        #[command(flatten)]
        load: Load,
    },
    /// Starts our relay and the Python one, and compares them, in turn.
    Compare {
        /// The `twist` program of the Python environment that has the transit relay.
        #[arg(long, env = "WORMHOLE_TWIST")]
        twist: PathBuf,
        /// Times that each is measured.
        #[arg(long, default_value_t = 3)]
        runs: usize,
        #[command(flatten)]
        load: Load,
    },
    /// Runs our relay until it is killed.
    #[command(hide = true)]
    Serve {
        /// Where to listen.
        address: SocketAddr,
    },
}

/// How much is asked of a relay.
#[derive(Args, Clone)]
struct Load {
    /// GiB that one pair moves.
    #[arg(long, default_value_t = 2.0)]
    gib: f64,
    /// Pairs that move bytes at the same time.
    #[arg(long, default_value_t = 100)]
    pairs: usize,
    /// Seconds for which they do.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Links that wait, and pairs that move nothing, among which the relay's memory is divided.
    #[arg(long, default_value_t = 1000)]
    idle: usize,
}

fn main() -> ExitCode {
    let result = match Command::parse().action {
        Action::Drive { address, server_pid, load } => compare::drive(address, server_pid, &load),
        Action::Compare { twist, runs, load } => compare::run(&twist, runs, &load),
        Action::Serve { address } => run_ours(address),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run_ours(address: SocketAddr) -> io::Result<()> {
    // As the command runs it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut doors = Doors::default();
        doors.relay.push(listen(address)?);
        let relay = Relay { waiting_connections: usize::MAX, ..Relay::default() };
        serve(doors, relay, std::future::pending()).await.map_err(io::Error::other)
    })
}

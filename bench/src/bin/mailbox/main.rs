//! Drives any mailbox server by URL, and prints what it can do.
//!
//! ```text
//! mailbox drive ws://127.0.0.1:4000/v1 [--server-pid PID]   one server
//! mailbox compare --twist PATH                              ours and the Python one, in one run
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod measure;

mod compare;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use wormhole_sync_bench::{client::Url, server::Serve};

#[derive(Parser)]
#[command(about = "Drives mailbox servers and measures them")]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Measures one server.
    Drive {
        /// Its URL, `ws://HOST:PORT/v1`.
        url: String,
        /// Its process, for its memory for each waiting client.
        #[arg(long)]
        server_pid: Option<u32>,
        #[command(flatten)]
        load: Load,
    },
    /// Starts our server and the Python one, each with a database on disk, and compares them.
    Compare {
        /// The `twist` program of the Python environment that has the mailbox server.
        #[arg(long, env = "WORMHOLE_TWIST")]
        twist: PathBuf,
        #[command(flatten)]
        load: Load,
    },
    /// Runs our server until it is killed.
    #[command(hide = true)]
    Serve(Serve),
}

/// How much is asked of a server.
#[derive(Args, Clone)]
struct Load {
    /// Exchanges at a time.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Seconds of load.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Waiting clients among which the server's memory is divided.
    #[arg(long, default_value_t = 2000)]
    waiting: usize,
}

fn main() -> ExitCode {
    let action = Command::parse().action;
    // One thread for the server's sockets, one for its database, and one for the driver.
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(run(action)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(action: Action) -> io::Result<()> {
    match action {
        Action::Drive { url, server_pid, load } => {
            let url = parse_url(&url).map_err(io::Error::other)?;
            compare::drive(&url, server_pid, &load).await
        }
        Action::Compare { twist, load } => compare::run(&twist, &load).await,
        Action::Serve(server) => server.run().await,
    }
}

/// Reads `ws://HOST:PORT/PATH`.
fn parse_url(text: &str) -> Result<Url, String> {
    let rest = text.strip_prefix("ws://").ok_or("the URL must begin with ws://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, "v1"));
    let mut addresses = std::net::ToSocketAddrs::to_socket_addrs(host)
        .map_err(|error| format!("{host}: {error}; write ws://HOST:PORT/v1"))?;
    let address = addresses.next().ok_or("the host has no address")?;
    Ok(Url { path: format!("/{path}"), ..Url::of(address) })
}

//! Moves bytes through transit relays, ours and the Python one in turn, and prints what it costs.
//!
//! ```text
//! relay compare --twist PATH      both, in one run, by TCP
//! relay compare --twist PATH --by wss
//! relay drive 127.0.0.1:4001 --server-pid PID
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod link;
mod measure;

mod compare;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use link::By;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use wormhole_sync_bench::server::{tls_of, trust_in};
use wormhole_sync_server::{Config, Doors, Relay, listen, serve};

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
        /// How it is spoken to.
        #[arg(long, value_enum, default_value_t = By::Tcp)]
        by: By,
        /// The certificate of a relay within TLS, for `localhost`.
        #[arg(long, required_if_eq("by", "wss"))]
        trust: Option<PathBuf>,
        #[command(flatten)]
        load: Load,
    },
    /// Starts our relay and the Python one, and compares them, in turn.
    Compare {
        /// The `twist` program of the Python environment that has the transit relay.
        #[arg(long, env = "WORMHOLE_TWIST")]
        twist: PathBuf,
        /// How they are spoken to.
        #[arg(long, value_enum, default_value_t = By::Tcp)]
        by: By,
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
        #[arg(long, value_enum, default_value_t = By::Tcp)]
        by: By,
        /// The folder of the `certificate.pem` and the `key.pem`.
        #[arg(long, required_if_eq("by", "wss"))]
        tls: Option<PathBuf>,
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
        Action::Drive { address, server_pid, by, trust, load } => {
            drive(address, server_pid, by, trust.as_deref(), &load)
        }
        Action::Compare { twist, by, runs, load } => compare::run(&twist, by, runs, &load),
        Action::Serve { address, by, tls } => run_ours(address, by, tls.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn drive(
    address: SocketAddr,
    process: u32,
    by: By,
    certificate: Option<&Path>,
    load: &Load,
) -> io::Result<()> {
    let certificate = certificate.filter(|_| by == By::Wss);
    let trust = certificate.map(CertificateDer::from_pem_file).transpose();
    let trust = trust.map_err(io::Error::other)?.map(trust_in).transpose()?;
    compare::drive(&link::Relay { address, by, trust }, process, load)
}

fn run_ours(address: SocketAddr, by: By, certificate: Option<&Path>) -> io::Result<()> {
    // As the command runs it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut doors, listener) = (Doors::default(), listen(address)?);
        match by {
            By::Tcp => doors.relay.push(listener),
            By::Ws => doors.web.push(listener),
            By::Wss => doors.tls.push(listener),
        }
        let relay = Relay { waiting_connections: usize::MAX, ..Relay::default() };
        let tls = certificate.filter(|_| by == By::Wss).map(tls_of);
        let config = Config { tls, ..relay.into() };
        serve(doors, config, std::future::pending()).await.map_err(io::Error::other)
    })
}

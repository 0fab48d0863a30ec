//! Churn at full rate against one server with mailboxes and a relay, and a look at what it holds.
//!
//! ```text
//! soak --minutes 10
//! ```
//!
//! The server is this program itself, in a process of its own. What strangers leave behind lasts
//! seconds there, and not minutes, so that everything that is held has ended many times over.
//! Clients come from many addresses, and each counts for its own.
//!
//! It fails when an honest exchange or an honest pair does, when the server's memory in the last
//! minute is more than it was in the first, beyond a [tolerance](TOLERANCE), and when a file or a
//! thread is left once everybody is gone.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod churn;
mod relay;
mod strangers;
mod visitor;

mod watch;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use clap::{Parser, Subcommand};
use wormhole_sync_bench::{
    client::Url,
    exchange,
    server::{Process, certify, free_address, raise_file_limit, ready, tls_of},
};
use wormhole_sync_server::{
    Clients, Config, Database, Doors, Mailbox, Relay, Timing, listen, serve,
};

use churn::Churn;
use visitor::Place;
use watch::{Nobody, Watch};

/// What the server may hold more of in the end than in the beginning: a tenth, and two MiB, for
/// memory comes from the system in pieces, and load comes and goes.
const TOLERANCE: (f64, f64) = (0.1, 2048.0);

/// Load that comes before the first minute: what a server sets up once, it has then.
const WARM_UP: Duration = Duration::from_secs(10);

/// Files that this program and its server need at the most.
const FILES: u64 = 4096;

#[derive(Parser)]
#[command(
    about = "Churns at full rate, and shows that the server holds no more in the end than in the beginning"
)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Minutes of churn, after ten seconds to warm up.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// What chance begins with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Runs the server until it is killed.
    #[command(hide = true)]
    Serve { web: SocketAddr, tls: SocketAddr, relay: SocketAddr, folder: PathBuf },
}

fn main() -> ExitCode {
    let Arguments { minutes, seed, action } = Arguments::parse();
    let result =
        match action {
            // As the command runs it.
            Some(Action::Serve { web, tls, relay, folder }) => {
                tokio::runtime::Builder::new_multi_thread()
                    .enable_all()
                    .build()
                    .and_then(|runtime| runtime.block_on(run_server([web, tls, relay], &folder)))
            }
            None => tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(
                |runtime| runtime.block_on(soak(Duration::from_secs_f64(minutes * 60.0), seed)),
            ),
        };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(length: Duration, seed: u64) -> io::Result<()> {
    raise_file_limit(FILES)?;
    let folder = tempfile::tempdir()?;
    let trust = certify(folder.path())?;
    let place = Place { web: free_address()?, tls: free_address()?, relay: free_address()?, trust };
    let Place { web, tls, relay, .. } = place;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").args([web, tls, relay].map(|door| door.to_string()));
    command.arg(folder.path()).stderr(Stdio::inherit());
    let server = Process::start(&mut command)?;
    for door in [web, tls, relay] {
        ready(door).await?;
    }

    exchange::run(&Url::of(web), 0).await?;
    let nobody = Nobody::look(server.id())?;

    let mut churn = Churn::start(&place, seed);
    tokio::time::sleep(WARM_UP).await;
    let watch = Watch::new(server.id(), length);
    let growth = tokio::select! {
        growth = watch.run() => growth?,
        failed = churn.failed() => return Err(failed),
    };
    println!("{}", churn.stop().await?);
    println!("{growth}");
    nobody.again().await?;
    growth.judge(TOLERANCE)
}

async fn run_server([web, tls, relay]: [SocketAddr; 3], folder: &Path) -> io::Result<()> {
    let seconds = Duration::from_secs;
    let mut doors = Doors::from(listen(web)?);
    doors.tls.push(listen(tls)?);
    doors.relay.push(listen(relay)?);
    let database = Database::Path(folder.join("mailbox.sqlite"));
    let timing = Timing {
        message: seconds(2),
        ping: seconds(1),
        silence: seconds(4),
        idle_mailbox: seconds(3),
        prune: seconds(1),
        ..Timing::default()
    };
    let config = Config {
        mailbox: Some(Mailbox { timing, database, ..Mailbox::default() }),
        relay: Some(Relay { waiting: seconds(2), idle: seconds(2), ..Relay::default() }),
        clients: Clients { limit_loopback: true, handshake: seconds(2), ..Clients::default() },
        tls: Some(tls_of(folder)),
        ..Config::default()
    };
    serve(doors, config, std::future::pending()).await.map_err(io::Error::other)
}

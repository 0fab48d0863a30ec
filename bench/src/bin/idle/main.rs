//! A crowd that waits at our server, and exchanges that go on beside it at a fixed rate.
//!
//! ```text
//! idle --clients 10000 --rate 200 --seconds 30
//! idle --tls
//! ```
//!
//! An exchange counts from the moment at which it was to begin, whether or not the one before is
//! done: a server that stalls delays all that were to begin meanwhile, and each of them shows it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod crowd;
mod load;

use std::{
    io,
    process::{Command, ExitCode},
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use crowd::{At, Crowd};
use wormhole_sync_bench::{
    client::Url,
    server::{
        Process, Serve, certify, free_address, ours, processor_time, raise_file_limit, ready,
    },
};

#[derive(Parser)]
#[command(about = "Lets a crowd wait at our server, and measures exchanges beside it")]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    load: Load,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Runs the server until it is killed.
    #[command(hide = true)]
    Serve(Serve),
}

/// What the server has to bear.
#[derive(Args)]
struct Load {
    /// Clients that wait: each has bound, holds a nameplate, its mailbox open and its key exchange begun.
    #[arg(long, default_value_t = 10_000)]
    clients: u32,
    /// Exchanges that begin each second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds for which they do.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Everything within TLS.
    #[arg(long)]
    tls: bool,
    /// Fails when 99 % of the exchanges take more milliseconds than this.
    #[arg(long)]
    within: Option<f64>,
    /// Fails when a link or a client that waits takes more KiB of the server's memory than this.
    #[arg(long)]
    holding: Option<f64>,
}

fn main() -> ExitCode {
    let Arguments { load, action } = Arguments::parse();
    let result = match action {
        // As the command runs it.
        Some(Action::Serve(server)) => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(server.run())),
        None => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(measure(&load))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(load: &Load) -> io::Result<()> {
    raise_file_limit(u64::from(load.clients) + ROOM)?;
    let folder = tempfile::tempdir()?;
    let trust = load.tls.then(|| certify(folder.path())).transpose()?;
    let start = async |database| {
        let address = free_address()?;
        let mut server: Command = ours(address, &folder.path().join(database))?;
        if load.tls {
            server.arg("--tls").arg(folder.path());
        }
        let server = Process::start(&mut server)?;
        ready(address).await?;
        io::Result::Ok((server, Url { trust: trust.clone(), ..Url::of(address) }))
    };
    let tell = |who, crowd: &Crowd| {
        let what = format!("KiB of memory for each of {} {who}", load.clients);
        println!("{what:58} {:>10.2}", crowd.kibibytes);
        match load.holding {
            Some(limit) if crowd.kibibytes > limit => {
                Err(io::Error::other(format!("{who} take more than {limit} KiB each")))
            }
            _ => Ok(()),
        }
    };

    let (relay, url) = start("relay.sqlite").await?;
    tell("links that wait", &crowd::gather(&url, At::Relay, load.clients, relay.id()).await?)?;
    drop(relay);
    let (server, url) = start("mailbox.sqlite").await?;
    let crowd = crowd::gather(&url, At::Mailbox, load.clients, server.id()).await?;
    tell("waiting clients", &crowd)?;
    let before = processor_time(server.id())?;
    let shown = load::run(&url, load.rate, load.seconds).await?;
    let spent = processor_time(server.id())?.saturating_sub(before);
    let exchanges = load.rate * load.seconds;
    println!("exchanges that began, {} a second, and came to their end {exchanges:>10}", load.rate);
    for (percent, latency) in [(50, shown.p50), (90, shown.p90), (99, shown.p99), (100, shown.most)]
    {
        println!(
            "{:58} {:>10.2}",
            format!("milliseconds within which {percent} % of them were done"),
            milliseconds(latency)
        );
    }
    let each = milliseconds(spent) / f64::from(exchanges.max(1));
    println!("{:58} {each:>10.2}", "milliseconds of the server's processor time for each");
    drop(crowd);
    match load.within {
        Some(limit) if milliseconds(shown.p99) > limit => {
            Err(io::Error::other(format!("99 % took more than {limit} ms")))
        }
        _ => Ok(()),
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Files beyond those of the crowd: what the exchanges need, and the runtime.
const ROOM: u64 = 2000;

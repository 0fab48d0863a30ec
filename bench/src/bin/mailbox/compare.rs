//! Our server and the Python one, side by side.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use wormhole_sync_bench::{
    client::Url,
    server::{Process, free_address, ours, ready},
};

use crate::{Load, measure};

/// One thing that a server showed.
struct Figure {
    what: String,
    value: f64,
    more_is_better: bool,
}

/// Measures one server and prints what it shows.
pub(crate) async fn drive(url: &Url, server: Option<u32>, load: &Load) -> io::Result<()> {
    for Figure { what, value, .. } in figures(url, server, load).await? {
        println!("{what:52} {value:>10.2}");
    }
    Ok(())
}

/// Starts both, measures both, and prints what each shows and how many times better ours is.
pub(crate) async fn run(twist: &Path, load: &Load) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let address = free_address()?;
    let python = python(twist, address, folder.path());
    let python = with_server(python, address, load).await?;
    let address = free_address()?;
    let ours = ours(address, &folder.path().join("ours.sqlite"))?;
    let ours = with_server(ours, address, load).await?;
    println!("{:52} {:>10} {:>10} {:>10}", "mailbox server", "ours", "Python", "better by");
    for (ours, python) in ours.into_iter().zip(python) {
        let ratio = ours.value / python.value;
        let ratio = if ours.more_is_better { ratio } else { 1.0 / ratio };
        println!("{:52} {:>10.2} {:>10.2} {ratio:>9.1}x", ours.what, ours.value, python.value);
    }
    Ok(())
}

async fn with_server(
    mut command: Command,
    address: SocketAddr,
    load: &Load,
) -> io::Result<Vec<Figure>> {
    let process = Process::start(command.stderr(Stdio::null()))?;
    ready(address).await?;
    figures(&Url::of(address), Some(process.id()), load).await
}

async fn figures(url: &Url, server: Option<u32>, load: &Load) -> io::Result<Vec<Figure>> {
    let run = measure::throughput(url, load.concurrency, load.seconds).await?;
    let what = format!("exchanges a second, {} at a time", load.concurrency);
    let mut figures = vec![Figure { what, value: run.per_second, more_is_better: true }];
    for (percent, latency) in [(50, run.p50), (90, run.p90), (99, run.p99)] {
        let what = format!("milliseconds within which {percent} % of them are done");
        let value = latency.as_secs_f64() * 1000.0;
        figures.push(Figure { what, value, more_is_better: false });
    }
    if let Some(server) = server {
        let value = measure::memory(url, load.waiting, server).await? / 1024.0;
        let what = format!("KiB of memory for each of {} waiting clients", load.waiting);
        figures.push(Figure { what, value, more_is_better: false });
    }
    Ok(figures)
}

fn python(twist: &Path, address: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new(twist);
    command
        .current_dir(folder)
        .arg("wormhole-mailbox")
        .arg(format!("--port=tcp:{}:interface=127.0.0.1", address.port()))
        .arg("--channel-db=python.sqlite");
    command
}

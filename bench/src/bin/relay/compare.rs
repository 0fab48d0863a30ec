//! Our relay and the Python one, side by side.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use wormhole_sync_bench::server::{Process, free_address};

use crate::{
    Load,
    measure::{Figure, figures},
};

/// How long a relay may take to start.
const START: Duration = Duration::from_secs(20);

/// Measures one relay and prints what it shows.
pub(crate) fn drive(relay: SocketAddr, process: u32, load: &Load) -> io::Result<()> {
    for Figure { what, value, .. } in figures(relay, process, load)? {
        println!("{what:58} {value:>10.2}");
    }
    Ok(())
}

/// Measures both in turn, and prints the medians and how many times better ours are.
pub(crate) fn run(twist: &Path, runs: usize, load: &Load) -> io::Result<()> {
    let (mut ours, mut python) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(1) {
        python.push(with_relay(|address| Ok(theirs(twist, address)), load)?);
        ours.push(with_relay(self::ours, load)?);
    }
    println!("{:58} {:>10} {:>10} {:>10}", "transit relay", "ours", "Python", "better by");
    for (ours, python) in medians(ours).into_iter().zip(medians(python)) {
        let ratio = ours.value / python.value;
        let ratio = if ours.more_is_better { ratio } else { 1.0 / ratio };
        println!("{:58} {:>10.2} {:>10.2} {ratio:>9.1}x", ours.what, ours.value, python.value);
    }
    Ok(())
}

/// For each figure, the middle one of all runs.
fn medians(runs: Vec<Vec<Figure>>) -> Vec<Figure> {
    let mut columns: Vec<Vec<Figure>> = Vec::new();
    for run in runs {
        columns.resize_with(run.len(), Vec::new);
        for (column, figure) in columns.iter_mut().zip(run) {
            column.push(figure);
        }
    }
    columns
        .into_iter()
        .filter_map(|mut column| {
            column.sort_by(|one, other| one.value.total_cmp(&other.value));
            let middle = column.len() / 2;
            column.into_iter().nth(middle)
        })
        .collect()
}

fn with_relay(
    command: impl FnOnce(SocketAddr) -> io::Result<Command>,
    load: &Load,
) -> io::Result<Vec<Figure>> {
    let address = free_address()?;
    let process = Process::start(command(address)?.stderr(Stdio::null()))?;
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > START {
            return Err(io::Error::other("the relay does not start"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    figures(address, process.id(), load)
}

fn ours(address: SocketAddr) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg(address.to_string());
    Ok(command)
}

fn theirs(twist: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(twist);
    command.arg("transitrelay").arg(format!("--port=tcp:{}:interface=127.0.0.1", address.port()));
    command
}

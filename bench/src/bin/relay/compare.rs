//! Our relay and the Python one, side by side.

use std::{
    io,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use wormhole_sync_bench::server::{Process, certify, free_address};

use crate::{
    Load,
    link::{By, Relay},
    measure::{Figure, figures},
};

/// How long a relay may take to start.
const START: Duration = Duration::from_secs(20);

/// Measures one relay and prints what it shows.
pub(crate) fn drive(relay: &Relay, process: u32, load: &Load) -> io::Result<()> {
    for Figure { what, value, .. } in figures(relay, process, load)? {
        println!("{what:58} {value:>10.2}");
    }
    Ok(())
}

/// Measures both in turn, and prints the medians and how many times better ours are.
pub(crate) fn run(twist: &Path, by: By, runs: usize, load: &Load) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let trust = (by == By::Wss).then(|| certify(folder.path())).transpose()?;
    let measure = |command: &dyn Fn(&Relay) -> io::Result<Command>| {
        let relay = Relay { address: free_address()?, by, trust: trust.clone() };
        with_relay(&mut command(&relay)?, &relay, load)
    };
    let (mut ours, mut python) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(1) {
        python.push(measure(&|relay| theirs(twist, relay, folder.path()))?);
        ours.push(measure(&|relay| self::ours(relay, folder.path()))?);
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

fn with_relay(command: &mut Command, relay: &Relay, load: &Load) -> io::Result<Vec<Figure>> {
    let process = Process::start(command.stderr(Stdio::null()))?;
    let started = Instant::now();
    while TcpStream::connect(relay.address).is_err() {
        if started.elapsed() > START {
            return Err(io::Error::other("the relay does not start"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    figures(relay, process.id(), load)
}

fn ours(relay: &Relay, certificate: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg(relay.address.to_string()).arg("--by").arg(relay.by.to_string());
    command.arg("--tls").arg(certificate);
    Ok(command)
}

fn theirs(twist: &Path, relay: &Relay, certificate: &Path) -> io::Result<Command> {
    let place = format!("{}:interface=127.0.0.1", relay.address.port());
    let elsewhere = format!("tcp:{}:interface=127.0.0.1", free_address()?.port());
    let mut command = Command::new(twist);
    command.arg("transitrelay");
    if relay.by == By::Tcp {
        command.arg(format!("--port=tcp:{place}"));
        return Ok(command);
    }
    let file = |name| certificate.join(name).display().to_string();
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let websocket = match relay.by {
        By::Wss => format!("ssl:{place}:privateKey={key}:certKey={certificate}"),
        By::Tcp | By::Ws => format!("tcp:{place}"),
    };
    command.arg(format!("--port={elsewhere}")).arg(format!("--websocket={websocket}"));
    command.arg(format!("--websocket-url={}://localhost:{}/", relay.by, relay.address.port()));
    Ok(command)
}

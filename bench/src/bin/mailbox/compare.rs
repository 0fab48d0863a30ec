//! Our server and the Python one, side by side.

use std::{
    io,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Load, client::Url, measure};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// What one server showed.
pub(crate) struct Result {
    per_second: f64,
    bytes_per_client: Option<f64>,
}

/// Measures one server and prints what it shows.
pub(crate) async fn measure(url: &Url, server: Option<u32>, load: &Load) -> io::Result<Result> {
    let run = measure::throughput(url, load.concurrency, load.seconds).await?;
    println!(
        "  {:.1} exchanges/s ({} in all, {} at a time), latency p50 {:.1?}, p90 {:.1?}, p99 {:.1?}",
        run.per_second, run.exchanges, load.concurrency, run.p50, run.p90, run.p99
    );
    let mut bytes_per_client = None;
    if let Some(server) = server {
        let bytes = measure::memory(url, load.waiting, server).await?;
        println!(
            "  {:.2} KiB of memory for each of {} waiting clients",
            bytes / 1024.0,
            load.waiting
        );
        bytes_per_client = Some(bytes);
    }
    Ok(Result { per_second: run.per_second, bytes_per_client })
}

/// Starts both, measures both, and prints the ratios.
pub(crate) async fn run(twist: &Path, load: &Load) -> io::Result<()> {
    let folder = Folder::new()?;
    let port = free_port()?;
    println!("python {}:", twist.display());
    let python = with_server(python_server(twist, port, &folder.0), port, load).await?;
    let port = free_port()?;
    println!("wormhole-sync:");
    let ours = with_server(our_server(port, &folder.0)?, port, load).await?;
    println!("ratio:");
    println!("  {:.0} times the exchanges per second", ours.per_second / python.per_second);
    if let (Some(ours), Some(python)) = (ours.bytes_per_client, python.bytes_per_client) {
        println!("  {:.2} of the memory for each waiting client", ours / python);
    }
    Ok(())
}

async fn with_server(mut command: Command, port: u16, load: &Load) -> io::Result<Result> {
    let process =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let process = Process(process);
    let url = Url { address: ([127, 0, 0, 1], port).into(), path: "/v1".to_owned() };
    let started = Instant::now();
    while tokio::net::TcpStream::connect(url.address).await.is_err() {
        if started.elapsed() > START {
            return Err(io::Error::other("the server does not start"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    measure(&url, Some(process.0.id()), load).await
}

fn python_server(twist: &Path, port: u16, folder: &Path) -> Command {
    let mut command = Command::new(twist);
    command
        .current_dir(folder)
        .arg("wormhole-mailbox")
        .arg(format!("--port=tcp:{port}:interface=127.0.0.1"))
        .arg("--channel-db=python.sqlite");
    command
}

fn our_server(port: u16, folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg(format!("127.0.0.1:{port}")).arg(folder.join("ours.sqlite"));
    Ok(command)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A server that ends with the measurement.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A folder that goes with the measurement.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("wormhole-bench-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

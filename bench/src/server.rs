//! Servers in processes of their own.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use wormhole_sync_server::{Config, Database, Doors, Mailbox, Relay, Tls, listen, serve};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// Our servers alone, with a database on disk: what a benchmark starts as `serve ADDRESS DATABASE`.
#[derive(Args)]
pub struct Serve {
    /// Where to listen.
    address: SocketAddr,
    /// The database.
    database: PathBuf,
    /// Serve within TLS, with the `certificate.pem` and the `key.pem` of this folder.
    #[arg(long)]
    tls: Option<PathBuf>,
}

impl Serve {
    /// Serves until it is killed.
    pub async fn run(self) -> io::Result<()> {
        let mailbox = Mailbox { database: Database::Path(self.database), ..Mailbox::default() };
        let relay = Relay { waiting_connections: usize::MAX, ..Relay::default() };
        let config = Config { relay: Some(relay), ..mailbox.into() };
        let listener = listen(self.address)?;
        let Some(folder) = self.tls else {
            return serve(listener, config, std::future::pending()).await.map_err(io::Error::other);
        };
        let mut doors = Doors::default();
        doors.tls.push(listener);
        let config = Config { tls: Some(tls_of(&folder)), ..config };
        serve(doors, config, std::future::pending()).await.map_err(io::Error::other)
    }
}

/// This program again, as our server.
pub fn ours(address: SocketAddr, database: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg(address.to_string()).arg(database);
    Ok(command)
}

/// What a server needs for TLS, with the files of a folder that has been certified.
pub fn tls_of(folder: &Path) -> Tls {
    Tls::new(folder.join("certificate.pem"), folder.join("key.pem"))
}

/// Puts a certificate for `localhost` and its key into a folder. What a client is to trust.
pub fn certify(folder: &Path) -> io::Result<Arc<ClientConfig>> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let own = own.map_err(io::Error::other)?;
    std::fs::write(folder.join("certificate.pem"), own.cert.pem())?;
    std::fs::write(folder.join("key.pem"), own.signing_key.serialize_pem())?;
    trust_in(own.cert.der().clone())
}

/// Trust in one certificate alone.
pub fn trust_in(certificate: CertificateDer<'static>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(io::Error::other)?;
    let trust = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(trust))
}

/// An address of loopback at which nothing listens.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Waits until a server listens.
pub async fn ready(address: SocketAddr) -> io::Result<()> {
    let started = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        if started.elapsed() > START {
            return Err(io::Error::other("the server does not start"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A server in a process of its own. It ends with this value.
pub struct Process(Child);

impl Process {
    /// Starts a server that says nothing but its errors.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map(Self)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills it, as `kill -9` does. It must have been running until now.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(status) = self.0.try_wait()? {
            return Err(io::Error::other(format!("the server ended by itself: {status}")));
        }
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Bytes of a process that are in memory.
pub fn resident(process: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .map(|kibibytes: u64| kibibytes * 1024)
        .ok_or_else(|| io::Error::other("no VmRSS: memory is measured on Linux only"))
}

/// Ticks of the processor's clock in a second, as Linux has them for its users everywhere.
const TICKS: u64 = 100;

/// What a process has had of the processor so far.
pub fn processor_time(process: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Its name, in parentheses, may have spaces.
    let (_, rest) = stat.rsplit_once(')').ok_or_else(|| io::Error::other("no process"))?;
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Files that a process has open.
pub fn open_files(process: u32) -> io::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// Threads of a process.
pub fn threads(process: u32) -> io::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{process}/task"))?.count())
}

/// Lets this process, and those that it starts, have so many files open.
pub fn raise_file_limit(wanted: u64) -> io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(io::Error::other(format!(
            "{wanted} files must be open at a time, and the system allows fewer: raise `ulimit -Hn`"
        )));
    }
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

//! The server as a whole: from its listener to its end.

use std::{fmt, io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    address::Address,
    config::{Config, Database},
    connection::{self, Shared},
    engine::{Clock, Engine},
    exchange::{embedded::Embedded, journal::Snapshot},
    gate::{Full, Gate},
    pool::Pools,
    session::Policy,
    store::{Store, StoreError, fit},
};

/// Connections that may wait to be accepted. The system's own limit, often 4096, holds as well.
const BACKLOG: u32 = 4096;

/// How long connections may take to say goodbye when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long to wait when a connection cannot be accepted for lack of files or memory.
const SHORTAGE: Duration = Duration::from_millis(100);

/// Why a server could not start, or had to stop.
///
/// ```
/// use wormhole_sync_server::{Config, Database, ServeError, listen, serve};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let database = Database::Path("/dev/null/mailbox.sqlite".into());
/// let config = Config { database, ..Config::default() };
/// let listener = listen("127.0.0.1:0".parse()?)?;
/// let error = serve(listener, config, std::future::pending()).await.unwrap_err();
/// assert!(matches!(error, ServeError::Database(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum ServeError {
    /// The database cannot be used.
    Database(StoreError),
    /// The database's statements cannot be prepared or its writer cannot run.
    Writer(rusqlite::Error),
    /// The system gives no thread or no random numbers.
    System(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Writer(error) => {
                write!(
                    f,
                    "the database cannot be written ({error}): check the disk, or use another file"
                )
            }
            Self::System(error) => {
                write!(
                    f,
                    "the system refuses what a server needs ({error}): free memory or threads"
                )
            }
        }
    }
}

impl std::error::Error for ServeError {}

/// Listens on an address, with room for many who connect at once, and raises the number of files
/// that this process may have open to what the system allows.
///
/// ```
/// use wormhole_sync_server::listen;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let listener = listen("127.0.0.1:0".parse()?)?; // any free port
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn listen(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    raise_file_limit();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves the mailbox protocol on `listener` until `shutdown` is ready.
///
/// Then no connection is accepted any more, those that are there get a close frame and up to two
/// seconds to read it, and what was answered is in the database. When the future is dropped
/// instead, connections end in the background.
///
/// Runs within a tokio runtime with IO and time enabled.
///
/// ```
/// use wormhole_sync_server::{Config, listen, serve};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let listener = listen("127.0.0.1:0".parse()?)?;
/// # let address = listener.local_addr()?;
/// # let connected = async { tokio::net::TcpStream::connect(address).await.unwrap() };
/// let shutdown = async { drop(connected.await) }; // a signal, elsewhere
/// assert!(serve(listener, Config::default(), shutdown).await.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    prepare(listener, config).await?.serve(shutdown).await
}

/// Opens the database and reads what it holds; the first half of [`serve`], for those who want to
/// say that a server is up only once it is sure to be.
///
/// ```
/// use wormhole_sync_server::{Config, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let listener = listen("127.0.0.1:0".parse()?)?;
/// # let address = listener.local_addr()?;
/// let server = prepare(listener, Config::default()).await?;
/// println!("listening"); // nothing can be wrong with the database any more
/// # let connected = async { drop(tokio::net::TcpStream::connect(address).await.unwrap()) };
/// server.serve(connected).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn prepare(listener: TcpListener, mut config: Config) -> Result<Prepared, ServeError> {
    if matches!(config.database, Database::Path(_)) {
        config.limits = fit(&config.limits);
    }
    let clock = Clock::start();
    let database = config.database.clone();
    let max_bytes = config.limits.database_bytes;
    let opened = tokio::task::spawn_blocking(move || open(&database, max_bytes)).await;
    let (store, snapshot) = opened.map_err(|error| ServeError::System(error.into()))??;
    config.permission = config.permission.of_this_start(random()?);
    let mut exchange = Embedded::new(config.limits.clone(), random()?);
    exchange.restore(snapshot, |_| false, clock.now());
    tracing::info!(mailboxes = exchange.mailboxes(), "mailbox server starts");

    let stop = StopOnDrop(Arc::new(share(config, Engine::new(exchange, clock, store.is_some()))));
    let work = |store: Store| {
        move |engine: &Engine| -> rusqlite::Result<()> {
            engine.write(&mut store.writer()?);
            Ok(())
        }
    };
    let writer = store.map(|store| write(&stop.0, work(store))).transpose()?;
    Ok(Prepared { listener, stop, writer })
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], ServeError> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| ServeError::System(io::Error::other(error)))?;
    Ok(random)
}

fn share(config: Config, engine: Engine) -> Shared {
    let limits = &config.limits;
    Shared {
        engine,
        outboxes: Pools::new(limits.outboxes_bytes, limits.outboxes_bytes_per_address),
        incoming: Pools::new(limits.incoming_bytes, limits.incoming_bytes_per_address),
        policy: Arc::new(Policy::from(&config)),
        limits: config.limits,
        timing: config.timing.sane(),
        limit_loopback: config.limit_loopback,
        proxies: config.proxies,
    }
}

/// A server whose database is open. Dropping it closes the database.
///
/// ```
/// use wormhole_sync_server::{Config, Prepared, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let listener = listen("127.0.0.1:0".parse()?)?;
/// let server: Prepared = prepare(listener, Config::default()).await?;
/// drop(server); // it never served anybody
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Prepared {
    listener: TcpListener,
    stop: StopOnDrop,
    writer: Option<Writer>,
}

impl Prepared {
    /// Serves until `shutdown` is ready: the second half of [`serve`].
    ///
    /// ```
    /// use wormhole_sync_server::{Config, listen, prepare};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let listener = listen("127.0.0.1:0".parse()?)?;
    /// # let address = listener.local_addr()?;
    /// let server = prepare(listener, Config::default()).await?;
    /// // until one has come
    /// let shutdown = async { drop(tokio::net::TcpStream::connect(address).await) };
    /// server.serve(shutdown).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { listener, stop, writer } = self;
        let shared = Arc::clone(&stop.0);
        let dispatcher = dispatch(&shared);
        let gate = Gate::new(shared.limits.connections, shared.limits.connections_per_address);
        accept(&listener, &shared, &gate, shutdown).await;
        drop(listener);
        drop(stop);
        if timeout(FAREWELL, gate.empty()).await.is_err() {
            tracing::warn!("some clients did not take the goodbye");
        }
        drop(dispatcher);
        tracing::info!("mailbox server stops");
        let Some(writer) = writer else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || writer.join()).await;
        match written {
            Ok(Ok(result)) => result.map_err(ServeError::Writer),
            Ok(Err(_)) => Err(ServeError::System(io::Error::other("the writer thread failed"))),
            Err(error) => Err(ServeError::System(error.into())),
        }
    }
}

type Writer = std::thread::JoinHandle<rusqlite::Result<()>>;

/// Tells everybody that the server stops, whichever way it does.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.engine.stop();
    }
}

fn open(database: &Database, max_bytes: u64) -> Result<(Option<Store>, Snapshot), ServeError> {
    let Database::Path(path) = database else { return Ok((None, Snapshot::default())) };
    let store = Store::open(path, max_bytes).map_err(ServeError::Database)?;
    let unreadable = |error| ServeError::Database(StoreError::Sqlite(path.clone(), error));
    let snapshot = store.load().map_err(unreadable)?;
    drop(store.writer().map_err(unreadable)?); // strange tables are told now, not when it is too late
    Ok((Some(store), snapshot))
}

fn write(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Engine) -> rusqlite::Result<()> + Send + 'static,
) -> Result<Writer, ServeError> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new()
        .name("wormhole-store".to_owned())
        .spawn(move || shared.engine.attend(work))
        .map_err(ServeError::System)
}

/// A task that ends with this.
struct Dispatcher(tokio::task::AbortHandle);

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn dispatch(shared: &Arc<Shared>) -> Dispatcher {
    let shared = Arc::clone(shared);
    Dispatcher(tokio::spawn(async move { shared.engine.dispatch().await }).abort_handle())
}

async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    gate: &Arc<Gate>,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut prune = interval(shared.timing.prune);
    prune.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => return,
            () = shared.engine.writer_ended() => return,
            _ = prune.tick() => shared.engine.prune(shared.timing.idle_mailbox),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let address = Address::counted(peer.ip(), shared.limit_loopback);
                    match gate.admit(address) {
                        Ok(admission) => {
                            let shared = Arc::clone(shared);
                            tokio::spawn(connection::run(stream, peer, admission, shared));
                        }
                        Err(full) => turn_away(stream, full),
                    }
                }
                Err(error) if is_shortage(&error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(SHORTAGE).await;
                }
                Err(_) => {} // the client was gone before it was accepted
            }
        }
    }
}

/// Answers at once or never: whoever is one too many gets no task and no memory.
fn turn_away(stream: TcpStream, full: Full) {
    use std::io::Write;
    tracing::debug!(?full, "connection refused");
    if let Ok(mut stream) = stream.into_std() {
        _ = stream.write(full.answer().as_bytes());
        _ = stream.shutdown(std::net::Shutdown::Write);
    }
}

fn is_shortage(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the number of open files");
    }
}

#[cfg(not(unix))]
fn raise_file_limit() {}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio_websockets::{ClientBuilder, Message};

    use super::*;
    use crate::{Limits, engine::Disk, exchange::journal::Entry};

    struct Broken;

    impl Disk for Broken {
        fn commit(&mut self, _: &[Entry]) -> rusqlite::Result<()> {
            panic!("nobody thought of this");
        }

        fn load(&self) -> rusqlite::Result<Snapshot> {
            Ok(Snapshot::default())
        }
    }

    #[tokio::test]
    async fn a_writer_that_panics_ends_the_server_and_leaves_nobody_waiting() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let uri = format!("ws://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
        let exchange = Embedded::new(Limits::default(), [1; 32]);
        let engine = Engine::new(exchange, Clock::start(), true);
        let stop = StopOnDrop(Arc::new(share(Config::default(), engine)));
        let writer = write(&stop.0, |engine| {
            engine.write(&mut Broken);
            Ok(())
        });
        let server = Prepared { listener, stop, writer: Some(writer.unwrap()) };
        let server = tokio::spawn(server.serve(std::future::pending()));

        let mut client = ClientBuilder::from_uri(uri).connect().await.unwrap().0;
        for frame in [r#"{"type":"bind","appid":"a","side":"b"}"#, r#"{"type":"allocate"}"#] {
            client.send(Message::text(frame)).await.unwrap();
        }
        while let Some(Ok(message)) = client.next().await {
            assert!(!message.as_text().is_some_and(|text| text.contains("allocated")));
        }
        let served = timeout(Duration::from_secs(60), server).await.expect("it goes on");
        let error = served.unwrap().unwrap_err();
        assert!(error.to_string().contains("the writer thread failed"), "{error}");
    }
}

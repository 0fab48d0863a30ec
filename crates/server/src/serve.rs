//! The server as a whole: from its listeners to its end.

mod control;
mod files;

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};

use crate::{
    admin,
    clock::Clock,
    config::Config,
    error::ServeError,
    front::{Door, Front},
    gate::Gate,
    mailbox::Mailboxes,
    metrics::Metrics,
    relay::Relay,
    seldom::Seldom,
    usage::{Recorder, tell_apart},
    watch::Watch,
};
#[cfg(feature = "tls")]
use crate::{config::Tls, error::TlsError, tls::Certificates};

pub use control::Control;

/// Connections that may wait to be accepted. The system's own limit, often 4096, holds as well.
const BACKLOG: u32 = 4096;

/// How long connections may take to say goodbye when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long to wait when a connection cannot be accepted for lack of files or memory.
const SHORTAGE: Duration = Duration::from_millis(100);

/// Listens on an address, with room for many who connect at once.
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
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where clients come in. A single listener is a web door.
///
/// ```
/// use wormhole_sync_server::{Doors, listen};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let doors = Doors::from(listen("127.0.0.1:0".parse()?)?);
/// assert_eq!(doors.web.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Doors {
    /// For HTTP and what is upgraded from it, without TLS: mailboxes at `/v1`, and the relay at
    /// `/relay` and `/`.
    pub web: Vec<TcpListener>,
    /// For the same within TLS, with [`Config::tls`].
    #[cfg(feature = "tls")]
    pub tls: Vec<TcpListener>,
    /// For the relay's own protocol, without HTTP.
    pub relay: Vec<TcpListener>,
    /// For the operator, in HTTP: `/healthz`, `/metrics` and `/status`. They tell nothing of any one
    /// client, and are still for nobody else.
    pub admin: Vec<TcpListener>,
}

impl From<TcpListener> for Doors {
    fn from(listener: TcpListener) -> Self {
        Self { web: vec![listener], ..Self::default() }
    }
}

/// Serves at these doors until `shutdown` is ready.
///
/// Then no connection is accepted any more. Whoever waits is told so, clients of the mailbox server by a
/// close frame; pairs of the relay may go on for [`Config::drain`], 30 s unless it is set, and are cut
/// then. All have up to two seconds more to read what is left, and what was answered is in the
/// database. So it takes `drain` and two seconds at the most, and no longer than there is somebody.
/// When the future is dropped instead, connections end in the background.
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
    doors: impl Into<Doors>,
    config: impl Into<Config>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    prepare(doors, config).await?.serve(shutdown).await
}

/// Opens the database and reads what it holds; the first half of [`serve`], for those who want to
/// say that a server is up only once it is sure to be. Raises the number of files that this process
/// may have open to what the system allows, and lowers
/// [`Clients::connections`](crate::Clients::connections) to what is left of them, as the log tells.
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
pub async fn prepare(
    doors: impl Into<Doors>,
    config: impl Into<Config>,
) -> Result<Prepared, ServeError> {
    let (doors, config) = (doors.into(), config.into().sane());
    let mut config = off_the_disk(config).await?;
    let lowered = files::fit(&mut config);
    let clock = Arc::new(Clock::start());
    let metrics = Arc::new(Metrics::new(clock.now()));
    let refused = Arc::clone(&metrics.refused);
    let recorder = Recorder::start(&config.usage, metrics).map_err(ServeError::System)?;
    let recorder = Arc::new(recorder);
    let mailboxes = match config.mailbox.take() {
        Some(config) => {
            Some(Mailboxes::open(config, Arc::clone(&recorder), Arc::clone(&clock)).await?)
        }
        None => None,
    };
    if let Some(lowered) = lowered {
        lowered.tell();
    }
    #[cfg(feature = "tls")]
    let certificates = certificates(config.tls, &doors).await?;
    let Config { relay, clients, drain, .. } = config;
    let front = Front {
        gate: Gate::of(&clients, refused),
        clients,
        mailbox: mailboxes.as_ref().map(Mailboxes::shared),
        relay: relay.map(|relay| Relay::new(relay, Arc::clone(&recorder), Arc::clone(&clock))),
        #[cfg(feature = "tls")]
        certificates,
        recorder,
        headless: Seldom::default(),
        unasked: Seldom::default(),
    };
    Ok(Prepared { doors, front: Arc::new(front), mailboxes, clock, drain })
}

/// The configuration, if its databases are not one file. A disk that does not answer keeps nobody else waiting.
async fn off_the_disk(config: Config) -> Result<Config, ServeError> {
    let told = spawn_blocking(move || tell_apart(&config).map(|()| config)).await;
    told.map_err(|error| ServeError::System(error.into()))?.map_err(ServeError::Usage)
}

#[cfg(feature = "tls")]
async fn certificates(
    config: Option<Tls>,
    doors: &Doors,
) -> Result<Option<Arc<Certificates>>, ServeError> {
    match config {
        Some(config) => Certificates::open(config).await.map(Some).map_err(ServeError::Tls),
        None if doors.tls.is_empty() => Ok(None),
        None => Err(ServeError::Tls(TlsError::Missing)),
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
    doors: Doors,
    front: Arc<Front>,
    mailboxes: Option<Mailboxes>,
    clock: Arc<Clock>,
    drain: Duration,
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
        let Self { mut doors, front, mailboxes, clock, drain } = self;
        let watch = Arc::new(Watch::new(clock, Arc::clone(&front)));
        let admin = std::mem::take(&mut doors.admin).into_iter();
        let admin = admin.map(|door| admin::accept(door, Arc::clone(&watch)));
        let watching: Vec<_> = admin.map(tokio::spawn).map(Task).collect();
        let accepting = open(doors, &front);
        let mut working: Vec<_> = mailboxes.iter().flat_map(Mailboxes::start).map(Task).collect();
        working.extend(front.relay.iter().map(|relay| Task(relay.start())));
        #[cfg(feature = "tls")]
        working.extend(front.certificates.iter().map(|certificates| Task(certificates.start())));
        working.push(Task(tokio::spawn(keep(Arc::clone(&watch)))));
        tokio::select! {
            biased;
            () = shutdown => {}
            () = broken(mailboxes.as_ref()) => {}
        }
        watch.stopping();
        drop(accepting);
        if let Some(mailboxes) = &mailboxes {
            mailboxes.stop();
        }
        if let Some(relay) = &front.relay {
            relay.stop(drain).await;
        }
        if timeout(FAREWELL, front.gate.empty()).await.is_err() {
            tracing::warn!("some clients did not take the goodbye");
        }
        drop(working);
        let finished = match mailboxes {
            Some(mailboxes) => mailboxes.finish().await,
            None => Ok(()),
        };
        // What is written down at last is what it was like in the end.
        let noted = tokio::task::spawn_blocking(move || watch.stop()).await;
        drop(watching);
        noted.map_err(|error| ServeError::System(error.into()))?;
        finished
    }
}

/// Notes what the server is like, now and then, and when a day begins.
async fn keep(watch: Arc<Watch>) {
    loop {
        watch.note();
        sleep(watch.pause()).await;
    }
}

/// Ready when a part of the server has failed, so that the rest must end, too.
async fn broken(mailboxes: Option<&Mailboxes>) {
    match mailboxes {
        Some(mailboxes) => mailboxes.writer_ended().await,
        None => std::future::pending().await,
    }
}

/// A task that ends with this.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Opens the doors. They are closed with what is returned.
fn open(doors: Doors, front: &Arc<Front>) -> Vec<Task> {
    let web = doors.web.into_iter().map(|listener| (listener, Door::Web));
    let relay = doors.relay.into_iter().map(|listener| (listener, Door::Relay));
    let open = web.chain(relay);
    #[cfg(feature = "tls")]
    let open = open.chain(doors.tls.into_iter().map(|listener| (listener, Door::Tls)));
    open.map(|(listener, door)| Task(tokio::spawn(accept(listener, Arc::clone(front), door))))
        .collect()
}

async fn accept(listener: TcpListener, front: Arc<Front>, door: Door) {
    let refused = Seldom::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => front.admit(stream, peer, door),
            Err(error) if is_shortage(&error) => {
                if let Some(left_out) = refused.turn() {
                    tracing::warn!(%error, left_out, "cannot accept a connection");
                }
                sleep(SHORTAGE).await;
            }
            Err(_) => {} // the client was gone before it was accepted
        }
    }
}

fn is_shortage(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio_websockets::{ClientBuilder, Message};

    use super::*;
    use crate::{
        Limits,
        engine::Disk,
        exchange::{
            embedded::Embedded,
            journal::{Entry, Snapshot},
        },
    };

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
        let mailboxes = Mailboxes::of(exchange, |engine| {
            engine.write(&mut Broken);
            Ok(())
        });
        let mut server = prepare(listener, Config::default()).await.unwrap();
        let front = Arc::get_mut(&mut server.front).unwrap();
        front.mailbox = Some(mailboxes.shared());
        server.mailboxes = Some(mailboxes);
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

//! The server as a whole: from its listeners to its end.

mod control;
mod files;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};

use crate::{
    admin,
    clock::Clock,
    config::Config,
    doors::{Doors, accept},
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

/// How long connections may take to say goodbye when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves at these doors until `shutdown` is ready.
///
/// Then no connection is accepted any more. Whoever waits is told so, clients of the mailbox server by a
/// close frame; pairs of the relay may go on for [`Config::drain`], 30 s unless it is set, and are cut
/// then. All have up to two seconds more to read what is left, and what was answered is in the
/// database. So it takes `drain` and two seconds at the most, and no longer than there is somebody.
/// When the future is dropped instead, clients of the mailbox server are told so, and what is at the relay
/// is closed, in the background.
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
        stopping: watch::Sender::new(false),
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
        let stop = StopOnDrop(Arc::clone(&front));
        let watch = Arc::new(Watch::new(clock, Arc::clone(&front)));
        let admin = std::mem::take(&mut doors.admin).into_iter();
        let admin = admin.map(|door| admin::serve(door, Arc::clone(&watch)));
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
        stop.begin();
        drop(accepting);
        if let Some(mailboxes) = &mailboxes {
            mailboxes.stop();
        }
        if let Some(relay) = &front.relay {
            relay.drain(drain).await;
        }
        drop(stop);
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

/// Leaves nobody behind who waits for what does not come any more, whichever way the server stops.
struct StopOnDrop(Arc<Front>);

impl StopOnDrop {
    /// Whoever waits is told. Pairs go on.
    fn begin(&self) {
        self.0.stop();
        if let Some(relay) = &self.0.relay {
            relay.stop();
        }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.begin();
        if let Some(relay) = &self.0.relay {
            relay.cut();
        }
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
    open.map(|(listener, door)| {
        let front = Arc::clone(front);
        let admit = move |stream, peer| front.admit(stream, peer, door);
        Task(tokio::spawn(accept(listener, admit)))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio_websockets::{ClientBuilder, Message};

    use super::*;
    use crate::{
        Limits,
        doors::listen,
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

//! The mailbox server in motion: its engine, the thread that writes its database, and what all of
//! its connections share.

mod connection;
mod sight;

use std::{borrow::Cow, io, sync::Arc};

use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    clock::Clock,
    config::{self, Database, Limits, Timing},
    engine::{Engine, Present},
    error::ServeError,
    exchange::{embedded::Embedded, journal::Snapshot},
    metrics::Counts,
    pool::Pools,
    session::Policy,
    store::{Identity, Store, StoreError, fit},
    usage::Recorder,
};

pub(crate) use connection::serve;
use sight::Sight;

/// What all connections share.
pub(crate) struct Shared {
    engine: Engine,
    outboxes: Pools,
    incoming: Pools,
    policy: Arc<Policy>,
    limits: Limits,
    timing: Timing,
    /// What is seen of the database's files.
    database: Option<Sight>,
}

impl Shared {
    pub(crate) fn present(&self) -> Present {
        self.engine.present()
    }

    pub(crate) fn trouble(&self) -> Option<Cow<'static, str>> {
        let of_files = || self.database.as_ref().and_then(Sight::trouble);
        self.engine.trouble().or_else(|| of_files().map(Cow::Borrowed))
    }

    /// Ready once the thread that writes the database has shown that it does not hang.
    pub(crate) async fn pulse(&self) {
        self.engine.pulse().await;
    }

    /// How often each limit of the exchange was met.
    pub(crate) fn refused(&self) -> Counts {
        self.engine.refused()
    }

    /// Bytes of the database and of its log.
    pub(crate) fn database_bytes(&self) -> Option<u64> {
        self.database.as_ref().map(Sight::bytes)
    }

    /// What stamps are asked for; 0 when none are.
    pub(crate) fn hashcash_bits(&self) -> u32 {
        self.policy.permission.bits(self.engine.load()).unwrap_or_default()
    }
}

/// A mailbox server whose database is open. Dropping it closes the database.
pub(crate) struct Mailboxes {
    stop: StopOnDrop,
    writer: Option<Writer>,
}

type Writer = std::thread::JoinHandle<rusqlite::Result<()>>;

/// Tells everybody that the server stops, whichever way it does.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.engine.stop();
    }
}

impl Mailboxes {
    /// Opens the database and reads what it holds.
    pub(crate) async fn open(
        mut config: config::Mailbox,
        recorder: Arc<Recorder>,
        clock: Arc<Clock>,
    ) -> Result<Self, ServeError> {
        if matches!(config.database, Database::Path(_)) {
            config.limits = fit(&config.limits);
        }
        let database = config.database.clone();
        let max_bytes = config.limits.database_bytes;
        let opened = tokio::task::spawn_blocking(move || open(&database, max_bytes)).await;
        let (store, snapshot) = opened.map_err(|error| ServeError::System(error.into()))??;
        config.permission = config.permission.of_this_start(random()?);
        let mut exchange = Embedded::new(config.limits.clone(), random()?);
        exchange.restore(snapshot, |_| false, clock.now());
        tracing::info!(mailboxes = exchange.mailboxes(), "mailbox server starts");
        let engine = Engine::new(exchange, clock, store.is_some(), recorder);
        let work = |store: Store| {
            move |engine: &Engine| -> rusqlite::Result<()> {
                engine.write(&mut store.writer()?);
                Ok(())
            }
        };
        Self::new(config, engine, store.map(work))
    }

    /// With the work of the thread that writes the database, if any.
    fn new(
        config: config::Mailbox,
        engine: Engine,
        work: Option<impl FnOnce(&Engine) -> rusqlite::Result<()> + Send + 'static>,
    ) -> Result<Self, ServeError> {
        let stop = StopOnDrop(Arc::new(share(config, engine)));
        let writer = work.map(|work| write(&stop.0, work)).transpose()?;
        Ok(Self { stop, writer })
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.stop.0)
    }

    /// Begins to answer, and to look after idle mailboxes and the database's files.
    pub(crate) fn start(&self) -> [JoinHandle<()>; 3] {
        let [dispatched, pruned, seen] = [(); 3].map(|()| self.shared());
        let dispatch = async move { dispatched.engine.dispatch().await };
        let prune = async move {
            let mut prune = interval(pruned.timing.prune);
            prune.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                prune.tick().await;
                pruned.engine.prune(pruned.timing.idle_mailbox);
                if let Some(trouble) = pruned.database.as_ref().and_then(Sight::trouble) {
                    tracing::error!("{trouble}");
                }
            }
        };
        let see = async move {
            if let Some(database) = &seen.database {
                database.keep().await;
            }
        };
        [tokio::spawn(dispatch), tokio::spawn(prune), tokio::spawn(see)]
    }

    /// Ready when nothing is written any more, and it is of no use to go on.
    pub(crate) async fn writer_ended(&self) {
        self.stop.0.engine.writer_ended().await;
    }

    /// Says goodbye to every client, and asks the writer to finish.
    pub(crate) fn stop(&self) {
        self.stop.0.engine.stop();
    }

    /// Waits for the writer.
    pub(crate) async fn finish(self) -> Result<(), ServeError> {
        let Self { stop, writer } = self;
        drop(stop);
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

fn random<const BYTES: usize>() -> Result<[u8; BYTES], ServeError> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| ServeError::System(io::Error::other(error)))?;
    Ok(random)
}

fn share(config: config::Mailbox, engine: Engine) -> Shared {
    let limits = &config.limits;
    Shared {
        engine,
        outboxes: Pools::new(limits.outboxes_bytes, limits.outboxes_bytes_per_address),
        incoming: Pools::new(limits.incoming_bytes, limits.incoming_bytes_per_address),
        policy: Arc::new(Policy::from(&config)),
        database: match config.database {
            Database::Path(path) => Some(Sight::of(Identity::of(&path))),
            Database::Memory => None,
        },
        limits: config.limits,
        timing: config.timing,
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

#[cfg(test)]
impl Mailboxes {
    /// One that is not stored, or written by `work`, for tests of what happens around it.
    pub(crate) fn of(
        exchange: Embedded,
        work: impl FnOnce(&Engine) -> rusqlite::Result<()> + Send + 'static,
    ) -> Self {
        let recorder = Recorder::counting(Arc::new(crate::metrics::Metrics::new(0.0)));
        let engine = Engine::new(exchange, Arc::new(Clock::start()), true, Arc::new(recorder));
        Self::new(config::Mailbox::default(), engine, Some(work)).unwrap()
    }
}

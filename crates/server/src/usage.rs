//! What is written down of how the server is used: counted at once, and kept in usage databases for
//! whoever looks later.
//!
//! A thread of its own writes them. It takes what comes from a bounded queue, and what does not fit
//! there is lost and counted: no client ever waits for statistics.

mod blur;
mod book;
mod discretion;
mod look;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    config,
    exchange::usage::{Ending, Greeting, Retired},
    metrics::Metrics,
    mood::Mood,
};
use blur::Blur;
use book::Book;
use discretion::Discretion;
pub(crate) use discretion::Logged;
pub(crate) use look::tell_apart;
pub use look::{UsageError, look_at_usage};
use tables::Row;

/// What may wait for the thread: more comes in a second only when somebody makes it come.
const QUEUE: usize = 8192;

/// For how long what comes is gathered to be written together.
const GATHER: Duration = Duration::from_millis(500);

/// How often a database that is broken is tried again.
const RETRY: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });

/// Where everybody tells what has happened.
pub(crate) struct Recorder {
    metrics: Arc<Metrics>,
    discretion: Discretion,
    queue: Option<SyncSender<Note>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Note {
    Row(Row),
    Stop,
}

/// How a connection to the relay went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RelayRecord {
    /// When it began, in Unix seconds.
    pub(crate) started: f64,
    /// Seconds between the two, if there were two.
    pub(crate) waiting: Option<f64>,
    /// Seconds from the beginning to the end.
    pub(crate) total: f64,
    /// Bytes in both directions.
    pub(crate) bytes: u64,
    pub(crate) mood: Mood,
}

/// What the mailbox server is like now. Times are in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MailboxNow {
    /// When it started.
    pub(crate) rebooted: f64,
    pub(crate) updated: f64,
    pub(crate) connections: usize,
}

/// What the relay is like now. Times are in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RelayNow {
    /// When it started.
    pub(crate) rebooted: f64,
    pub(crate) updated: f64,
    pub(crate) pairs: usize,
    pub(crate) waiting: usize,
    /// Bytes of pairs that go on.
    pub(crate) incomplete_bytes: u64,
}

impl Recorder {
    /// One that counts, and has a thread that writes when there is a database to write to.
    pub(crate) fn start(config: &config::Usage, metrics: Arc<Metrics>) -> io::Result<Self> {
        let book = |path: &Option<_>, tables| Some(Book::new(path.clone()?, tables));
        let books = [book(&config.mailbox, &tables::MAILBOX), book(&config.relay, &tables::RELAY)];
        let discretion = Discretion::of_exact(config.blur.is_none());
        if books.iter().all(Option::is_none) {
            return Ok(Self { discretion, ..Self::counting(metrics) });
        }
        let (queue, notes) = sync_channel(QUEUE);
        let mut shelf =
            Shelf { books, blur: Blur::new(config.blur), metrics: Arc::clone(&metrics) };
        let thread = std::thread::Builder::new()
            .name("wormhole-usage".to_owned())
            .spawn(move || shelf.write(&notes))?;
        Ok(Self { metrics, discretion, queue: Some(queue), thread: Mutex::new(Some(thread)) })
    }

    /// One that only counts.
    pub(crate) fn counting(metrics: Arc<Metrics>) -> Self {
        let discretion = Discretion::of_exact(false);
        Self { metrics, discretion, queue: None, thread: Mutex::new(None) }
    }

    /// What is logged of a client's address.
    pub(crate) fn logged(&self, client: IpAddr) -> Logged {
        self.discretion.of(client)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// A nameplate or a mailbox has ended.
    pub(crate) fn ended(&self, ending: Ending) {
        if ending.what != Retired::Nameplate {
            self.metrics.mailbox_endings.count(ending.outcome.as_str());
        }
        self.note(Row::Ending(ending));
    }

    /// A client has said who it is.
    pub(crate) fn greeted(&self, greeting: Greeting) {
        self.note(Row::Greeting(greeting));
    }

    /// A pair of the relay, or a connection that never became half of one, has ended.
    pub(crate) fn relayed(&self, record: RelayRecord) {
        self.metrics.relay_endings.count(record.mood.as_str());
        self.note(Row::Relayed(record));
    }

    /// Replaces what is told of the mailbox server's present.
    pub(crate) fn mailbox_now(&self, now: MailboxNow) {
        self.note(Row::Mailbox(now));
    }

    /// Replaces what is told of the relay's present.
    pub(crate) fn relay_now(&self, now: RelayNow) {
        self.note(Row::Relay(now));
    }

    /// Writes what waits, and nothing after that. It blocks until that is done.
    pub(crate) fn stop(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((queue, thread)) = self.queue.as_ref().zip(thread.take()) else { return };
        _ = queue.send(Note::Stop);
        if thread.join().is_err() {
            tracing::error!("the thread that writes usage down has failed");
        }
    }

    fn note(&self, row: Row) {
        if let Some(queue) = &self.queue
            && queue.try_send(Note::Row(row)).is_err()
        {
            self.metrics.usage_lost();
        }
    }
}

/// The databases, and how exact they are.
struct Shelf {
    /// Of the mailbox server and of the relay.
    books: [Option<Book>; 2],
    blur: Blur,
    metrics: Arc<Metrics>,
}

impl Shelf {
    fn write(&mut self, notes: &Receiver<Note>) {
        loop {
            let goes_on = self.gather(notes);
            self.books.iter_mut().flatten().for_each(|book| book.write(self.blur));
            if !goes_on {
                return;
            }
        }
    }

    /// Waits until there is something to write, and for what comes with it. Whether more can come.
    fn gather(&mut self, notes: &Receiver<Note>) -> bool {
        let is_behind = self.books.iter().flatten().any(Book::is_behind);
        let first = if is_behind {
            notes.recv_timeout(RETRY)
        } else {
            notes.recv().map_err(RecvTimeoutError::from)
        };
        let until = Instant::now() + GATHER;
        let mut next = first;
        loop {
            match next {
                Ok(Note::Row(row)) => self.sort(row),
                Ok(Note::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            }
            next = notes.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }

    fn sort(&mut self, row: Row) {
        let [mailbox, relay] = &mut self.books;
        let book = match row {
            Row::Ending(_) | Row::Greeting(_) | Row::Mailbox(_) => mailbox,
            Row::Relayed(_) | Row::Relay(_) => relay,
        };
        if book.as_mut().is_some_and(|book| !book.push(row)) {
            self.metrics.usage_lost();
        }
    }
}

//! What the server counts while it runs. Nothing here tells one client from another.

mod day;
mod family;
mod histogram;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use day::Day;
pub(crate) use day::{Counts, Totals, until_midnight};
pub(crate) use family::Family;
pub(crate) use histogram::Histogram;

use crate::{config::Refused, exchange::usage::Outcome, mood::Mood};

/// The doors by which connections come in.
const DOORS: [&str; 4] = ["web", "tls", "relay", "admin"];

/// Seconds within which a commit may be done.
const LATENCIES: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

/// Turns of clients that are committed together.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0];

/// What is counted since the start.
pub(crate) struct Metrics {
    /// Connections by the door that they came in by.
    pub(crate) accepted: Family<4>,
    /// Who met a limit, but for those that the exchange and the relay's pairing count by themselves.
    pub(crate) refused: Arc<Refused>,
    /// Mailboxes that have ended, by how.
    pub(crate) mailbox_endings: Family<6>,
    /// Connections and pairs of the relay that have ended, by how.
    pub(crate) relay_endings: Family<6>,
    /// Seconds that commits took.
    pub(crate) commit_seconds: Histogram<9>,
    /// Turns that were committed together.
    pub(crate) commit_turns: Histogram<9>,
    commits_failed: AtomicU64,
    usage_lost: AtomicU64,
    day: Mutex<Day>,
}

impl Metrics {
    /// Nothing has happened yet at this time, in Unix seconds.
    pub(crate) fn new(now: f64) -> Self {
        Self {
            accepted: Family::new(DOORS),
            refused: Arc::default(),
            mailbox_endings: Family::new(Outcome::ALL.map(Outcome::as_str)),
            relay_endings: Family::new(Mood::ALL.map(Mood::as_str)),
            commit_seconds: Histogram::new(LATENCIES),
            commit_turns: Histogram::new(SIZES),
            commits_failed: AtomicU64::new(0),
            usage_lost: AtomicU64::new(0),
            day: Mutex::new(Day::new(now)),
        }
    }

    pub(crate) fn commit_failed(&self) {
        self.commits_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn commits_failed(&self) -> u64 {
        self.commits_failed.load(Relaxed)
    }

    /// A row of a usage database was lost.
    pub(crate) fn usage_lost(&self) {
        self.usage_lost.fetch_add(1, Relaxed);
    }

    /// Rows of usage databases that were lost.
    pub(crate) fn usage_rows_lost(&self) -> u64 {
        self.usage_lost.load(Relaxed)
    }

    /// What of these totals is of the day (UTC) that `now` is in: of what came since it was first asked
    /// for on that day.
    pub(crate) fn today(&self, now: f64, totals: &Totals) -> Totals {
        self.day.lock().unwrap_or_else(PoisonError::into_inner).of(now, totals)
    }
}

//! The thread that writes the database, and what happens when it cannot.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::PoisonError,
    time::{Duration, Instant},
};

use rusqlite::{ErrorCode, ffi};
use serde_json::{Value, value::to_raw_value};
use wormhole_sync_wire::server_message::Reply;

use super::{
    Engine, State, Trouble,
    batch::{Batch, Portion},
    disk::Disk,
    wake, weight,
};
use crate::{config::Limit, exchange::journal::Snapshot, frames::CloseCode};

/// How long the database is left alone after it could not be written. Requests wait meanwhile.
const RECOVERY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1000 });

/// How often it is looked whether the database can be written again when nobody wants anything: who
/// watches the server's health may send clients elsewhere meanwhile.
const PROBE: Duration = Duration::from_secs(5);

/// What a client is told whose change was lost.
const BROKEN: &str = "the server cannot write its database: try again later";
const FULL: &str = "the server's disk is full: try again later";

/// Whose request is to blame for what could not be stored; the others only say theirs again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    Nobody,
    TheFirst,
    Everybody,
}

impl Engine {
    /// Lets the writer work. When it ends, be it with a panic, everybody is told that the server
    /// goes.
    pub(crate) fn attend<T>(&self, work: impl FnOnce(&Self) -> T) -> T {
        let _end = End(self);
        work(self)
    }

    /// Commits batch after batch, until the server has stopped and nothing is left.
    pub(crate) fn write(&self, disk: &mut impl Disk) {
        while let Some(batch) = self.next_batch() {
            let wipes = batch.wipes;
            let pause = self.record(batch, disk);
            if wipes {
                wipe(disk);
            }
            self.news.notify_one();
            self.rest(pause);
        }
    }

    /// Stores what it can of a batch, and lets the answers out. How long to leave the database
    /// alone then.
    pub(super) fn record(&self, mut batch: Batch, disk: &mut impl Disk) -> Duration {
        let begun = Instant::now();
        let stale = self.lock().stale;
        let (writes, probes) = (!batch.journal.is_empty(), batch.probes);
        let (stored, error) = match (!stale).then(|| batch.commit(disk, || self.beat())) {
            Some(Ok(())) => (batch.portions.len(), None),
            Some(Err((stored, error))) => (stored, Some(error)),
            None => (0, None),
        };
        let is_full = error.as_ref().is_some_and(is_full);
        let outgrown = if is_full { disk.outgrown_by(batch.changes(stored)) } else { None };
        let lost = batch.portions.split_off(stored);
        self.let_out(batch.portions);
        if error.is_none() && !stale {
            if writes {
                let metrics = self.recorder.metrics();
                metrics.commit_seconds.took(begun.elapsed());
                metrics.commit_turns.counted(stored);
            }
            if writes || probes {
                self.recovered();
            }
            return Duration::ZERO;
        }
        let text: Cow<'static, str> = match outgrown {
            Some(most) => Limit::DatabaseBytes.refusal(most).0,
            None if is_full => FULL.into(),
            None => BROKEN.into(),
        };
        let told = self.complaints.turn(); // a full disk is met as often as somebody likes
        {
            let before = &mut self.lock().trouble;
            let was_logged = before.as_ref().is_some_and(|before| before.is_logged);
            let is_logged = was_logged || told.is_some();
            *before = Some(Trouble { text: text.clone(), is_logged });
        }
        if outgrown.is_some() {
            self.metrics().refused.count(Limit::DatabaseBytes);
        }
        self.recorder.metrics().commit_failed();
        if let Some((error, left_out)) = error.zip(told) {
            tracing::error!(%error, left_out, "the database cannot be written");
        }
        match disk.load() {
            Ok(stored) if is_full => self.undo(lost, Blame::TheFirst, &text, Some(stored)),
            Ok(stored) if stale => self.undo(lost, Blame::Nobody, BROKEN, Some(stored)),
            Ok(stored) => self.undo(lost, Blame::Everybody, BROKEN, Some(stored)),
            Err(error) => {
                if told.is_some() {
                    tracing::error!(%error, "the database cannot be read either");
                }
                self.undo(lost, Blame::Everybody, BROKEN, None);
            }
        }
        // What is too big for the disk may come again and again; others have half of the time.
        if is_full { begun.elapsed() } else { RECOVERY }
    }

    /// Goes back to what the database holds, if that is known; else nothing is written before it
    /// is. Whose turn was lost is disconnected, for what its session believes is no longer so; a
    /// client that connects again says again what it has no answer to. Who is to blame is told,
    /// and with what.
    fn undo(&self, lost: Vec<Portion>, blame: Blame, text: &str, stored: Option<Snapshot>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.ready = false;
        let after = std::mem::take(&mut state.batch).portions;
        let now = state.time(&self.clock);
        let mut clients = BTreeSet::new();
        let blamed = match blame {
            Blame::Nobody => 0,
            Blame::TheFirst => 1,
            Blame::Everybody => lost.len(),
        };
        for (number, portion) in lost.into_iter().chain(after).enumerate() {
            for (outbox, answer) in &portion.answers {
                outbox.unhold(weight(answer));
            }
            let Some((outbox, answer)) = portion.answers.first() else { continue };
            if clients.insert(answer.to) {
                let request = (number < blamed).then(|| portion.request()).flatten();
                let error = request.map(|request| refusal(text, &request, now));
                wake(outbox.close(CloseCode::TryAgainLater, text, error.as_deref()));
            }
        }
        tracing::debug!(clients = clients.len(), "disconnected those whose changes are lost");
        state.stale = stored.is_none();
        if let Some(stored) = stored {
            state.exchange.restore(stored, |id| !clients.contains(&id), now);
        }
    }

    /// Counts what has ended, and then lets the answers out.
    fn let_out(&self, stored: Vec<Portion>) {
        let (mut answers, mut endings) = (Vec::new(), Vec::new());
        for mut portion in stored {
            answers.append(&mut portion.answers);
            endings.append(&mut portion.endings);
        }
        self.note(endings);
        self.lock().stored.append(&mut answers);
    }

    /// The database takes what is written.
    fn recovered(&self) {
        if self.lock().trouble.take().is_some_and(|trouble| trouble.is_logged) {
            tracing::info!("the database is written again");
        }
    }

    fn next_batch(&self) -> Option<Batch> {
        let waits = |state: &mut State| {
            self.beat();
            !state.ready && !state.stopping
        };
        let state = self.lock();
        let patience = if state.trouble.is_some() { PROBE } else { Duration::MAX };
        let waited = self.work.wait_timeout_while(state, patience, waits);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Some(Batch { probes: true, ..Batch::default() });
        }
        let batch = std::mem::take(&mut state.batch);
        (std::mem::take(&mut state.ready) || !batch.is_empty()).then_some(batch)
    }

    fn rest(&self, pause: Duration) {
        if !pause.is_zero() {
            let rests = |state: &mut State| {
                self.beat();
                !state.stopping
            };
            let waited = self.work.wait_timeout_while(self.lock(), pause, rests);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Tells whoever wants to know that the writer does not hang.
    fn beat(&self) {
        self.beats.send_modify(|_| {});
    }
}

/// Whether there is no room, be it for the log or for the index of it.
fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull || error.extended_code == ffi::SQLITE_IOERR_SHMSIZE
    })
}

/// What cannot be wiped now is, the next time.
fn wipe(disk: &mut impl Disk) {
    match disk.wipe() {
        Ok(true) => {}
        Ok(false) => {
            tracing::debug!("what was deleted is wiped later: somebody reads the database");
        }
        Err(error) => tracing::warn!(%error, "what was deleted from the database is not wiped yet"),
    }
}

/// Tells everybody, whichever way the writer ends.
struct End<'a>(&'a Engine);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.stop();
        self.0.beats.send_replace(true);
        self.0.ended.notify_one();
    }
}

fn refusal(error: &str, request: &Value, now: f64) -> String {
    let orig = to_raw_value(request).ok();
    Reply::Error { error, orig: orig.as_deref() }.encode(now)
}

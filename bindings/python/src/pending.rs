//! What has been asked for, and is not there yet.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pyo3::{IntoPyObjectExt, prelude::*};
use tokio::sync::oneshot;

use crate::{
    failure::Failure,
    process::{Process, SLICE, lock, process},
};

/// Makes the Python object of a value.
type Make = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// What a task tells on the way, or asks.
enum Note {
    Progress { moved: u64, total: u64 },
    Question(Question),
}

/// The side that asks. Dropping it cancels what is not settled: nobody would hear of it.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Pending {
    shared: Arc<Shared>,
}

/// The side that answers. One that is dropped has stopped.
pub(crate) struct Promise {
    shared: Arc<Shared>,
}

/// A verifier that somebody at this end compares with the other end's.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Question {
    verifier: String,
    answer: Mutex<Option<oneshot::Sender<bool>>>,
}

struct Shared {
    process: Arc<Process>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    notes: VecDeque<Note>,
    outcome: Option<Result<Make, Failure>>,
    is_settled: bool,
    /// Whether it goes on though nobody waits for it.
    is_left: bool,
    listener: Option<Arc<Py<PyAny>>>,
    on_cancel: Option<Box<dyn FnOnce() + Send>>,
}

/// A promise, and what it is awaited by.
pub(crate) fn promise() -> Result<(Promise, Pending), Failure> {
    let shared = Shared { process: process()?, state: Mutex::default(), changed: Condvar::new() };
    let shared = Arc::new(shared);
    Ok((Promise { shared: Arc::clone(&shared) }, Pending { shared }))
}

impl Promise {
    /// Gives the value. Where nobody wants it any more, it is dropped.
    pub(crate) fn fulfil(
        self,
        make: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        self.shared.settle(Ok(Box::new(make)));
    }

    /// Gives a value that is nothing special in Python.
    pub(crate) fn give<T>(self, value: T)
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
    {
        self.fulfil(move |py| value.into_py_any(py));
    }

    pub(crate) fn fail(self, failure: impl Into<Failure>) {
        self.shared.settle(Err(failure.into()));
    }

    /// Gives the value, or tells why there is none.
    pub(crate) fn settle<T>(self, value: Result<T, impl Into<Failure>>)
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
    {
        match value {
            Ok(value) => self.give(value),
            Err(failure) => self.fail(failure),
        }
    }

    /// Whether anybody still waits for it.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.shared.state().is_settled
    }

    /// Tells how far it has come. Only the last of these is kept until it is looked at.
    pub(crate) fn progress(&self, moved: u64, total: u64) {
        self.shared.note(Note::Progress { moved, total });
    }

    /// What is to be asked here is asked by this.
    pub(crate) fn asker(&self) -> Asker {
        Asker { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.shared.settle(Err(Failure::stopped("this was ended before it was done; start again")));
    }
}

/// Asks whoever waits.
pub(crate) struct Asker {
    shared: Arc<Shared>,
}

impl Asker {
    /// Whether the verifier is the other side's, too. Without an answer it is not.
    pub(crate) async fn confirms(&self, verifier: String) -> bool {
        let (answer, answered) = oneshot::channel();
        let question = Question { verifier, answer: Mutex::new(Some(answer)) };
        self.shared.note(Note::Question(question));
        answered.await.unwrap_or(false)
    }
}

#[pymethods]
impl Pending {
    /// Blocks until there is news, with the interpreter's lock released: a note, or, then `True`, the outcome.
    fn wait(&self, py: Python<'_>) -> PyResult<bool> {
        loop {
            self.shared.process.check()?;
            if let Some(is_done) = py.detach(|| self.shared.news_within(SLICE)) {
                return Ok(is_done);
            }
            py.check_signals()?;
        }
    }

    /// Has this called, without arguments, whenever there is news, and now if there is some already. It is called on
    /// a thread of its own, and must not block.
    fn on_news(&self, listener: Py<PyAny>) {
        let mut state = self.shared.state();
        let before = state.listener.replace(Arc::new(listener));
        if state.has_news().is_some() {
            self.shared.news(state);
        } else {
            drop(state);
        }
        drop(before);
    }

    /// The next note: how far it has come, as `(moved, total)` bytes, or a `Question`.
    fn note(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let note = self.shared.state().notes.pop_front();
        note.map(|note| match note {
            Note::Progress { moved, total } => (moved, total).into_py_any(py),
            Note::Question(question) => question.into_py_any(py),
        })
        .transpose()
    }

    /// Whether there is an outcome.
    #[getter]
    fn done(&self) -> bool {
        self.shared.state().is_settled
    }

    /// The value, once; or the exception is raised.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let outcome = self.shared.state().outcome.take();
        match outcome {
            Some(Ok(make)) => make(py),
            Some(Err(failure)) => Err(failure.into()),
            None => Err(Failure::usage("there is no outcome, or it has been taken").into()),
        }
    }

    /// Ends what was asked for, unless it is done. What comes of it afterwards is not lost where it need not be.
    fn cancel(&self) {
        self.shared.cancel(Failure::stopped(CANCELLED));
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let goes_on = {
            let state = self.shared.state();
            state.is_settled || state.is_left
        };
        if !goes_on {
            self.shared.cancel(Failure::stopped(CANCELLED));
        }
    }
}

const CANCELLED: &str = "this was cancelled on this side; start again with a new code";

impl Pending {
    /// Lets it come about without anybody waiting for it.
    pub(crate) fn leave(self) {
        self.shared.state().is_left = true;
    }

    /// What is to be done when this is cancelled before it is settled.
    pub(crate) fn on_cancel(&self, end: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.state();
        if !state.is_settled {
            state.on_cancel = Some(Box::new(end));
        }
    }
}

#[pymethods]
impl Question {
    /// 64 hex digits.
    #[getter]
    fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Answers it. Without an answer it is refused.
    fn answer(&self, is_same: bool) {
        if let Some(answer) = lock(&self.answer).take() {
            let _ = answer.send(is_same);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn note(&self, note: Note) {
        let mut state = self.state();
        if matches!(
            (&note, state.notes.back()),
            (Note::Progress { .. }, Some(Note::Progress { .. }))
        ) {
            state.notes.pop_back();
        }
        state.notes.push_back(note);
        self.news(state);
    }

    fn settle(&self, outcome: Result<Make, Failure>) {
        let mut state = self.state();
        if !state.is_settled {
            state.is_settled = true;
            state.on_cancel = None;
            state.outcome = Some(outcome);
            self.news(state);
            // There is no more news, and whoever listens may be waiting within what holds us.
            let listener = self.state().listener.take();
            drop(listener);
        }
    }

    /// Its outcome is that it was cancelled, unless somebody has taken another.
    fn cancel(&self, failure: Failure) {
        let mut state = self.state();
        let on_cancel = state.on_cancel.take();
        state.notes.clear();
        let left = state.outcome.take();
        state.is_settled = true;
        state.outcome = Some(Err(failure));
        self.news(state);
        let listener = self.state().listener.take();
        drop(listener);
        drop(left); // it may go back to where it came from
        if let Some(end) = on_cancel {
            end();
        }
    }

    fn news(&self, state: MutexGuard<'_, State>) {
        let listener = state.listener.clone();
        drop(state);
        self.changed.notify_all();
        if let Some(listener) = listener {
            self.process.wake(Box::new(move |py| listener.call0(py).map(drop)));
        }
    }

    /// Whether there is an outcome, once there is anything.
    fn news_within(&self, limit: Duration) -> Option<bool> {
        let state = self.state();
        let waited =
            self.changed.wait_timeout_while(state, limit, |state| state.has_news().is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.has_news()
    }
}

impl State {
    fn has_news(&self) -> Option<bool> {
        match (self.notes.is_empty(), self.is_settled) {
            (false, _) => Some(false),
            (true, true) => Some(true),
            (true, false) => None,
        }
    }
}

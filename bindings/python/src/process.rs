//! What a process has once: a runtime that drives all exchanges, a thread that calls Python, and an orderly end.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use pyo3::prelude::*;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc as signals, watch},
    task::AbortHandle,
    time::timeout,
};
use wormhole_sync::{DROP_LIMIT, farewells};

use crate::failure::Failure;

/// A call of something in Python, to be made on a thread that may wait for the interpreter's lock.
type Call = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

pub(crate) struct Process {
    id: u32,
    handle: Handle,
    /// Until it is ended.
    runtime: Mutex<Option<Runtime>>,
    calls: Mutex<mpsc::Sender<Call>>,
    ending: watch::Sender<bool>,
    /// Each task holds one of these, so that the receiver tells when none is left.
    alive: Mutex<Option<signals::Sender<()>>>,
    all_gone: Mutex<signals::Receiver<()>>,
}

static PROCESS: Mutex<Option<Arc<Process>>> = Mutex::new(None);

/// This process, which is made with its first exchange. Threads do not survive a fork: a child makes its own, and
/// leaves its parent's to the parent.
pub(crate) fn process() -> Result<Arc<Process>, Failure> {
    let mut known = lock(&PROCESS);
    if let Some(process) = &*known {
        if process.is_this() {
            return Ok(Arc::clone(process));
        }
        mem::forget(known.take());
    }
    let process = Process::start().map_err(|error| {
        Failure::stopped(format!("no runtime can be started: {error}; free some resources"))
    })?;
    Ok(Arc::clone(known.insert(Arc::new(process))))
}

/// Ends what goes on, and says goodbye to the server, within a few seconds. For the end of the process.
#[pyfunction]
pub(crate) fn farewell(py: Python<'_>) {
    py.detach(|| {
        let process = lock(&PROCESS).take();
        match process {
            Some(process) if process.is_this() => process.end(),
            parents => mem::forget(parents),
        }
    });
}

impl Process {
    fn start() -> std::io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("wormhole-sync").enable_all().build()?;
        let (calls, made) = mpsc::channel();
        thread::Builder::new().name("wormhole-sync-calls".to_owned()).spawn(move || call(&made))?;
        let (alive, all_gone) = signals::channel(1);
        Ok(Self {
            id: std::process::id(),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            calls: Mutex::new(calls),
            ending: watch::Sender::new(false),
            alive: Mutex::new(Some(alive)),
            all_gone: Mutex::new(all_gone),
        })
    }

    /// Whether this is still the process, and not a forked child of it.
    pub(crate) fn is_this(&self) -> bool {
        self.id == std::process::id()
    }

    /// Drives this until it ends, is aborted, or the process ends. However it goes, what it holds is dropped on a
    /// thread of the runtime.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let alive = lock(&self.alive).clone();
        let mut ending = self.ending.subscribe();
        let task = async move {
            let _alive = alive;
            tokio::select! {
                _ = ending.wait_for(|ending| *ending) => {}
                () = task => {}
            }
        };
        self.handle.spawn(task).abort_handle()
    }

    /// Has this called on a thread for that, in the order of these calls.
    pub(crate) fn call(&self, call: Call) {
        // Once the process ends, nobody is there to be called.
        let _ = lock(&self.calls).send(call);
    }

    fn end(&self) {
        let _ = self.ending.send(true);
        drop(lock(&self.alive).take());
        let mut all_gone = lock(&self.all_gone);
        let Some(runtime) = lock(&self.runtime).take() else { return };
        let all = async {
            all_gone.recv().await;
            farewells(DROP_LIMIT).await
        };
        let _in_time = runtime.block_on(async { timeout(DROP_LIMIT, all).await });
        // A name that is still being resolved must not hold up the end.
        runtime.shutdown_background();
    }
}

fn call(calls: &mpsc::Receiver<Call>) {
    for call in calls {
        let called = Python::try_attach(|py| {
            if let Err(error) = call(py) {
                error.write_unraisable(py, None);
            }
        });
        if called.is_none() {
            return; // the interpreter has ended
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What a process has once: a runtime that drives all exchanges, a thread that calls Python, and an orderly end.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
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

/// What a process has once.
pub(crate) struct Process {
    id: u32,
    handle: Handle,
    /// Until it is ended.
    runtime: Mutex<Option<Runtime>>,
    /// Until it is ended.
    calls: Mutex<Option<mpsc::Sender<Call>>>,
    /// Closed once nothing is called any more.
    called: Mutex<mpsc::Receiver<()>>,
    ending: watch::Sender<bool>,
    /// Each task holds one of these, so that the receiver tells when none is left.
    alive: Mutex<Option<signals::Sender<()>>>,
    all_gone: Mutex<signals::Receiver<()>>,
}

/// What is driven, and in which process.
#[derive(Clone)]
pub(crate) struct Task {
    process: Arc<Process>,
    abort: AbortHandle,
}

static PROCESS: Mutex<Option<Arc<Process>>> = Mutex::new(None);

/// The interpreter ends: a thread that called Python now would bring the process down.
static IS_OVER: AtomicBool = AtomicBool::new(false);

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
    if IS_OVER.load(Ordering::Relaxed) {
        return Err(Failure::stopped("the interpreter ends; begin nothing any more"));
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
        let process = {
            let mut known = lock(&PROCESS);
            IS_OVER.store(true, Ordering::Relaxed);
            known.take()
        };
        match process {
            Some(process) if process.is_this() => process.end(),
            parents => mem::forget(parents),
        }
    });
}

impl Process {
    fn start() -> std::io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime =
            runtime.worker_threads(1).thread_name("wormhole-sync").enable_all().build()?;
        let (calls, to_make) = mpsc::channel();
        let (end, called) = mpsc::channel();
        thread::Builder::new().name("wormhole-sync-calls".to_owned()).spawn(move || {
            call(&to_make);
            drop(end);
        })?;
        let (alive, all_gone) = signals::channel(1);
        Ok(Self {
            id: std::process::id(),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            calls: Mutex::new(Some(calls)),
            called: Mutex::new(called),
            ending: watch::Sender::new(false),
            alive: Mutex::new(Some(alive)),
            all_gone: Mutex::new(all_gone),
        })
    }

    /// Nothing of the parent's can be used in a forked child: the threads are not there.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_this() {
            return Ok(());
        }
        Err(Failure::usage(
            "an exchange belongs to the process that began it, and this one is a fork of that; begin another here",
        ))
    }

    fn is_this(&self) -> bool {
        self.id == std::process::id()
    }

    /// Drives this until it ends, is aborted, or the process ends. However it goes, what it holds is dropped on a
    /// thread of the runtime.
    pub(crate) fn spawn(self: Arc<Self>, task: impl Future<Output = ()> + Send + 'static) -> Task {
        let alive = lock(&self.alive).clone();
        let mut ending = self.ending.subscribe();
        let task = async move {
            let _alive = alive;
            tokio::select! {
                _ = ending.wait_for(|ending| *ending) => {}
                () = task => {}
            }
        };
        let abort = self.handle.spawn(task).abort_handle();
        Task { process: self, abort }
    }

    /// Has this called on a thread for that, in the order of these calls.
    pub(crate) fn call(&self, call: Call) {
        // Once the process ends, nobody is there to be called.
        if let Some(calls) = &*lock(&self.calls) {
            let _ = calls.send(call);
        }
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
        drop(lock(&self.calls).take());
        let _ended = lock(&self.called).recv_timeout(DROP_LIMIT);
    }
}

impl Task {
    /// Ends it, wherever it waits.
    pub(crate) fn abort(&self) {
        self.abort.abort();
    }

    /// Whether it can be asked anything from here.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.process.check()
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

//! What a process has once: a runtime that drives all exchanges, threads that call Python, and an orderly end.

mod calls;

use std::{
    io, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use pyo3::prelude::*;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc as signals, watch},
    task::AbortHandle,
    time::timeout,
};
use wormhole_sync::{DROP_LIMIT, farewells};

pub(crate) use self::calls::Call;
use self::calls::Calls;
use crate::failure::Failure;

/// How long a wait goes on before it looks for signals, such as Ctrl-C: no wait of the system's own ends with a
/// signal on every platform.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// What a process has once.
pub(crate) struct Process {
    id: u32,
    handle: Handle,
    /// Until it is ended.
    runtime: Mutex<Option<Runtime>>,
    /// Tells those who wait that there is news. None of these calls blocks.
    wakes: Calls,
    /// Tells applications what happens. These calls are the applications' own, and may block.
    tells: Calls,
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
        Failure::trouble(format!("no threads can be started: {error}; free some resources"))
    })?;
    Ok(Arc::clone(known.insert(Arc::new(process))))
}

/// Ends what goes on, and says goodbye to the server, within a few seconds; and waits until no callback of the
/// application runs any more. For the end of the process. Ctrl-C ends the wait.
#[pyfunction]
pub(crate) fn farewell(py: Python<'_>) {
    let process = {
        let mut known = lock(&PROCESS);
        IS_OVER.store(true, Ordering::Relaxed);
        known.take()
    };
    match process {
        Some(process) if process.is_this() => {
            let mut ending = process.end();
            while !py.detach(|| ending.goes_on(&process)) && py.check_signals().is_ok() {}
        }
        parents => mem::forget(parents),
    }
}

impl Process {
    fn start() -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime =
            runtime.worker_threads(1).thread_name("wormhole-sync").enable_all().build()?;
        let (alive, all_gone) = signals::channel(1);
        Ok(Self {
            id: std::process::id(),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            wakes: Calls::start("wormhole-sync-wakes")?,
            tells: Calls::start("wormhole-sync-tells")?,
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

    /// Has this called soon, which must not block.
    pub(crate) fn wake(&self, call: Call) {
        self.wakes.make(call);
    }

    /// Has this called in the order of these calls, on a thread that may wait for it.
    pub(crate) fn tell(&self, call: Call) {
        self.tells.make(call);
    }

    fn end(&self) -> Ending {
        let _ = self.ending.send(true);
        drop(lock(&self.alive).take());
        Ending { goodbyes_until: Some(Instant::now() + DROP_LIMIT) }
    }
}

/// What is left to be waited for at the end of a process.
struct Ending {
    goodbyes_until: Option<Instant>,
}

impl Ending {
    /// Waits a little; whether everything has ended.
    fn goes_on(&mut self, process: &Process) -> bool {
        let Some(until) = self.goodbyes_until else {
            return process.wakes.have_ended(SLICE) && process.tells.have_ended(SLICE);
        };
        if said_goodbye(process) || Instant::now() > until {
            // A name that is still being resolved must not hold up the end.
            if let Some(runtime) = lock(&process.runtime).take() {
                runtime.shutdown_background();
            }
            process.wakes.end();
            process.tells.end();
            self.goodbyes_until = None;
        }
        false
    }
}

/// Whether no task is left and each has said goodbye to its server, within a slice of time.
fn said_goodbye(process: &Process) -> bool {
    let mut all_gone = lock(&process.all_gone);
    process.handle.block_on(async {
        let gone = timeout(SLICE, async { while all_gone.recv().await.is_some() {} }).await.is_ok();
        gone && farewells(SLICE).await
    })
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A thread for each value, which drives it whether or not a method runs.
//!
//! The thread owns the runtime; a method polls its future on the caller's own thread, inside that
//! runtime, and parks in between. So nothing here is told apart by whether the caller is itself on
//! some runtime: tokio's own `block_on` panics there.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
    task::unconstrained,
};

use crate::{DROP_LIMIT, Error, driver::farewells, error::Cause};

/// How much longer than its goodbyes a thread may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// A value and the thread that drives it. The fields are dropped in their order: the value first,
/// whose goodbye the thread then sees through.
pub(super) struct On<T> {
    pub(super) value: T,
    driving: Driving,
}

/// A thread that drives a runtime until it is dropped, and then until the goodbyes on it are over.
pub(super) struct Driving {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl<T> On<T> {
    pub(super) fn begin<F>(future: F) -> Result<Self, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let driving = Driving::begin().map_err(|error| Cause::Runtime(error.to_string()))?;
        let value = driving.block_on(future)?;
        Ok(Self { value, driving })
    }

    pub(super) fn next<U, F>(self, step: impl FnOnce(T) -> F) -> Result<On<U>, Error>
    where
        F: Future<Output = Result<U, Error>>,
    {
        let value = self.driving.block_on(step(self.value))?;
        Ok(On { value, driving: self.driving })
    }

    /// The value and what drives it, to be put together again as something else.
    pub(super) fn apart(self) -> (T, Driving) {
        (self.value, self.driving)
    }

    pub(super) const fn together(value: T, driving: Driving) -> Self {
        Self { value, driving }
    }

    pub(super) fn end<U, F>(self, step: impl FnOnce(T) -> F) -> Result<U, Error>
    where
        F: Future<Output = Result<U, Error>>,
    {
        self.driving.block_on(step(self.value))
    }

    pub(super) fn run<U>(
        &self,
        step: impl AsyncFnOnce(&T) -> Result<U, Error>,
    ) -> Result<U, Error> {
        self.driving.block_on(step(&self.value))
    }

    pub(super) fn run_mut<U>(
        &mut self,
        step: impl AsyncFnOnce(&mut T) -> Result<U, Error>,
    ) -> Result<U, Error> {
        self.driving.block_on(step(&mut self.value))
    }
}

impl Driving {
    fn begin() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        thread::Builder::new().name("wormhole-sync".to_owned()).spawn(move || {
            drive(runtime, stopped);
            drop(end);
        })?;
        Ok(Self { runtime: handle, stop: Some(stop), ended })
    }

    /// Waits for a future on this thread.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _inside = self.runtime.enter();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        // A caller's own task, which this thread may be in, has a budget that nobody refills now.
        let mut future = pin!(unconstrained(future));
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The end of the thread, unless this is a forked child, which has none.
        let _ = self.ended.recv_timeout(DROP_LIMIT + GRACE);
    }
}

fn drive(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        let _ = stopped.await;
        farewells(DROP_LIMIT).await
    });
    // A name that is still being resolved must not hold up the caller.
    runtime.shutdown_background();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

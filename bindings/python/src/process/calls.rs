//! A thread that calls Python.

use std::{io, sync::Mutex, sync::mpsc, thread, time::Duration};

use pyo3::prelude::*;

use super::lock;

/// A call of something in Python, to be made on a thread that may wait for the interpreter's lock.
pub(crate) type Call = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// Makes calls, one after the other.
pub(super) struct Calls {
    /// Until they are ended.
    to_make: Mutex<Option<mpsc::Sender<Call>>>,
    /// Closed once the last of them has returned.
    made: Mutex<mpsc::Receiver<()>>,
}

impl Calls {
    pub(super) fn start(name: &str) -> io::Result<Self> {
        let (to_make, calls) = mpsc::channel();
        let (end, made) = mpsc::channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            make(&calls);
            drop(end);
        })?;
        Ok(Self { to_make: Mutex::new(Some(to_make)), made: Mutex::new(made) })
    }

    /// Has this made soon. Once they are ended, nobody is there to be called.
    pub(super) fn make(&self, call: Call) {
        if let Some(to_make) = &*lock(&self.to_make) {
            let _ = to_make.send(call);
        }
    }

    /// Takes no more.
    pub(super) fn end(&self) {
        drop(lock(&self.to_make).take());
    }

    /// Whether the last one has returned, within this time.
    pub(super) fn have_ended(&self, limit: Duration) -> bool {
        lock(&self.made).recv_timeout(limit) != Err(mpsc::RecvTimeoutError::Timeout)
    }
}

fn make(calls: &mpsc::Receiver<Call>) {
    for call in calls {
        let made = Python::try_attach(|py| {
            if let Err(error) = call(py) {
                error.write_unraisable(py, None);
            }
        });
        if made.is_none() {
            return; // the interpreter has ended
        }
    }
}

//! One blob each way.

use std::sync::{Arc, Mutex};

use pyo3::{prelude::*, types::PyDict};
use tokio::sync::oneshot;
use wormhole_sync::{Code, Options, transcribe::Initiator};

use crate::{
    failure::Failure,
    pending::{Asker, Pending, Promise, promise},
    process::{Task, lock, process},
    settings::{self, Settings},
    status::watched,
};

/// The exchange of either side. On the wire a receiver is an initiator who has the code from somewhere else.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Exchange(Mutex<State>);

enum State {
    New(Box<New>),
    Started { finish: oneshot::Sender<Finish>, task: Task },
    Finishing(Task),
    Cancelled,
}

struct New {
    app_id: String,
    blob: Vec<u8>,
    code: Option<Code>,
    options: Options,
}

struct Finish {
    promise: Promise,
    asker: Option<Asker>,
}

#[pymethods]
impl Exchange {
    #[new]
    #[pyo3(signature = (app_id, code, blob, settings, /))]
    fn new(
        app_id: String,
        code: Option<&str>,
        blob: Vec<u8>,
        settings: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let settings = Settings::new(settings)?;
        if code.is_some() {
            settings.of_a_known_code()?;
        }
        let options = settings.options()?;
        settings.end()?;
        let code = code.map(settings::code).transpose()?;
        let new = New { app_id, blob, code, options };
        Ok(Self(Mutex::new(State::New(Box::new(new)))))
    }

    /// Connects, and gets the code.
    fn start(&self, watch: Option<Py<PyAny>>) -> Result<Pending, Failure> {
        let (code, pending) = promise()?;
        let task = self.begin(Some(code), watch)?;
        pending.on_cancel(move || task.abort());
        Ok(pending)
    }

    /// Waits for the other side, and gets its blob. `asks` is whether the verifier is asked for first.
    fn finish(&self, asks: bool) -> Result<Pending, Failure> {
        let (promise, pending) = promise()?;
        let asker = asks.then(|| promise.asker());
        let mut state = lock(&self.0);
        let (finish, task) = match std::mem::replace(&mut *state, State::Cancelled) {
            State::Started { finish, task } => (finish, task),
            other => {
                let failure = other.refusal();
                *state = other;
                return Err(failure);
            }
        };
        task.check()?;
        // If it has been aborted meanwhile, the promise says so as it is dropped.
        let _ = finish.send(Finish { promise, asker });
        *state = State::Finishing(task.clone());
        pending.on_cancel(move || task.abort());
        Ok(pending)
    }

    /// Both in one: for whoever has the code.
    fn exchange(&self, watch: Option<Py<PyAny>>, asks: bool) -> Result<Pending, Failure> {
        self.begin(None, watch)?;
        self.finish(asks)
    }

    /// Leaves, and lets go of the server in the background.
    fn cancel(&self) {
        let state = std::mem::replace(&mut *lock(&self.0), State::Cancelled);
        if let State::Started { task, .. } | State::Finishing(task) = state {
            task.abort();
        }
    }
}

impl Exchange {
    fn begin(&self, code: Option<Promise>, watch: Option<Py<PyAny>>) -> Result<Task, Failure> {
        let mut state = lock(&self.0);
        let new = match std::mem::replace(&mut *state, State::Cancelled) {
            State::New(new) => new,
            State::Cancelled => return Err(State::Cancelled.refusal()),
            other => {
                *state = other;
                return Err(Failure::usage("this has been started before; make another"));
            }
        };
        let New { app_id, blob, code: known, options } = *new;
        let mut initiator = Initiator::new(app_id, blob).options(watched(options, watch)?);
        if let Some(known) = known {
            initiator = initiator.code(known.as_str());
        }
        let (finish, finishing) = oneshot::channel();
        let task = process()?.spawn(run(initiator, code, finishing));
        *state = State::Started { finish, task: task.clone() };
        Ok(task)
    }
}

impl State {
    /// Why it cannot be finished, or, once it is cancelled, why nothing can be done.
    fn refusal(&self) -> Failure {
        match self {
            Self::New(_) => Failure::usage("there is no code yet; call start() first"),
            Self::Cancelled => Failure::stopped("this was cancelled on this side; make another"),
            Self::Started { .. } | Self::Finishing(_) => {
                Failure::usage("this has been finished before; make another")
            }
        }
    }
}

async fn run(initiator: Initiator, code: Option<Promise>, finishing: oneshot::Receiver<Finish>) {
    // Who asks is known only with `finish`, but how an initiator verifies, before.
    let asker = Arc::new(Mutex::new(None::<Asker>));
    let asks = Arc::clone(&asker);
    let initiator = initiator.verify(async move |verifier| {
        let asker = lock(&asks).take();
        match asker {
            Some(asker) => asker.confirms(verifier.to_string()).await,
            None => true,
        }
    });
    let started = initiator.start().await;
    if let Some(code) = code {
        code.settle(
            started
                .as_ref()
                .map(|started| started.code().as_str().to_owned())
                .map_err(Clone::clone),
        );
    }
    // Whoever drops the exchange wants nothing more; the server is let go with what is dropped here.
    let Ok(Finish { promise, asker: who }) = finishing.await else { return };
    *lock(&asker) = who;
    match started {
        Ok(started) => match started.finish().await {
            Ok(blob) => promise.give(Blob(blob)),
            Err(error) => promise.fail(error),
        },
        Err(error) => promise.fail(error),
    }
}

/// Bytes, where a vector of them would be a list.
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl<'py> IntoPyObject<'py> for Blob {
    type Target = pyo3::types::PyBytes;
    type Output = Bound<'py, Self::Target>;
    type Error = std::convert::Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(pyo3::types::PyBytes::new(py, &self.0))
    }
}

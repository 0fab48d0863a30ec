//! The side that has something.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use pyo3::{prelude::*, types::PyDict};
use wormhole_sync::{
    Code, Options, Wormhole,
    files::{Gathering, Source},
    transfer::{self, Outgoing, Routes},
};

use super::{UnderWay, verified};
use crate::{
    failure::Failure,
    pending::{Pending, Promise, promise},
    process::{Task, lock, process},
    settings::{self, Settings},
    status::watched,
};

/// Something that is sent. It goes on by itself once the code is known.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Sending {
    plan: Mutex<Option<Plan>>,
    under_way: UnderWay,
    task: OnceLock<Task>,
    end: Mutex<Option<Pending>>,
    left_out: Arc<Mutex<Vec<LeftOut>>>,
}

/// What cannot be sent, and why.
type LeftOut = (PathBuf, String);

struct Plan {
    app_id: String,
    options: Options,
    code: Option<Code>,
    routes: Routes,
    what: What,
}

enum What {
    Text(String),
    Files { paths: Vec<PathBuf>, gathering: Gathering },
}

#[pymethods]
impl Sending {
    #[new]
    #[pyo3(signature = (app_id, text, paths, settings, /))]
    fn new(
        app_id: String,
        text: Option<String>,
        paths: Vec<PathBuf>,
        settings: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let settings = Settings::new(settings)?;
        let (what, routes) = match text {
            Some(text) => (What::Text(text), Routes::default()), // it goes by the mailbox
            None => (What::Files { paths, gathering: gathering(&settings)? }, settings.routes()?),
        };
        let code = settings.take::<String>("code")?.as_deref().map(settings::code).transpose()?;
        if code.is_some() {
            settings.of_a_known_code()?;
        }
        let options = settings.options()?;
        settings.end()?;
        let plan = Plan { app_id, options, code, routes, what };
        Ok(Self {
            plan: Mutex::new(Some(plan)),
            under_way: UnderWay::default(),
            task: OnceLock::new(),
            end: Mutex::new(None),
            left_out: Arc::default(),
        })
    }

    /// Looks at what is to be sent, connects, and gets the code.
    fn start(&self, watch: Option<Py<PyAny>>, asks: bool) -> Result<Pending, Failure> {
        let Some(mut plan) = lock(&self.plan).take() else {
            return Err(Failure::usage("this has been started before; make another"));
        };
        plan.options = watched(plan.options, watch)?;
        let ((code, coded), (end, ended)) = (promise()?, promise()?);
        let shared = (self.under_way.clone(), Arc::clone(&self.left_out));
        let task = process()?.spawn(run(plan, asks, code, end, shared));
        let (under_way, handle) = (self.under_way.clone(), task.clone());
        ended.on_cancel(move || cancel(&under_way, &handle, "cancelled"));
        *lock(&self.end) = Some(ended);
        let handle = self.task.get_or_init(|| task).clone();
        coded.on_cancel(move || handle.abort());
        Ok(coded)
    }

    /// Waits until the other side has all of it.
    fn finish(&self) -> Result<Pending, Failure> {
        self.task.get().map_or(Ok(()), Task::check)?;
        let again = "this has been finished before";
        lock(&self.end).take().ok_or_else(|| Failure::usage(again))
    }

    /// What of it is not sent, and why, once the code is known.
    #[getter]
    fn left_out(&self) -> Vec<LeftOut> {
        lock(&self.left_out).clone()
    }

    /// Ends it, and tells the other side why.
    fn cancel(&self, reason: &str) {
        if let Some(task) = self.task.get() {
            cancel(&self.under_way, task, reason);
        }
    }
}

fn gathering(settings: &Settings<'_>) -> PyResult<Gathering> {
    let mut gathering = Gathering::new();
    if let Some(name) = settings.take::<String>("name")? {
        gathering = gathering.named(name);
    }
    if settings.take("ignore_unsendable")?.unwrap_or(false) {
        gathering = gathering.ignoring_unsendable();
    }
    Ok(gathering)
}

fn cancel(under_way: &UnderWay, task: &Task, reason: &str) {
    if !under_way.cancel(reason) {
        task.abort();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Nobody would hear of its end.
        if lock(&self.end).is_some() {
            self.cancel("the sender left");
        }
    }
}

async fn run(
    plan: Plan,
    asks: bool,
    code: Promise,
    end: Promise,
    (under_way, left_out): (UnderWay, Arc<Mutex<Vec<LeftOut>>>),
) {
    let Plan { app_id, options, code: known, routes, what } = plan;
    let begun = async {
        if matches!(what, What::Files { .. }) {
            routes.check(&options).await?; // before there is a code
        }
        let outgoing = outgoing(what, &left_out).await?;
        let connected = Wormhole::connect(&app_id, options).await?;
        let coded = match known {
            Some(known) => connected.set_code(known).await?,
            None => connected.allocate().await?,
        };
        Ok::<_, Failure>((outgoing, coded))
    };
    let ((outgoing, total), coded) = match begun.await {
        Ok(begun) => begun,
        Err(failure) => {
            code.fail(failure.clone());
            return end.fail(failure);
        }
    };
    code.give(coded.code().as_str().to_owned());
    let sent = async {
        let wormhole = verified(coded.confirmed().await?, asks, &end, "sender", &under_way).await?;
        let transfer = transfer::send(wormhole, outgoing, &routes).await?;
        under_way.watch(transfer, total, &end).await?;
        Ok::<_, Failure>(())
    };
    let sent = sent.await;
    end.settle(sent);
}

async fn outgoing(what: What, left_out: &Mutex<Vec<LeftOut>>) -> Result<(Outgoing, u64), Failure> {
    let (paths, gathering) = match what {
        What::Text(text) => return Ok((Outgoing::text(text), 0)),
        What::Files { paths, gathering } => (paths, gathering),
    };
    // Looking at many files takes its time.
    let gathered = tokio::task::spawn_blocking(move || gathering.paths(&paths)).await;
    let source: Source = gathered.map_err(|_| Failure::stopped("looking at the files ended"))??;
    let unsendable = source.left_out().iter();
    *lock(left_out) = unsendable.map(|what| (what.path.clone(), what.reason.to_string())).collect();
    let size = source.size();
    Ok((Outgoing::files(source), size))
}

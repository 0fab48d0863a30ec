//! The side that gets something.

use std::{path::PathBuf, sync::Mutex};

use pyo3::{prelude::*, types::PyDict};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use wormhole_sync::{
    Code, Error, Options, Wormhole,
    files::{Destination, Exists, FilesError, FilesOffer, Receiving as Parts, delicate},
    transfer::{self, Offered, OfferedFiles, OfferedText, Routes},
};

use super::{UnderWay, verified};
use crate::{
    failure::Failure,
    pending::{Pending, Promise, promise},
    process::{Task, lock, process},
    settings::{AppId, Settings},
    status::watched,
};

/// Somebody who knows a code and waits for what is offered there.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Receiving(Mutex<Option<Plan>>);

struct Plan {
    app_id: String,
    options: Options,
    code: Option<String>,
    routes: Routes,
}

/// What the other side offers. Nothing of it has come yet, unless it is a text.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Offer {
    outline: Outline,
    answers: UnboundedSender<Answer>,
    under_way: UnderWay,
    task: Task,
}

struct Outline {
    kind: &'static str,
    name: Option<String>,
    size: u64,
    files: Option<u64>,
    text: Option<String>,
}

struct Answer {
    what: What,
    promise: Promise,
}

enum What {
    Accept { into: PathBuf, exists: Exists },
    Reject(String),
}

#[pymethods]
impl Receiving {
    #[new]
    #[pyo3(signature = (app_id, code, settings, /))]
    fn new(app_id: AppId, code: Option<String>, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings::new(settings)?;
        let (options, routes) = (settings.options()?, settings.routes()?);
        settings.end()?;
        Ok(Self(Mutex::new(Some(Plan { app_id: app_id.text()?, options, code, routes }))))
    }

    /// Waits for what is offered.
    fn offer(&self, watch: Option<Py<PyAny>>, asks: bool) -> PyResult<Pending> {
        let Some(mut plan) = lock(&self.0).take() else {
            return Err(Failure::usage("this has been waited for before; make another").into());
        };
        plan.options = watched(plan.options, watch)?;
        let (promise, pending) = promise()?;
        let (answers, answered) = mpsc::unbounded_channel();
        let (handle, handled) = tokio::sync::oneshot::channel();
        let under_way = UnderWay::default();
        let task = process()?.spawn(async move {
            let Ok(task) = handled.await else { return };
            run(plan, asks, promise, Channel { answers, answered, under_way, task }).await;
        });
        let _ = handle.send(task.clone());
        pending.on_cancel(move || task.abort());
        Ok(pending)
    }
}

#[pymethods]
impl Offer {
    /// `text`, `file` or `directory`.
    #[getter]
    fn kind(&self) -> &str {
        self.outline.kind
    }

    #[getter]
    fn name(&self) -> Option<&str> {
        self.outline.name.as_deref()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.outline.size
    }

    #[getter]
    fn files(&self) -> Option<u64> {
        self.outline.files
    }

    #[getter]
    fn text(&self) -> Option<&str> {
        self.outline.text.as_deref()
    }

    #[getter]
    fn warning(&self) -> Option<&'static str> {
        self.outline.name.as_deref().and_then(delicate)
    }

    /// Takes it. What has failed before the other side was told can be tried again.
    #[pyo3(signature = (into, exists, /))]
    fn accept(&self, into: PathBuf, exists: &str) -> PyResult<Pending> {
        let exists = match exists {
            "overwrite" => Exists::Overwrite,
            "rename" => Exists::Rename,
            _ => Exists::Refuse,
        };
        let pending = self.answer(What::Accept { into, exists })?;
        let (under_way, task) = (self.under_way.clone(), self.task.clone());
        pending.on_cancel(move || {
            if !under_way.cancel("cancelled") {
                task.abort();
            }
        });
        Ok(pending)
    }

    /// Refuses it, and tells the other side why.
    fn reject(&self, reason: String) -> PyResult<Pending> {
        self.answer(What::Reject(reason))
    }

    /// Ends it, however far it has come.
    fn cancel(&self, reason: &str) {
        if !self.under_way.cancel(reason) {
            self.task.abort();
        }
    }
}

impl Offer {
    fn answer(&self, what: What) -> PyResult<Pending> {
        self.task.check()?;
        let (promise, pending) = promise()?;
        if self.answers.send(Answer { what, promise }).is_err() {
            return Err(Failure::usage(ANSWERED).into());
        }
        Ok(pending)
    }
}

impl Outline {
    fn of(offered: &Offered) -> Self {
        match offered {
            Offered::Text(text) => {
                let text = text.text().to_owned();
                let size = text.len() as u64;
                Self { kind: "text", name: None, size, files: None, text: Some(text) }
            }
            Offered::Files(files) => match files.offer() {
                FilesOffer::File(file) => {
                    let name = Some(file.name.clone());
                    Self { kind: "file", name, size: file.size, files: None, text: None }
                }
                FilesOffer::Directory(directory) => {
                    let (name, files) = (Some(directory.name.clone()), Some(directory.files));
                    Self { kind: "directory", name, size: directory.bytes, files, text: None }
                }
            },
        }
    }
}

/// How an offer and its task know each other.
struct Channel {
    answers: UnboundedSender<Answer>,
    answered: UnboundedReceiver<Answer>,
    under_way: UnderWay,
    task: Task,
}

async fn run(plan: Plan, asks: bool, promise: Promise, channel: Channel) {
    let Plan { app_id, options, code, routes } = plan;
    let offered = async {
        let code = code.as_deref().map(Code::parse).transpose().map_err(Error::from)?;
        let connected = Wormhole::connect(&app_id, options).await?;
        let coded = match code {
            Some(code) => connected.set_code(code).await?,
            None => connected.allocate().await?,
        };
        let wormhole = verified(coded.confirmed().await?, asks, &promise, "receiver").await?;
        Ok::<_, Failure>(transfer::receive(wormhole).await?)
    };
    let offered = match offered.await {
        Ok(offered) => offered,
        Err(failure) => return promise.fail(failure),
    };
    let Channel { answers, answered, under_way, task } = channel;
    promise.give(Offer {
        outline: Outline::of(&offered),
        answers,
        under_way: under_way.clone(),
        task,
    });
    match offered {
        Offered::Text(text) => text_answered(text, answered).await,
        Offered::Files(files) => files_answered(files, answered, &routes, &under_way).await,
    }
}

async fn text_answered(text: OfferedText, mut answers: UnboundedReceiver<Answer>) {
    let answer = answers.recv().await;
    no_more(answers);
    match answer {
        Some(Answer { what: What::Accept { .. }, promise }) => {
            promise.settle(text.acknowledge().await.map(|()| None::<PathBuf>));
        }
        Some(Answer { what: What::Reject(reason), promise }) => {
            promise.settle(text.reject(&reason).await);
        }
        None => drop(text.reject(LEFT).await),
    }
}

async fn files_answered(
    files: OfferedFiles,
    mut answers: UnboundedReceiver<Answer>,
    routes: &Routes,
    under_way: &UnderWay,
) {
    loop {
        match answers.recv().await {
            Some(Answer { what: What::Accept { into, exists }, promise }) => {
                let parts = match planned(files.offer().clone(), into, exists).await {
                    Ok(parts) => parts,
                    Err(failure) => {
                        promise.fail(failure);
                        continue;
                    }
                };
                no_more(answers);
                let total = files.size();
                let moved = async {
                    let transfer = files.accept(Box::new(parts), routes).await?;
                    under_way.watch(transfer, total, &promise).await
                };
                let moved = moved.await;
                return promise.settle(moved);
            }
            Some(Answer { what: What::Reject(reason), promise }) => {
                no_more(answers);
                return promise.settle(files.reject(&reason).await);
            }
            None => return drop(files.reject(LEFT).await),
        }
    }
}

/// There is one answer. Who gives another at the same time is told so.
fn no_more(mut answers: UnboundedReceiver<Answer>) {
    answers.close();
    while let Ok(Answer { promise, .. }) = answers.try_recv() {
        promise.fail(Failure::usage(ANSWERED));
    }
}

/// Where it is to stand, of which nothing can be seen yet.
async fn planned(offer: FilesOffer, into: PathBuf, exists: Exists) -> Result<Parts, Failure> {
    let begin = move || -> Result<Parts, FilesError> {
        let destination = Destination::output(into).exists(exists);
        destination.plan(&offer)?.begin()
    };
    let begun = tokio::task::spawn_blocking(begin).await;
    Ok(begun.map_err(|_| Failure::stopped("looking for the place ended"))??)
}

/// What the other side is told when nobody is left to answer.
const LEFT: &str = "transfer rejected";

const ANSWERED: &str = "this offer has been answered; the sender can make another";

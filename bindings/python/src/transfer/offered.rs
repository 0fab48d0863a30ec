//! The side that gets something.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use pyo3::{prelude::*, types::PyDict};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use wormhole_sync::{
    Code, Options, Wormhole,
    files::{Destination, Exists, FilesError, FilesOffer, Receiving as Parts, delicate},
    transfer::{self, Offered, OfferedFiles, OfferedText, Routes},
};

use super::{UnderWay, verified};
use crate::{
    failure::Failure,
    pending::{Pending, Promise, promise},
    process::{Task, lock, process},
    settings::{self, Settings},
    status::watched,
};

/// Somebody who knows a code and waits for what is offered there.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Receiving(Mutex<Option<Plan>>);

struct Plan {
    app_id: String,
    options: Options,
    code: Code,
    routes: Routes,
}

/// What the other side offers. Nothing of it has come yet, unless it is a text.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Offer {
    outline: Outline,
    answers: UnboundedSender<Answer>,
    under_way: UnderWay,
    task: Task,
    is_cancelled: AtomicBool,
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
    /// Whether it is the one that counts.
    is_taken: Arc<AtomicBool>,
}

enum What {
    Accept { into: PathBuf, exists: Exists },
    Reject(String),
}

#[pymethods]
impl Receiving {
    #[new]
    #[pyo3(signature = (app_id, code, settings, /))]
    fn new(app_id: String, code: &str, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings::new(settings)?;
        settings.of_a_known_code()?;
        let (options, routes) = (settings.options()?, settings.routes()?);
        settings.end()?;
        Ok(Self(Mutex::new(Some(Plan { app_id, options, code: settings::code(code)?, routes }))))
    }

    /// Waits for what is offered.
    fn offer(&self, watch: Option<Py<PyAny>>, asks: bool) -> Result<Pending, Failure> {
        let Some(mut plan) = lock(&self.0).take() else {
            return Err(Failure::usage("this has been waited for before; make another"));
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
    fn accept(&self, into: PathBuf, exists: &str) -> Result<Pending, Failure> {
        let exists = match exists {
            "overwrite" => Exists::Overwrite,
            "rename" => Exists::Rename,
            _ => Exists::Refuse,
        };
        self.check_wanted()?;
        self.answer(What::Accept { into, exists })
    }

    /// Refuses it, and tells the other side why.
    fn reject(&self, reason: String) -> Result<Pending, Failure> {
        self.check_wanted()?;
        self.answer(What::Reject(reason))
    }

    /// Ends it, however far it has come.
    fn cancel(&self, reason: &str) {
        self.is_cancelled.store(true, Ordering::Release);
        if self.under_way.cancel(reason)
            || self.answer(What::Reject(reason.to_owned())).map(Pending::leave).is_ok()
        {
            return;
        }
        self.task.abort();
    }
}

impl Offer {
    fn check_wanted(&self) -> Result<(), Failure> {
        if self.is_cancelled.load(Ordering::Acquire) {
            let text = "this was cancelled on this side; the sender can make another";
            return Err(Failure::stopped(text));
        }
        Ok(())
    }

    fn answer(&self, what: What) -> Result<Pending, Failure> {
        self.task.check()?;
        let (promise, pending) = promise()?;
        let is_taken = Arc::new(AtomicBool::new(false));
        let answer = Answer { what, promise, is_taken: Arc::clone(&is_taken) };
        if self.answers.send(answer).is_err() {
            return Err(Failure::usage(ANSWERED));
        }
        let (under_way, task) = (self.under_way.clone(), self.task.clone());
        pending.on_cancel(move || {
            // Before its turn it is just not wanted any more.
            if is_taken.load(Ordering::Acquire) && !under_way.cancel("cancelled") {
                task.abort();
            }
        });
        Ok(pending)
    }
}

impl Answer {
    /// Whether somebody still wants it, now that it is its turn.
    fn counts(&self) -> bool {
        self.is_taken.store(true, Ordering::Release);
        self.promise.is_wanted()
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
        routes.check(&options).await?; // before the code's one guess is spent
        let coded = Wormhole::connect(&app_id, options).await?.set_code(code).await?;
        let wormhole = coded.confirmed().await?;
        let wormhole = verified(wormhole, asks, &promise, "receiver", &channel.under_way).await?;
        Ok::<_, Failure>(transfer::receive(wormhole).await?)
    };
    let offered = match offered.await {
        Ok(offered) => offered,
        Err(failure) => return promise.fail(failure),
    };
    let Channel { answers, answered, under_way, task } = channel;
    promise.give(Offer {
        is_cancelled: AtomicBool::new(false),
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
    let answer = next(&mut answers).await;
    no_more(answers);
    match answer {
        Some(Answer { what: What::Accept { .. }, promise, .. }) => {
            promise.settle(text.acknowledge().await.map(|()| None::<PathBuf>));
        }
        Some(Answer { what: What::Reject(reason), promise, .. }) => {
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
        match next(&mut answers).await {
            Some(Answer { what: What::Accept { into, exists }, promise, .. }) => {
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
            Some(Answer { what: What::Reject(reason), promise, .. }) => {
                no_more(answers);
                return promise.settle(files.reject(&reason).await);
            }
            None => return drop(files.reject(LEFT).await),
        }
    }
}

/// The next answer that anybody still wants.
async fn next(answers: &mut UnboundedReceiver<Answer>) -> Option<Answer> {
    loop {
        let answer = answers.recv().await?;
        if answer.counts() {
            return Some(answer);
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

//! Any number of messages, in order.
//!
//! ```text
//!  commands ─▶ connecting ─▶ Connected ─code─▶ Coded ─the other side─▶ open ─▶ closed
//!                    └───────────┴───────────────┴──────────────────────┴────▶ failed: every command says why
//! ```

mod inbox;

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex},
};

use pyo3::{prelude::*, types::PyDict};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use wormhole_sync::{
    Code, Coded, Connected, DROP_LIMIT, Error, Options, Wormhole as Open, farewells,
};

use self::inbox::Inbox;
use crate::{
    exchange::Blob,
    failure::Failure,
    pending::{Pending, Promise, promise},
    process::{Task, lock, process},
    settings::{self, Settings},
    status::watched,
};

/// A wormhole in any of its states. What is asked of it in another one than it is in, fails or waits for that one.
#[pyclass(frozen, module = "wormhole_sync._native")]
pub(crate) struct Wormhole {
    state: Mutex<State>,
    facts: Arc<Mutex<Facts>>,
}

enum State {
    New { app_id: String, options: Options },
    Running { commands: UnboundedSender<Command>, task: Task },
    Ended,
}

/// What is known of it.
#[derive(Clone, Default)]
struct Facts {
    code: Option<String>,
    welcome: Option<String>,
    verifier: Option<String>,
    peer_versions: Option<String>,
}

struct Command {
    what: What,
    promise: Promise,
}

enum What {
    Connect,
    Nameplates,
    Allocate,
    SetCode(Code),
    Confirm,
    Send(Vec<u8>),
    Receive,
    Derive { purpose: String, length: usize },
    Close,
}

#[pymethods]
impl Wormhole {
    #[new]
    #[pyo3(signature = (app_id, settings, /))]
    fn new(app_id: String, settings: &Bound<'_, PyDict>) -> PyResult<Self> {
        let settings = Settings::new(settings)?;
        let options = settings.options()?.app_versions(settings.app_versions()?);
        settings.end()?;
        let state = State::New { app_id, options };
        Ok(Self { state: Mutex::new(state), facts: Arc::default() })
    }

    /// Connects to the server.
    fn connect(&self, watch: Option<Py<PyAny>>) -> Result<Pending, Failure> {
        let mut state = lock(&self.state);
        let State::New { app_id, options } = &*state else {
            return Err(Failure::usage("this has been connected before; make another"));
        };
        let (app_id, options) = (app_id.clone(), watched(options.clone(), watch)?);
        let (commands, commanded) = mpsc::unbounded_channel();
        let task = process()?.spawn(run(app_id, options, commanded, Arc::clone(&self.facts)));
        *state = State::Running { commands, task };
        drop(state);
        self.ask(What::Connect)
    }

    fn nameplates(&self) -> Result<Pending, Failure> {
        self.ask(What::Nameplates)
    }

    fn allocate(&self) -> Result<Pending, Failure> {
        self.ask(What::Allocate)
    }

    fn set_code(&self, code: &str) -> Result<Pending, Failure> {
        self.ask(What::SetCode(settings::code(code)?))
    }

    fn confirm(&self) -> Result<Pending, Failure> {
        self.ask(What::Confirm)
    }

    fn send(&self, message: Vec<u8>) -> Result<Pending, Failure> {
        self.ask(What::Send(message))
    }

    fn receive(&self) -> Result<Pending, Failure> {
        self.ask(What::Receive)
    }

    fn derive_key(&self, purpose: String, length: i64) -> Result<Pending, Failure> {
        // One that is out of every range is told like one that is out of this.
        let length = usize::try_from(length).unwrap_or_default();
        self.ask(What::Derive { purpose, length })
    }

    fn close(&self) -> Result<Pending, Failure> {
        let has_code = self.facts().code.is_some();
        let mut state = lock(&self.state);
        if has_code && matches!(&*state, State::Running { .. }) {
            drop(state);
            return self.ask(What::Close);
        }
        // There is nothing that anybody could be told, and it may be connecting.
        if let State::Running { task, .. } = std::mem::replace(&mut *state, State::Ended) {
            task.abort();
        }
        let (promise, pending) = promise()?;
        promise.give(());
        Ok(pending)
    }

    /// Leaves because something is wrong. The other side is told.
    fn abort(&self) {
        if let State::Running { task, .. } =
            std::mem::replace(&mut *lock(&self.state), State::Ended)
        {
            task.abort();
        }
    }

    #[getter]
    fn code(&self) -> Option<String> {
        self.facts().code
    }

    #[getter]
    fn welcome(&self) -> Option<String> {
        self.facts().welcome
    }

    #[getter]
    fn verifier(&self) -> Option<String> {
        self.facts().verifier
    }

    /// As JSON.
    #[getter]
    fn peer_versions(&self) -> Option<String> {
        self.facts().peer_versions
    }
}

impl Wormhole {
    fn facts(&self) -> Facts {
        lock(&self.facts).clone()
    }

    fn ask(&self, what: What) -> Result<Pending, Failure> {
        let (promise, pending) = promise()?;
        let is_step = what.is_step();
        let state = lock(&self.state);
        match &*state {
            State::New { .. } => return Err(Failure::usage(NOT_CONNECTED)),
            State::Ended => return Err(Failure::usage(CLOSED)),
            State::Running { commands, task } => {
                task.check()?;
                // Where the task has ended, the promise says so as it is dropped.
                let _ = commands.send(Command { what, promise });
                if is_step {
                    let task = task.clone();
                    pending.on_cancel(move || task.abort());
                }
            }
        }
        Ok(pending)
    }
}

impl Drop for Wormhole {
    fn drop(&mut self) {
        // It may be connecting, and not look at who is there.
        if let (State::Running { task, .. }, None) = (&*lock(&self.state), self.facts().code) {
            task.abort();
        }
    }
}

impl What {
    /// Whether it leads from one state to the next. Cancelling it in the middle ends the wormhole; anything else that is
    /// cancelled before its turn is left out.
    const fn is_step(&self) -> bool {
        matches!(self, Self::Connect | Self::Allocate | Self::SetCode(_) | Self::Close)
    }
}

type Commands = UnboundedReceiver<Command>;

async fn run(app_id: String, options: Options, mut commands: Commands, facts: Arc<Mutex<Facts>>) {
    let end = match Open::connect(&app_id, options).await {
        Ok(connected) => {
            lock(&facts).welcome = connected.welcome().map(str::to_owned);
            live(connected, &mut commands, &facts).await
        }
        Err(error) => Some(error.into()),
    };
    // Dropped by its owner, closed, or failed: the last answer is that to every further question.
    let Some(failure) = end else { return };
    while let Some(Command { what, promise }) = commands.recv().await {
        match what {
            What::Close => promise.give(()),
            _ => promise.fail(failure.clone()),
        }
    }
}

/// Goes through the states, and says what the end was, unless nobody is left to hear it.
async fn live(
    connected: Connected,
    commands: &mut Commands,
    facts: &Mutex<Facts>,
) -> Option<Failure> {
    let coded = match coded(connected, commands, facts).await {
        Ok(coded) => coded,
        Err(end) => return end,
    };
    let (open, waiting) = match confirmed(coded, commands).await {
        Ok(confirmed) => confirmed,
        Err(end) => return end,
    };
    {
        let mut facts = lock(facts);
        facts.verifier = Some(open.verifier().to_string());
        facts.peer_versions = serde_json::to_string(open.peer_versions()).ok();
    }
    talk(open, waiting, commands).await
}

/// Until there is a code.
async fn coded(
    mut connected: Connected,
    commands: &mut Commands,
    facts: &Mutex<Facts>,
) -> Result<Coded, Option<Failure>> {
    loop {
        let Command { what, promise } = commands.recv().await.ok_or(None)?;
        if !promise.is_wanted() {
            continue;
        }
        match what {
            What::Connect => promise.give(()),
            What::Nameplates => promise.settle(connected.nameplates().await),
            What::Allocate => return with_code(connected.allocate().await, facts, promise),
            What::SetCode(code) => {
                return with_code(connected.set_code(code).await, facts, promise);
            }
            _ => promise.fail(Failure::usage(NO_CODE)),
        }
    }
}

fn with_code(
    coded: Result<Coded, Error>,
    facts: &Mutex<Facts>,
    promise: Promise,
) -> Result<Coded, Option<Failure>> {
    match coded {
        Ok(coded) => {
            let code = coded.code().as_str().to_owned();
            lock(facts).code = Some(code.clone());
            promise.give(code);
            Ok(coded)
        }
        Err(error) => {
            promise.fail(error.clone());
            Err(Some(error.into()))
        }
    }
}

/// Until the other side has shown that it knows the code; and what was asked for meanwhile.
async fn confirmed(
    coded: Coded,
    commands: &mut Commands,
) -> Result<(Open, VecDeque<Command>), Option<Failure>> {
    let mut confirmed = Box::pin(coded.confirmed());
    let mut waiting = VecDeque::new();
    loop {
        tokio::select! {
            confirmed = &mut confirmed => match confirmed {
                Ok(open) => return Ok((open, waiting)),
                Err(error) => {
                    for Command { promise, .. } in waiting {
                        promise.fail(error.clone());
                    }
                    return Err(Some(error.into()));
                }
            },
            command = commands.recv() => {
                let Command { what, promise } = command.ok_or(None)?;
                match what {
                    What::Close => {
                        drop(confirmed);
                        let end = Failure::stopped("this was closed on this side");
                        waiting.drain(..).for_each(|command| command.promise.fail(end.clone()));
                        farewells(DROP_LIMIT).await;
                        promise.give(());
                        return Err(Some(Failure::usage(CLOSED)));
                    }
                    What::Connect | What::Nameplates | What::Allocate | What::SetCode(_) => {
                        promise.fail(Failure::usage(HAS_CODE));
                    }
                    _ => waiting.push_back(Command { what, promise }),
                }
            }
        }
    }
}

/// Until it is closed or has failed.
async fn talk(
    mut open: Open,
    mut waiting: VecDeque<Command>,
    commands: &mut Commands,
) -> Option<Failure> {
    let inbox = Arc::new(Inbox::default());
    let mut receivers = VecDeque::new();
    let mut failed: Option<Error> = None;
    loop {
        inbox.hand_out(&mut receivers);
        if let Some(error) = &failed {
            receivers.drain(..).for_each(|receiver: Promise| receiver.fail(error.clone()));
        }
        let command = if let Some(command) = waiting.pop_front() {
            Some(command)
        } else {
            tokio::select! {
                command = commands.recv() => Some(command?),
                received = open.receive(), if failed.is_none() && !receivers.is_empty() => {
                    match received {
                        Ok(message) => inbox.put(message),
                        Err(error) => failed = Some(error),
                    }
                    None
                }
                () = inbox.has_back() => None,
            }
        };
        let Some(Command { what, promise }) = command else { continue };
        if !promise.is_wanted() {
            continue;
        }
        match what {
            What::Confirm => promise.give(open.verifier().to_string()),
            What::Send(message) => promise.settle(open.send(&message).await),
            What::Receive => receivers.push_back(promise),
            What::Derive { purpose, length } => {
                let key = pin!(open.derive_key(&purpose, length)).await;
                promise.settle(key.map(|key| Blob(key.to_vec())));
            }
            What::Close => {
                match failed {
                    None => promise.settle(open.close().await),
                    Some(_) => promise.give(()), // it has ended, and who asked was told why
                }
                let end = Failure::stopped("this was closed on this side");
                receivers.drain(..).for_each(|receiver| receiver.fail(end.clone()));
                return Some(Failure::usage(CLOSED));
            }
            What::Connect | What::Nameplates | What::Allocate | What::SetCode(_) => {
                promise.fail(Failure::usage(HAS_CODE));
            }
        }
    }
}

const NOT_CONNECTED: &str = "this is not connected yet; call connect() first, or use 'with'";
const NO_CODE: &str = "there is no code yet; call allocate() or set_code() first";
const HAS_CODE: &str = "there is a code already; make another wormhole for another code";
const CLOSED: &str = "this is closed; make another";

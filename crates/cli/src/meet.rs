//! From a plan for the code to an open wormhole: the way that all commands share.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};
use wormhole_sync::{Coded, Connected, Error, Options, Status, Wormhole};

mod invitation;
mod locally;
mod typed;

use crate::{
    code::{Place, TypedCode},
    exit::{Exit, Failure, failure},
    json::Event,
    local::Host,
    settings::{Plan, Settings, Shown},
    term::{ask, narrate::Console},
};

pub(crate) use invitation::Part;

use locally::{KNOWN_CODE, NEW_CODE, Why};

/// How long the other side may take before a person is told that it is awaited.
const SLOW: Duration = Duration::from_secs(1);

/// How long a host on the local network may be gone before the exchange is given up: unlike a
/// server, it has nothing to come back for.
const HOST_GONE: Duration = Duration::from_secs(15);

/// Everything that a meeting needs to know.
pub(crate) struct Meeting<'a> {
    settings: &'a Settings,
    console: &'a Arc<Console>,
    part: Part,
    /// Whether the connection to a host on the local network is lost.
    lost: watch::Sender<bool>,
}

/// The code is set, somewhere.
struct Set {
    coded: Coded,
    host: Option<Host>,
}

impl From<Coded> for Set {
    fn from(coded: Coded) -> Self {
        Self { coded, host: None }
    }
}

impl<'a> Meeting<'a> {
    /// A meeting after which this side does its `part`.
    pub(crate) fn new(settings: &'a Settings, console: &'a Arc<Console>, part: Part) -> Self {
        Self { settings, console, part, lost: watch::Sender::new(false) }
    }

    /// Meets the other side, talks to it, and stays until both have said goodbye.
    pub(crate) async fn hold(
        &self,
        plan: Plan,
        talk: impl AsyncFnOnce(Wormhole) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        tokio::select! {
            done = self.meet_and_talk(plan, talk) => done,
            () = self.host_is_gone() => Err(Failure::new(
                Exit::Peer,
                "peer",
                "the computer that hosted the exchange is gone; start again with a new code",
            )),
        }
    }

    async fn meet_and_talk(
        &self,
        plan: Plan,
        talk: impl AsyncFnOnce(Wormhole) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Set { coded, mut host } = self.set(plan).await?;
        let talked = match self.confirmed(coded).await {
            Ok(wormhole) => {
                if let Some(host) = &mut host {
                    host.withdraw().await;
                }
                talk(wormhole).await
            }
            Err(failure) => Err(failure),
        };
        if let Some(host) = host {
            host.see_off().await;
        }
        talked
    }

    async fn set(&self, plan: Plan) -> Result<Set, Failure> {
        match plan {
            Plan::Make => self.make().await,
            Plan::Choose(code, shown) => self.choose(code, shown).await,
            Plan::Join(code) => self.join(self.questioned(code).await?).await,
            Plan::Ask => self.ask().await,
        }
    }

    async fn make(&self) -> Result<Set, Failure> {
        if self.settings.local.asked {
            return self.host_new(Why::Asked).await;
        }
        match self.connect(&self.settings.server.text).await {
            Ok(connected) => {
                let coded = connected.allocate().await.map_err(failure)?;
                self.invite(&TypedCode::new(Place::Server, coded.code().clone()), Shown::Code);
                Ok(coded.into())
            }
            Err(error) if self.goes_local(&error) => {
                self.host_new(Why::Unreachable(&self.settings.server.text, error)).await
            }
            Err(error) => Err(self.useless(error, NEW_CODE)),
        }
    }

    async fn choose(&self, code: TypedCode, shown: Shown) -> Result<Set, Failure> {
        if code.place == Place::Local {
            return self.choose_locally(code, shown, Why::Asked).await;
        }
        self.refuse_if_local_was_asked()?;
        let url = self.url(&code);
        match self.connect(url).await {
            Ok(connected) => {
                self.invite(&code, shown);
                Ok(connected.set_code(code.code).await.map_err(failure)?.into())
            }
            Err(error) if code.is_zero() && self.goes_local(&error) => {
                let local = TypedCode::new(Place::Local, code.code.clone());
                self.choose_locally(local, shown, Why::Unreachable(url, error)).await
            }
            Err(error) => Err(self.useless(error, KNOWN_CODE)),
        }
    }

    async fn join(&self, code: TypedCode) -> Result<Set, Failure> {
        if code.place == Place::Local {
            return self.find(code, Why::Asked).await;
        }
        self.refuse_if_local_was_asked()?;
        let url = self.url(&code);
        match self.connect(url).await {
            Ok(connected) => Ok(connected.set_code(code.code).await.map_err(failure)?.into()),
            Err(error) if code.is_zero() && self.goes_local(&error) => {
                let local = TypedCode::new(Place::Local, code.code.clone());
                self.find(local, Why::Unreachable(url, error)).await
            }
            Err(error) => Err(self.useless(error, KNOWN_CODE)),
        }
    }

    async fn ask(&self) -> Result<Set, Failure> {
        if self.settings.local.asked {
            return self.ask_locally(Why::Asked).await;
        }
        let url = &self.settings.server.text;
        match self.connect(url).await {
            Ok(connected) => {
                let (code, connected) = self.typed(connected).await?;
                if code.place == Place::Server && self.url(&code) == url {
                    return Ok(connected.set_code(code.code).await.map_err(failure)?.into());
                }
                connected.close().await.map_err(failure)?;
                self.join(code).await
            }
            Err(error) if self.goes_local(&error) => {
                self.ask_locally(Why::Unreachable(url, error)).await
            }
            Err(error) => Err(self.useless(error, KNOWN_CODE)),
        }
    }

    async fn connect(&self, url: &str) -> Result<Connected, Error> {
        self.connect_with(self.settings.options(url)).await
    }

    async fn connect_with(&self, options: Options) -> Result<Connected, Error> {
        let console = Arc::clone(self.console);
        let options = options.on_status(move |status| tell(&console, status));
        Wormhole::connect(&self.settings.app_id.text, options).await
    }

    /// The server for a code: the one that its URI names, unless one was named on the command line.
    fn url<'u>(&'u self, code: &'u TypedCode) -> &'u str {
        let from_uri = code.rendezvous.as_deref().filter(|_| !self.settings.server.named);
        from_uri.unwrap_or(&self.settings.server.text)
    }

    async fn confirmed(&self, coded: Coded) -> Result<Wormhole, Failure> {
        let confirmed = coded.confirmed();
        tokio::pin!(confirmed);
        if let Ok(met) = timeout(SLOW, &mut confirmed).await {
            return met.map_err(failure);
        }
        if self.part.joins() {
            self.console.tell(&Event::Note { message: "Waiting for the other side ..." });
        }
        confirmed.await.map_err(failure)
    }

    /// Asks whether the other side shows the same verifier, when that was asked for.
    pub(crate) async fn is_verified(&self, wormhole: &Wormhole) -> Result<bool, Failure> {
        if !self.settings.verify {
            return Ok(true);
        }
        let verifier = wormhole.verifier().to_string();
        let stdin_is_taken = self.settings.stdin_is_taken;
        let question = if self.console.is_json() {
            self.console.tell(&Event::Verify { verifier: &verifier });
            String::new()
        } else {
            format!("Verifier {verifier}. ok? (yes/no): ")
        };
        blocking(move || ask::yes_or_no(&question, stdin_is_taken)).await
    }
}

/// Runs what waits for a person or a stream beside the tasks that keep the connection.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::here("a part of this command failed; start again"))?
}

/// Tells of a change of status.
fn tell(console: &Console, status: &Status) {
    match status {
        Status::Connecting { url, .. } => console.tell(&Event::Connecting { url }),
        Status::Connected => console.tell(&Event::Connected),
        Status::Disconnected { retry_in, .. } => {
            console.tell(&Event::Disconnected { retry_in: retry_in.as_secs_f64() });
        }
        Status::Welcome { motd, .. } => console.tell(&Event::Welcome { motd: motd.as_deref() }),
        Status::Delayed { reason, .. } => console.tell(&Event::Delayed { reason }),
        Status::Working { bits, .. } => console.tell(&Event::Working { bits: *bits }),
        Status::WaitingForPeer => console.tell(&Event::WaitingForPeer),
        Status::KeyAgreed => console.tell(&Event::KeyAgreed),
        Status::KeyConfirmed { verifier, .. } => {
            console.tell(&Event::KeyConfirmed { verifier: &verifier.to_string() });
        }
        Status::Closed => console.tell(&Event::Closed),
        _ => {} // the code is told of by `invite`, with what to do with it
    }
}

//! From a plan for the code to an open wormhole: the way that all commands share.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use wormhole_sync::{Coded, Connected, Error, ErrorKind, Fault, Status, Wormhole};

mod invitation;
mod typed;

use crate::{
    code::{Place, TypedCode},
    exit::{Exit, Failure},
    json::Event,
    settings::{Plan, Settings, Shown},
    term::{ask, narrate::Console},
};

pub(crate) use invitation::Part;

/// How long the other side may take before a person is told that it is awaited.
const SLOW: Duration = Duration::from_secs(1);

/// Everything that a meeting needs to know.
pub(crate) struct Meeting<'a> {
    /// The settings.
    pub(crate) settings: &'a Settings,
    /// Where it is told of.
    pub(crate) console: &'a Arc<Console>,
    /// What this side does afterwards.
    pub(crate) part: Part,
}

/// Both sides are there, and know the code.
pub(crate) struct Met {
    /// The way to the other side.
    pub(crate) wormhole: Wormhole,
}

impl Met {
    /// Delivers what was sent and lets everything go.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.wormhole.close().await.map_err(failure)
    }
}

impl Meeting<'_> {
    /// Meets the other side.
    pub(crate) async fn meet(&self, plan: Plan) -> Result<Met, Failure> {
        if let Plan::Choose(TypedCode { place: Place::Local, .. }, _)
        | Plan::Join(TypedCode { place: Place::Local, .. }) = &plan
        {
            return Err(Failure::usage(
                "codes without a server come with the next commit; use a server",
            ));
        }
        let coded = match plan {
            Plan::Make => self.make().await?,
            Plan::Choose(code, shown) => self.choose(&code, shown).await?,
            Plan::Join(code) => self.join(self.questioned(code).await?).await?,
            Plan::Ask => self.ask().await?,
        };
        Ok(Met { wormhole: self.confirmed(coded).await? })
    }

    async fn make(&self) -> Result<Coded, Failure> {
        let coded = self.connect(&self.settings.url).await?.allocate().await.map_err(failure)?;
        self.invite(&TypedCode::new(Place::Server, coded.code().clone()), Shown::Code);
        Ok(coded)
    }

    async fn choose(&self, code: &TypedCode, shown: Shown) -> Result<Coded, Failure> {
        let connected = self.connect(self.url(code)).await?;
        self.invite(code, shown);
        connected.set_code(code.code.clone()).await.map_err(failure)
    }

    async fn join(&self, code: TypedCode) -> Result<Coded, Failure> {
        let connected = self.connect(self.url(&code)).await?;
        connected.set_code(code.code).await.map_err(failure)
    }

    async fn ask(&self) -> Result<Coded, Failure> {
        let connected = self.connect(&self.settings.url).await?;
        let (code, connected) = self.typed(connected).await?;
        connected.set_code(code.code).await.map_err(failure)
    }

    async fn connect(&self, url: &str) -> Result<Connected, Failure> {
        self.try_connect(url).await.map_err(failure)
    }

    async fn try_connect(&self, url: &str) -> Result<Connected, Error> {
        let console = Arc::clone(self.console);
        let options = self.settings.options(url).on_status(move |status| tell(&console, status));
        Wormhole::connect(&self.settings.app_id, options).await
    }

    /// The server for a code: the one that its URI names, unless one was named on the command line.
    fn url<'u>(&'u self, code: &'u TypedCode) -> &'u str {
        let from_uri = code.rendezvous.as_deref().filter(|_| !self.settings.url_named);
        from_uri.unwrap_or(&self.settings.url)
    }

    async fn confirmed(&self, coded: Coded) -> Result<Wormhole, Failure> {
        let confirmed = coded.confirmed();
        tokio::pin!(confirmed);
        tokio::select! {
            biased;
            met = &mut confirmed => return met.map_err(failure),
            () = sleep(SLOW) => {}
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

/// Runs what waits for a person beside the tasks that keep the connection.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::here("the question could not be asked; start again"))?
}

/// Tells of a change of status.
fn tell(console: &Console, status: &Status) {
    match status {
        Status::Connecting { url } => console.tell(&Event::Connecting { url }),
        Status::Connected => console.tell(&Event::Connected),
        Status::Disconnected { retry_in } => {
            console.tell(&Event::Disconnected { retry_in: retry_in.as_secs_f64() });
        }
        Status::Welcome { motd } => console.tell(&Event::Welcome { motd: motd.as_deref() }),
        Status::Working { bits } => console.tell(&Event::Working { bits: *bits }),
        Status::WaitingForPeer => console.tell(&Event::WaitingForPeer),
        Status::KeyAgreed => console.tell(&Event::KeyAgreed),
        Status::KeyConfirmed { verifier } => {
            console.tell(&Event::KeyConfirmed { verifier: &verifier.to_string() });
        }
        Status::Closed => console.tell(&Event::Closed),
        _ => {} // the code is told of by `invite`, with what to do with it
    }
}

/// What an error of the library means for the command.
pub(crate) fn failure(error: Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::WrongCode | ErrorKind::Crowded => Exit::WrongCode,
        ErrorKind::BadCode | ErrorKind::BadUrl | ErrorKind::BadAppId | ErrorKind::TooLong => {
            Exit::Usage
        }
        ErrorKind::Unreachable | ErrorKind::Unconfirmed => Exit::Unreachable,
        ErrorKind::Server => Exit::Server,
        ErrorKind::Peer | ErrorKind::Rejected | ErrorKind::Unsupported => Exit::Peer,
        ErrorKind::VerifierRefused => Exit::Declined,
        ErrorKind::TimedOut => Exit::TimedOut,
        _ => Exit::Failure,
    };
    let fault = match error.fault() {
        Fault::Code => "code",
        Fault::Peer => "peer",
        Fault::Server => "server",
        Fault::Network => "network",
        Fault::Caller => "caller",
    };
    Failure::new(exit, fault, error.to_string())
}

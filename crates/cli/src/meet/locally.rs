//! The meeting without a server. A code's form decides: what begins with `local-` is never used at
//! a server, and what does not is never used here.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use wormhole_sync::{Connected, Error, ErrorKind, Status, Wormhole};

use super::{HOST_GONE, Meeting, Set, tell};
use crate::{
    code::{Place, TypedCode},
    exit::{Exit, Failure, failure},
    json::{Because, Event, LocalRole},
    local::{Host, Neighbour, Neighbours, SETTLING, SURE, make_code},
    settings::Shown,
    term::prompt::Prompt,
};

/// How long one address of a host may take to answer.
const ANSWERING: Duration = Duration::from_secs(4);

/// How long a host that was found is tried to be reached before it is given up.
const REACHING: Duration = Duration::from_secs(10);

/// How long until it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How whoever makes a code goes without a server.
pub(super) const NEW_CODE: &str = "--local goes without a server";

/// How a code is made that needs none.
pub(super) const KNOWN_CODE: &str =
    "to go without a server, start the side that makes the code with --local";

/// Why no server is used.
pub(super) enum Why<'a> {
    /// That was asked for.
    Asked,
    /// There is no connection to the one at this URL.
    Unreachable(&'a str, Error),
}

impl Meeting<'_> {
    /// Whether an error of the first connection leads to the local network. A server that was reached, and refuses or
    /// cannot be trusted, does not: that is for a person to decide.
    pub(super) fn goes_local(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Unreachable && self.settings.local.allowed()
    }

    /// Why a server is of no use, and how to go without.
    pub(super) fn useless(&self, error: Error, advice: &str) -> Failure {
        let of_server = matches!(
            error.kind(),
            ErrorKind::Unreachable | ErrorKind::Insecure | ErrorKind::Server
        );
        let failure = failure(error);
        if !of_server || !self.settings.local.allowed() {
            return failure;
        }
        failure.but(advice)
    }

    fn goes(&self, role: LocalRole, why: &Why<'_>) {
        let (because, reason) = match why {
            Why::Asked => (Because::Asked, None),
            Why::Unreachable(url, error) => (Because::Unreachable(url), error.reason()),
        };
        self.console.tell(&Event::Local { role, because, reason });
    }

    pub(super) fn refuse_if_local_was_asked(&self) -> Result<(), Failure> {
        if !self.settings.local.asked {
            return Ok(());
        }
        Err(Failure::usage(
            "--local takes only codes that begin with 'local-', such as local-7-guitarist-revenge; without \
             it a code belongs to a server: write it so on both sides, or leave out --local",
        ))
    }

    /// Makes a code and hosts its exchange.
    pub(super) async fn host_new(&self, why: Why<'_>) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        self.goes(LocalRole::Host, &why);
        let mut neighbours = Neighbours::look(interfaces)?;
        neighbours.watch_until(Instant::now() + SETTLING).await;
        let code = make_code(&neighbours.numbers(), self.settings.words)?;
        self.host(TypedCode::new(Place::Local, code), Shown::Code).await
    }

    /// Joins the host of a chosen code when there is one, and hosts otherwise: whoever comes first.
    pub(super) async fn choose_locally(
        &self,
        code: TypedCode,
        shown: Shown,
        why: Why<'_>,
    ) -> Result<Set, Failure> {
        let mut neighbours = Neighbours::look(self.settings.local.interfaces()?)?;
        neighbours.watch_until(Instant::now() + SURE).await;
        if let Some(host) = neighbours.only(code.code.nameplate())? {
            self.goes(LocalRole::Find, &why);
            return self.visit(&host, code).await;
        }
        drop(neighbours);
        self.goes(LocalRole::Host, &why);
        self.host(code, shown).await
    }

    /// Finds the host of a code.
    pub(super) async fn find(&self, code: TypedCode, why: Why<'_>) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        self.goes(LocalRole::Find, &why);
        let mut neighbours = Neighbours::look(interfaces)?;
        let host = neighbours.find(code.code.nameplate()).await?;
        drop(neighbours);
        self.visit(&host, code).await
    }

    /// Asks for a code of the local network, whose numbers Tab completes.
    pub(super) async fn ask_locally(&self, why: Why<'_>) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        self.goes(LocalRole::Find, &why);
        let mut neighbours = Neighbours::look(interfaces)?;
        let code = self.typed_locally(&mut neighbours).await?;
        if code.place == Place::Server {
            return Err(Failure::usage(
                "this code belongs to a server, and none is used now; ask the other side to start again with \
                 --local, and type the code that it shows, with its 'local-'",
            ));
        }
        let host = neighbours.find(code.code.nameplate()).await?;
        drop(neighbours);
        self.visit(&host, code).await
    }

    async fn typed_locally(&self, neighbours: &mut Neighbours) -> Result<TypedCode, Failure> {
        let (prompt, mut wanted): (Prompt, _) = self.prompt(Place::Local);
        let typing = super::blocking(move || prompt.run());
        tokio::pin!(typing);
        loop {
            tokio::select! {
                code = &mut typing => return code,
                () = neighbours.watch() => {}
                Some(answer) = wanted.recv() => {
                    let _ = answer.send(neighbours.numbers()); // the prompt may have stopped waiting
                }
            }
        }
    }

    async fn host(&self, code: TypedCode, shown: Shown) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        let host = Host::open(interfaces, code.code.nameplate()).await?;
        let options = self.settings.local_options(host.url());
        let connected = self.connect_with(options).await.map_err(failure)?;
        let coded = connected.set_code(code.code.clone()).await.map_err(failure)?;
        self.invite(&code, shown);
        Ok(Set { coded, host: Some(host) })
    }

    async fn visit(&self, host: &Neighbour, code: TypedCode) -> Result<Set, Failure> {
        let connected = self.reach(host).await?;
        Ok(connected.set_code(code.code).await.map_err(failure)?.into())
    }

    /// Connects to the host by whichever of its addresses answers. Its door may be crowded: then it is
    /// tried again, for a while.
    async fn reach(&self, host: &Neighbour) -> Result<Connected, Failure> {
        let end = Instant::now() + REACHING;
        loop {
            let mut last = None;
            for url in host.urls() {
                match timeout(ANSWERING, self.connect_to_host(&url)).await {
                    Ok(Ok(connected)) => return Ok(connected),
                    Ok(Err(error)) if error.kind() == ErrorKind::Server => last = Some(error),
                    Ok(Err(error)) if error.kind() != ErrorKind::Unreachable => {
                        return Err(failure(error));
                    }
                    _ => {} // the next one, then
                }
            }
            if Instant::now() > end {
                return Err(last.map_or_else(no_answer, failure));
            }
            sleep(PAUSE).await;
        }
    }

    async fn connect_to_host(&self, url: &str) -> Result<Connected, Error> {
        let console = Arc::clone(self.console);
        let lost = self.lost.clone();
        let options = self.settings.local_options(url).on_status(move |status| {
            tell(&console, status);
            match status {
                Status::Connected | Status::Closed => _ = lost.send_replace(false),
                Status::Disconnected { .. } => _ = lost.send_replace(true),
                _ => {}
            }
        });
        Wormhole::connect(&self.settings.app_id.text, options).await
    }

    /// Ends when a host has been away for too long.
    pub(super) async fn host_is_gone(&self) {
        let mut lost = self.lost.subscribe();
        loop {
            let _ = lost.wait_for(|lost| *lost).await; // the sender lives as long as this meeting
            tokio::select! {
                () = sleep(HOST_GONE) => return,
                _ = lost.wait_for(|lost| !*lost) => {}
            }
        }
    }
}

fn no_answer() -> Failure {
    Failure::new(
        Exit::Unreachable,
        "network",
        "the other side was found on the local network, but none of its addresses answers; check its \
         firewall, and start again with a new code",
    )
}

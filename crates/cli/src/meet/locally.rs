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

impl Meeting<'_> {
    /// Whether an error of the first connection leads to the local network.
    pub(super) fn goes_local(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Unreachable && self.settings.local.allowed()
    }

    /// Why a code that belongs to a server cannot be used without it.
    pub(super) fn unreachable_for(&self, error: Error) -> Failure {
        let unreachable = error.kind() == ErrorKind::Unreachable;
        let failure = failure(error);
        if !unreachable || !self.settings.local.allowed() {
            return failure;
        }
        failure.but("to go without a server, start the side that makes the code with --local")
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
    pub(super) async fn host_new(&self, because: Because<'_>) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        self.console.tell(&Event::Local { role: LocalRole::Host, because });
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
        because: Because<'_>,
    ) -> Result<Set, Failure> {
        let mut neighbours = Neighbours::look(self.settings.local.interfaces()?)?;
        neighbours.watch_until(Instant::now() + SURE).await;
        if let Some(host) = neighbours.only(code.code.nameplate())? {
            self.console.tell(&Event::Local { role: LocalRole::Find, because });
            return self.visit(&host, code).await;
        }
        drop(neighbours);
        self.console.tell(&Event::Local { role: LocalRole::Host, because });
        self.host(code, shown).await
    }

    /// Finds the host of a code.
    pub(super) async fn find(&self, code: TypedCode, because: Because<'_>) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        self.console.tell(&Event::Local { role: LocalRole::Find, because });
        let mut neighbours = Neighbours::look(interfaces)?;
        let host = neighbours.find(code.code.nameplate()).await?;
        drop(neighbours);
        self.visit(&host, code).await
    }

    /// Asks for a code of the local network, whose numbers Tab completes.
    pub(super) async fn ask_locally(&self, because: Because<'_>) -> Result<Set, Failure> {
        let interfaces = self.settings.local.interfaces()?;
        self.console.tell(&Event::Local { role: LocalRole::Find, because });
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

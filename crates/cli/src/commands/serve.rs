//! `wormhole serve`: the servers.

pub(crate) mod backup;
mod check;
mod doors;
mod log;
pub(crate) mod status;
#[cfg(unix)]
mod systemd;

use std::{convert::Infallible, env, pin::pin, sync::Arc};

use tokio::{
    sync::{Notify, oneshot},
    task::spawn_blocking,
};
use wormhole_sync_server::{
    Config, Control, Doors, Prepared, ServeError, prepare as prepare_server,
};

use crate::{
    args::{GlobalArgs, ServeArgs},
    exit::Failure,
    json::Event,
    settings::serve::{LogFormat, Resolved, Sources},
    signals::{Signal, Signals},
    term::narrate::Console,
};
use doors::Opening;

#[cfg(not(unix))]
mod systemd {
    //! There is none.

    pub(super) fn ready(_: &str) {}
    pub(super) fn reloading() {}
    pub(super) fn stopping() {}
    pub(super) fn feed_watchdog(_: wormhole_sync_server::Control) {}
}

/// What is to be served, with nothing opened yet.
pub(crate) struct Serve {
    sources: Sources,
    resolved: Resolved,
}

/// Refuses what would be passed over: these flags stand with every command, and say nothing to a server.
pub(crate) fn refuse_clients_flags(global: &GlobalArgs) -> Result<(), Failure> {
    let given = [
        (global.relay_url.is_some(), "--relay-url", "a server listens where --listen says"),
        (global.appid.is_some(), "--appid", "a server serves every application"),
        (
            !global.transit_helper.is_empty(),
            "--transit-helper",
            "--advertise-relay names a relay for clients",
        ),
    ];
    match given.into_iter().find(|(is_given, ..)| *is_given) {
        Some((_, flag, instead)) => {
            Err(Failure::usage(format!("{flag} is for clients; leave it out: {instead}")))
        }
        None => Ok(()),
    }
}

/// Works out the settings, of which one says how the console tells of everything from then on.
pub(crate) fn prepare(
    global: &GlobalArgs,
    args: &ServeArgs,
    console: &Console,
) -> Result<Serve, Failure> {
    if global.tor || global.proxy.is_some() {
        return Err(Failure::usage(
            "a server connects to nobody, so that --proxy and --tor cannot hide it; leave them out, and \
             listen on loopback behind an onion service",
        ));
    }
    let sources = Sources {
        servers: args.servers(),
        file: args.settings().config.clone(),
        environment: env::vars_os().collect(),
        flags: args.flags(),
    };
    let resolved = sources.resolve()?;
    if resolved.settings.log.format == LogFormat::Json && !args.settings().check {
        console.turn_to_json();
    }
    Ok(Serve { sources, resolved })
}

impl Serve {
    /// Checks that it could be served, and prints the settings.
    pub(crate) async fn check(
        &self,
        openings: &[Opening],
        console: &Console,
    ) -> Result<(), Failure> {
        let mut doubts = check::check(&self.resolved, openings).await?;
        doubts.extend(self.doubts());
        for doubt in &doubts {
            console.tell(&Event::Note { message: doubt });
        }
        let message = match doubts.len() {
            0 => "checked: nothing is wrong",
            _ => "checked: it could be served; see what is told above",
        };
        console.tell(&Event::Note { message });
        Ok(())
    }

    /// What is told of settings that can be served all the same.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = self.resolved.doubts();
        doubts.extend(doors::idle(&self.resolved));
        doubts
    }

    /// Where clients come in: what systemd has opened, and what is still to be opened.
    ///
    /// To be called while there is one thread alone.
    pub(crate) fn openings(&self) -> Result<Vec<Opening>, Failure> {
        doors::openings(&self.resolved, doors::inherited()?)
    }

    /// Serves until it is told to stop.
    pub(crate) async fn run(
        self,
        openings: Vec<Opening>,
        console: &Arc<Console>,
    ) -> Result<(), Failure> {
        let config = self.resolved.config()?;
        log::to(console, self.resolved.settings.log);
        for doubt in self.doubts() {
            tracing::warn!("{doubt}");
        }
        let (mut signals, reload) = (Signals::catch()?, Notify::new());
        let (doors, urls) = doors::open(openings, self.resolved.servers)?;
        let serve = Arc::new(self);
        let prepared = Arc::clone(&serve).prepare(doors, config);
        let Some(server) = unless_stopped(prepared, &mut signals, &reload).await else {
            tracing::info!("stopped before anybody was served");
            return Ok(());
        };
        let server = server?;
        for url in &urls {
            console.tell(&Event::Listening { url });
        }
        systemd::ready(&format!("listening on {}", urls.join(", ")));
        let control = server.control();
        systemd::feed_watchdog(control.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::select! {
            served = server.serve(async { _ = stopped.await }) => served,
            failure = attend(signals, &reload, stop) => return Err(failure),
            never = serve.read_again(&reload, &control) => match never {},
        };
        served.map_err(|error| Failure::here(format!("the server stopped: {error}")))?;
        console.tell(&Event::Closed);
        Ok(())
    }

    /// Opens the database and what else is in files. It may take for as long as it likes, on disks that do not answer.
    async fn prepare(self: Arc<Self>, doors: Doors, config: Config) -> Result<Prepared, Failure> {
        if config.mailbox.is_some() {
            let made = spawn_blocking(move || self.resolved.make_usual_place()).await;
            made.map_err(|error| Failure::here(format!("{error}; start again")))??;
        }
        prepare_server(doors, config).await.map_err(unprepared)
    }

    /// Reads everything again whenever that is asked for. It may take for as long as it likes, for
    /// files can be where nobody answers.
    async fn read_again(self: Arc<Self>, asked: &Notify, control: &Control) -> Infallible {
        loop {
            asked.notified().await;
            systemd::reloading();
            let serve = Arc::clone(&self);
            _ = spawn_blocking(move || serve.reload()).await;
            _ = control.reload().await; // it tells of it by itself
            systemd::ready("settings read again");
        }
    }

    /// Reads the settings again, and says which cannot change while the server runs.
    fn reload(&self) {
        let later = self.sources.resolve().and_then(|later| self.resolved.changed(&later));
        match later {
            Ok(names) if names.is_empty() => {
                tracing::info!("settings read again; none has changed");
            }
            Ok(names) => {
                for setting in names {
                    tracing::warn!("{setting} has changed, and holds from the next start on");
                }
            }
            Err(failure) => tracing::warn!("the settings are left as they are: {failure}"),
        }
    }
}

/// Why nothing is served; of the database with its setting, which the library does not know.
fn unprepared(error: ServeError) -> Failure {
    match error {
        ServeError::Database(error) => Failure::here(format!("{error} (mailbox.database)")),
        error => Failure::here(error.to_string()),
    }
}

/// What becomes of this work, unless a signal asks for the end before it is done.
async fn unless_stopped<T>(
    work: impl Future<Output = T>,
    signals: &mut Signals,
    reload: &Notify,
) -> Option<T> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            signal = signals.next() => match signal {
                Signal::Reload => reload.notify_one(), // once there is something to be read again
                Signal::Hangup | Signal::Stop(_) => return None,
            },
        }
    }
}

/// Does what signals ask for. Ready when it is to be over at once.
async fn attend(mut signals: Signals, reload: &Notify, stop: oneshot::Sender<()>) -> Failure {
    let mut stop = Some(stop);
    loop {
        match signals.next().await {
            Signal::Reload if stop.is_some() => reload.notify_one(),
            Signal::Reload => {} // it does not matter any more
            Signal::Hangup => stop.take().map_or((), begin_to_stop), // a shell may send it twice
            Signal::Stop(exit) => match stop.take() {
                Some(stop) => begin_to_stop(stop),
                None => {
                    return Failure::new(
                        exit,
                        "caller",
                        "ended at once; clients that were told nothing will connect again",
                    );
                }
            },
        }
    }
}

fn begin_to_stop(stop: oneshot::Sender<()>) {
    systemd::stopping();
    tracing::info!("stopping; a second signal ends it at once");
    _ = stop.send(());
}

//! The task that joins the sans-IO machine to a socket, a clock and the application.
//!
//! One loop: drain the machine, then wait for whatever comes first.

use std::{future::pending, ops::ControlFlow, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use wormhole_sync_core::{
    Error as ProtocolError, Event, Input, Moment, Output, Settings, Wormhole, transit::TransitKey,
    wire::AppId, wormhole::Effect,
};
use zeroize::Zeroizing;

use crate::{
    dial::{DialError, Server},
    error::{Cause, Error},
    options::{Options, Status},
    proxy::Proxy,
};

pub(crate) mod goodbye;
mod handle;
mod link;
mod work;

pub use goodbye::{CLOSE_LIMIT, DROP_LIMIT, farewells};
pub(crate) use handle::{Greeting, Handle, News};

use handle::{Application, Command};
use link::{Change, Link};
use work::{Work, solved};

/// Starts a driver. Must be called inside a tokio runtime.
pub(crate) fn open(app_id: &str, options: &Options) -> Result<Handle, Error> {
    let app_id = AppId::new(app_id).map_err(Cause::BadAppId)?;
    let server = Server::parse(&options.rendezvous)?;
    let proxy = options.proxy.for_one_wormhole()?;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| Cause::Random(error.to_string()))?;
    let settings = Settings {
        app_id,
        app_versions: options.app_versions.clone(),
        client_version: options.client_version.clone(),
        max_hashcash_bits: options.max_hashcash_bits,
    };
    let (handle, application) = handle::ends(proxy.clone());
    let driver = Driver {
        machine: Wormhole::new(settings, *seed, Moment::ZERO),
        origin: Instant::now(),
        server,
        proxy,
        options: options.clone(),
        link: Link::Down,
        work: None,
        application,
        last_failure: None,
        delayed: None,
        welcomed: false,
        greeting: Greeting::default(),
        ending: Ending::default(),
    };
    tokio::spawn(driver.run());
    Ok(handle)
}

struct Driver {
    machine: Wormhole,
    origin: Instant,
    server: Server,
    proxy: Option<Arc<Proxy>>,
    options: Options,
    link: Link,
    work: Option<Work>,
    application: Application,
    /// Why the latest attempt to connect has failed.
    last_failure: Option<DialError>,
    /// Why the server put this side off, if that is why there is no connection.
    delayed: Option<String>,
    welcomed: bool,
    /// The last that was told.
    greeting: Greeting,
    ending: Ending,
}

/// When the goodbye must be over, and what to say if it is not.
#[derive(Default)]
struct Ending {
    deadline: Option<Instant>,
    /// How long there may be no connection meanwhile, and until when it has to be back.
    away_limit: Option<Duration>,
    away_until: Option<Instant>,
    time_limit_passed: bool,
    error: Option<Error>,
}

impl Ending {
    /// Whether there is a connection now.
    fn looks(&mut self, is_up: bool) {
        self.away_until = match (is_up, self.away_until) {
            (true, _) => None,
            (false, Some(until)) => Some(until),
            (false, None) => self.away_limit.map(|limit| Instant::now() + limit),
        };
    }

    fn limit(&self) -> Option<Instant> {
        [self.deadline, self.away_until].into_iter().flatten().min()
    }
}

enum Happened {
    Command(Option<Command>),
    Link(Change),
    Solved(Option<String>),
    Timeout,
    TimeLimit,
    EndLimit,
    Room,
}

impl Driver {
    async fn run(mut self) {
        loop {
            let Some(deadline) = self.drain().await else { return };
            if let Some(failure) = self.machine.failure() {
                self.application.fail(Cause::Protocol(failure.clone()).into());
                // The goodbye must not keep the failure from the application.
                self.end_within(DROP_LIMIT);
            }
            let happened = self.wait(deadline).await;
            if self.take(happened).is_break() {
                return;
            }
        }
    }

    /// Does and tells all that the machine has; then the moment it waits for. `None` at the end.
    async fn drain(&mut self) -> Option<Option<Moment>> {
        loop {
            match self.machine.poll() {
                Output::Effect(effect) => self.perform(effect).await,
                Output::Event(Event::Closed(outcome)) => {
                    self.closed(outcome);
                    return None;
                }
                Output::Event(event) => self.tell(event),
                Output::Wait(deadline) => return Some(deadline.map(|(moment, _)| moment)),
            }
        }
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Open => self.link = Link::dial(self.server.clone(), self.proxy.clone()),
            Effect::Transmit(frame) => self.link.transmit(frame),
            Effect::Close => {
                self.work = None;
                if let Some(overdue) = self.link.overdue() {
                    self.last_failure = Some(overdue);
                }
                self.link.close().await;
            }
            Effect::Work(challenge) => self.work = Some(Work::begin(challenge)),
        }
    }

    fn tell(&mut self, event: Event) {
        let (status, news) = match event {
            Event::Connecting => {
                (Some(Status::Connecting { url: self.server.url().to_owned() }), None)
            }
            Event::Connected => (Some(Status::Connected), None),
            Event::Disconnected { retry_at } => {
                let retry_in = retry_at.saturating_sub(self.now());
                (Some(Status::Disconnected { retry_in }), None)
            }
            Event::Welcome(welcome) => {
                let greeting = Greeting::from(welcome);
                if std::mem::replace(&mut self.welcomed, true) && self.greeting == greeting {
                    return; // said after each reconnection, the same is nothing new
                }
                self.greeting = greeting.clone();
                let status = Status::Welcome { motd: greeting.motd.clone() };
                (Some(status), Some(News::Welcome(greeting)))
            }
            Event::Delayed { reason } => {
                self.delayed = Some(reason.clone());
                (Some(Status::Delayed { reason }), None)
            }
            Event::Working { bits } => (Some(Status::Working { bits }), None),
            Event::Nameplates(nameplates) => {
                let nameplates = nameplates.into_iter().map(String::from).collect();
                (None, Some(News::Nameplates(nameplates)))
            }
            Event::Code(code) => (Some(Status::Code(code.clone())), Some(News::Code(code))),
            Event::WaitingForPeer => (Some(Status::WaitingForPeer), None),
            Event::KeyAgreed => (Some(Status::KeyAgreed), None),
            Event::Confirmed(confirmed) => {
                let status = Status::KeyConfirmed { verifier: confirmed.verifier() };
                (Some(status), Some(News::Confirmed(confirmed)))
            }
            Event::Received(message) => (None, Some(News::Received(message))),
            // `Closed` is told by `closed`; what a later core adds is not for this driver.
            _ => (None, None),
        };
        if let Some(status) = status {
            self.options.tell(&status);
        }
        if let Some(news) = news {
            self.application.tell(news);
        }
    }

    fn closed(&mut self, outcome: Result<(), ProtocolError>) {
        let outcome = match (outcome, self.ending.error.take()) {
            (Err(ProtocolError::Unreachable), _) => Err(self.unreachable()),
            (Err(error), _) => Err(Cause::Protocol(error).into()),
            (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(()),
        };
        if let Err(error) = &outcome {
            self.application.fail(error.clone());
        }
        self.options.tell(&Status::Closed);
        self.application.tell(News::Closed(outcome));
    }

    fn unreachable(&mut self) -> Error {
        let url = self.server.url().to_owned();
        match self.last_failure.take() {
            Some(DialError::Refused(refusal)) => Cause::Refused { url, refusal },
            Some(DialError::NoConnection(reason)) => Cause::Unreachable { url, reason },
            None => Cause::Unreachable { url, reason: "it did not answer in time".to_owned() },
        }
        .into()
    }

    fn timed_out(&self, limit: Duration) -> Error {
        match &self.delayed {
            Some(reason) if !self.link.is_up() => {
                let (url, reason) = (self.server.url().to_owned(), reason.clone());
                Cause::Delayed { url, reason, limit }.into()
            }
            _ => Cause::TimedOut(limit).into(),
        }
    }

    // ---- waiting ----

    async fn wait(&mut self, deadline: Option<Moment>) -> Happened {
        self.ending.looks(self.link.is_up());
        let origin = self.origin;
        let full = self.application.is_full();
        let room = self.application.room();
        let time_limit = self.options.time_limit.filter(|_| !self.ending.time_limit_passed);
        tokio::select! {
            command = self.application.command() => Happened::Command(command),
            change = self.link.next(full) => Happened::Link(change),
            stamp = solved(&mut self.work) => Happened::Solved(stamp),
            () = room, if full => Happened::Room,
            () = until(deadline.and_then(|moment| origin.checked_add(moment))) => Happened::Timeout,
            // A limit that no clock will reach is none.
            () = until(time_limit.and_then(|limit| origin.checked_add(limit))) => Happened::TimeLimit,
            () = until(self.ending.limit()) => Happened::EndLimit,
        }
    }

    fn take(&mut self, happened: Happened) -> ControlFlow<()> {
        let now = self.now();
        match happened {
            Happened::Command(Some(command)) => self.obey(command),
            Happened::Command(None) => {
                self.machine.abort();
                self.end_within(DROP_LIMIT);
            }
            Happened::Link(change) => self.linked(change, now),
            Happened::Room => {}
            Happened::Solved(stamp) => {
                self.work = None;
                match stamp {
                    Some(stamp) => self.machine.handle(Input::Solved(stamp), now),
                    None => self.machine.handle(Input::Unsolvable, now),
                }
            }
            Happened::Timeout if self.application.is_full() && self.link.is_up() => {
                self.machine.handle(Input::Paused, now);
            }
            Happened::Timeout => self.machine.handle(Input::Timeout, now),
            Happened::TimeLimit => {
                self.ending.time_limit_passed = true;
                self.ending.error = self.options.time_limit.map(|limit| self.timed_out(limit));
                if let Some(error) = &self.ending.error {
                    self.application.fail(error.clone());
                }
                self.machine.abort();
                self.end_within(DROP_LIMIT);
            }
            Happened::EndLimit => {
                self.ending.error.get_or_insert(Cause::Unconfirmed.into());
                let failure = self.machine.failure().cloned();
                self.closed(failure.map_or(Ok(()), Err));
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn linked(&mut self, change: Change, now: Moment) {
        match change {
            Change::Dialed(Ok(socket)) => {
                self.link = Link::up(*socket);
                self.machine.handle(Input::Opened, now);
            }
            Change::Dialed(Err(error)) => {
                self.last_failure = Some(error);
                self.lost();
            }
            Change::Incoming(Some(Ok(Message::Text(frame)))) => {
                self.machine.handle(Input::Received(&frame), now);
            }
            // The family's servers answer in text; pings are answered by the library.
            Change::Incoming(Some(Ok(Message::Binary(_)))) => {
                self.machine.handle(Input::Received(""), now);
            }
            Change::Incoming(Some(Ok(Message::Close(_))) | None) => self.lost(),
            Change::Incoming(Some(Ok(_))) | Change::Flushed(Ok(())) => {}
            Change::Incoming(Some(Err(WebSocketError::Capacity(_)))) => {
                self.machine.handle(Input::Oversized, now);
            }
            Change::Incoming(Some(Err(_))) | Change::Flushed(Err(_)) => self.lost(),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::List => self.machine.list(),
            // The application's types let a code be set once, and no message be too long.
            Command::Allocate => drop(self.machine.allocate(self.options.words)),
            Command::SetCode(code) => drop(self.machine.set_code(code)),
            Command::Send(message) => drop(self.machine.send(message)),
            Command::Derive { purpose, length, reply } => {
                if let Some(key) = self.machine.key() {
                    let _ = reply.send(key.derive_for_application(&purpose, length));
                }
            }
            Command::Transit { reply } => {
                if let Some(key) = self.machine.key() {
                    let _ = reply.send(TransitKey::new(key));
                }
            }
            Command::Close { away } => {
                self.machine.close();
                self.end_within(CLOSE_LIMIT);
                self.ending.away_limit = Some(away);
            }
            Command::Abort => self.machine.abort(),
        }
    }

    fn lost(&mut self) {
        if !self.link.is_down() {
            self.link = Link::Down;
            self.delayed = None;
            self.work = None;
            self.machine.handle(Input::Lost, self.now());
        }
    }

    fn end_within(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        self.ending.deadline = Some(self.ending.deadline.map_or(end, |earlier| earlier.min(end)));
    }

    fn now(&self) -> Moment {
        self.origin.elapsed()
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{ErrorKind, Trouble};

    #[tokio::test]
    async fn a_time_limit_that_no_clock_will_reach_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1", listener.local_addr().unwrap());
        drop(listener);
        for limit in [Duration::MAX, Duration::from_secs(1 << 62)] {
            let options = Options::new().rendezvous(&url).time_limit(limit);
            let error = open("example.com/chat", &options).unwrap().next().await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unreachable);
            let probed = crate::probe::mailbox(&options, crate::probe::Way::Usual).await;
            assert_eq!(probed.err().unwrap().stage, crate::probe::Stage::Connecting);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_accepts_and_keeps_silent_was_reached_and_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for scheme in ["ws", "wss"] {
            let url = format!("{scheme}://{}/v1", listener.local_addr().unwrap());
            let mut handle = open("example.com/chat", &Options::new().rendezvous(url)).unwrap();
            let error = handle.next().await.err().unwrap();
            assert_eq!((error.kind(), error.trouble()), (ErrorKind::Server, Some(Trouble::Silent)));
            assert!(error.to_string().contains("did not answer in time"), "{error}");
        }
    }
}

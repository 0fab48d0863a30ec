//! The task of one transfer: the machine, the wormhole's messages, the race's sockets, and the threads
//! that move the bytes.

use std::{
    future::pending,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, Interval, interval, sleep_until, timeout},
};
use wormhole_sync_core::{
    Moment,
    connect::{Action, LinkId},
    transfer::{
        Channel, Event as MachineEvent, Failure, Meeting, Output, REASON_WAIT, Receiving, Sending,
    },
};

use super::{
    Event, Route, Sink,
    bulk::{Bulk, Done},
    connection::Cut,
    files,
    line::Line,
    links::{Change, Links},
    pipeline::{Moved, Stopped, panicked},
    sink::WhileWanted,
};
use crate::{
    driver::goodbye::{DROP_LIMIT, DriverEnd},
    error::{Cause, Error},
    wormhole::Wormhole,
};

/// How often what has moved is told.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Events that wait for an application which does not look.
pub(super) const EVENTS: usize = 16;

/// Room among them that [`Event::Moved`] leaves to the others, of which none may be missed.
const OTHER_EVENTS: usize = 8;

/// What a transfer is about.
pub(super) enum Job {
    Send { machine: Sending, source: Option<Box<dyn Read + Send>>, size: u64 },
    Receive { machine: Receiving, sink: Option<Box<dyn Sink>>, size: u64, meeting: Meeting },
}

/// Calls the same on the machine of either role.
macro_rules! machine {
    ($job:expr, $machine:ident => $call:expr) => {
        match &mut $job {
            Job::Send { machine: $machine, .. } => $call,
            Job::Receive { machine: $machine, .. } => $call,
        }
    };
}

pub(super) struct Driver {
    job: Job,
    wormhole: Wormhole,
    links: Links,
    origin: Instant,
    events: mpsc::Sender<Event>,
    cancelled: mpsc::Receiver<String>,
    bulk: Option<Bulk>,
    moved: Arc<Moved>,
    /// As much of `moved` as the machine knows.
    counted: u64,
    tick: Interval,
    /// Why this side gave up.
    own_failure: Option<Error>,
    /// Whether a link was chosen, so that both sides learn at once when it is gone.
    had_link: bool,
    _end: DriverEnd,
}

enum Happened {
    Message(Result<Vec<u8>, Error>),
    Link(Change),
    Bulk(Done),
    Cancelled(Option<String>),
    Tick,
    Timeout,
}

impl Driver {
    pub(super) fn new(
        job: Job,
        wormhole: Wormhole,
        ports: Vec<TcpListener>,
        events: mpsc::Sender<Event>,
        cancelled: mpsc::Receiver<String>,
        end: DriverEnd,
    ) -> Self {
        let links = Links::new(ports, wormhole.proxy().cloned());
        Self {
            job,
            wormhole,
            links,
            origin: Instant::now(),
            events,
            cancelled,
            bulk: None,
            moved: Arc::default(),
            counted: 0,
            tick: interval(TOLD_EVERY),
            own_failure: None,
            had_link: false,
            _end: end,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Error> {
        self.begin();
        let outcome = loop {
            match self.drain().await {
                Ok(Drained::Wait(alarm)) => {
                    let happened = self.wait(alarm).await;
                    self.take(happened);
                }
                Ok(Drained::Over(outcome)) => break outcome.map_err(|failure| self.why(failure)),
                // There is no wormhole any more to say anything through.
                Err(error) => break Err(self.own_failure.take().unwrap_or(error)),
            }
        };
        let Self { bulk, wormhole, events, had_link, _end, .. } = self;
        drop(events); // nothing more happens
        let goodbye = async {
            match &outcome {
                // Both know it: a server that is gone by now changes nothing about that.
                Ok(()) => drop(timeout(DROP_LIMIT, wormhole.close()).await),
                // The goodbye carries the reason, for which a side that has lost its link waits no longer.
                Err(_) if had_link => drop(wormhole.close_unless_away(REASON_WAIT).await),
                Err(_) => drop(wormhole.close().await),
            }
        };
        // A thread that waits for its disk, or for whatever feeds its pipe, does not hold up the goodbye.
        tokio::join!(Bulk::clean_up(bulk), goodbye);
        outcome
    }

    /// This side's own reason, if it was this side that gave up.
    fn why(&mut self, failure: Failure) -> Error {
        self.own_failure.take().unwrap_or_else(|| Cause::Transfer(failure).into())
    }

    fn begin(&mut self) {
        let now = self.now();
        if let Job::Receive { machine, size, meeting, .. } = &mut self.job {
            machine.accept(*size, meeting, now);
        }
    }

    async fn drain(&mut self) -> Result<Drained, Error> {
        loop {
            let now = self.now();
            match machine!(self.job, machine => machine.poll(now)) {
                Output::Message(message) => self.wormhole.send(&message).await?,
                Output::Link(Action::Dial { link, target }) => self.links.dial(link, &target),
                Output::Link(Action::Transmit { link, bytes }) => self.links.transmit(link, &bytes),
                Output::Link(Action::Close { link }) => self.close(link),
                Output::Event(event) => {
                    if let Some(outcome) = self.tell(event).await {
                        return Ok(Drained::Over(outcome));
                    }
                }
                Output::Wait(alarm) => return Ok(Drained::Wait(alarm)),
            }
        }
    }

    fn close(&mut self, link: LinkId) {
        match &self.bulk {
            Some(bulk) if bulk.link == link => bulk.cut(),
            _ => self.links.close(link),
        }
    }

    async fn tell(&mut self, event: MachineEvent) -> Option<Result<(), Failure>> {
        match event {
            MachineEvent::Accepted => self.say(Event::Accepted).await,
            MachineEvent::Connected(channel) => self.connected(channel).await,
            MachineEvent::Delivered => {
                self.say(Event::Delivered).await;
                return Some(Ok(()));
            }
            MachineEvent::Received => return Some(Ok(())),
            MachineEvent::Failed(failure) => return Some(Err(failure)),
            MachineEvent::Offered(_) => {} // it was accepted before this task began
        }
        None
    }

    /// Waits for an application that is behind.
    async fn say(&mut self, event: Event) {
        // An application that has stopped looking still wants the transfer.
        let _ = self.events.send(event).await;
    }

    async fn wait(&mut self, alarm: Option<Moment>) -> Happened {
        let origin = self.origin;
        let alarm = async {
            match alarm.and_then(|moment| origin.checked_add(moment)) {
                Some(moment) => sleep_until(moment).await,
                None => pending().await,
            }
        };
        let moving = self.bulk.is_some();
        tokio::select! {
            message = self.wormhole.receive() => Happened::Message(message),
            change = self.links.next() => Happened::Link(change),
            done = Bulk::done(&mut self.bulk) => Happened::Bulk(done),
            reason = self.cancelled.recv() => Happened::Cancelled(reason),
            _ = self.tick.tick(), if moving => Happened::Tick,
            () = alarm => Happened::Timeout,
        }
    }

    fn take(&mut self, happened: Happened) {
        let now = self.now();
        match happened {
            Happened::Message(Ok(message)) => {
                machine!(self.job, machine => machine.message(&message, now));
            }
            Happened::Message(Err(error)) => {
                self.own_failure = Some(error);
                machine!(self.job, machine => machine.cancel("the mailbox server is out of reach"));
            }
            Happened::Link(change) => self.linked(change, now),
            Happened::Bulk(done) => self.done(done, now),
            Happened::Cancelled(reason) => {
                let reason = reason.unwrap_or_else(|| "the transfer was cancelled".to_owned());
                self.own_failure = Some(Cause::Cancelled(reason.clone()).into());
                machine!(self.job, machine => machine.cancel(&reason));
            }
            Happened::Tick => self.count(now),
            Happened::Timeout => {}
        }
    }

    fn linked(&mut self, change: Change, now: Moment) {
        match change {
            Change::Accepted(stream, from) => {
                if let Some(link) = machine!(self.job, machine => machine.accepted(now)) {
                    let _ = stream.set_nodelay(true);
                    self.links.add(link, stream, from);
                }
            }
            Change::Opened(link) => machine!(self.job, machine => machine.opened(link)),
            Change::Received(link, bytes) => {
                machine!(self.job, machine => machine.received(link, &bytes));
            }
            Change::Lost(link) => machine!(self.job, machine => machine.lost(link, now)),
        }
    }

    /// The link is there: from here on threads move the bytes.
    async fn connected(&mut self, channel: Channel) {
        self.links.stop_listening();
        self.had_link = true;
        let Channel { link, path, sealer, opener, rest, digest } = channel;
        let Some((connection, unsent)) = self.links.take(link) else {
            return machine!(self.job, machine => machine.lost(link, self.origin.elapsed()));
        };
        let route = Route::new(path, connection.far_end().clone());
        self.say(Event::Connected { route }).await;
        match connection.into_blocking() {
            Ok((stream, cut)) => {
                let line = Line { stream, sealer, opener, rest, digest };
                self.move_bytes(link, line, unsent, cut);
            }
            Err(_) => machine!(self.job, machine => machine.lost(link, self.origin.elapsed())),
        }
    }

    fn move_bytes(&mut self, link: LinkId, line: Line, unsent: Vec<u8>, cut: Cut) {
        let (moved, is_over) = (Arc::clone(&self.moved), Arc::<AtomicBool>::default());
        let thread = match &mut self.job {
            Job::Send { source, size, .. } => {
                let (source, size) = (source.take(), *size);
                let source = source.unwrap_or_else(|| Box::new(io::empty()));
                spawn_blocking(move || Done::Sent(line.send(&unsent, source, size, &moved)))
            }
            Job::Receive { sink, size, .. } => {
                let (sink, size) = (sink.take(), *size);
                let sink = sink.unwrap_or_else(|| Box::new(super::Discard));
                let sink = Box::new(WhileWanted { sink, is_over: Arc::clone(&is_over) });
                spawn_blocking(move || Done::Received(line.receive(sink, size, &moved)))
            }
        };
        self.bulk = Some(Bulk { link, thread, cut: Some(cut), is_over });
    }

    fn done(&mut self, done: Done, now: Moment) {
        let Some(bulk) = self.bulk.take() else { return };
        self.count(now);
        match (done, &mut self.job) {
            (Done::Sent(Ok((hash, mut line))), Job::Send { machine, .. }) => {
                machine.sent(now);
                let _ = self.events.try_send(Event::Confirming);
                let thread =
                    spawn_blocking(move || Done::Acknowledged(line.acknowledgement(), hash));
                self.bulk = Some(Bulk { thread, ..bulk });
            }
            (Done::Acknowledged(Ok(record), hash), Job::Send { machine, .. }) => {
                machine.acknowledged(&record, &hash);
            }
            (Done::Received(Ok((stored, line))), Job::Receive { machine, .. }) => {
                let _ = self.events.try_send(Event::Stored { path: stored.path });
                if let Some(record) = machine.acknowledge(&stored.hash) {
                    let thread = spawn_blocking(move || {
                        line.confirm(&record);
                        Done::Confirmed
                    });
                    // The machine has done with the link: nothing is to cut this short.
                    self.bulk = Some(Bulk { thread, cut: None, ..bulk });
                }
            }
            (
                Done::Sent(Err(stopped))
                | Done::Acknowledged(Err(stopped), _)
                | Done::Received(Err(stopped)),
                _,
            ) => self.stopped(bulk.link, stopped, now),
            (Done::Panicked, Job::Send { .. }) => self.fail(Stopped::Source(panicked())),
            (Done::Panicked, Job::Receive { .. }) => self.fail(Stopped::Sink(panicked())),
            _ => {}
        }
    }

    fn stopped(&mut self, link: LinkId, stopped: Stopped, now: Moment) {
        match stopped {
            Stopped::Link => {
                let _ = self.events.try_send(Event::Broken);
                machine!(self.job, machine => machine.lost(link, now));
            }
            Stopped::Record => {
                machine!(self.job, machine => machine.nonsense("what is no record of this transfer"));
            }
            Stopped::TooMuch => {
                machine!(self.job, machine => machine.nonsense("more than it had announced"));
            }
            stopped => self.fail(stopped),
        }
    }

    /// This side cannot go on.
    fn fail(&mut self, stopped: Stopped) {
        let (told, cause) = match stopped {
            Stopped::Sink(error) => files::failed(error),
            Stopped::Source(error) => {
                let told = "the sender could not read what it offered".to_owned();
                (told, files::unreadable(error))
            }
            Stopped::Link | Stopped::Record | Stopped::TooMuch => return,
        };
        self.own_failure = Some(cause.into());
        machine!(self.job, machine => machine.cancel(&told));
    }

    /// Tells the machine and the application what has moved.
    fn count(&mut self, now: Moment) {
        let bytes = self.moved.load(Ordering::Relaxed);
        let new = bytes.saturating_sub(self.counted);
        if new > 0 {
            self.counted = bytes;
            match &mut self.job {
                Job::Send { machine, .. } => machine.moved(now),
                Job::Receive { machine, .. } => machine.moved(new, now),
            }
            if self.events.capacity() > OTHER_EVENTS {
                let _ = self.events.try_send(Event::Moved { bytes });
            }
        }
    }

    fn now(&self) -> Moment {
        self.origin.elapsed()
    }
}

enum Drained {
    Wait(Option<Moment>),
    Over(Result<(), Failure>),
}

//! The task that joins the sans-IO machine to a socket, a clock and the application.
//!
//! One loop: drain the machine, then wait for whatever comes first.

mod work;

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use wormhole_sync_core::{
    Code, Error as ProtocolError, Event, Input, Moment, Output, Settings, Wormhole,
    key::DeriveError,
    wire::{AppId, limits::MAX_PLAINTEXT},
    wormhole::{Confirmed, Effect},
};
use zeroize::Zeroizing;

use crate::{
    dial::{Server, Socket},
    error::{Cause, Error},
    options::{Options, Status},
};

use work::{Work, solved};

/// How long a [`close`](crate::Wormhole::close) waits for the server to confirm: 60 s.
///
/// ```
/// use tokio::time::timeout;
/// use wormhole_sync::{CLOSE_LIMIT, Options, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let options = Options::new().rendezvous(url);
/// let connected = Wormhole::connect("example.com/chat", options).await?;
/// timeout(CLOSE_LIMIT, connected.close()).await.expect("a close has a limit of its own")?;
/// # Ok(()) });
/// ```
pub const CLOSE_LIMIT: Duration = Duration::from_secs(60);

/// How long the goodbye goes on in the background after a drop, or a passed time limit: 5 s.
///
/// ```
/// use wormhole_sync::{DROP_LIMIT, Options, Wormhole, farewells};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let options = Options::new().rendezvous(url);
/// drop(Wormhole::connect("example.com/chat", options).await?.allocate().await?);
/// assert!(farewells(DROP_LIMIT).await, "the nameplate is free again");
/// # Ok(()) });
/// ```
pub const DROP_LIMIT: Duration = Duration::from_secs(5);

/// Messages of the peer's that wait for the application before the socket is read on. With
/// [`MAX_BLOB`](crate::MAX_BLOB) this bounds what an eager peer can make this side hold.
const MAX_UNREAD: usize = 16;

/// How long a closing handshake may hold up the end of the task.
const FAREWELL_FRAME: Duration = Duration::from_millis(500);

/// Goodbyes under way in the background.
static GOODBYES: AtomicUsize = AtomicUsize::new(0);
static GOODBYE_OVER: Notify = Notify::const_new();

/// Waits until every goodbye in the background is over, at most for `limit`. For programs about to
/// exit; returns whether all are over.
///
/// ```
/// use std::time::Duration;
/// use wormhole_sync::{Options, Wormhole, farewells};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let options = Options::new().rendezvous(url);
/// # let mut watching = Wormhole::connect("example.com/chat", options.clone()).await?;
/// drop(Wormhole::connect("example.com/chat", options).await?.allocate().await?);
/// assert!(farewells(Duration::from_secs(5)).await);
/// assert!(watching.nameplates().await?.is_empty()); // the number is free again
/// # Ok(()) });
/// ```
pub async fn farewells(limit: Duration) -> bool {
    let all = async {
        loop {
            let over = GOODBYE_OVER.notified();
            if GOODBYES.load(Ordering::Acquire) == 0 {
                return;
            }
            over.await;
        }
    };
    timeout(limit, all).await.is_ok()
}

/// The application's end of a driver. Dropping it says goodbye in the background.
pub(crate) struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    news: mpsc::UnboundedReceiver<News>,
    unread: Arc<Unread>,
    _end: ApplicationEnd,
}

/// How much the application has not fetched yet.
#[derive(Default)]
struct Unread {
    messages: AtomicUsize,
    fetched: Notify,
}

enum Command {
    List,
    Allocate,
    SetCode(Code),
    Send(Vec<u8>),
    Derive { purpose: String, length: usize, reply: oneshot::Sender<Derived> },
    Close,
    Abort,
}

type Derived = Result<Zeroizing<Vec<u8>>, DeriveError>;

/// What the application's end learns.
pub(crate) enum News {
    Welcome { motd: Option<String> },
    Nameplates(Vec<String>),
    Code(Code),
    Confirmed(Confirmed),
    Received(Vec<u8>),
    Closed(Result<(), Error>),
}

impl Handle {
    /// Starts a driver. Must be called inside a tokio runtime.
    pub(crate) fn open(app_id: &str, options: &Options) -> Result<Self, Error> {
        let app_id = AppId::new(app_id).map_err(Cause::BadAppId)?;
        let server = Server::parse(&options.rendezvous)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|error| Cause::Random(error.to_string()))?;
        let settings = Settings {
            app_id,
            app_versions: options.app_versions.clone(),
            client_version: options.client_version.clone(),
            max_hashcash_bits: options.max_hashcash_bits,
        };
        let (commands, commands_in) = mpsc::unbounded_channel();
        let (news_out, news) = mpsc::unbounded_channel();
        let unread = Arc::<Unread>::default();
        let driver = Driver {
            machine: Wormhole::new(settings, *seed, Moment::ZERO),
            origin: Instant::now(),
            server,
            options: options.clone(),
            link: Link::Down,
            work: None,
            commands: Some(commands_in),
            news: news_out,
            unread: unread.clone(),
            last_failure: None,
            welcomed: false,
            motd: None,
            ending: Ending::default(),
        };
        let ends = Arc::<Mutex<Ends>>::default();
        let driver_end = DriverEnd(ends.clone());
        tokio::spawn(async move {
            driver.run().await;
            drop(driver_end);
        });
        Ok(Self { commands, news, unread, _end: ApplicationEnd(ends) })
    }

    pub(crate) async fn next(&mut self) -> Result<News, Error> {
        let news = self.news.recv().await.ok_or(Cause::Stopped)?;
        if matches!(news, News::Received(_)) {
            self.unread.messages.fetch_sub(1, Ordering::AcqRel);
            self.unread.fetched.notify_one();
        }
        match news {
            News::Closed(Err(error)) => Err(error),
            news => Ok(news),
        }
    }

    pub(crate) fn list(&self) {
        self.say(Command::List);
    }

    pub(crate) fn allocate(&self) {
        self.say(Command::Allocate);
    }

    pub(crate) fn set_code(&self, code: Code) {
        self.say(Command::SetCode(code));
    }

    pub(crate) fn send(&self, message: &[u8]) -> Result<(), Error> {
        if message.len() > MAX_PLAINTEXT {
            return Err(Cause::TooLong { length: message.len() }.into());
        }
        self.say(Command::Send(message.to_vec()));
        Ok(())
    }

    pub(crate) async fn derive(
        &self,
        purpose: &str,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (reply, derived) = oneshot::channel();
        self.say(Command::Derive { purpose: purpose.to_owned(), length, reply });
        let derived = derived.await.map_err(|_| Cause::Stopped)?;
        derived.map_err(|error| Cause::BadPurpose(error).into())
    }

    /// Leaves once everything sent is stored, and waits for the end.
    pub(crate) async fn close(mut self) -> Result<(), Error> {
        self.say(Command::Close);
        loop {
            if let News::Closed(outcome) = self.next().await? {
                return outcome;
            }
        }
    }

    /// Leaves with a mood of `errory`; nothing more is delivered.
    pub(crate) fn abort(self) {
        self.say(Command::Abort);
    }

    fn say(&self, command: Command) {
        // A driver that has ended has left its reason in `news`.
        let _ = self.commands.send(command);
    }
}

/// Which of the two ends of a driver are gone. The application's going first makes a goodbye in the
/// background, which the driver's going ends.
#[derive(Default)]
struct Ends {
    application: bool,
    driver: bool,
}

struct ApplicationEnd(Arc<Mutex<Ends>>);

struct DriverEnd(Arc<Mutex<Ends>>);

impl Drop for ApplicationEnd {
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.application = true;
        if !ends.driver {
            GOODBYES.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for DriverEnd {
    /// Also when its runtime is torn down.
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.driver = true;
        if ends.application {
            GOODBYES.fetch_sub(1, Ordering::AcqRel);
            GOODBYE_OVER.notify_waiters();
        }
    }
}

struct Driver {
    machine: Wormhole,
    origin: Instant,
    server: Server,
    options: Options,
    link: Link,
    work: Option<Work>,
    /// `None` once the application's end is dropped.
    commands: Option<mpsc::UnboundedReceiver<Command>>,
    news: mpsc::UnboundedSender<News>,
    unread: Arc<Unread>,
    last_failure: Option<String>,
    welcomed: bool,
    /// The last message of the day that was told.
    motd: Option<String>,
    ending: Ending,
}

enum Link {
    Down,
    Dialing(Pin<Box<dyn Future<Output = io::Result<Box<Socket>>> + Send>>),
    Up {
        outgoing: SplitSink<Socket, Message>,
        incoming: SplitStream<Socket>,
        /// Frames that the socket has not taken yet.
        queue: VecDeque<Message>,
        unflushed: bool,
    },
}

/// When the goodbye must be over, and what to say if it is not.
#[derive(Default)]
struct Ending {
    deadline: Option<Instant>,
    time_limit_passed: bool,
    error: Option<Error>,
}

enum Happened {
    Command(Option<Command>),
    Dialed(io::Result<Box<Socket>>),
    Incoming(Option<Result<Message, WebSocketError>>),
    Flushed(Result<(), WebSocketError>),
    Solved(Option<String>),
    Timeout,
    TimeLimit,
    EndLimit,
    Fetched,
}

impl Driver {
    async fn run(mut self) {
        loop {
            let Some(deadline) = self.drain().await else { return };
            if self.machine.failure().is_some() {
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
            Effect::Open => self.link = Link::Dialing(Box::pin(self.server.clone().dial())),
            Effect::Transmit(frame) => {
                if let Link::Up { queue, .. } = &mut self.link {
                    queue.push_back(Message::text(frame));
                }
            }
            Effect::Close => {
                self.work = None;
                if let Link::Up { mut outgoing, .. } = std::mem::replace(&mut self.link, Link::Down)
                {
                    let _ = timeout(FAREWELL_FRAME, outgoing.close()).await;
                }
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
                let motd = welcome.motd;
                if std::mem::replace(&mut self.welcomed, true) && self.motd == motd {
                    return; // said after each reconnection, the same is nothing new
                }
                self.motd.clone_from(&motd);
                (Some(Status::Welcome { motd: motd.clone() }), Some(News::Welcome { motd }))
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
            Event::Received(message) => {
                self.unread.messages.fetch_add(1, Ordering::AcqRel);
                (None, Some(News::Received(message)))
            }
            // `Closed` is told by `closed`; what a later core adds is not for this driver.
            _ => (None, None),
        };
        if let Some(status) = status {
            self.options.tell(&status);
        }
        if let Some(news) = news {
            // An application's end that is gone needs no news.
            let _ = self.news.send(news);
        }
    }

    fn closed(&mut self, outcome: Result<(), ProtocolError>) {
        let outcome = match (outcome, self.ending.error.take()) {
            (Err(ProtocolError::Unreachable), _) => Err(self.unreachable()),
            (Err(error), _) => Err(Cause::Protocol(error).into()),
            (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(()),
        };
        self.options.tell(&Status::Closed);
        let _ = self.news.send(News::Closed(outcome));
    }

    fn unreachable(&mut self) -> Error {
        let reason =
            self.last_failure.take().unwrap_or_else(|| "it did not answer in time".to_owned());
        Cause::Unreachable { url: self.server.url().to_owned(), reason }.into()
    }

    // ---- waiting ----

    async fn wait(&mut self, deadline: Option<Moment>) -> Happened {
        let origin = self.origin;
        let full = self.is_full();
        let time_limit = self.options.time_limit.filter(|_| !self.ending.time_limit_passed);
        tokio::select! {
            command = receive(&mut self.commands) => Happened::Command(command),
            happened = self.link.next(full) => happened,
            stamp = solved(&mut self.work) => Happened::Solved(stamp),
            () = self.unread.fetched.notified(), if full => Happened::Fetched,
            () = until(deadline.map(|moment| origin + moment)) => Happened::Timeout,
            () = until(time_limit.map(|limit| origin + limit)) => Happened::TimeLimit,
            () = until(self.ending.deadline) => Happened::EndLimit,
        }
    }

    fn take(&mut self, happened: Happened) -> std::ops::ControlFlow<()> {
        let now = self.now();
        match happened {
            Happened::Command(Some(command)) => self.obey(command),
            Happened::Command(None) => {
                self.commands = None;
                self.machine.abort();
                self.end_within(DROP_LIMIT);
            }
            Happened::Dialed(Ok(socket)) => {
                let (outgoing, incoming) = (*socket).split();
                let queue = VecDeque::new();
                self.link = Link::Up { outgoing, incoming, queue, unflushed: false };
                self.machine.handle(Input::Opened, now);
            }
            Happened::Dialed(Err(error)) => self.lost(Some(error.to_string())),
            Happened::Incoming(Some(Ok(Message::Text(frame)))) => {
                self.machine.handle(Input::Received(&frame), now);
            }
            // The family's servers answer in text; pings are answered by the library.
            Happened::Incoming(Some(Ok(Message::Binary(_)))) => {
                self.machine.handle(Input::Received(""), now);
            }
            Happened::Incoming(Some(Ok(Message::Close(_))) | None) => self.lost(None),
            Happened::Incoming(Some(Ok(_))) | Happened::Flushed(Ok(())) | Happened::Fetched => {}
            Happened::Incoming(Some(Err(WebSocketError::Capacity(_)))) => {
                self.machine.handle(Input::Oversized, now);
            }
            Happened::Incoming(Some(Err(error))) | Happened::Flushed(Err(error)) => {
                self.lost(Some(error.to_string()));
            }
            Happened::Solved(stamp) => {
                self.work = None;
                match stamp {
                    Some(stamp) => self.machine.handle(Input::Solved(stamp), now),
                    None => self.machine.handle(Input::Unsolvable, now),
                }
            }
            Happened::Timeout if self.is_full() && matches!(self.link, Link::Up { .. }) => {
                self.machine.handle(Input::Paused, now);
            }
            Happened::Timeout => self.machine.handle(Input::Timeout, now),
            Happened::TimeLimit => {
                self.ending.time_limit_passed = true;
                self.ending.error =
                    self.options.time_limit.map(|limit| Cause::TimedOut(limit).into());
                self.machine.abort();
                self.end_within(DROP_LIMIT);
            }
            Happened::EndLimit => {
                self.ending.error.get_or_insert(Cause::Unconfirmed.into());
                let failure = self.machine.failure().cloned();
                self.closed(failure.map_or(Ok(()), Err));
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
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
            Command::Close => {
                self.machine.close();
                self.end_within(CLOSE_LIMIT);
            }
            Command::Abort => self.machine.abort(),
        }
    }

    fn lost(&mut self, reason: Option<String>) {
        if !matches!(self.link, Link::Down) {
            self.link = Link::Down;
            self.last_failure = reason;
            self.work = None;
            self.machine.handle(Input::Lost, self.now());
        }
    }

    /// Whether so much is unread that the peer has to wait.
    fn is_full(&self) -> bool {
        self.commands.is_some() && self.unread.messages.load(Ordering::Acquire) >= MAX_UNREAD
    }

    fn end_within(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        self.ending.deadline = Some(self.ending.deadline.map_or(end, |earlier| earlier.min(end)));
    }

    fn now(&self) -> Moment {
        self.origin.elapsed()
    }
}

impl Link {
    /// What happens next on the link. `full` stops reading, so that a peer cannot outrun the
    /// application.
    async fn next(&mut self, full: bool) -> Happened {
        match self {
            Self::Down => std::future::pending().await,
            Self::Dialing(dialing) => Happened::Dialed(dialing.await),
            Self::Up { outgoing, incoming, queue, unflushed } => tokio::select! {
                outcome = send(outgoing, queue, unflushed), if *unflushed || !queue.is_empty() => {
                    Happened::Flushed(outcome)
                }
                message = incoming.next(), if !full => Happened::Incoming(message),
                else => std::future::pending().await,
            },
        }
    }
}

/// Sends what is queued. Cancelling loses nothing: a frame leaves the queue as the socket takes it.
async fn send(
    outgoing: &mut SplitSink<Socket, Message>,
    queue: &mut VecDeque<Message>,
    unflushed: &mut bool,
) -> Result<(), WebSocketError> {
    while !queue.is_empty() {
        poll_fn(|context| outgoing.poll_ready_unpin(context)).await?;
        if let Some(frame) = queue.pop_front() {
            *unflushed = true;
            outgoing.start_send_unpin(frame)?;
        }
    }
    outgoing.flush().await?;
    *unflushed = false;
    Ok(())
}

async fn receive(commands: &mut Option<mpsc::UnboundedReceiver<Command>>) -> Option<Command> {
    match commands {
        Some(commands) => commands.recv().await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

//! What passes between the application and a driver.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc, oneshot};
use wormhole_sync_core::{
    Code,
    key::DeriveError,
    transit::TransitKey,
    wire::{Welcome, hint::Relay, limits::MAX_PLAINTEXT},
    wormhole::Confirmed,
};
use zeroize::Zeroizing;

use super::goodbye::{self, ApplicationEnd, CLOSE_LIMIT, DriverEnd};
use crate::{
    error::{Cause, Error},
    proxy::Proxy,
};

/// Messages of the peer's that wait for the application before the socket is read on. With
/// [`MAX_BLOB`](crate::MAX_BLOB) this bounds what an eager peer can make this side hold.
const MAX_UNREAD: usize = 16;

/// The application's end of a driver. Dropping it says goodbye in the background.
pub(crate) struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    news: mpsc::UnboundedReceiver<News>,
    unread: Arc<Unread>,
    failure: Arc<OnceLock<Error>>,
    proxy: Option<Arc<Proxy>>,
    _end: ApplicationEnd,
}

/// The application, as its driver has it.
pub(super) struct Application {
    /// `None` once the application's end is dropped.
    commands: Option<mpsc::UnboundedReceiver<Command>>,
    news: mpsc::UnboundedSender<News>,
    unread: Arc<Unread>,
    /// Why nothing that the application may still want can come about.
    failure: Arc<OnceLock<Error>>,
    _end: DriverEnd,
}

/// How much the application has not fetched yet.
#[derive(Default)]
struct Unread {
    messages: AtomicUsize,
    fetched: Notify,
}

pub(super) enum Command {
    List,
    Allocate,
    SetCode(Code),
    Send(Vec<u8>),
    Derive {
        purpose: String,
        length: usize,
        reply: oneshot::Sender<Derived>,
    },
    Transit {
        reply: oneshot::Sender<TransitKey>,
    },
    /// Unless there is no connection for so long.
    Close {
        away: Duration,
    },
    Abort,
}

type Derived = Result<Zeroizing<Vec<u8>>, DeriveError>;

/// What the application's end learns.
pub(crate) enum News {
    Welcome(Greeting),
    Nameplates(Vec<String>),
    Code(Code),
    Confirmed(Confirmed),
    Received(Vec<u8>),
    Closed(Result<(), Error>),
}

/// What the server has said that matters for as long as a wormhole lasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Greeting {
    pub(crate) motd: Option<String>,
    /// For whoever has named none.
    pub(crate) transit_relays: Vec<Relay>,
}

impl From<Welcome> for Greeting {
    fn from(Welcome { motd, transit_relays, .. }: Welcome) -> Self {
        Self { motd, transit_relays }
    }
}

/// The two ends of a new driver.
pub(super) fn ends(proxy: Option<Arc<Proxy>>) -> (Handle, Application) {
    let (commands, commands_in) = mpsc::unbounded_channel();
    let (news_out, news) = mpsc::unbounded_channel();
    let unread = Arc::<Unread>::default();
    let failure = Arc::<OnceLock<Error>>::default();
    let (application_end, driver_end) = goodbye::ends();
    let application = Application {
        commands: Some(commands_in),
        news: news_out,
        unread: unread.clone(),
        failure: failure.clone(),
        _end: driver_end,
    };
    (Handle { commands, news, unread, failure, proxy, _end: application_end }, application)
}

impl Handle {
    /// By way of which it meets the other side.
    pub(crate) const fn proxy(&self) -> Option<&Arc<Proxy>> {
        self.proxy.as_ref()
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
        if let Some(failure) = self.failure.get() {
            return Err(failure.clone());
        }
        let said = self.commands.send(Command::Send(message.to_vec()));
        said.map_err(|_| self.stopped())
    }

    pub(crate) async fn derive(
        &self,
        purpose: &str,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (reply, derived) = oneshot::channel();
        self.say(Command::Derive { purpose: purpose.to_owned(), length, reply });
        let derived = derived.await.map_err(|_| self.stopped())?;
        derived.map_err(|error| Cause::BadPurpose(error).into())
    }

    pub(crate) async fn transit_key(&self) -> Result<TransitKey, Error> {
        let (reply, key) = oneshot::channel();
        self.say(Command::Transit { reply });
        key.await.map_err(|_| self.stopped())
    }

    /// Leaves once everything sent is stored, and waits for the end.
    pub(crate) async fn close(self) -> Result<(), Error> {
        self.close_unless_away(CLOSE_LIMIT).await
    }

    /// The same, unless there is no connection for so long.
    pub(crate) async fn close_unless_away(mut self, limit: Duration) -> Result<(), Error> {
        self.say(Command::Close { away: limit });
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

    /// Why the driver has ended.
    fn stopped(&self) -> Error {
        self.failure.get().cloned().unwrap_or_else(|| Cause::Stopped.into())
    }

    fn say(&self, command: Command) {
        // A driver that has ended has left its reason in `news`.
        let _ = self.commands.send(command);
    }
}

impl Application {
    /// Its next command; `None`, once, when its end was dropped.
    pub(super) async fn command(&mut self) -> Option<Command> {
        let Some(commands) = &mut self.commands else { return std::future::pending().await };
        let command = commands.recv().await;
        if command.is_none() {
            self.commands = None;
        }
        command
    }

    pub(super) fn tell(&self, news: News) {
        if matches!(news, News::Received(_)) {
            self.unread.messages.fetch_add(1, Ordering::AcqRel);
        }
        // An application's end that is gone needs no news.
        let _ = self.news.send(news);
    }

    /// From now on nothing can be sent. The first reason is the one that counts.
    pub(super) fn fail(&self, failure: Error) {
        let _ = self.failure.set(failure);
    }

    /// Whether so much is unread that the peer has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.commands.is_some() && self.unread.messages.load(Ordering::Acquire) >= MAX_UNREAD
    }

    /// Returns when there is room again.
    pub(super) fn room(&self) -> impl Future<Output = ()> + use<> {
        let unread = Arc::clone(&self.unread);
        async move { unread.fetched.notified().await }
    }
}

#[cfg(test)]
mod tests;

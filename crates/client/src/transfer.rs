//! Files, directories and texts, both ways with every tool of the family.
//!
//! [`send`] offers something over an open [`Wormhole`]; [`receive`] waits for an offer, shows it, and
//! accepts or rejects it. Both hand out a [`Transfer`], which tells what happens and can be cancelled. A
//! graphical program needs nothing more.
//!
//! ```
//! use std::io::Cursor;
//! use wormhole_sync::transfer::{self, Event, Outgoing, Routes};
//!
//! # wormhole_sync_testkit::doc::run(async |url| {
//! # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
//! # let routes = Routes::new().listen_at("127.0.0.1:0".parse().unwrap());
//! # let there = routes.clone();
//! # let received = tokio::spawn(async move {
//! #     let transfer::Offered::Files(files) = transfer::receive(other).await? else { panic!("a file") };
//! #     files.accept(Box::new(transfer::Discard), &there).await?.finish().await
//! # });
//! let plan = Outgoing::bytes("plan.txt", 12, Cursor::new("meet at noon"));
//! let mut transfer = transfer::send(one, plan, &routes).await?;
//! while let Some(event) = transfer.next().await {
//!     if let Event::Moved { bytes } = event {
//!         println!("{bytes} of 12 bytes");
//!     }
//! }
//! transfer.finish().await?; // the other side has all of it, and says so
//! # received.await??;
//! # Ok(()) });
//! ```
//!
//! # What the other side learns
//!
//! A sender tells its addresses with the offer. A receiver tells its own only when it accepts. Whoever
//! fails, or is cancelled, tells the other why.

use std::{
    fmt,
    io::{self, Read},
};

use tokio::{sync::mpsc, time::timeout_at};
use wormhole_sync_core::{
    transfer::{Event as MachineEvent, Output, Receiving, Sending},
    wire::transfer_message::{FileOffer, Offer, TransferMessage},
};

use crate::{
    driver::goodbye::{self, ApplicationEnd},
    error::{Cause, Error},
    wormhole::Wormhole,
};

mod bulk;
mod canceller;
mod connection;
mod driver;
mod event;
mod files;
mod hash;
mod line;
mod links;
mod offered;
mod pipeline;
mod routes;
mod sink;

pub use crate::dial::FarEnd;
pub use canceller::Canceller;
pub use event::{Event, Route};
pub use offered::{Offered, OfferedFiles, OfferedText};
pub use routes::{DEFAULT_TRANSIT_RELAY, Routes, TRANSIT_RELAY_VARIABLE};
pub use sink::{Discard, Sink};

pub(crate) use connection::{ByteSocket, Connection, MAX_MESSAGE};

use driver::{Driver, Job};

/// What the other side is told when no port can be listened on: nothing of this computer's.
const UNREACHABLE: &str = "this side could not make itself reachable";

/// What is to be sent.
///
/// ```
/// use wormhole_sync::transfer::Outgoing;
///
/// let text = Outgoing::text("hello");
/// let file = Outgoing::bytes("empty.txt", 0, std::io::empty());
/// # drop((text, file));
/// ```
pub struct Outgoing {
    offer: Offer,
    size: u64,
    source: Box<dyn Read + Send>,
}

impl Outgoing {
    /// A text, of at most about [`MAX_BLOB`](crate::MAX_BLOB) bytes.
    ///
    /// ```
    /// wormhole_sync::transfer::Outgoing::text("hello");
    /// ```
    pub fn text(text: impl Into<String>) -> Self {
        Self { offer: Offer::Message(text.into()), size: 0, source: Box::new(io::empty()) }
    }

    /// A file called `name`, of exactly `size` bytes that are read from `source` on a thread of their own.
    /// A source that ends sooner is an error; what it has beyond is not read.
    ///
    /// ```
    /// let bytes = vec![0; 1000];
    /// let size = bytes.len() as u64;
    /// wormhole_sync::transfer::Outgoing::bytes("zeros", size, std::io::Cursor::new(bytes));
    /// ```
    pub fn bytes(name: impl Into<String>, size: u64, source: impl Read + Send + 'static) -> Self {
        let offer = Offer::File(FileOffer { name: name.into(), size });
        Self { offer, size, source: Box::new(source) }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("offer", &self.offer).finish_non_exhaustive()
    }
}

/// A transfer under way. Dropping it cancels it, and the other side learns so in the background;
/// [`farewells`](crate::farewells) waits for that.
///
/// ```
/// use wormhole_sync::transfer::{self, Outgoing};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (wormhole, taken) = wormhole_sync_testkit::doc::taker(url).await?;
/// # let routes = wormhole_sync_testkit::doc::routes();
/// let endless = Outgoing::bytes("zeros", 1 << 40, std::io::repeat(0));
/// let transfer = transfer::send(wormhole, endless, &routes).await?;
/// drop(transfer); // the user has closed the window
/// assert!(taken.await?.is_err()); // the other side learns so
/// # Ok(()) });
/// ```
pub struct Transfer {
    events: mpsc::Receiver<Event>,
    cancel: mpsc::Sender<String>,
    driver: tokio::task::JoinHandle<Result<(), Error>>,
    _end: ApplicationEnd,
}

impl Transfer {
    /// What happens next; `None` once the transfer has ended, well or badly. Who does not look misses
    /// some [`Event::Moved`], and nothing else.
    ///
    /// ```
    /// use wormhole_sync::transfer::{self, Event, Outgoing};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (wormhole, _taken) = wormhole_sync_testkit::doc::taker(url).await?;
    /// let mut transfer = transfer::send(wormhole, Outgoing::text("hello"), &Default::default()).await?;
    /// let mut events = Vec::new();
    /// while let Some(event) = transfer.next().await {
    ///     events.push(event);
    /// }
    /// assert_eq!(events.last(), Some(&Event::Delivered));
    /// # Ok(()) });
    /// ```
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits for the end. For a sender `Ok` means that the receiver has everything under its final
    /// name and that it is what was sent.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use wormhole_sync::transfer::{self, Outgoing};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (wormhole, taken) = wormhole_sync_testkit::doc::taker(url).await?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let plan = Outgoing::bytes("plan.txt", 12, Cursor::new("meet at noon"));
    /// transfer::send(wormhole, plan, &routes).await?.finish().await?;
    /// assert_eq!(taken.await??, b"meet at noon"); // on the other side
    /// # Ok(()) });
    /// ```
    pub async fn finish(mut self) -> Result<(), Error> {
        while self.events.recv().await.is_some() {}
        (&mut self.driver).await.unwrap_or_else(|_| Err(Cause::Stopped.into()))
    }

    /// Gives up, and tells the other side why. [`finish`](Self::finish) then ends with
    /// [`ErrorKind::Cancelled`](crate::ErrorKind).
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, transfer::{self, Outgoing}};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (wormhole, taken) = wormhole_sync_testkit::doc::taker(url).await?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let endless = Outgoing::bytes("zeros", 1 << 40, std::io::repeat(0));
    /// let transfer = transfer::send(wormhole, endless, &routes).await?;
    /// transfer.cancel("the train leaves");
    /// assert_eq!(transfer.finish().await.err().unwrap().kind(), ErrorKind::Cancelled);
    /// let error = taken.await?.err().unwrap(); // on the other side
    /// assert!(error.to_string().contains("the train leaves"));
    /// # Ok(()) });
    /// ```
    pub fn cancel(&self, reason: &str) {
        self.canceller().cancel(reason);
    }

    /// What cancels this transfer from elsewhere, such as another thread.
    ///
    /// ```
    /// use wormhole_sync::transfer::{self, Outgoing};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (wormhole, _taken) = wormhole_sync_testkit::doc::taker(url).await?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let endless = Outgoing::bytes("zeros", 1 << 40, std::io::repeat(0));
    /// let mut transfer = transfer::send(wormhole, endless, &routes).await?;
    /// let button = transfer.canceller();
    /// std::thread::spawn(move || button.cancel("the train leaves"));
    /// while transfer.next().await.is_some() {} // it ends
    /// assert!(transfer.finish().await.err().unwrap().to_string().contains("the train leaves"));
    /// # Ok(()) });
    /// ```
    pub fn canceller(&self) -> Canceller {
        Canceller(self.cancel.downgrade())
    }

    fn start(job: Job, wormhole: Wormhole, ports: Vec<tokio::net::TcpListener>) -> Self {
        let (told, events) = mpsc::channel(driver::EVENTS);
        let (cancel, cancelled) = mpsc::channel(1);
        let (end, drivers_end) = goodbye::ends();
        let driver = Driver::new(job, wormhole, ports, told, cancelled, drivers_end);
        Self { events, cancel, driver: tokio::spawn(driver.run()), _end: end }
    }
}

/// Offers something to the other side.
///
/// Must be called inside a tokio runtime; reading and hashing happen on threads of its blocking pool.
///
/// ```
/// use wormhole_sync::transfer::{self, Outgoing, Routes};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
/// # let received = tokio::spawn(async move {
/// #     let transfer::Offered::Text(text) = transfer::receive(other).await? else { panic!("a text") };
/// #     text.acknowledge().await
/// # });
/// let text = Outgoing::text("hello");
/// transfer::send(one, text, &Routes::new()).await?.finish().await?; // the other side has it
/// # received.await??;
/// # Ok(()) });
/// ```
pub async fn send(
    wormhole: Wormhole,
    outgoing: Outgoing,
    routes: &Routes,
) -> Result<Transfer, Error> {
    let key = wormhole.transit_key().await?;
    let Outgoing { offer, size, source } = outgoing;
    let opened = match offer {
        Offer::Message(_) => Ok(Default::default()), // a text needs no link
        Offer::File(_) | Offer::Directory(_) => routes.open(&wormhole).await,
    };
    let (ports, meeting) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            drop(refuse(wormhole, UNREACHABLE).await);
            return Err(error);
        }
    };
    let machine = Sending::new(key, offer, &meeting);
    Ok(Transfer::start(Job::Send { machine, source: Some(source), size }, wormhole, ports))
}

/// Waits for the other side's offer.
///
/// ```
/// use wormhole_sync::transfer::{self, Offered};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # use wormhole_sync::transfer::{Outgoing, Routes};
/// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
/// # let sent = tokio::spawn(async move {
/// #     transfer::send(one, Outgoing::text("hello"), &Routes::new()).await?.finish().await
/// # });
/// match transfer::receive(other).await? {
///     Offered::Text(text) => {
///         println!("{}", text.text());
///         text.acknowledge().await?;
///     }
///     Offered::Files(files) => files.reject("texts only, please").await?,
/// }
/// # sent.await??;
/// # Ok(()) });
/// ```
pub async fn receive(mut wormhole: Wormhole) -> Result<Offered, Error> {
    let mut machine = Receiving::new(wormhole.transit_key().await?);
    let origin = tokio::time::Instant::now();
    loop {
        match machine.poll(origin.elapsed()) {
            Output::Event(MachineEvent::Offered(offer)) => {
                return Ok(Offered::new(wormhole, machine, offer));
            }
            Output::Event(MachineEvent::Failed(failure)) => {
                wormhole.close().await?;
                return Err(Cause::Transfer(failure).into());
            }
            Output::Message(message) => wormhole.send(&message).await?,
            Output::Wait(alarm) => {
                let message = match alarm {
                    None => Some(wormhole.receive().await?),
                    Some(moment) => {
                        timeout_at(origin + moment, wormhole.receive()).await.ok().transpose()?
                    }
                };
                if let Some(message) = message {
                    machine.message(&message, origin.elapsed());
                }
            }
            // There are no links before an offer is accepted.
            _ => {}
        }
    }
}

/// Tells the other side that there will be no transfer, and why, instead of sending or receiving.
///
/// ```
/// use wormhole_sync::transfer;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (one, other) = wormhole_sync_testkit::doc::pair(url).await?;
/// transfer::refuse(one, "the verifiers differ").await?;
/// let error = transfer::receive(other).await.err().unwrap(); // on the other side
/// assert!(error.to_string().contains("the verifiers differ"));
/// # Ok(()) });
/// ```
pub async fn refuse(mut wormhole: Wormhole, reason: &str) -> Result<(), Error> {
    let error = TransferMessage { error: Some(reason.to_owned()), ..TransferMessage::default() };
    wormhole.send(&error.encode()).await?;
    wormhole.close().await
}

crate::wormhole::opaque!(Transfer);

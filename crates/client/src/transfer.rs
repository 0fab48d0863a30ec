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
//! #     let offered = transfer::receive(other).await?;
//! #     offered.accept(Box::new(wormhole_sync::transfer::Discard), &there).await?.finish().await
//! # });
//! let plan = Outgoing::bytes("plan.txt", Cursor::new("meet at noon"), 12);
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
    io::{self, Read, Write},
    net::SocketAddr,
};

use tokio::sync::mpsc;
use wormhole_sync_core::{
    connect::Path,
    transfer::{Event as MachineEvent, Output, Receiving, Sending},
    wire::transfer_message::{FileOffer, Offer},
};

use crate::{
    error::{Cause, Error},
    wormhole::Wormhole,
};

mod connection;
mod driver;
mod links;
mod pipeline;
mod routes;

pub use pipeline::Destination;
pub use routes::Routes;

use driver::{Driver, Job};

/// What is to be sent.
///
/// ```
/// use wormhole_sync::transfer::Outgoing;
///
/// let text = Outgoing::text("hello");
/// let file = Outgoing::bytes("empty.txt", std::io::empty(), 0);
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
    /// wormhole_sync::transfer::Outgoing::bytes("zeros", std::io::Cursor::new(bytes), size);
    /// ```
    pub fn bytes(name: impl Into<String>, source: impl Read + Send + 'static, size: u64) -> Self {
        let offer = Offer::File(FileOffer { name: name.into(), size });
        Self { offer, size, source: Box::new(source) }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("offer", &self.offer).finish_non_exhaustive()
    }
}

/// What happens during a transfer, for a person to see.
///
/// ```
/// use wormhole_sync::transfer::Event;
///
/// let line = |event: &Event| match event {
///     Event::Connected { route } => format!("{route}"),
///     Event::Moved { bytes } => format!("{bytes} bytes"),
///     _ => String::new(),
/// };
/// assert_eq!(line(&Event::Moved { bytes: 7 }), "7 bytes");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The receiver wants it.
    Accepted,
    /// The bytes go this way.
    Connected {
        /// Which.
        route: Route,
    },
    /// So many bytes have been moved, of those that were offered.
    Moved {
        /// Since the beginning.
        bytes: u64,
    },
    /// All bytes are sent; the receiver writes, unpacks and confirms.
    Confirming,
}

/// The way that the bytes of a transfer go.
///
/// ```
/// use wormhole_sync::transfer::Route;
///
/// let route = Route::Direct("192.0.2.7:4001".parse()?);
/// assert_eq!(route.to_string(), "directly, 192.0.2.7");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// From computer to computer; the other side's address.
    Direct(SocketAddr),
    /// Through a relay; its address.
    Relay(SocketAddr),
}

impl Route {
    const fn new(path: Path, address: SocketAddr) -> Self {
        match path {
            Path::Direct => Self::Direct(address),
            Path::Relay => Self::Relay(address),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(address) => write!(f, "directly, {}", address.ip().to_canonical()),
            Self::Relay(address) => write!(f, "through the relay, {}", address.ip().to_canonical()),
        }
    }
}

/// A transfer under way. Dropping it cancels it, and the other side learns so.
pub struct Transfer {
    events: mpsc::Receiver<Event>,
    cancel: mpsc::Sender<String>,
    driver: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Transfer {
    /// What happens next; `None` once the transfer has ended, well or badly. Who does not look misses
    /// some [`Event::Moved`], and nothing else.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits for the end. For a sender `Ok` means that the receiver has everything under its final
    /// name and that it is what was sent.
    pub async fn finish(mut self) -> Result<(), Error> {
        while self.events.recv().await.is_some() {}
        (&mut self.driver).await.unwrap_or_else(|_| Err(Cause::Stopped.into()))
    }

    /// Gives up, and tells the other side why. [`finish`](Self::finish) then ends with
    /// [`ErrorKind::Cancelled`](crate::ErrorKind).
    pub fn cancel(&self, reason: &str) {
        // A transfer that has ended, or is being cancelled, needs no second reason.
        let _ = self.cancel.try_send(reason.to_owned());
    }

    fn start(job: Job, wormhole: Wormhole, ports: Vec<tokio::net::TcpListener>) -> Self {
        let (told, events) = mpsc::channel(64);
        let (cancel, cancelled) = mpsc::channel(1);
        let driver = Driver::new(job, wormhole, ports, told, cancelled);
        Self { events, cancel, driver: tokio::spawn(driver.run()) }
    }
}

/// Offers something to the other side.
///
/// Must be called inside a tokio runtime; reading and hashing happen on threads of its blocking pool.
pub async fn send(
    wormhole: Wormhole,
    outgoing: Outgoing,
    routes: &Routes,
) -> Result<Transfer, Error> {
    let key = wormhole.transit_key().await?;
    let is_text = matches!(outgoing.offer, Offer::Message(_));
    let (ports, meeting) = if is_text { Default::default() } else { routes.open().await? };
    let machine = Sending::new(key, outgoing.offer, &meeting);
    let job = Job::Send { machine, source: Some(outgoing.source), size: outgoing.size };
    Ok(Transfer::start(job, wormhole, ports))
}

/// Waits for the other side's offer.
pub async fn receive(mut wormhole: Wormhole) -> Result<Offered, Error> {
    let mut machine = Receiving::new(wormhole.transit_key().await?);
    let origin = tokio::time::Instant::now();
    loop {
        match machine.poll(origin.elapsed()) {
            Output::Event(MachineEvent::Offered(offer)) => {
                return Ok(Offered { wormhole, machine, offer });
            }
            Output::Event(MachineEvent::Failed(failure)) => {
                wormhole.close().await?;
                return Err(Cause::Transfer(failure).into());
            }
            Output::Message(message) => wormhole.send(&message).await?,
            Output::Wait(_) => {
                let message = wormhole.receive().await?;
                machine.message(&message, origin.elapsed());
            }
            // There are no links before an offer is accepted.
            _ => {}
        }
    }
}

/// An offer that waits for its answer. Dropping it says goodbye without one.
pub struct Offered {
    wormhole: Wormhole,
    machine: Receiving,
    offer: Offer,
}

impl Offered {
    /// What is offered. Its names are a stranger's: neither a path nor fit for a terminal as they are.
    pub const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// The text, where one is offered.
    pub fn text(&self) -> Option<&str> {
        match &self.offer {
            Offer::Message(text) => Some(text),
            Offer::File(_) | Offer::Directory(_) => None,
        }
    }

    /// The bytes that will come: the file's, or the archive's of a directory.
    pub const fn size(&self) -> u64 {
        match &self.offer {
            Offer::Message(_) => 0,
            Offer::File(file) => file.size,
            Offer::Directory(directory) => directory.archive_size,
        }
    }

    /// Takes what is offered. The bytes of a file, or the archive of a directory, are written to
    /// `destination` on a thread of its own; a text is here already, and `destination` is completed at once.
    pub async fn accept(
        self,
        destination: Box<dyn Destination>,
        routes: &Routes,
    ) -> Result<Transfer, Error> {
        let is_text = self.text().is_some();
        let (ports, meeting) = if is_text { Default::default() } else { routes.open().await? };
        let (size, machine) = (self.size(), self.machine);
        let job = Job::Receive { machine, destination: Some(destination), size, meeting, is_text };
        Ok(Transfer::start(job, self.wormhole, ports))
    }

    /// Declines, and tells the other side why.
    pub async fn reject(mut self, reason: &str) -> Result<(), Error> {
        self.machine.cancel(reason);
        while let output @ (Output::Message(_) | Output::Event(_)) =
            self.machine.poll(std::time::Duration::ZERO)
        {
            if let Output::Message(message) = output {
                self.wormhole.send(&message).await?;
            }
        }
        self.wormhole.close().await
    }
}

/// A destination that keeps nothing, for measuring.
///
/// ```
/// use std::io::Write;
///
/// wormhole_sync::transfer::Discard.write_all(b"gone")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Write for Discard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Destination for Discard {
    fn complete(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

crate::wormhole::opaque!(Transfer, Offered);

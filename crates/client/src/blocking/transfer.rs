//! Transfers without async. See [`crate::transfer`], whose types describe what is sent, where it goes and
//! how.
//!
//! ```
//! use wormhole_sync::{
//!     blocking::transfer::{self, Offered},
//!     transfer::{Discard, Outgoing, Routes},
//! };
//!
//! # let url = wormhole_sync_testkit::doc::server();
//! # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
//! let routes = Routes::new().listen_at("127.0.0.1:0".parse().unwrap());
//! # let there = routes.clone();
//! # let received = std::thread::spawn(move || {
//! # let routes = there;
//! // on the receiving side
//! match transfer::receive(other)? {
//!     Offered::Text(text) => text.acknowledge(),
//!     Offered::Files(files) => files.accept(Box::new(Discard), &routes)?.finish(),
//! }
//! # });
//!
//! // on the sending side
//! let zeros = Outgoing::bytes("zeros", std::io::repeat(0), 100_000);
//! transfer::send(one, zeros, &routes)?.finish()?; // the other side has it
//! # received.join().unwrap()?;
//! # Ok::<(), wormhole_sync::Error>(())
//! ```

use std::fmt;

use super::{Wormhole, thread::On};
use crate::{
    Error,
    files::FilesOffer,
    transfer::{self, Event, Outgoing, Routes, Sink},
    wormhole::opaque,
};

/// A transfer under way: an iterator over what happens, which ends when the transfer has, well or badly.
/// Dropping it cancels it. See [`transfer::Transfer`].
///
/// ```
/// use wormhole_sync::{ErrorKind, blocking::transfer, transfer::{Outgoing, Routes}};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
/// let sending = transfer::send(one, Outgoing::text("hello"), &Routes::new())?;
/// sending.cancel("changed my mind");
/// assert_eq!(sending.finish().err().unwrap().kind(), ErrorKind::Cancelled);
/// # drop(other);
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub struct Transfer(On<transfer::Transfer>);

/// What the other side offers. See [`transfer::Offered`].
#[derive(Debug)]
pub enum Offered {
    /// A text, which is here already.
    Text(OfferedText),
    /// A file, or a directory as one archive.
    Files(OfferedFiles),
}

/// A text that is offered. See [`transfer::OfferedText`].
pub struct OfferedText(On<transfer::OfferedText>);

/// A file or directory that is offered. See [`transfer::OfferedFiles`].
pub struct OfferedFiles(On<transfer::OfferedFiles>);

/// Offers something to the other side. See [`transfer::send`].
///
/// ```
/// use wormhole_sync::{blocking::transfer, transfer::{Outgoing, Routes}};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
/// # let refused = std::thread::spawn(move || transfer::refuse(other, "not now"));
/// let sent = transfer::send(one, Outgoing::text("hello"), &Routes::new())?.finish();
/// assert!(sent.err().unwrap().to_string().contains("not now"));
/// # refused.join().unwrap()?;
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub fn send(wormhole: Wormhole, outgoing: Outgoing, routes: &Routes) -> Result<Transfer, Error> {
    wormhole.0.next(|wormhole| transfer::send(wormhole, outgoing, routes)).map(Transfer)
}

/// Waits for the other side's offer. See [`transfer::receive`].
///
/// ```
/// use wormhole_sync::blocking::transfer::{self, Offered};
///
/// # use wormhole_sync::transfer::{Outgoing, Routes};
/// # let url = wormhole_sync_testkit::doc::server();
/// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
/// # let sent = std::thread::spawn(move || {
/// #     transfer::send(one, Outgoing::text("hello"), &Routes::new())?.finish()
/// # });
/// let Offered::Text(text) = transfer::receive(other)? else { panic!("a text was expected") };
/// assert_eq!(text.text(), "hello");
/// text.acknowledge()?;
/// # sent.join().unwrap()?;
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub fn receive(wormhole: Wormhole) -> Result<Offered, Error> {
    let (offered, driving) = wormhole.0.next(transfer::receive)?.apart();
    Ok(match offered {
        transfer::Offered::Text(text) => Offered::Text(OfferedText(On::together(text, driving))),
        transfer::Offered::Files(files) => {
            Offered::Files(OfferedFiles(On::together(files, driving)))
        }
    })
}

/// Tells the other side that there will be no transfer, and why. See [`transfer::refuse`].
///
/// ```
/// use wormhole_sync::blocking::transfer;
///
/// # let url = wormhole_sync_testkit::doc::server();
/// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
/// transfer::refuse(one, "the verifiers differ")?;
/// assert!(transfer::receive(other).is_err());
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub fn refuse(wormhole: Wormhole, reason: &str) -> Result<(), Error> {
    wormhole.0.end(|wormhole| transfer::refuse(wormhole, reason))
}

impl Transfer {
    /// Waits for the end. See [`transfer::Transfer::finish`].
    pub fn finish(self) -> Result<(), Error> {
        self.0.end(transfer::Transfer::finish)
    }

    /// Gives up, and tells the other side why.
    pub fn cancel(&self, reason: &str) {
        self.0.value.cancel(reason);
    }
}

impl Iterator for Transfer {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.run_mut(async |transfer| Ok(transfer.next().await)).unwrap_or_default()
    }
}

impl OfferedText {
    /// The text: a stranger's.
    pub fn text(&self) -> &str {
        self.0.value.text()
    }

    /// Tells the sender that its text has arrived.
    pub fn acknowledge(self) -> Result<(), Error> {
        self.0.end(transfer::OfferedText::acknowledge)
    }

    /// Tells the sender that its text could not be taken, and why.
    pub fn reject(self, reason: &str) -> Result<(), Error> {
        self.0.end(|text| text.reject(reason))
    }
}

impl OfferedFiles {
    /// What is offered.
    pub const fn offer(&self) -> &FilesOffer {
        self.0.value.offer()
    }

    /// The bytes that will come: the file's, or the archive's of a directory.
    pub const fn size(&self) -> u64 {
        self.0.value.size()
    }

    /// Takes it. See [`transfer::OfferedFiles::accept`].
    pub fn accept(self, sink: Box<dyn Sink>, routes: &Routes) -> Result<Transfer, Error> {
        self.0.next(|files| files.accept(sink, routes)).map(Transfer)
    }

    /// Declines, and tells the sender why.
    pub fn reject(self, reason: &str) -> Result<(), Error> {
        self.0.end(|files| files.reject(reason))
    }
}

opaque!(Transfer, OfferedText, OfferedFiles);

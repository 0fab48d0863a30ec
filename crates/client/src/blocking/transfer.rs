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
//! let zeros = Outgoing::bytes("zeros", 100_000, std::io::repeat(0));
//! transfer::send(one, zeros, &routes)?.finish()?; // the other side has it
//! # received.join().unwrap()?;
//! # Ok::<(), wormhole_sync::Error>(())
//! ```

use std::fmt;

use super::{Wormhole, thread::On};
use crate::{
    Error,
    files::FilesOffer,
    transfer::{self, Canceller, Event, Outgoing, Routes, Sink},
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
///
/// ```
/// use wormhole_sync::blocking::transfer::Offered;
///
/// # let (text, sent) = wormhole_sync_testkit::doc::blocking_offered_text("hello")?;
/// let offered = Offered::Text(text); // as `receive` returns it
/// let question = match &offered {
///     Offered::Text(_) => "Show the text?".to_owned(),
///     Offered::Files(files) => format!("Take {} bytes?", files.size()),
/// };
/// assert_eq!(question, "Show the text?");
/// drop(offered); // nobody wants it
/// assert!(sent.join().unwrap().is_err()); // the sender learns so
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Offered {
    /// A text, which is here already.
    Text(OfferedText),
    /// A file, or a directory as one archive.
    Files(OfferedFiles),
}

/// A text that is offered. See [`transfer::OfferedText`].
///
/// ```
/// use wormhole_sync::{blocking, transfer::{Outgoing, Routes}};
///
/// # let url = wormhole_sync_testkit::doc::server();
/// # let (one, other) = wormhole_sync_testkit::doc::blocking_pair(&url)?;
/// # let sending = blocking::transfer::send(one, Outgoing::text("hello"), &Routes::new())?;
/// let blocking::transfer::Offered::Text(text) = blocking::transfer::receive(other)? else {
///     panic!("a text is expected")
/// };
/// println!("{:?}", text.text()); // escaped: it may play with the terminal
/// # assert_eq!(text.text(), "hello");
/// text.acknowledge()?;
/// # sending.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OfferedText(On<transfer::OfferedText>);

/// A file or directory that is offered. See [`transfer::OfferedFiles`].
///
/// ```
/// use wormhole_sync::files::Destination;
///
/// # let downloads = tempfile::tempdir()?;
/// # let downloads = downloads.path();
/// # let (files, sent) = wormhole_sync_testkit::doc::blocking_offered_file()?;
/// # let routes = wormhole_sync_testkit::doc::routes();
/// let planned = Destination::output(downloads).plan(files.offer())?; // is there room for it?
/// files.accept(Box::new(planned.begin()?), &routes)?.finish()?;
/// assert_eq!(std::fs::read(downloads.join("zeros"))?, [0; 100_000]);
/// # sent.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use std::io::Cursor;
    /// use wormhole_sync::{blocking::transfer, transfer::Outgoing};
    ///
    /// # let (wormhole, taken) = wormhole_sync_testkit::doc::blocking_taker()?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let plan = Outgoing::bytes("plan.txt", 12, Cursor::new("meet at noon"));
    /// transfer::send(wormhole, plan, &routes)?.finish()?;
    /// assert_eq!(taken.join().unwrap()?, b"meet at noon"); // on the other side
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish(self) -> Result<(), Error> {
        self.0.end(transfer::Transfer::finish)
    }

    /// Gives up, and tells the other side why.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, blocking::transfer, transfer::Outgoing};
    ///
    /// # let (wormhole, taken) = wormhole_sync_testkit::doc::blocking_taker()?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let endless = Outgoing::bytes("zeros", 1 << 40, std::io::repeat(0));
    /// let transfer = transfer::send(wormhole, endless, &routes)?;
    /// transfer.cancel("the train leaves");
    /// assert_eq!(transfer.finish().err().unwrap().kind(), ErrorKind::Cancelled);
    /// let error = taken.join().unwrap().err().unwrap(); // on the other side
    /// assert!(error.to_string().contains("the train leaves"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self, reason: &str) {
        self.0.value.cancel(reason);
    }

    /// What cancels this transfer from another thread, while this one waits for what happens.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, blocking::transfer, transfer::Outgoing};
    ///
    /// # let (wormhole, _taken) = wormhole_sync_testkit::doc::blocking_taker()?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let endless = Outgoing::bytes("zeros", 1 << 40, std::io::repeat(0));
    /// let transfer = transfer::send(wormhole, endless, &routes)?;
    /// let button = transfer.canceller();
    /// std::thread::spawn(move || button.cancel("the train leaves"));
    /// assert_eq!(transfer.finish().err().unwrap().kind(), ErrorKind::Cancelled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn canceller(&self) -> Canceller {
        self.0.value.canceller()
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
    ///
    /// ```
    /// # let (text, sent) = wormhole_sync_testkit::doc::blocking_offered_text("hello")?;
    /// assert_eq!(text.text(), "hello");
    /// # text.acknowledge()?;
    /// # sent.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(&self) -> &str {
        self.0.value.text()
    }

    /// Tells the sender that its text has arrived.
    ///
    /// ```
    /// # let (text, sent) = wormhole_sync_testkit::doc::blocking_offered_text("hello")?;
    /// text.acknowledge()?;
    /// assert!(sent.join().unwrap().is_ok()); // the sender has waited for it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acknowledge(self) -> Result<(), Error> {
        self.0.end(transfer::OfferedText::acknowledge)
    }

    /// Tells the sender that its text could not be taken, and why.
    ///
    /// ```
    /// # let (text, sent) = wormhole_sync_testkit::doc::blocking_offered_text("hello")?;
    /// text.reject("no place for texts")?;
    /// let error = sent.join().unwrap().err().unwrap(); // at the sender
    /// assert!(error.to_string().contains("no place for texts"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reject(self, reason: &str) -> Result<(), Error> {
        self.0.end(|text| text.reject(reason))
    }
}

impl OfferedFiles {
    /// What is offered.
    ///
    /// ```
    /// use wormhole_sync::files::FilesOffer;
    ///
    /// # let (files, sent) = wormhole_sync_testkit::doc::blocking_offered_file()?;
    /// let FilesOffer::File(file) = files.offer() else { panic!("a file is expected") };
    /// assert_eq!((&*file.name, file.size), ("zeros", 100_000));
    /// # drop(sent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn offer(&self) -> &FilesOffer {
        self.0.value.offer()
    }

    /// The bytes that will come: the file's, or the archive's of a directory.
    ///
    /// ```
    /// # let (files, sent) = wormhole_sync_testkit::doc::blocking_offered_file()?;
    /// assert_eq!(files.size(), 100_000);
    /// # drop(sent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn size(&self) -> u64 {
        self.0.value.size()
    }

    /// Takes it. See [`transfer::OfferedFiles::accept`].
    ///
    /// ```
    /// use wormhole_sync::transfer::{Discard, Event};
    ///
    /// # let (files, sent) = wormhole_sync_testkit::doc::blocking_offered_file()?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let receiving = files.accept(Box::new(Discard), &routes)?;
    /// let moved = receiving.filter_map(|event| match event {
    ///     Event::Moved { bytes } => Some(bytes),
    ///     _ => None,
    /// });
    /// assert_eq!(moved.max(), Some(100_000));
    /// # sent.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept(self, sink: Box<dyn Sink>, routes: &Routes) -> Result<Transfer, Error> {
        self.0.next(|files| files.accept(sink, routes)).map(Transfer)
    }

    /// Declines, and tells the sender why.
    ///
    /// ```
    /// # let (files, sent) = wormhole_sync_testkit::doc::blocking_offered_file()?;
    /// files.reject("too large for this disk")?;
    /// let error = sent.join().unwrap().err().unwrap(); // at the sender
    /// assert!(error.to_string().contains("too large for this disk"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reject(self, reason: &str) -> Result<(), Error> {
        self.0.end(|files| files.reject(reason))
    }
}

opaque!(Transfer, OfferedText, OfferedFiles);

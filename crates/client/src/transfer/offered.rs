//! What a receiver is offered, and its answer.

use std::{fmt, time::Duration};

use wormhole_sync_core::{
    transfer::{Output, Receiving},
    wire::transfer_message::Offer,
};

use super::{Routes, Sink, Transfer, UNREACHABLE, driver::Job};
use crate::{
    error::Error,
    files::FilesOffer,
    wormhole::{Wormhole, opaque},
};

/// What the other side offers; it waits for an answer. Dropping it says goodbye without one.
///
/// Names and texts in it are a stranger's: no path, and not fit for a terminal as they are.
///
/// ```
/// use wormhole_sync::transfer::{self, Offered};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # use wormhole_sync::transfer::Outgoing;
/// # let (one, wormhole) = wormhole_sync_testkit::doc::pair(url).await?;
/// # let _sending = transfer::send(one, Outgoing::text("hello"), &Default::default()).await?;
/// let question = match transfer::receive(wormhole).await? {
///     Offered::Text(_) => "Show the text?".to_owned(),
///     Offered::Files(files) => format!("Take {} bytes?", files.size()),
/// };
/// assert_eq!(question, "Show the text?");
/// # Ok(()) });
/// ```
#[derive(Debug)]
pub enum Offered {
    /// A text, which is here already.
    Text(OfferedText),
    /// A file, or a directory as one archive.
    Files(OfferedFiles),
}

impl Offered {
    pub(super) fn new(wormhole: Wormhole, machine: Receiving, offer: Offer) -> Self {
        match offer {
            Offer::Message(text) => Self::Text(OfferedText { wormhole, machine, text }),
            Offer::File(file) => {
                let (size, offer) = (file.size, FilesOffer::File(file));
                Self::Files(OfferedFiles { wormhole, machine, offer, size })
            }
            Offer::Directory(directory) => {
                let (size, offer) = (directory.archive_size, FilesOffer::Directory(directory));
                Self::Files(OfferedFiles { wormhole, machine, offer, size })
            }
        }
    }
}

/// A text that is offered. Do with it what is to be done, and then acknowledge it: its sender waits for
/// that.
///
/// ```
/// use wormhole_sync::transfer::OfferedText;
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (text, sent) = wormhole_sync_testkit::doc::offered_text(url, "hello").await?;
/// let text: OfferedText = text;
/// println!("{:?}", text.text()); // escaped: it may play with the terminal
/// drop(text); // nobody wants it
/// assert!(sent.await?.is_err()); // the sender learns so
/// # Ok(()) });
/// ```
pub struct OfferedText {
    wormhole: Wormhole,
    machine: Receiving,
    text: String,
}

impl OfferedText {
    /// The text: a stranger's.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (text, sent) = wormhole_sync_testkit::doc::offered_text(url, "hello").await?;
    /// assert_eq!(text.text(), "hello");
    /// # text.acknowledge().await?;
    /// # sent.await??;
    /// # Ok(()) });
    /// ```
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells the sender that its text has arrived.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (text, sent) = wormhole_sync_testkit::doc::offered_text(url, "hello").await?;
    /// text.acknowledge().await?;
    /// assert!(sent.await?.is_ok()); // the sender has waited for it
    /// # Ok(()) });
    /// ```
    pub async fn acknowledge(mut self) -> Result<(), Error> {
        self.machine.take_text();
        answer(self.wormhole, self.machine).await
    }

    /// Tells the sender that its text could not be taken, and why.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (text, sent) = wormhole_sync_testkit::doc::offered_text(url, "hello").await?;
    /// text.reject("no place for texts").await?;
    /// let error = sent.await?.err().unwrap(); // at the sender
    /// assert!(error.to_string().contains("no place for texts"));
    /// # Ok(()) });
    /// ```
    pub async fn reject(mut self, reason: &str) -> Result<(), Error> {
        self.machine.cancel(reason);
        answer(self.wormhole, self.machine).await
    }
}

/// A file or directory that is offered.
///
/// ```
/// use wormhole_sync::files::Destination;
///
/// # let downloads = tempfile::tempdir()?;
/// # let downloads = downloads.path().to_owned();
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let (files, sent) = wormhole_sync_testkit::doc::offered_file(url).await?;
/// # let routes = wormhole_sync_testkit::doc::routes();
/// let planned = Destination::output(&downloads).plan(files.offer())?; // is there room for it?
/// files.accept(Box::new(planned.begin()?), &routes).await?.finish().await?;
/// assert_eq!(std::fs::read(downloads.join("zeros"))?, [0; 100_000]);
/// # sent.await??;
/// # Ok(()) });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct OfferedFiles {
    wormhole: Wormhole,
    machine: Receiving,
    offer: FilesOffer,
    size: u64,
}

impl OfferedFiles {
    /// What is offered.
    ///
    /// ```
    /// use wormhole_sync::files::FilesOffer;
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (files, sent) = wormhole_sync_testkit::doc::offered_file(url).await?;
    /// match files.offer() {
    ///     FilesOffer::File(file) => assert_eq!(file.name, "zeros"),
    ///     FilesOffer::Directory(directory) => println!("{} files", directory.files),
    /// }
    /// # assert!(matches!(files.offer(), FilesOffer::File(_)));
    /// # drop(sent);
    /// # Ok(()) });
    /// ```
    pub const fn offer(&self) -> &FilesOffer {
        &self.offer
    }

    /// The bytes that will come: the file's, or the archive's of a directory.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (files, sent) = wormhole_sync_testkit::doc::offered_file(url).await?;
    /// assert_eq!(files.size(), 100_000);
    /// # drop(sent);
    /// # Ok(()) });
    /// ```
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Takes it. The bytes are written to `sink` on a thread that may block, and only now does the sender
    /// learn where this side can be reached.
    ///
    /// ```
    /// use wormhole_sync::transfer::{Discard, Event};
    ///
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (files, sent) = wormhole_sync_testkit::doc::offered_file(url).await?;
    /// # let routes = wormhole_sync_testkit::doc::routes();
    /// let mut receiving = files.accept(Box::new(Discard), &routes).await?;
    /// let mut moved = 0;
    /// while let Some(event) = receiving.next().await {
    ///     if let Event::Moved { bytes } = event {
    ///         moved = bytes;
    ///     }
    /// }
    /// receiving.finish().await?;
    /// assert_eq!(moved, 100_000);
    /// # sent.await??;
    /// # Ok(()) });
    /// ```
    pub async fn accept(self, sink: Box<dyn Sink>, routes: &Routes) -> Result<Transfer, Error> {
        let (ports, meeting) = match routes.open(&self.wormhole).await {
            Ok(opened) => opened,
            Err(error) => {
                drop(self.reject(UNREACHABLE).await);
                return Err(error);
            }
        };
        let Self { wormhole, machine, size, .. } = self;
        let job = Job::Receive { machine, sink: Some(sink), size, meeting };
        Ok(Transfer::start(job, wormhole, ports))
    }

    /// Declines, and tells the sender why.
    ///
    /// ```
    /// # wormhole_sync_testkit::doc::run(async |url| {
    /// # let (files, sent) = wormhole_sync_testkit::doc::offered_file(url).await?;
    /// files.reject("too large for this disk").await?;
    /// let error = sent.await?.err().unwrap(); // at the sender
    /// assert!(error.to_string().contains("too large for this disk"));
    /// # Ok(()) });
    /// ```
    pub async fn reject(mut self, reason: &str) -> Result<(), Error> {
        self.machine.cancel(reason);
        answer(self.wormhole, self.machine).await
    }
}

/// Says the machine's last words, and goodbye.
async fn answer(mut wormhole: Wormhole, mut machine: Receiving) -> Result<(), Error> {
    while let output @ (Output::Message(_) | Output::Event(_)) = machine.poll(Duration::ZERO) {
        if let Output::Message(message) = output {
            wormhole.send(&message).await?;
        }
    }
    wormhole.close().await
}

opaque!(OfferedText, OfferedFiles);

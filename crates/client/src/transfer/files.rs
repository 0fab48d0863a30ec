//! Files and directories of this computer as what is sent and where what is received goes.

use std::{
    io::{self, Read, Write},
    ops::ControlFlow::{Break, Continue},
    path::PathBuf,
    sync::Arc,
};

use wormhole_sync_core::{
    Fault,
    wire::transfer_message::{DirectoryOffer, Offer},
};

use super::{Outgoing, Sink};
use crate::{
    error::Cause,
    files::{FilesError, Receiving, Source, SourceError},
};

impl Outgoing {
    /// A file or directory, or several.
    ///
    /// ```
    /// use wormhole_sync::{files::Gathering, transfer::Outgoing};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("plan.pdf");
    /// # std::fs::write(&path, "dig")?;
    /// let source = Gathering::new().path(path).unwrap();
    /// let outgoing = Outgoing::files(source);
    /// # drop(outgoing);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn files(source: Source) -> Self {
        let (offer, size) = (source.offer().into(), source.size());
        Self { offer, size, source: Box::new(source.into_reader()) }
    }

    /// A directory that is packed already: `source` brings the zip archive that the offer describes, exactly
    /// [`archive_size`](DirectoryOffer::archive_size) bytes. Both go as they are; a receiver holds the one
    /// against the other.
    ///
    /// ```
    /// use wormhole_sync::{files::DirectoryOffer, transfer::Outgoing};
    ///
    /// let nothing = [&b"PK\x05\x06"[..], &[0; 18]].concat(); // an archive's end
    /// let offer = DirectoryOffer {
    ///     mode: DirectoryOffer::ZIP.to_owned(),
    ///     name: "empty".to_owned(),
    ///     archive_size: 22,
    ///     bytes: 0,
    ///     files: 0,
    /// };
    /// let outgoing = Outgoing::archive(offer, std::io::Cursor::new(nothing));
    /// # drop(outgoing);
    /// ```
    pub fn archive(offer: DirectoryOffer, source: impl Read + Send + 'static) -> Self {
        let size = offer.archive_size;
        Self { offer: Offer::Directory(offer), size, source: Box::new(source) }
    }
}

impl Write for Receiving {
    /// All of it, or an error that carries a [`FilesError`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Receiving {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        self.complete_while(&|| true)
    }

    fn complete_while(
        self: Box<Self>,
        is_wanted: &dyn Fn() -> bool,
    ) -> io::Result<Option<PathBuf>> {
        let mut watch = |_| if is_wanted() { Continue(()) } else { Break(()) };
        let received = self.finish_watched(&mut watch).map_err(io::Error::other)?;
        Ok(received.path)
    }
}

/// Why this side ends when its source fails.
pub(super) fn unreadable(error: io::Error) -> Cause {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<SourceError>()) {
        Some(_) => Cause::Files(Arc::new(error)),
        None => Cause::Read(Arc::new(error)),
    }
}

/// What the sender is told when a sink fails, and why this side ends then.
pub(super) fn failed(error: io::Error) -> (String, Cause) {
    let files = error.get_ref().and_then(|inner| inner.downcast_ref::<FilesError>());
    let reason = files.map_or_else(|| "it cannot be written there".to_owned(), FilesError::told);
    let told = format!("the receiver failed: {reason}");
    match files {
        Some(files) if files.fault() == Fault::Peer => (told, Cause::Unusable(files.to_string())),
        Some(_) => (told, Cause::Files(Arc::new(error))),
        None => (told, Cause::Write(Arc::new(error))),
    }
}

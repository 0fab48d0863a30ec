//! What is offered where it is no text.

use wormhole_sync_core::wire::transfer_message::{DirectoryOffer, FileOffer, Offer};

/// A file, or a directory as one archive. Names in it may be a stranger's: no path, and not fit for a
/// terminal as they are.
///
/// ```
/// use wormhole_sync::files::{FilesOffer, Source};
///
/// let source = Source::reader("greeting.txt", 5, &b"hello"[..]).unwrap();
/// let FilesOffer::File(file) = source.offer() else { panic!("it is a file") };
/// assert_eq!((file.name.as_str(), file.size), ("greeting.txt", 5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesOffer {
    /// A file.
    File(FileOffer),
    /// A directory.
    Directory(DirectoryOffer),
}

impl From<FilesOffer> for Offer {
    fn from(offer: FilesOffer) -> Self {
        match offer {
            FilesOffer::File(file) => Self::File(file),
            FilesOffer::Directory(directory) => Self::Directory(directory),
        }
    }
}

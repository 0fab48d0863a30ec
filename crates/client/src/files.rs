//! Files and directories: what is read to be sent, and where what was received comes to stand.
//!
//! Everything here is synchronous and belongs on a thread that may block. What comes from the peer,
//! names and archives, is a stranger's: nothing of it leaves the directory that the user chose, and
//! nothing stands under its final name before all of it has come, been checked, and is on the disk.

mod error;
mod name;
mod offer;

mod archive;

mod source;

mod unpack;

mod destination;

pub use wormhole_sync_core::wire::transfer_message::{DirectoryOffer, FileOffer};

pub use destination::{Destination, Exists, Planned, Received, Receiving};
pub use error::FilesError;
pub use name::{delicate, safe};
pub use offer::FilesOffer;
pub use source::{Gathering, Reason, Source, SourceError, Unsendable};

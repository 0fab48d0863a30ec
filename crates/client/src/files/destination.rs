//! Where what is received goes.
//!
//! ```text
//! Destination ─file, directory─▶ Planned ─begin─▶ Receiving ─write…─▶ finish ─▶ Received
//!  the user's wish      the path, for the prompt      │ dropped, or failed: nothing is left
//! ```
//!
//! The directory is opened once and is from then on a capability: nothing outside of it is created,
//! changed or followed, whatever is swapped in meanwhile. Until [`Receiving::finish`] there is only a hidden
//! file (or directory) `.wormhole-….part` beside the final name, of a random name and for nobody else
//! to read. It is removed on every way out but one: when the process is killed it stays, and can be
//! deleted. A received directory's archive has no name at all and goes with the process.

mod contents;
mod folder;
mod numbered;
mod receiving;
mod spot;
mod system;
mod temporary;

use std::{fmt, io::Write, path::PathBuf};

use wormhole_sync_core::wire::transfer_message::{DirectoryOffer, FileOffer};

pub use self::receiving::{Received, Receiving};
use self::{
    contents::Contents,
    spot::{InFolder, Spot},
};
use super::{
    FilesError, FilesOffer, name,
    unpack::{MAX_RATIO, Promise},
};

/// What to do when something stands already where the received is to go.
///
/// ```
/// use wormhole_sync::files::Exists;
///
/// assert_eq!(Exists::default(), Exists::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exists {
    /// Leave it, and receive nothing.
    #[default]
    Refuse,
    /// Put a file in the place of a file, or of a link, which is not followed. Never in the place of a
    /// directory; and a directory in the place of nothing, for two trees are not merged.
    Overwrite,
    /// Leave it, and take the first free of "name (1).txt", "name (2).txt" and so on.
    Rename,
}

/// Where the user wants what is received.
///
/// ```
/// use wormhole_sync::files::{Destination, FileOffer};
///
/// # let downloads = tempfile::tempdir()?;
/// # let downloads = downloads.path();
/// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
/// let planned = Destination::output(downloads).file(&offer).unwrap();
/// assert_eq!(planned.path(), Some(downloads.join("plan.txt")));
///
/// let mut receiving = planned.begin().unwrap();
/// receiving.take(b"hello").unwrap();
/// receiving.finish().unwrap();
/// assert_eq!(std::fs::read(downloads.join("plan.txt"))?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Destination {
    place: Place,
    exists: Exists,
}

enum Place {
    Output(PathBuf),
    Writer(Box<dyn Write + Send>),
}

impl Destination {
    /// Into the current directory, under the peer's name.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// let offer = FileOffer { name: "../evil".into(), size: 5 };
    /// assert!(Destination::current().file(&offer).is_err());
    /// ```
    #[must_use]
    pub fn current() -> Self {
        Self::output(".")
    }

    /// Into this directory under the peer's name, if it is one; otherwise under this very path.
    /// Directories above it are not made.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// let path = downloads.path().join("mine.txt");
    /// let offer = FileOffer { name: "CON".into(), size: 5 };
    /// let planned = Destination::output(&path).file(&offer).unwrap();
    /// assert_eq!(planned.path(), Some(path));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn output(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Output(path.into()), exists: Exists::default() }
    }

    /// Into a writer, such as standard output, as it comes. Files only: a directory would be an archive
    /// that nobody has checked.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let planned = Destination::writer(std::io::sink()).file(&offer).unwrap();
    /// assert_eq!(planned.path(), None);
    /// ```
    #[must_use]
    pub fn writer(writer: impl Write + Send + 'static) -> Self {
        Self { place: Place::Writer(Box::new(writer)), exists: Exists::default() }
    }

    /// What to do when something stands there already: [`Exists::Refuse`] unless this says otherwise.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, Exists, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// std::fs::write(downloads.join("plan.txt"), "old")?;
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let planned = Destination::output(downloads).exists(Exists::Rename).file(&offer).unwrap();
    /// assert_eq!(planned.path(), Some(downloads.join("plan (1).txt")));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn exists(self, exists: Exists) -> Self {
        Self { exists, ..self }
    }

    /// Checks that a file can be received as offered: its name, what stands there, the room.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, Source};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = Source::reader("plan.txt", 5, &b"hello"[..]).unwrap().offer();
    /// let planned = Destination::output(downloads).plan(&offer).unwrap();
    /// assert_eq!(planned.path(), Some(downloads.join("plan.txt")));
    /// assert_eq!(std::fs::read_dir(downloads)?.count(), 0); // nothing has been made yet
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn plan(self, offer: &FilesOffer) -> Result<Planned, FilesError> {
        match offer {
            FilesOffer::File(file) => self.file(file),
            FilesOffer::Directory(directory) => self.directory(directory),
        }
    }

    /// The same for a file.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer, FilesError};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let whole_disk = FileOffer { name: "zeros".into(), size: u64::MAX };
    /// let error = Destination::output(downloads).file(&whole_disk).err().unwrap();
    /// assert!(matches!(error, FilesError::Space { needed: u64::MAX, .. }));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn file(self, offer: &FileOffer) -> Result<Planned, FilesError> {
        self.settle(&offer.name, offer.size, offer.size, Contents::File)
    }

    /// The same for a directory, for whose archive there must be room beside it.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, DirectoryOffer, FilesError};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let mode = DirectoryOffer::ZIP.to_owned();
    /// let holiday =
    ///     DirectoryOffer { mode, name: "holiday".into(), archive_size: 1000, bytes: 800, files: 2 };
    /// let planned = Destination::output(downloads).directory(&holiday).unwrap();
    /// assert_eq!(planned.path(), Some(downloads.join("holiday")));
    ///
    /// let tar = DirectoryOffer { mode: "tar".into(), ..holiday };
    /// let error = Destination::output(downloads).directory(&tar).err().unwrap();
    /// assert!(matches!(error, FilesError::Mode(_)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn directory(self, offer: &DirectoryOffer) -> Result<Planned, FilesError> {
        if !offer.is_zip() {
            return Err(FilesError::Mode(offer.mode.clone()));
        }
        if offer.bytes > offer.archive_size.saturating_mul(MAX_RATIO) {
            return Err(FilesError::Archive {
                entry: None,
                why: "cannot hold as much as is offered",
            });
        }
        let promise = Promise { bytes: offer.bytes, files: offer.files };
        let needed = offer.bytes.saturating_add(offer.archive_size);
        self.settle(&offer.name, offer.archive_size, needed, Contents::Archive(promise))
    }

    fn settle(
        self,
        peers: &str,
        size: u64,
        needed: u64,
        contents: Contents,
    ) -> Result<Planned, FilesError> {
        let spot = match self.place {
            Place::Writer(_) if matches!(contents, Contents::Archive(_)) => {
                return Err(FilesError::Place { path: "-".into(), why: DIRECTORY_TO_A_WRITER });
            }
            Place::Writer(writer) => Spot::Writer(writer),
            Place::Output(path) => {
                let spot = InFolder::find(&path, peers, self.exists)?;
                let spot = spot.free_for(&contents)?;
                spot.folder.has_room(needed)?;
                Spot::InFolder(spot)
            }
        };
        Ok(Planned { spot, size, contents })
    }
}

/// What was offered can be received; nothing has been made yet.
///
/// ```
/// # use wormhole_sync::files::{Destination, FileOffer};
/// # let downloads = tempfile::tempdir()?;
/// let offer = FileOffer { name: ".bashrc".into(), size: 5 };
/// let planned = Destination::output(downloads.path()).file(&offer).unwrap();
/// assert!(planned.warning().is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Planned {
    spot: Spot,
    /// Bytes that are to come.
    size: u64,
    contents: Contents,
}

impl Planned {
    /// Where it will stand; none for a writer. With [`Exists::Rename`], unless somebody else
    /// takes the name meanwhile: then [`Received::path`] tells.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let planned = Destination::output(downloads).file(&offer).unwrap();
    /// println!("plan.txt, {} bytes, into {:?}. Agreed?", offer.size, planned.path());
    /// # assert!(planned.path().unwrap().starts_with(downloads));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn path(&self) -> Option<PathBuf> {
        match &self.spot {
            Spot::Writer(_) => None,
            Spot::InFolder(spot) => Some(spot.folder.path_of(&spot.name)),
        }
    }

    /// Why the user should look twice at the name, if it is the peer's: see
    /// [`delicate`](super::delicate).
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "holiday.jpeg.exe".into(), size: 5 };
    /// let planned = Destination::output(downloads).file(&offer).unwrap();
    /// assert!(planned.warning().unwrap().contains("program"));
    ///
    /// let own_name = Destination::output(downloads.join("holiday.exe")).file(&offer).unwrap();
    /// assert_eq!(own_name.warning(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn warning(&self) -> Option<&'static str> {
        match &self.spot {
            Spot::InFolder(InFolder { name, peers: true, .. }) => {
                name.to_str().and_then(name::delicate)
            }
            _ => None,
        }
    }

    /// Makes the temporary file. What comes now goes to [`Receiving::write`].
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let receiving = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
    /// assert!(!downloads.join("plan.txt").exists()); // it has another name until it is complete
    /// assert_eq!(std::fs::read_dir(downloads)?.count(), 1);
    /// # drop(receiving);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn begin(self) -> Result<Receiving, FilesError> {
        Receiving::begin(self.spot, self.size, self.contents)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(path) => write!(f, "Output({})", path.display()),
            Self::Writer(_) => f.write_str("Writer"),
        }
    }
}

const DIRECTORY_TO_A_WRITER: &str = "cannot take a directory, whose archive would go there \
    unchecked; choose a directory to receive it into";

#[cfg(test)]
mod tests;

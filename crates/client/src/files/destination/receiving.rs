//! What is being received.

use std::{
    fmt,
    fs::File,
    io::{Seek, Write},
    ops::ControlFlow,
    path::PathBuf,
};

use super::{
    contents::Contents,
    spot::{InFolder, Spot},
    system,
    temporary::{TemporaryDirectory, TemporaryFile},
};
use crate::files::{
    FilesError,
    unpack::{Promise, unpack},
};

/// A file or directory that is being received. Dropped before [`Receiving::finish`] it leaves nothing
/// behind, but for what went to a writer.
///
/// ```
/// use wormhole_sync::files::{Destination, FileOffer};
///
/// # let downloads = tempfile::tempdir()?;
/// # let downloads = downloads.path();
/// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
/// let mut receiving = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
/// receiving.take(b"hel").unwrap();
/// drop(receiving); // the link broke
/// assert_eq!(std::fs::read_dir(downloads)?.count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Receiving {
    sink: Sink,
    promised: u64,
    came: u64,
}

enum Sink {
    Writer(Box<dyn Write + Send>),
    File(TemporaryFile, InFolder),
    Archive { spool: File, promise: Promise, spot: InFolder },
}

/// What has arrived, checked, and is on the disk under its name.
///
/// ```
/// # use wormhole_sync::files::{Destination, FileOffer};
/// # let downloads = tempfile::tempdir()?;
/// # let downloads = downloads.path();
/// let offer = FileOffer { name: "empty".into(), size: 0 };
/// let received = Destination::output(downloads).file(&offer).unwrap().begin().unwrap().finish().unwrap();
/// assert_eq!(received.path, Some(downloads.join("empty")));
/// assert_eq!((received.files, received.bytes), (1, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Where it stands; none for a writer.
    pub path: Option<PathBuf>,
    /// Number of files.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Receiving {
    pub(super) fn begin(spot: Spot, size: u64, contents: Contents) -> Result<Self, FilesError> {
        let sink = match (spot, contents) {
            (Spot::Writer(writer), _) => Sink::Writer(writer),
            (Spot::InFolder(spot), Contents::File) => {
                Sink::File(TemporaryFile::new(&spot.folder)?, spot)
            }
            (Spot::InFolder(spot), Contents::Archive(promise)) => {
                Sink::Archive { spool: spot.folder.unnamed()?, promise, spot }
            }
        };
        Ok(Self { sink, promised: size, came: 0 })
    }

    /// Takes the next bytes. More than was promised are refused, and none of them written.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let mut receiving = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
    /// receiving.take(b"hello").unwrap();
    /// assert!(receiving.take(b"!").is_err()); // a sixth of five bytes
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        let came = self.came.saturating_add(bytes.len() as u64);
        if came > self.promised {
            return Err(FilesError::Amount { promised: self.promised, came });
        }
        match &mut self.sink {
            Sink::Writer(writer) => {
                writer.write_all(bytes).map_err(FilesError::io("writing to", "-"))?;
            }
            Sink::File(temporary, spot) => {
                temporary
                    .file
                    .write_all(bytes)
                    .map_err(spot.folder.failed("writing", &spot.name))?;
                let (begun, full) = (self.came / STRIDE, came / STRIDE);
                if full > begun {
                    system::begin_writing_back(&temporary.file, begun * STRIDE..full * STRIDE);
                }
            }
            Sink::Archive { spool, spot, .. } => {
                spool.write_all(bytes).map_err(spot.folder.failed("writing", &spot.name))?;
            }
        }
        self.came = came;
        Ok(())
    }

    /// Bytes that are still to come.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let mut receiving = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
    /// receiving.take(b"hel").unwrap();
    /// assert_eq!(receiving.missing(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub const fn missing(&self) -> u64 {
        self.promised - self.came
    }

    /// Unpacks what is to be unpacked, brings everything to the disk and gives it its name: to be called
    /// when the last byte was taken and is known to be the peer's. When this returns, the peer can be
    /// told.
    ///
    /// ```
    /// # use wormhole_sync::files::{Destination, FileOffer};
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let mut receiving = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
    /// receiving.take(b"hello").unwrap();
    /// let received = receiving.finish().unwrap();
    /// assert_eq!(received.path, Some(downloads.join("plan.txt")));
    /// assert_eq!(std::fs::read(downloads.join("plan.txt"))?, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn finish(self) -> Result<Received, FilesError> {
        self.finish_watched(&mut |_| ControlFlow::Continue(()))
    }

    /// The same, calling `watch` while a directory is unpacked, with the bytes of its files so far, and before
    /// anything gets its name. When that returns [`ControlFlow::Break`], nothing is kept.
    ///
    /// ```
    /// use std::{io::Read, ops::ControlFlow};
    /// use wormhole_sync::files::{Destination, FilesError, Gathering};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (holiday, downloads) = (folder.path().join("holiday"), folder.path().join("downloads"));
    /// # std::fs::create_dir(&holiday)?;
    /// # std::fs::create_dir(&downloads)?;
    /// # std::fs::write(holiday.join("plan.txt"), "dig a tunnel")?;
    /// let source = Gathering::new().path(&holiday).unwrap();
    /// let planned = Destination::output(&downloads).plan(&source.offer()).unwrap();
    /// let mut receiving = planned.begin().unwrap();
    /// let mut archive = Vec::new();
    /// source.into_reader().read_to_end(&mut archive)?;
    /// receiving.take(&archive).unwrap();
    ///
    /// let error = receiving.finish_watched(&mut |bytes| {
    ///     assert_eq!(bytes, 12); // "dig a tunnel"
    ///     ControlFlow::Break(()) // the user has had enough
    /// });
    /// assert!(matches!(error, Err(FilesError::Stopped)));
    /// assert_eq!(std::fs::read_dir(downloads)?.count(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn finish_watched(
        self,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Received, FilesError> {
        let Self { sink, promised, came } = self;
        if came != promised {
            return Err(FilesError::Amount { promised, came });
        }
        match sink {
            Sink::Writer(mut writer) => {
                writer.flush().map_err(FilesError::io("writing to", "-"))?;
                Ok(Received { path: None, files: 1, bytes: came })
            }
            Sink::File(temporary, spot) => {
                wanted(watch(came))?;
                let path = Some(spot.folder.path_of(&temporary.keep(&spot)?));
                Ok(Received { path, files: 1, bytes: came })
            }
            Sink::Archive { mut spool, promise, spot } => {
                spool.rewind().map_err(spot.folder.failed("reading", &spot.name))?;
                let temporary = TemporaryDirectory::new(&spot.folder)?;
                let tree = unpack(spool, &promise, &temporary.dir, watch)?;
                wanted(watch(tree.bytes))?;
                let path = Some(spot.folder.path_of(&temporary.keep(&tree, &spot)?));
                Ok(Received { path, files: tree.files, bytes: tree.bytes })
            }
        }
    }
}

fn wanted(flow: ControlFlow<()>) -> Result<(), FilesError> {
    if flow.is_break() { Err(FilesError::Stopped) } else { Ok(()) }
}

/// Bytes of a file after which what has come is sent on to the disk, so that the last sync has little left to
/// wait for: 16 MiB. An archive is read again at once and removed, and stays in memory while there is room.
const STRIDE: u64 = 16 << 20;

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writer(_) => f.write_str("Writer"),
            Self::File(_, spot) | Self::Archive { spot, .. } => spot.fmt(f),
        }
    }
}

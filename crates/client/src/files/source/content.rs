//! The content of one file, held to what was announced of it.

use std::{
    cmp::Ordering,
    fs::{File, Metadata},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{error::SourceError, platform};

/// An open file that gives exactly the bytes that were announced, or says what has become of it.
///
/// A change is an error even where other entries may be left out: sizes are announced before the first
/// byte, and bytes made up to fill a gap would arrive as if they were the file's.
pub(super) struct Content {
    file: File,
    path: PathBuf,
    size: u64,
    left: u64,
    state: State,
}

/// What is held against the file.
enum State {
    /// Nothing: a device, or a temporary file that nobody else can reach.
    Given,
    /// That it has its size, once reading begins.
    Announced,
    /// That it has its size and was last written then, once all is read.
    Begun(Option<SystemTime>),
}

impl Content {
    /// Opens a file that was announced with `size` bytes.
    pub(super) fn open(path: PathBuf, size: u64) -> Result<Self, SourceError> {
        match platform::open(&path) {
            Ok(file) => Ok(Self { file, path, size, left: size, state: State::Announced }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(SourceError::Changed { path, how: "has vanished" })
            }
            Err(error) => Err(SourceError::Lost { path, error }),
        }
    }

    /// A device, from its beginning; its size is where its end is.
    pub(super) fn device(path: &Path) -> Result<Self, SourceError> {
        let opened = platform::open(path).and_then(|mut file| {
            let size = file.seek(SeekFrom::End(0))?;
            file.rewind()?;
            Ok((file, size))
        });
        match opened {
            Ok((file, size)) => Ok(Self::given(file, path, size)),
            Err(error) => Err(SourceError::Lost { path: path.to_owned(), error }),
        }
    }

    /// All that a reader brings, in a temporary file without a name in `folder`.
    pub(super) fn spool(reader: &mut impl Read, folder: &Path) -> Result<Self, SourceError> {
        let spooled = tempfile::tempfile_in(folder).and_then(|mut file| {
            let size = io::copy(reader, &mut file)?;
            file.rewind()?;
            Ok((file, size))
        });
        match spooled {
            Ok((file, size)) => Ok(Self::given(file, folder, size)),
            Err(error) => Err(SourceError::Spool { path: folder.to_owned(), error }),
        }
    }

    fn given(file: File, path: &Path, size: u64) -> Self {
        Self { file, path: path.to_owned(), size, left: size, state: State::Given }
    }

    /// Bytes that were announced.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.left == 0
    }

    /// Fills as much of `buffer` as there are bytes left; the last of them only if the file is still as it was.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        self.begin()?;
        let mut filled = 0;
        while self.left > 0 {
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let most = most.min(room.len());
            let Some(room) = room.get_mut(..most).filter(|room| !room.is_empty()) else { break };
            match self.file.read(room) {
                Ok(0) => return Err(self.changed("has shrunk")),
                Ok(count) => {
                    filled += count;
                    self.left -= count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(error)),
            }
        }
        if self.left == 0 {
            self.check()?;
        }
        Ok(filled)
    }

    fn begin(&mut self) -> Result<(), SourceError> {
        if matches!(self.state, State::Announced) {
            let metadata = self.metadata()?;
            self.state = State::Begun(metadata.modified().ok());
        }
        Ok(())
    }

    /// Whether the file is still as it was, now that all of it has been read.
    fn check(&mut self) -> Result<(), SourceError> {
        let State::Begun(modified) = self.state else { return Ok(()) };
        if self.metadata()?.modified().ok() != modified {
            return Err(self.changed("has been written to"));
        }
        // Files that the system makes up, as in /proc, say that they are empty and are not.
        if self.size == 0 && self.file.read(&mut [0]).is_ok_and(|count| count > 0) {
            return Err(self.changed("has grown"));
        }
        Ok(())
    }

    /// What the system knows of the file, if that is what was announced.
    fn metadata(&self) -> Result<Metadata, SourceError> {
        let metadata = self.file.metadata().map_err(|error| self.lost(error))?;
        match metadata.len().cmp(&self.size) {
            _ if !metadata.is_file() => Err(self.changed("has become something else")),
            Ordering::Less => Err(self.changed("has shrunk")),
            Ordering::Greater => Err(self.changed("has grown")),
            Ordering::Equal => Ok(metadata),
        }
    }

    fn changed(&self, how: &'static str) -> SourceError {
        SourceError::Changed { path: self.path.clone(), how }
    }

    fn lost(&self, error: io::Error) -> SourceError {
        SourceError::Lost { path: self.path.clone(), error }
    }
}

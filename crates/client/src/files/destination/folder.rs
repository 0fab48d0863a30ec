//! A directory, opened once, and everything beneath it.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata},
};

use super::system;
use crate::files::FilesError;

pub(super) struct Folder {
    pub(super) dir: Dir,
    /// As the user named it; for people only.
    path: PathBuf,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, FilesError> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        let dir = dir.map_err(FilesError::io("opening", path))?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// For people.
    pub(super) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// What is there under the name; a link itself, not what it leads to.
    pub(super) fn what_stands(&self, name: &OsStr) -> Result<Option<Metadata>, FilesError> {
        match self.dir.symlink_metadata(name) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("looking at", name)(error)),
        }
    }

    /// Whether as many bytes are free, as far as the file system tells.
    pub(super) fn has_room(&self, needed: u64) -> Result<(), FilesError> {
        match system::free(&self.dir) {
            Some(free) if free < needed => Err(FilesError::Space { needed, free }),
            _ => Ok(()),
        }
    }

    /// A file without a name, which goes with its last handle.
    pub(super) fn unnamed(&self) -> Result<File, FilesError> {
        system::unnamed(&self.dir, &Self::random_name()?)
            .map_err(self.failed("writing in", "".as_ref()))
    }

    /// Hidden, and not to be foreseen: 64 random bits, and its creation is exclusive.
    pub(super) fn random_name() -> Result<String, FilesError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| {
            FilesError::io("asking for random bytes", "")(io::Error::other(error.to_string()))
        })?;
        Ok(format!(".wormhole-{:016x}.part", u64::from_le_bytes(random)))
    }

    pub(super) fn failed(
        &self,
        doing: &'static str,
        name: &OsStr,
    ) -> impl FnOnce(io::Error) -> FilesError + use<> {
        FilesError::io(doing, self.path_of(name))
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

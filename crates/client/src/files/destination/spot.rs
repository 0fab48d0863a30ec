//! The place that something is to take, and whether it is free.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    io::Write,
    path::Path,
    sync::Arc,
};

use super::{Exists, contents::Contents, folder::Folder, numbered::numbered};
use crate::files::{FilesError, name};

/// Where it is to stand.
pub(super) enum Spot {
    Writer(Box<dyn Write + Send>),
    InFolder(InFolder),
}

/// A name in a directory.
#[derive(Debug)]
pub(super) struct InFolder {
    pub(super) folder: Arc<Folder>,
    /// As it was wished for.
    pub(super) wished: OsString,
    /// The one to take: another than `wished` if that stands already, and may be evaded.
    pub(super) name: OsString,
    pub(super) exists: Exists,
    /// Whether the peer chose the name.
    pub(super) peers: bool,
}

impl InFolder {
    /// The user's own path is followed wherever it leads, but for its last component.
    pub(super) fn find(path: &Path, peers: &str, exists: Exists) -> Result<Self, FilesError> {
        let at = |folder: &Path, name: &OsStr, peers| {
            let (wished, name) = (name.to_owned(), name.to_owned());
            Ok(Self { folder: Arc::new(Folder::open(folder)?), wished, name, exists, peers })
        };
        if path.is_dir() {
            let name = name::safe(peers)
                .map_err(|why| FilesError::Name { name: peers.to_owned(), why })?;
            return at(path, OsStr::new(name), true);
        }
        let wants_directory = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if !wants_directory => at(parent, name, false),
            _ => Err(FilesError::Place { path: path.to_owned(), why: NO_DIRECTORY }),
        }
    }

    pub(super) fn free_for(self, contents: &Contents) -> Result<Self, FilesError> {
        let Some(stands) = self.folder.what_stands(&self.wished)? else { return Ok(self) };
        let directory = matches!(contents, Contents::Archive(_));
        match self.exists {
            Exists::Refuse => Err(self.taken(CHOOSE_ANOTHER)),
            Exists::Overwrite if directory => Err(self.taken(NEVER_MERGED)),
            Exists::Overwrite if stands.is_dir() => Err(self.taken(NOT_BY_A_FILE)),
            Exists::Overwrite if !stands.is_file() && !stands.is_symlink() => {
                Err(self.taken(NOT_SPECIAL))
            }
            Exists::Overwrite => Ok(self),
            Exists::Rename => self.first_free(directory),
        }
    }

    fn first_free(mut self, directory: bool) -> Result<Self, FilesError> {
        for number in 1..MOST_NUMBERS {
            self.name = numbered(&self.wished, number, directory);
            if self.folder.what_stands(&self.name)?.is_none() {
                return Ok(self);
            }
        }
        Err(self.taken(CHOOSE_ANOTHER))
    }

    pub(super) fn taken(&self, advice: &'static str) -> FilesError {
        FilesError::Exists { path: self.folder.path_of(&self.wished), advice }
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writer(_) => f.write_str("Writer"),
            Self::InFolder(spot) => spot.fmt(f),
        }
    }
}

const NO_DIRECTORY: &str = "is no directory; make it, or choose another";
const CHOOSE_ANOTHER: &str = "choose another name, or allow overwriting or renaming";
const NEVER_MERGED: &str = "a received directory is not merged with it, nor put in its place; choose \
    another name, or allow renaming";
const NOT_BY_A_FILE: &str = "and is a directory, which no file replaces; choose another name, or allow \
    renaming";
const NOT_SPECIAL: &str = "and is a device, a pipe or a socket, which no file replaces; choose another \
    name, or standard output";

/// Numbers tried for a free name: a directory full of them would be searched for ever.
pub(super) const MOST_NUMBERS: u32 = 10_000;

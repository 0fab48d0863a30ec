//! What is not there yet: under a random name, for its owner alone, and gone unless it is kept.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, FileTimes},
    io,
    sync::Arc,
};

use cap_std::fs::{Dir, OpenOptions};

use super::{
    Exists,
    folder::Folder,
    numbered::numbered,
    spot::{InFolder, MOST_NUMBERS},
    system,
};
use crate::files::{FilesError, unpack::Tree};

pub(super) struct TemporaryFile {
    pub(super) file: File,
    /// The mode of a new file here: the umask's, or the directory's own default.
    default: u32,
    temporary: Temporary,
}

impl TemporaryFile {
    pub(super) fn new(folder: &Arc<Folder>) -> Result<Self, FilesError> {
        let name = OsString::from(Folder::random_name()?);
        let default = default_mode(folder, &name).map_err(folder.failed("writing", &name))?;
        let file = folder.dir.open_with(&name, system::owners(&mut OpenOptions::new()));
        let file = file.map_err(folder.failed("writing", &name))?.into_std();
        Ok(Self { file, default, temporary: Temporary::new(folder, name, false) })
    }

    /// Brings it to the disk, and then to where it belongs. Returns its name.
    pub(super) fn keep(mut self, spot: &InFolder) -> Result<OsString, FilesError> {
        system::set_mode(&self.file, self.default)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| self.still_there())
            .map_err(self.temporary.failed())?;
        self.temporary.keep(spot)
    }

    /// Whether the name still means the file that was written, and not a link that somebody else, who may
    /// write to the same directory, has put in its place.
    fn still_there(&self) -> io::Result<()> {
        let there = self.temporary.folder.dir.symlink_metadata(&self.temporary.name)?;
        if system::is_same(&there, &self.file)? {
            Ok(())
        } else {
            Err(io::Error::other("somebody else has put something in its place"))
        }
    }
}

/// Asked of an empty file that is made for it: the umask itself can be read only by changing it.
fn default_mode(folder: &Folder, name: &OsStr) -> io::Result<u32> {
    let probe = folder.dir.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    folder.dir.remove_file(name)?;
    system::mode(&probe.into_std())
}

pub(super) struct TemporaryDirectory {
    pub(super) dir: Dir,
    /// The mode of a new directory here.
    default: u32,
    temporary: Temporary,
}

impl TemporaryDirectory {
    pub(super) fn new(folder: &Arc<Folder>) -> Result<Self, FilesError> {
        let name = OsString::from(Folder::random_name()?);
        folder.dir.create_dir(&name).map_err(folder.failed("making", &name))?;
        let temporary = Temporary::new(folder, name, true);
        let dir = system::open_own(&folder.dir, &temporary.name).map_err(temporary.failed())?;
        let handle = system::handle(&dir, ".").map_err(temporary.failed())?;
        let default = system::mode(&handle).map_err(temporary.failed())?;
        system::set_mode(&handle, default & INHERITED | 0o700).map_err(temporary.failed())?;
        Ok(Self { dir, default, temporary })
    }

    /// Gives its directories their modes and ages, brings everything to the disk with one call, and then
    /// to where it belongs. Returns its name.
    pub(super) fn keep(mut self, tree: &Tree, spot: &InFolder) -> Result<OsString, FilesError> {
        let ready = self.dress(tree).and_then(|()| system::sync_everything(&self.dir));
        let ready = ready.map_err(self.temporary.failed());
        ready.and_then(|()| self.temporary.keep(spot)).inspect_err(|_| self.undress(tree))
    }

    /// The deepest first: what is put into a directory changes its age, and what has its own mode may not
    /// let anybody in.
    fn dress(&self, tree: &Tree) -> io::Result<()> {
        for (path, attributes) in tree.directories.iter().rev() {
            let directory = system::handle(&self.dir, path)?;
            let mode = attributes.mode.unwrap_or(0o777) | INHERITED;
            system::set_mode(&directory, mode & self.default)?;
            if let Some(modified) = attributes.modified {
                directory.set_times(FileTimes::new().set_modified(modified))?;
            }
        }
        system::set_mode(&system::handle(&self.dir, ".")?, self.default)
    }

    /// So that it can be removed.
    fn undress(&self, tree: &Tree) {
        for (path, _) in &tree.directories {
            let _ = system::let_in(&self.dir, path);
        }
    }
}

/// A file or directory that disappears when it is dropped, unless it is kept.
struct Temporary {
    folder: Arc<Folder>,
    name: OsString,
    directory: bool,
    kept: bool,
}

impl Temporary {
    fn new(folder: &Arc<Folder>, name: OsString, directory: bool) -> Self {
        Self { folder: folder.clone(), name, directory, kept: false }
    }

    fn keep(&mut self, spot: &InFolder) -> Result<OsString, FilesError> {
        let name = self.rename(spot)?;
        self.kept = true;
        match system::sync_names(&self.folder.dir) {
            // Some file systems cannot sync a directory, and need not.
            Err(error) if !is_unknown(&error) => Err(self.folder.failed("syncing", &name)(error)),
            _ => Ok(name),
        }
    }

    fn rename(&self, spot: &InFolder) -> Result<OsString, FilesError> {
        let dir = &self.folder.dir;
        if spot.exists == Exists::Overwrite && !self.directory {
            let replaced = dir.rename(&self.name, dir, &spot.wished);
            replaced.map_err(self.folder.failed("replacing", &spot.wished))?;
            return Ok(spot.wished.clone());
        }
        let mut name = spot.name.clone();
        for number in 1..=MOST_NUMBERS {
            match system::rename_new(dir, &self.name, &name, self.directory) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(self.folder.failed("writing", &name)(error));
                }
                Err(_) if spot.exists != Exists::Rename => break,
                Err(_) => name = numbered(&spot.wished, number, self.directory),
            }
        }
        Err(spot.taken(TAKEN_MEANWHILE))
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> FilesError + use<> {
        self.folder.failed("writing", &self.name)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Nobody is left to tell; what stays is hidden, and named in the module's documentation.
        let _ = if self.directory {
            self.folder.dir.remove_dir_all(&self.name)
        } else {
            self.folder.dir.remove_file(&self.name)
        };
    }
}

fn is_unknown(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// The bit by which a directory hands its group down, where this computer's owner set it above.
const INHERITED: u32 = 0o2000;

const TAKEN_MEANWHILE: &str = "though it did not when the transfer began; nothing was kept, choose \
    another name";

//! The way through directories: what is in them goes into an archive, or is named with the reason why not.
//!
//! Links are followed. What lies behind several links is sent several times, and a link to a directory that it
//! lies in is refused. The order is that of the names' bytes, so that the same tree gives the same archive.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::{
    error::{Reason, SourceError, Unsendable},
    platform::{self, Identity},
};
use crate::files::archive::{Archive, Attributes};

/// Most entries of a directory: 4 million. Each costs 24 bytes of memory and its name, and a file system that makes
/// them up as it is asked would go on for ever.
pub(super) const MAX_ENTRIES: usize = 4_000_000;
/// Deepest directory: 256. The walk is recursive, and a deeper tree is no one's work.
const MAX_DEPTH: usize = 256;
/// Most links to directories that are followed: 10,000. Thirty directories with two links each, to the next
/// one, hold no loop, and a thousand million paths.
const MAX_LINKS: usize = 10_000;

/// A walk, and what it has found so far.
pub(super) struct Walk {
    ignores_unsendable: bool,
    pub(super) archive: Archive,
    /// Bytes of all files.
    pub(super) bytes: u64,
    /// Number of files.
    pub(super) files: u64,
    pub(super) left_out: Vec<Unsendable>,
    /// The directories that the walk is in.
    ancestors: Vec<Identity>,
    links: usize,
}

impl Walk {
    pub(super) fn new(ignores_unsendable: bool) -> Self {
        Self {
            ignores_unsendable,
            archive: Archive::default(),
            bytes: 0,
            files: 0,
            left_out: Vec::new(),
            ancestors: Vec::new(),
            links: 0,
        }
    }

    /// Takes in whatever is at `path`, under `name`; with an empty name, the content of a directory.
    pub(super) fn visit(
        &mut self,
        path: &mut PathBuf,
        name: &mut String,
    ) -> Result<(), SourceError> {
        let metadata = match fs::metadata(&*path) {
            Ok(metadata) => metadata,
            Err(error) => return self.leave_out(path, unreadable(path, error)),
        };
        if metadata.is_dir() {
            return self.directory(path, name, &metadata);
        }
        if !metadata.is_file() {
            let reason = Reason::Special(platform::special(metadata.file_type()));
            self.left_out.push(Unsendable { path: path.clone(), reason });
            return Ok(());
        }
        self.file(path, name, &metadata)
    }

    fn file(&mut self, path: &Path, name: &str, metadata: &Metadata) -> Result<(), SourceError> {
        if let Err(error) = platform::check_readable(path) {
            return self.leave_out(path, Reason::Unreadable(error));
        }
        self.make_room(path)?;
        if !self.archive.file(name, metadata.len(), attributes(metadata)) {
            return self.leave_out(path, Reason::LongName);
        }
        self.bytes += metadata.len();
        self.files += 1;
        Ok(())
    }

    fn directory(
        &mut self,
        path: &mut PathBuf,
        name: &mut String,
        metadata: &Metadata,
    ) -> Result<(), SourceError> {
        let read = platform::identity(path).and_then(|identity| Ok((identity, list(path)?)));
        let (identity, children) = match read {
            Ok(read) => read,
            Err(error) => return self.leave_out(path, Reason::Unreadable(error)),
        };
        if self.ancestors.contains(&identity) {
            return self.leave_out(path, Reason::Loop);
        }
        if self.ancestors.len() >= MAX_DEPTH {
            return Err(too_much(path, "directories inside one another", MAX_DEPTH));
        }
        self.ancestors.push(identity);
        let before = self.archive.len();
        for child in children {
            self.child(path, name, &child)?;
        }
        self.ancestors.pop();
        if self.archive.len() == before && !name.is_empty() {
            self.make_room(path)?;
            if !self.archive.directory(name, attributes(metadata)) {
                return self.leave_out(path, Reason::LongName);
            }
        }
        Ok(())
    }

    fn child(
        &mut self,
        path: &mut PathBuf,
        name: &mut String,
        child: &Child,
    ) -> Result<(), SourceError> {
        path.push(&child.name);
        let length = name.len();
        let visited = match child.name.to_str() {
            None => self.leave_out(path, Reason::NotUtf8),
            Some(text) => {
                if !name.is_empty() {
                    name.push('/');
                }
                name.push_str(text);
                self.count_link(path, child.is_link).and_then(|()| self.visit(path, name))
            }
        };
        name.truncate(length);
        path.pop();
        visited
    }

    fn count_link(&mut self, path: &Path, is_link: bool) -> Result<(), SourceError> {
        if is_link && path.is_dir() {
            self.links += 1;
            if self.links > MAX_LINKS {
                return Err(too_much(path, "links to directories", MAX_LINKS));
            }
        }
        Ok(())
    }

    fn make_room(&self, path: &Path) -> Result<(), SourceError> {
        if self.archive.len() < MAX_ENTRIES {
            return Ok(());
        }
        Err(too_much(path, "entries", MAX_ENTRIES))
    }

    fn leave_out(&mut self, path: &Path, reason: Reason) -> Result<(), SourceError> {
        let entry = Unsendable { path: path.to_owned(), reason };
        if !self.ignores_unsendable {
            return Err(SourceError::Unsendable(entry));
        }
        self.left_out.push(entry);
        Ok(())
    }
}

struct Child {
    name: OsString,
    is_link: bool,
}

/// What is in a directory, sorted. The directory is closed again, so that a deep tree holds no files open.
fn list(path: &Path) -> io::Result<Vec<Child>> {
    let mut children = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        children.push(Child { name: entry.file_name(), is_link });
    }
    children.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(children)
}

fn too_much(path: &Path, what: &'static str, limit: usize) -> SourceError {
    SourceError::TooMuch { path: path.to_owned(), what, limit }
}

/// Why there is nothing to be learnt about a path.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Reason {
    if is_link_loop(&error) {
        return Reason::Loop;
    }
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    if error.kind() == ErrorKind::NotFound && is_link {
        return Reason::BrokenLink;
    }
    Reason::Unreadable(error)
}

/// A link to itself, or two to one another.
#[cfg(unix)]
fn is_link_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link_loop(_: &io::Error) -> bool {
    false
}

fn attributes(metadata: &Metadata) -> Attributes {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = since.map_or(0, |since| since.as_secs());
    Attributes {
        mode: platform::mode(metadata),
        modified: u32::try_from(seconds).unwrap_or(u32::MAX),
    }
}

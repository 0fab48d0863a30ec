//! A received archive becomes a directory, or nothing at all.
//!
//! Two passes over its central directory, which alone counts: [`survey`] holds what the archive says of
//! itself against the offer and the limits before anything is made; [`unpack`] makes it beneath a
//! capability of an empty directory, and holds every entry to what was said. Nothing is overwritten
//! and no link is made or followed: what stands already, be it for a duplicate entry, a file in the place
//! of a directory, or two names that this file system takes for one, ends it.

mod entry;
mod survey;

use std::{
    collections::HashMap,
    fs::{File, FileTimes},
    io::{self, ErrorKind, Read, Write},
    ops::ControlFlow,
    time::SystemTime,
};

use cap_std::fs::{Dir, DirBuilder, OpenOptions};
use rawzip::{CompressionMethod, FileReader, ZipArchive, ZipArchiveEntryWayfinder};

use self::{
    entry::{Entry, Kind},
    survey::{Survey, survey},
};
use super::FilesError;

/// What the peer promised of the archive, and the user agreed to.
#[derive(Debug)]
pub(super) struct Promise {
    /// Bytes of all files together, at most.
    pub(super) bytes: u64,
    /// Files, at most.
    pub(super) files: u64,
}

/// What was unpacked. Its directories still have a mode that lets them be filled or removed.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Bytes of all files together.
    pub(super) bytes: u64,
    /// Files.
    pub(super) files: u64,
    /// The directories, parents first, and what they are to become when all is in them.
    pub(super) directories: Vec<(String, Attributes)>,
}

/// The mode and age that something had where it comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    /// Permission bits; none if the archive does not tell.
    pub(super) mode: Option<u32>,
    /// When it was last modified, if the archive tells it in universal time. A zip file's own field is
    /// in the local time of who knows where, and not used.
    pub(super) modified: Option<SystemTime>,
}

/// Unpacks everything into an empty directory, and says after each piece how many bytes are there.
/// On an error, what has been made is left to the caller to remove.
pub(super) fn unpack(
    archive: File,
    promise: &Promise,
    into: &Dir,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Tree, FilesError> {
    unpack_within(&LIMITS, archive, promise, into, watch)
}

fn unpack_within(
    limits: &Limits,
    archive: File,
    promise: &Promise,
    into: &Dir,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Tree, FilesError> {
    let mut directory = vec![0; BUFFER];
    let archive = ZipArchive::from_file(archive, &mut directory).map_err(broken)?;
    let survey = survey(&archive, &mut directory, promise, limits.entries)?;
    let mut unpacker = Unpacker {
        limits,
        archive: &archive,
        survey,
        into,
        watch,
        buffer: vec![0; BUFFER],
        made: HashMap::new(),
        path_bytes: 0,
        tree: Tree::default(),
    };
    let mut records = archive.entries(&mut directory);
    while let Some(record) = records.next_entry().map_err(broken)? {
        if Entry::is_root(&record) {
            continue;
        }
        let entry =
            Entry::read(&record).map_err(|why| refused(record.file_path().as_ref(), why))?;
        unpacker.take(&entry, record.wayfinder())?;
    }
    let Unpacker { made, mut tree, .. } = unpacker;
    tree.directories = made.into_iter().map(|(path, made)| (path, made.attributes)).collect();
    tree.directories.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(tree)
}

struct Unpacker<'a> {
    limits: &'a Limits,
    archive: &'a ZipArchive<FileReader>,
    survey: Survey,
    into: &'a Dir,
    watch: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
    buffer: Vec<u8>,
    made: HashMap<String, Made>,
    path_bytes: usize,
    tree: Tree,
}

/// A directory that stands.
struct Made {
    attributes: Attributes,
    /// Whether it has an entry of its own, rather than being there for one below.
    told: bool,
}

impl Unpacker<'_> {
    /// Whether it is to go on.
    fn look(&mut self) -> Result<(), FilesError> {
        if (self.watch)(self.tree.bytes).is_break() { Err(FilesError::Stopped) } else { Ok(()) }
    }

    fn take(&mut self, entry: &Entry, way: ZipArchiveEntryWayfinder) -> Result<(), FilesError> {
        if entry.size == 0 {
            self.look()?; // nothing else is counted of it
        }
        if let Some((parent, _)) = entry.path.rsplit_once('/') {
            self.make_directories(parent)?;
        }
        match entry.kind {
            Kind::Directory => {
                self.make_directories(&entry.path)?;
                let made = self.made.get_mut(&entry.path).filter(|made| !made.told);
                let made = made.ok_or_else(|| refused(entry.path.as_bytes(), TWICE))?;
                *made = Made { attributes: entry.attributes, told: true };
                Ok(())
            }
            Kind::File => self.write(entry, way),
        }
    }

    fn make_directories(&mut self, path: &str) -> Result<(), FilesError> {
        if self.made.contains_key(path) {
            return Ok(());
        }
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        for step in ends.filter_map(|end| path.get(..end)) {
            if !self.made.contains_key(step) {
                self.make_directory(step)?;
            }
        }
        Ok(())
    }

    fn make_directory(&mut self, path: &str) -> Result<(), FilesError> {
        self.path_bytes += path.len();
        let Limits { entries, directory_paths } = *self.limits;
        if self.path_bytes > directory_paths || self.made.len() as u64 >= entries {
            return Err(FilesError::Archive { entry: None, why: "holds too many directories" });
        }
        self.into.create_dir_with(path, &private()).map_err(|error| failed(path, error))?;
        self.made.insert(path.to_owned(), Made { attributes: Attributes::default(), told: false });
        Ok(())
    }

    fn write(&mut self, entry: &Entry, way: ZipArchiveEntryWayfinder) -> Result<(), FilesError> {
        let why = |why| refused(entry.path.as_bytes(), why);
        let found = self.archive.get_entry(way).map_err(|_| why("lies outside the archive"))?;
        if !self.survey.is_free_until(found.compressed_data_range().1, entry.header) {
            return Err(why("shares its bytes with another"));
        }
        let options = new_file(entry.attributes.mode);
        let opened = self.into.open_with(&entry.path, &options);
        let file = opened.map_err(|error| failed(&entry.path, error))?.into_std();
        match entry.method {
            CompressionMethod::STORE => self.copy(entry, &file, found.reader())?,
            _ => self.copy(entry, &file, flate2::read::DeflateDecoder::new(found.reader()))?,
        }
        if let Some(modified) = entry.attributes.modified {
            let times = FileTimes::new().set_modified(modified);
            file.set_times(times).map_err(|error| failed(&entry.path, error))?;
        }
        self.tree.files += 1;
        Ok(())
    }

    /// Writes what comes out, never more than was declared, and checks it.
    fn copy(
        &mut self,
        entry: &Entry,
        mut to: &File,
        mut from: impl Read,
    ) -> Result<(), FilesError> {
        let why = |why| refused(entry.path.as_bytes(), why);
        let (mut checksum, mut size) = (crc32fast::Hasher::new(), 0);
        loop {
            let read = match from.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(why("is damaged")),
            };
            size += read as u64;
            if size > entry.size {
                return Err(why("holds more than it says"));
            }
            let bytes = self.buffer.get(..read).unwrap_or_default();
            checksum.update(bytes);
            to.write_all(bytes).map_err(|error| failed(&entry.path, error))?;
            self.tree.bytes += read as u64;
            self.look()?;
        }
        if size != entry.size {
            return Err(why("holds less than it says"));
        }
        if checksum.finalize() == entry.checksum { Ok(()) } else { Err(why("is damaged")) }
    }
}

fn new_file(mode: Option<u32>) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, mode.unwrap_or(0o666));
    #[cfg(not(unix))]
    let _ = mode;
    options
}

/// As a directory is made: nobody else sees into it while it is filled.
fn private() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are Unix's"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn refused(path: &[u8], why: &'static str) -> FilesError {
    FilesError::Archive { entry: Some(String::from_utf8_lossy(path).into_owned()), why }
}

fn failed(path: &str, error: io::Error) -> FilesError {
    match error.kind() {
        ErrorKind::AlreadyExists => refused(path.as_bytes(), TWICE),
        ErrorKind::NotADirectory => refused(path.as_bytes(), "lies in a file"),
        _ => FilesError::io("unpacking", path)(error),
    }
}

fn broken(_: rawzip::Error) -> FilesError {
    FilesError::Archive { entry: None, why: "is no whole zip file" }
}

/// Why two entries of one name are refused, whichever of them another program would show.
const TWICE: &str = "has the name of another, as far as this disk can tell";

/// What an archive may make of this computer, whatever was promised.
struct Limits {
    /// Most entries, and most directories made for them: a bomb of empty entries fills the disk's index and
    /// not its room.
    entries: u64,
    /// Most bytes of all directories' paths together, which are remembered: a bomb of deep directories
    /// fills the memory. A million directories of ordinary depth fit.
    directory_paths: usize,
}

const LIMITS: Limits = Limits { entries: 4_000_000, directory_paths: 64 * 1024 * 1024 };

/// Most bytes that one byte of deflated data can become: a declared size beyond is a forgery, meant to
/// reserve or to overflow.
pub(super) const MAX_RATIO: u64 = 1_032;

/// Bytes read at once; more than a record of the central directory can be long (three times 64 KiB).
const BUFFER: usize = 256 * 1024;

#[cfg(test)]
pub(super) mod tests;

//! One entry of the central directory, as far as it may be followed.

use std::time::{Duration, SystemTime};

use rawzip::{CompressionMethod, ZipFileHeaderRecord, time::ZipDateTimeKind};

use super::Attributes;
use crate::files::name;

pub(super) struct Entry {
    /// Components that are safe here, parted by `/`.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) attributes: Attributes,
    pub(super) method: CompressionMethod,
    /// Bytes that it unpacks to, as it says.
    pub(super) size: u64,
    /// CRC-32 of those, as it says.
    pub(super) checksum: u32,
    /// Where its local header is.
    pub(super) header: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
}

impl Entry {
    /// What is wrong with it otherwise, in words that follow its name.
    pub(super) fn read(record: &ZipFileHeaderRecord<'_>) -> Result<Self, &'static str> {
        let path = path(record.file_path().as_bytes())?;
        let kind = kind(record)?;
        if record.flags().is_encrypted() {
            return Err("is encrypted");
        }
        let method = record.compression_method();
        if method != CompressionMethod::STORE && method != CompressionMethod::DEFLATE {
            return Err("is compressed in a way that is not known here");
        }
        let size = record.uncompressed_size_hint();
        if kind == Kind::Directory && size != 0 {
            return Err("is a directory with a content");
        }
        Ok(Self {
            path,
            kind,
            attributes: Attributes { mode: mode(record), modified: modified(record) },
            method,
            size,
            checksum: record.crc32(),
            header: record.local_header_offset(),
        })
    }

    /// Whether it is what the Python tool calls a directory that has nothing in it: nothing is to be made for it.
    pub(super) fn is_root(record: &ZipFileHeaderRecord<'_>) -> bool {
        record.file_path().as_bytes() == b"./"
    }

    /// Whether the name is that of a directory; the check of its type is [`Entry::read`]'s.
    pub(super) fn is_directory(record: &ZipFileHeaderRecord<'_>) -> bool {
        record.file_path().as_bytes().ends_with(b"/")
    }
}

fn path(bytes: &[u8]) -> Result<String, &'static str> {
    if bytes.len() > MAX_PATH {
        return Err("has too long a path");
    }
    let path = str::from_utf8(bytes).map_err(|_| "has a name that is not UTF-8")?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.starts_with('/') {
        return Err("has an absolute path, and so leads elsewhere");
    }
    for (depth, component) in path.split('/').enumerate() {
        if depth >= MAX_DEPTH {
            return Err("lies too deep");
        }
        name::entry(component)?;
    }
    Ok(path.to_owned())
}

/// The upper half of the attributes is a Unix mode, and 0 where the sender knows none.
fn unix_mode(record: &ZipFileHeaderRecord<'_>) -> u32 {
    record.external_attributes() >> 16
}

fn kind(record: &ZipFileHeaderRecord<'_>) -> Result<Kind, &'static str> {
    match (unix_mode(record) & TYPE, Entry::is_directory(record)) {
        (0 | DIRECTORY, true) => Ok(Kind::Directory),
        (0 | FILE, false) => Ok(Kind::File),
        (LINK, _) => Err("is a symbolic link"),
        (FILE, true) | (DIRECTORY, false) => Err("is a file and a directory at once"),
        _ => Err("is neither file nor directory"),
    }
}

/// The nine permission bits. Without one of them nobody could read it: then it is as if untold.
/// What would let it run as its owner, or keep others from removing it, is left out.
fn mode(record: &ZipFileHeaderRecord<'_>) -> Option<u32> {
    Some(unix_mode(record) & 0o777).filter(|&mode| mode != 0)
}

fn modified(record: &ZipFileHeaderRecord<'_>) -> Option<SystemTime> {
    let ZipDateTimeKind::Utc(time) = record.last_modified() else { return None };
    let seconds = time.to_unix();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let past = seconds < 0;
    let epoch = SystemTime::UNIX_EPOCH;
    if past { epoch.checked_sub(distance) } else { epoch.checked_add(distance) }
}

const TYPE: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Most bytes of an entry's path. Longer ones could be made here, step by step, and then be neither
/// opened nor removed by programs that use whole paths, which hold 4,096.
const MAX_PATH: usize = 3_072;

/// Most components of an entry's path: each entry could make as many directories, and programs
/// that walk a tree call themselves for each.
const MAX_DEPTH: usize = 128;

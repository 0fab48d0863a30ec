//! What an archive says of itself, held against the offer and the limits before anything is made.

use rawzip::{CompressionMethod, FileReader, ZipArchive};

use super::{MAX_RATIO, Promise, broken, entry::Entry, refused};
use crate::files::FilesError;

/// Where the archive's parts lie.
pub(super) struct Survey {
    /// Where local headers begin, ascending, and the central directory behind them.
    starts: Vec<u64>,
}

impl Survey {
    /// Whether nothing else begins between the header at `header` and `end`.
    pub(super) fn is_free_until(&self, end: u64, header: u64) -> bool {
        let next = self.starts.partition_point(|&start| start <= header);
        self.starts.get(next).is_some_and(|&start| end <= start)
    }
}

/// Reads the central directory once, of at most so many entries.
pub(super) fn survey(
    archive: &ZipArchive<FileReader>,
    buffer: &mut [u8],
    promise: &Promise,
    most: u64,
) -> Result<Survey, FilesError> {
    let whole = |why| FilesError::Archive { entry: None, why };
    let (mut files, mut bytes, mut starts) = (0_u64, 0_u64, Vec::new());
    let mut records = archive.entries(buffer);
    while let Some(record) = records.next_entry().map_err(broken)? {
        let (packed, size) = (record.compressed_size_hint(), record.uncompressed_size_hint());
        let stored = record.compression_method() == CompressionMethod::STORE;
        if stored && packed != size || size > packed.saturating_mul(MAX_RATIO) {
            return Err(refused(record.file_path().as_bytes(), "cannot hold what it says"));
        }
        files += u64::from(!Entry::is_directory(&record));
        bytes = bytes.saturating_add(size);
        if files > promise.files || bytes > promise.bytes {
            return Err(whole("holds more than was offered"));
        }
        starts.push(record.local_header_offset());
        if starts.len() as u64 > most {
            return Err(whole("holds too many entries"));
        }
    }
    // Some writers count entries modulo 65,536.
    if starts.len() as u64 & 0xffff != archive.entries_hint() & 0xffff {
        return Err(whole("holds another number of entries than it says"));
    }
    starts.push(archive.directory_offset());
    starts.sort_unstable();
    if starts.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
        return Err(whole("has entries that share their bytes"));
    }
    Ok(Survey { starts })
}

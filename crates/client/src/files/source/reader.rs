//! The bytes of an archive, read from the disk as they are asked for.

use std::{collections::BTreeMap, io::Read, path::PathBuf};

use crc32fast::Hasher;

use super::{content::Content, error::SourceError};
use crate::files::archive::{Step, Writer};

/// Where the entries of an archive lie on the disk. Their names lead there, so that no path need be kept for each.
pub(super) enum Roots {
    /// All in one directory.
    One(PathBuf),
    /// Each under the first part of its name.
    Several(BTreeMap<String, PathBuf>),
}

impl Roots {
    fn find(&self, name: &str) -> PathBuf {
        match self {
            Self::One(root) => below(root.clone(), name),
            Self::Several(roots) => {
                let (first, rest) = name.split_once('/').unwrap_or((name, ""));
                below(roots.get(first).cloned().unwrap_or_default(), rest)
            }
        }
    }
}

fn below(mut root: PathBuf, name: &str) -> PathBuf {
    name.split('/').filter(|part| !part.is_empty()).for_each(|part| root.push(part));
    root
}

/// Reads an archive: records as they are made, contents straight into the caller's buffer.
pub(super) struct ArchiveReader {
    writer: Writer,
    roots: Roots,
    /// Bytes of records, of which the first `taken` have been given out.
    records: Vec<u8>,
    taken: usize,
    content: Option<(Content, Hasher)>,
}

/// Bytes of records that are made at a time: 16 KiB.
const RECORDS: usize = 16 << 10;

impl ArchiveReader {
    pub(super) fn new(writer: Writer, roots: Roots) -> Self {
        let records = Vec::with_capacity(2 * RECORDS);
        Self { writer, roots, records, taken: 0, content: None }
    }

    /// Fills `buffer`; what remains empty of it is behind the archive's end.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            filled += match self.take(room) {
                0 if self.content.is_some() => self.content(room)?,
                0 if self.refill()? => 0,
                0 => break,
                taken => taken,
            };
        }
        Ok(filled)
    }

    fn take(&mut self, room: &mut [u8]) -> usize {
        let mut ready = self.records.get(self.taken..).unwrap_or_default();
        let taken = ready.read(room).unwrap_or_default();
        self.taken += taken;
        taken
    }

    fn content(&mut self, room: &mut [u8]) -> Result<usize, SourceError> {
        let Some((content, hasher)) = &mut self.content else { return Ok(0) };
        let read = content.fill(room)?;
        hasher.update(room.get(..read).unwrap_or_default());
        if content.is_complete() {
            let checksum = hasher.clone().finalize();
            self.content = None;
            self.writer.checksum(checksum, &mut self.records);
        }
        Ok(read)
    }

    /// Makes more records, up to the next content. `false`: there are no more.
    fn refill(&mut self) -> Result<bool, SourceError> {
        self.records.clear();
        self.taken = 0;
        while self.records.len() < RECORDS {
            match self.writer.step(&mut self.records) {
                Step::Content { name, size } => {
                    let content = Content::open(self.roots.find(name), size)?;
                    self.content = Some((content, Hasher::new()));
                    break;
                }
                Step::More => {}
                Step::End => return Ok(!self.records.is_empty()),
            }
        }
        Ok(true)
    }
}

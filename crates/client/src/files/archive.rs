//! A zip archive whose exact size is known before its first byte, and that is written in one pass.
//!
//! ```text
//!  Archive   add, add, … ──▶ size ──▶ Writer   header · [content] · checksum, for each entry
//!                                              directory, an entry at a time · end
//! ```
//!
//! Entries are stored, for compressing would make the size unknowable; the checksum, which is not known before the
//! content has passed, stands behind it in a data descriptor. No IO here: the owner reads the content.

mod clock;
mod record;

use record::Record;

/// What is kept of an entry besides its name: 24 bytes.
#[derive(Clone, Copy)]
struct Entry {
    size: u64,
    /// Seconds since 1970, in UTC.
    modified: u32,
    checksum: u32,
    /// Type and permissions, as Unix has them.
    mode: u16,
    name_length: u16,
}

/// What an archive is to hold.
#[derive(Default)]
pub(super) struct Archive {
    /// All names, one after the other: an allocation for each would cost more than the name.
    names: String,
    entries: Vec<Entry>,
    /// Bytes of what has been added, without the directory.
    contents: u64,
    /// Bytes of the directory.
    directory: u64,
}

/// What an entry is.
#[derive(Clone, Copy)]
pub(super) struct Attributes {
    /// Permissions; all else is stripped, setuid, setgid and sticky too.
    pub(super) mode: u32,
    /// Seconds since 1970, in UTC.
    pub(super) modified: u32,
}

const REGULAR: u16 = 0o100_000;
const DIRECTORY: u16 = 0o040_000;
/// What the owner may always do: receivers set what they find, and a file of mode 0 is lost to its user.
const OWNER_READS: u16 = 0o400;
const OWNER_ENTERS: u16 = 0o500;

impl Archive {
    /// Adds a file. `false`: its name is too long for a zip archive.
    pub(super) fn file(&mut self, name: &str, size: u64, attributes: Attributes) -> bool {
        let mode = REGULAR | permissions(attributes.mode) | OWNER_READS;
        self.add(&[name], size, mode, attributes.modified)
    }

    /// Adds an empty directory. `false`: its name is too long for a zip archive.
    pub(super) fn directory(&mut self, name: &str, attributes: Attributes) -> bool {
        let mode = DIRECTORY | permissions(attributes.mode) | OWNER_ENTERS;
        self.add(&[name, "/"], 0, mode, attributes.modified)
    }

    fn add(&mut self, name: &[&str], size: u64, mode: u16, modified: u32) -> bool {
        let length = name.iter().map(|part| part.len()).sum::<usize>();
        let Ok(name_length) = u16::try_from(length) else { return false };
        let entry = Entry { size, modified, checksum: 0, mode, name_length };
        self.directory += entry.record("", self.contents).directory_length();
        self.contents += entry.record("", self.contents).contents_length();
        self.names.extend(name.iter().copied());
        self.entries.push(entry);
        true
    }

    /// Number of entries.
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of the whole archive.
    pub(super) fn size(&self) -> u64 {
        self.contents + self.directory + self.end().length()
    }

    fn end(&self) -> record::End {
        record::End {
            entries: self.entries.len() as u64,
            at: self.contents,
            length: self.directory,
        }
    }
}

impl Entry {
    const fn is_directory(&self) -> bool {
        self.mode & DIRECTORY != 0
    }

    const fn record<'a>(&self, name: &'a str, offset: u64) -> Record<'a> {
        Record {
            name,
            name_length: self.name_length,
            size: self.size,
            modified: self.modified,
            checksum: self.checksum,
            mode: self.mode,
            directory: self.is_directory(),
            offset,
        }
    }
}

fn permissions(mode: u32) -> u16 {
    (mode & 0o777) as u16
}

/// Writes an archive: [`Writer::step`] until [`Step::End`].
pub(super) struct Writer {
    archive: Archive,
    /// The entry that comes next.
    next: usize,
    /// Where its name begins.
    name_at: usize,
    /// Where its header begins.
    offset: u64,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Contents,
    Directory,
    Ended,
}

/// What comes next in the archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A file's content: exactly `size` bytes, and then [`Writer::checksum`].
    Content {
        /// The file's name in the archive.
        name: &'a str,
        /// Its bytes.
        size: u64,
    },
    /// More steps.
    More,
    /// Nothing: all has been written.
    End,
}

impl Writer {
    pub(super) const fn new(archive: Archive) -> Self {
        Self { archive, next: 0, name_at: 0, offset: 0, part: Part::Contents }
    }

    /// Appends what comes next to `out`.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> Step<'_> {
        let Some(entry) = self.archive.entries.get(self.next).copied() else {
            return self.turn(out);
        };
        if self.part == Part::Directory {
            self.record(entry).write_directory(out);
            return self.advance(entry);
        }
        self.record(entry).write_header(out);
        if entry.is_directory() {
            return self.advance(entry);
        }
        Step::Content { name: self.name(entry), size: entry.size }
    }

    /// Appends what stands behind a file's content.
    pub(super) fn checksum(&mut self, checksum: u32, out: &mut Vec<u8>) {
        if let Some(entry) = self.archive.entries.get_mut(self.next) {
            entry.checksum = checksum;
            let entry = *entry;
            self.record(entry).write_descriptor(out);
            self.advance(entry);
        }
    }

    /// From the contents to the directory, and from there to the end.
    fn turn(&mut self, out: &mut Vec<u8>) -> Step<'_> {
        match self.part {
            Part::Contents => {
                (self.next, self.name_at, self.offset) = (0, 0, 0);
                self.part = Part::Directory;
                Step::More
            }
            Part::Directory => {
                self.archive.end().write(out);
                self.part = Part::Ended;
                Step::More
            }
            Part::Ended => Step::End,
        }
    }

    fn advance(&mut self, entry: Entry) -> Step<'_> {
        self.offset += entry.record("", self.offset).contents_length();
        self.name_at += usize::from(entry.name_length);
        self.next += 1;
        Step::More
    }

    fn record(&self, entry: Entry) -> Record<'_> {
        entry.record(self.name(entry), self.offset)
    }

    fn name(&self, entry: Entry) -> &str {
        let end = self.name_at + usize::from(entry.name_length);
        self.archive.names.get(self.name_at..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

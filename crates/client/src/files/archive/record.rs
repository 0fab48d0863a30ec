//! The bytes of a zip archive's records, as PKWARE's APPNOTE 6.3.9 lays them out.
//!
//! A number that does not fit into its 32 bits (16 for the count of entries) is written as all ones, and
//! stands in a zip64 record beside it.

use super::clock::dos;

/// What an entry's records tell.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) name: &'a str,
    pub(super) name_length: u16,
    pub(super) size: u64,
    /// Seconds since 1970, in UTC.
    pub(super) modified: u32,
    pub(super) checksum: u32,
    pub(super) mode: u16,
    pub(super) directory: bool,
    /// Where its header begins.
    pub(super) offset: u64,
}

const HEADER: u64 = 30;
const DIRECTORY_ENTRY: u64 = 46;
const DESCRIPTOR: u64 = 16;
const DESCRIPTOR_64: u64 = 24;
const TIMESTAMP: u64 = 9;
const EXTRA_HEAD: u64 = 4;

/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Checksum and sizes stand behind the content.
const DESCRIBED: u16 = 1 << 3;
/// Directories and descriptors came with version 2.0, zip64 with 4.5.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// Permissions are to be understood as Unix has them.
const MADE_ON_UNIX: u16 = 3 << 8;
/// A directory, to those who read no Unix permissions.
const DOS_DIRECTORY: u32 = 0x10;
const ZIP64: u16 = 0x0001;
const EXTENDED_TIMESTAMP: u16 = 0x5455;
/// The extended timestamp tells the time of modification alone.
const MODIFIED_ONLY: u8 = 1;

impl Record<'_> {
    /// Bytes from the header's first to the descriptor's last.
    pub(super) fn contents_length(&self) -> u64 {
        let sizes = if self.is_large() { EXTRA_HEAD + 16 } else { 0 };
        let descriptor = match (self.directory, self.is_large()) {
            (true, _) => 0,
            (false, false) => DESCRIPTOR,
            (false, true) => DESCRIPTOR_64,
        };
        HEADER
            + u64::from(self.name_length)
            + self.timestamp_length()
            + sizes
            + self.size
            + descriptor
    }

    /// Bytes in the archive's directory.
    pub(super) fn directory_length(&self) -> u64 {
        let large = self.large().count() as u64;
        let extra = if large > 0 { EXTRA_HEAD + 8 * large } else { 0 };
        DIRECTORY_ENTRY + u64::from(self.name_length) + self.timestamp_length() + extra
    }

    /// What stands before the content.
    pub(super) fn write_header(&self, out: &mut Vec<u8>) {
        let extra = self.timestamp_length() + if self.is_large() { EXTRA_HEAD + 16 } else { 0 };
        out.extend(b"PK\x03\x04");
        self.write_common(if self.is_large() { VERSION_64 } else { VERSION }, out);
        // The sizes are known, but the descriptor's flag wants them told behind the content only: zero, or all ones
        // where 64 bits are needed, which also tells how wide the descriptor's are.
        let size = if self.is_large() { u32::MAX } else { 0 };
        put_32(out, [0, size, size]);
        put_16(out, [self.name_length, small_16(extra)]);
        out.extend(self.name.as_bytes());
        self.write_timestamp(out);
        if self.is_large() {
            put_16(out, [ZIP64, 16]);
            put_64(out, [0, 0]);
        }
    }

    /// What stands behind a file's content.
    pub(super) fn write_descriptor(&self, out: &mut Vec<u8>) {
        out.extend(b"PK\x07\x08");
        put_32(out, [self.checksum]);
        if self.is_large() {
            put_64(out, [self.size, self.size]);
        } else {
            put_32(out, [small(self.size), small(self.size)]);
        }
    }

    /// What stands in the archive's directory.
    pub(super) fn write_directory(&self, out: &mut Vec<u8>) {
        let large = self.large().count() as u64;
        let extra = self.directory_length() - DIRECTORY_ENTRY - u64::from(self.name_length);
        let version = if large > 0 { VERSION_64 } else { VERSION };
        let attributes = if self.directory { DOS_DIRECTORY } else { 0 };
        out.extend(b"PK\x01\x02");
        put_16(out, [MADE_ON_UNIX | version]);
        self.write_common(version, out);
        put_32(out, [self.checksum, small(self.size), small(self.size)]);
        put_16(out, [self.name_length, small_16(extra), 0, 0, 0]);
        put_32(out, [u32::from(self.mode) << 16 | attributes, small(self.offset)]);
        out.extend(self.name.as_bytes());
        self.write_timestamp(out);
        if large > 0 {
            put_16(out, [ZIP64, small_16(8 * large)]);
            self.large().for_each(|number| put_64(out, [number]));
        }
    }

    /// Version, flags, method and time, which header and directory have in common.
    fn write_common(&self, version: u16, out: &mut Vec<u8>) {
        let (date, time) = dos(self.modified);
        let flags = if self.directory { UTF8 } else { UTF8 | DESCRIBED };
        put_16(out, [version, flags, 0, time, date]);
    }

    fn write_timestamp(&self, out: &mut Vec<u8>) {
        if self.timestamp_length() > 0 {
            put_16(out, [EXTENDED_TIMESTAMP, 5]);
            out.push(MODIFIED_ONLY);
            put_32(out, [self.modified]);
        }
    }

    /// The extended timestamp is a signed number, and some read it as an unsigned one: told where both agree.
    const fn timestamp_length(&self) -> u64 {
        if self.modified <= i32::MAX as u32 { TIMESTAMP } else { 0 }
    }

    const fn is_large(&self) -> bool {
        self.size >= u32::MAX as u64
    }

    /// The numbers that the directory tells in 64 bits, in their order: size, stored size, offset.
    fn large(&self) -> impl Iterator<Item = u64> {
        let numbers = [self.size, self.size, self.offset];
        numbers.into_iter().filter(|number| *number >= u64::from(u32::MAX))
    }
}

/// The end of an archive, with its zip64 form before it where that is needed.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) entries: u64,
    /// Where the directory begins.
    pub(super) at: u64,
    /// Bytes of the directory.
    pub(super) length: u64,
}

const END: u64 = 22;
const END_64: u64 = 56;
const LOCATOR_64: u64 = 20;

impl End {
    pub(super) const fn length(&self) -> u64 {
        if self.is_large() { END_64 + LOCATOR_64 + END } else { END }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.is_large() {
            self.write_64(out);
        }
        let entries = small_16(self.entries);
        out.extend(b"PK\x05\x06");
        put_16(out, [0, 0, entries, entries]);
        put_32(out, [small(self.length), small(self.at)]);
        put_16(out, [0]);
    }

    fn write_64(&self, out: &mut Vec<u8>) {
        out.extend(b"PK\x06\x06");
        put_64(out, [END_64 - 12]); // of what follows this number
        put_16(out, [MADE_ON_UNIX | VERSION_64, VERSION_64]);
        put_32(out, [0, 0]);
        put_64(out, [self.entries, self.entries, self.length, self.at]);
        out.extend(b"PK\x06\x07");
        put_32(out, [0]);
        put_64(out, [self.at + self.length]);
        put_32(out, [1]);
    }

    const fn is_large(&self) -> bool {
        self.entries >= u16::MAX as u64
            || self.at >= u32::MAX as u64
            || self.length >= u32::MAX as u64
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn small_16(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn put_16<const N: usize>(out: &mut Vec<u8>, numbers: [u16; N]) {
    for number in numbers {
        out.extend(number.to_le_bytes());
    }
}

fn put_32<const N: usize>(out: &mut Vec<u8>, numbers: [u32; N]) {
    for number in numbers {
        out.extend(number.to_le_bytes());
    }
}

fn put_64<const N: usize>(out: &mut Vec<u8>, numbers: [u64; N]) {
    for number in numbers {
        out.extend(number.to_le_bytes());
    }
}

//! Archives as no honest program writes them.

use std::io::Write;

/// Names of entries that lead out of the directory they are unpacked into, or would on some system, or mean one thing
/// to who checks them and another to who makes them.
pub const NAMES_THAT_LEAD_OUT: [&str; 11] = [
    "../evil",
    "a/../../evil",
    "..",
    "a/..",
    "/etc/evil",
    "//evil",
    "a//b",
    "",
    "./a",
    "a/.",
    "a\0b",
];

/// An entry, whose every field can be forged.
#[derive(Clone, Debug)]
pub struct Forged {
    /// As both headers have it.
    pub name: Vec<u8>,
    /// What the local header calls it; none for the same.
    pub local_name: Option<Vec<u8>>,
    /// How it is compressed: 0 is not at all, 8 is deflated.
    pub method: u16,
    /// The general purpose bits.
    pub flags: u16,
    /// The CRC-32 of its content.
    pub checksum: u32,
    /// As it lies in the archive.
    pub packed: Vec<u8>,
    /// What the central directory says of its length.
    pub packed_size: u64,
    /// What the central directory says of its length when it is unpacked.
    pub size: u64,
    /// The external attributes: the upper half is a Unix mode.
    pub attributes: u32,
    /// The extra field of the central directory.
    pub extra: Vec<u8>,
    /// Where the central directory says that it lies; none for the truth.
    pub offset: Option<u64>,
}

impl Forged {
    /// A stored file of mode 0644, in which nothing is forged yet.
    pub fn file(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.into(),
            local_name: None,
            method: 0,
            flags: 0x800,
            checksum: crc32fast::hash(content),
            packed: content.to_vec(),
            packed_size: content.len() as u64,
            size: content.len() as u64,
            attributes: 0o100_644 << 16,
            extra: Vec::new(),
            offset: None,
        }
    }

    /// The same, deflated.
    pub fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        let packed = encoder.write_all(content).and_then(|()| encoder.finish());
        let packed = packed.unwrap_or_default(); // a Vec takes everything
        let packed_size = packed.len() as u64;
        Self { method: 8, packed, packed_size, ..Self::file(name, content) }
    }

    /// A directory, whose name ends with a slash.
    pub fn directory(name: &str) -> Self {
        Self::file(name, b"").mode(0o040_755)
    }

    /// With this mode, of type and permissions.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { attributes: mode << 16, ..self }
    }

    /// With the extended timestamp.
    #[must_use]
    pub fn modified(self, seconds: i32) -> Self {
        let mut extra = vec![0x55, 0x54, 5, 0, 1];
        extra.extend(seconds.to_le_bytes());
        Self { extra, ..self }
    }

    /// With the sizes in the extra field for large files, as they are told.
    #[must_use]
    pub fn zip64(self) -> Self {
        let mut extra = vec![1, 0, 16, 0];
        extra.extend(self.size.to_le_bytes());
        extra.extend(self.packed_size.to_le_bytes());
        Self { extra, ..self }
    }
}

/// The archive of these entries.
pub fn forge(entries: &[Forged]) -> Vec<u8> {
    forge_counting(entries, entries.len())
}

/// An archive that says that it holds as many entries.
pub fn forge_counting(entries: &[Forged], count: usize) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(archive.len() as u64);
        archive.extend(b"PK\x03\x04");
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        common(&mut archive, entry, local_name.len(), 0);
        archive.extend(local_name);
        archive.extend(&entry.packed);
        directory.extend(b"PK\x01\x02\x14\x03");
        common(&mut directory, entry, entry.name.len(), entry.extra.len());
        directory.extend([0; 6]); // comment, disk, internal attributes
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(narrow(offset));
        directory.extend(&entry.name);
        directory.extend(&entry.extra);
    }
    let start = archive.len() as u64;
    let length = narrow(directory.len() as u64);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([short(count); 2].concat());
    archive.extend(length);
    archive.extend(narrow(start));
    archive.extend([0, 0]);
    archive
}

fn common(into: &mut Vec<u8>, entry: &Forged, name: usize, extra: usize) {
    into.extend(20_u16.to_le_bytes());
    into.extend(entry.flags.to_le_bytes());
    into.extend(entry.method.to_le_bytes());
    into.extend([0, 0, 0x21, 0x5b]);
    into.extend(entry.checksum.to_le_bytes());
    let large = entry.extra.starts_with(&[1, 0]);
    let told = |size: u64| if large { [0xff; 4] } else { narrow(size) };
    into.extend(told(entry.packed_size));
    into.extend(told(entry.size));
    into.extend(short(name));
    into.extend(short(extra));
}

/// As old archives count: modulo 65,536.
fn short(number: usize) -> [u8; 2] {
    let [one, two, ..] = number.to_le_bytes();
    [one, two]
}

fn narrow(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    process::Command,
};

use super::*;

const ATTRIBUTES: Attributes = Attributes { mode: 0o644, modified: 1_709_251_199 };
const GIB: u64 = 1 << 30;

fn archive(files: &[(&str, u64)]) -> Archive {
    let mut archive = Archive::default();
    for (name, size) in files {
        assert!(archive.file(name, *size, ATTRIBUTES));
    }
    archive
}

/// Writes an archive whose contents are zeros, as holes where they are long; gives its length.
fn write(archive: Archive, path: &Path) -> u64 {
    let (mut writer, mut file, mut records) =
        (Writer::new(archive), File::create(path).unwrap(), Vec::new());
    loop {
        let step = writer.step(&mut records);
        let size = match step {
            Step::Content { size, .. } => Some(size),
            Step::More => None,
            Step::End => return file.stream_position().unwrap(),
        };
        file.write_all(&records).unwrap();
        records.clear();
        if let Some(size) = size {
            file.seek(SeekFrom::Current(size.cast_signed())).unwrap();
            let short = usize::try_from(size).ok().filter(|size| *size < 1000);
            let checksum = short.map_or(0, |size| crc32fast::hash(&vec![0; size]));
            writer.checksum(checksum, &mut records);
            file.write_all(&records).unwrap();
            records.clear();
        }
    }
}

fn python(script: &str, path: &Path) -> String {
    let output = Command::new("python3").args(["-c", script]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_size_is_known_to_the_byte_at_every_edge_of_zip64() {
    let edge = u64::from(u32::MAX);
    for size in [0, 1, edge - 100, edge - 47, edge - 46, edge - 1, edge, edge + 1, 20 * edge] {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(&[("first", size), ("second", 3), ("third", 0)]);
        let announced = archive.size();
        assert_eq!(write(archive, &folder.path().join("x.zip")), announced, "{size}");
    }
}

#[test]
fn a_file_and_an_archive_beyond_4_gib_are_read_by_python_and_by_the_zip_crate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.zip");
    let files = [("large", 5 * GIB), ("small", 7), ("edge", u64::from(u32::MAX)), ("last", 9)];
    write(archive(&files), &path);
    let script = "import sys, zipfile\n\
         with zipfile.ZipFile(sys.argv[1]) as z:\n\
         \x20 print([(i.filename, i.file_size) for i in z.infolist()], z.read('small'), z.read('last'))";
    assert_eq!(
        python(script, &path).trim(),
        format!(
            "[('large', {}), ('small', 7), ('edge', 4294967295), ('last', 9)] {} {}",
            5 * GIB,
            format_args!("b'{}'", "\\x00".repeat(7)),
            format_args!("b'{}'", "\\x00".repeat(9)),
        )
    );
    let mut read = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    for (index, (name, size)) in files.iter().enumerate() {
        let entry = read.by_index(index).unwrap();
        assert_eq!((entry.name().unwrap().as_ref(), entry.size()), (*name, *size));
    }
}

#[test]
fn more_entries_than_16_bits_count_are_read_by_python_and_by_the_zip_crate() {
    for count in [65_534, 65_535, 65_536, 70_000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        let mut archive = Archive::default();
        for number in 0..count {
            assert!(archive.file(&format!("{number}"), 1, ATTRIBUTES));
        }
        let announced = archive.size();
        assert_eq!(write(archive, &path), announced);
        let script = "import sys, zipfile\n\
             with zipfile.ZipFile(sys.argv[1]) as z:\n\
             \x20 print(len(z.infolist()), z.read('65533'))";
        assert_eq!(python(script, &path).trim(), format!("{count} b'\\x00'"));
        let read = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(read.len(), count);
    }
}

#[test]
fn an_archive_of_nothing_is_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.zip");
    assert_eq!(Archive::default().size(), 22);
    assert_eq!(write(Archive::default(), &path), 22);
    assert_eq!(
        python("import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).namelist())", &path),
        "[]\n"
    );
}

#[test]
fn an_entry_costs_24_bytes_and_its_name() {
    assert_eq!(size_of::<Entry>(), 24);
}

#[test]
fn a_name_that_no_header_can_hold_is_refused() {
    let mut archive = Archive::default();
    assert!(archive.file(&"x".repeat(65_535), 0, ATTRIBUTES));
    assert!(!archive.file(&"x".repeat(65_536), 0, ATTRIBUTES));
    assert!(!archive.directory(&"x".repeat(65_535), ATTRIBUTES));
    assert_eq!(archive.len(), 1);
}

#[test]
fn modes_keep_their_permissions_and_nothing_else_and_leave_the_owner_a_way_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.zip");
    let mut archive = Archive::default();
    for mode in [0o106_755, 0o0, 0o044, 0o751] {
        archive.file(&format!("{mode:o}"), 0, Attributes { mode, modified: 0 });
    }
    archive.directory("sticky", Attributes { mode: 0o041_777, modified: 0 });
    archive.directory("shut", Attributes { mode: 0, modified: 0 });
    write(archive, &path);
    let script = "import sys, zipfile\n\
         for i in zipfile.ZipFile(sys.argv[1]).infolist():\n\
         \x20 print(oct(i.external_attr >> 16), end=' ')";
    assert_eq!(python(script, &path).trim(), "0o100755 0o100400 0o100444 0o100751 0o40777 0o40500");
}

#[test]
fn times_are_told_to_the_second_in_utc_where_everyone_agrees_on_their_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.zip");
    let mut archive = Archive::default();
    for modified in [1_709_251_199, 0, 2_147_483_647, 2_147_483_648] {
        archive.file(&modified.to_string(), 0, Attributes { mode: 0o644, modified });
    }
    write(archive, &path);
    let script = "import struct, sys, zipfile\n\
         for i in zipfile.ZipFile(sys.argv[1]).infolist():\n\
         \x20 print(i.date_time, struct.unpack('<HHBI', i.extra) if i.extra else None)";
    assert_eq!(
        python(script, &path),
        "(2024, 2, 29, 23, 59, 58) (21589, 5, 1, 1709251199)\n\
         (1980, 1, 1, 0, 0, 0) (21589, 5, 1, 0)\n\
         (2038, 1, 19, 3, 14, 6) (21589, 5, 1, 2147483647)\n\
         (2038, 1, 19, 3, 14, 8) None\n"
    );
}

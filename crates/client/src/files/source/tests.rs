use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;

#[cfg(unix)]
mod changes;
#[cfg(unix)]
mod left_out;
#[cfg(unix)]
mod links;
mod readers;
mod several;
#[cfg(unix)]
mod trees;

/// A directory that is gone after the test, with these files, whose contents are their names.
fn folder(files: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    for name in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    (folder, root)
}

fn gather(path: impl AsRef<Path>) -> Source {
    Gathering::new().path(path).unwrap()
}

fn bytes(source: Source) -> io::Result<Vec<u8>> {
    let announced = source.size();
    let mut bytes = Vec::new();
    source.into_reader().read_to_end(&mut bytes)?;
    assert_eq!(bytes.len() as u64, announced);
    Ok(bytes)
}

/// Names and contents of an archive's entries, in their order.
fn entries(source: Source) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes(source).unwrap())).unwrap();
    let count = archive.len();
    let read = |index| {
        let mut entry = archive.by_index(index).unwrap();
        let (name, mut content) = (entry.name().unwrap().into_owned(), String::new());
        entry.read_to_string(&mut content).unwrap();
        (name, content)
    };
    (0..count).map(read).collect()
}

fn names(source: Source) -> Vec<String> {
    entries(source).into_iter().map(|(name, _)| name).collect()
}

fn left_out(source: &Source) -> Vec<String> {
    let tell = |entry: &Unsendable| {
        format!("{} {}", entry.path.file_name().unwrap().to_string_lossy(), entry.reason)
    };
    source.left_out().iter().map(tell).collect()
}

fn refusal(path: impl AsRef<Path>) -> String {
    Gathering::new().path(path).err().unwrap().to_string()
}

#[test]
fn a_file_is_offered_by_its_name_and_size() {
    let (_folder, root) = folder(&["plan.txt", "empty"]);
    fs::write(root.join("empty"), "").unwrap();
    let offer = FileOffer { name: "plan.txt".into(), size: 8 };
    assert_eq!(gather(root.join("plan.txt")).offer(), FilesOffer::File(offer));
    assert_eq!(bytes(gather(root.join("plan.txt"))).unwrap(), b"plan.txt");
    assert_eq!(bytes(gather(root.join("empty"))).unwrap(), b"");
}

#[test]
fn a_directory_is_offered_by_the_size_of_its_archive_and_what_is_in_it() {
    let (_folder, root) = folder(&["a", "b/cd"]);
    fs::create_dir(root.join("empty")).unwrap();
    let source = gather(&root);
    let FilesOffer::Directory(offer) = source.offer() else { panic!("a directory is offered") };
    assert_eq!((offer.name.as_str(), offer.files, offer.bytes), ("root", 2, 5));
    assert!(offer.is_zip());
    assert_eq!(offer.archive_size, bytes(source).unwrap().len() as u64);
}

#[test]
fn a_directory_is_called_what_it_is_called_however_it_was_reached() {
    let (_folder, root) = folder(&["a/b"]);
    for path in ["a", "a/", "a/.", "a/b/.."] {
        let typed = if path == "a/b/.." { "a/../a" } else { path };
        assert_eq!(gather(root.join(typed)).name(), "a", "{path}");
    }
    assert_eq!(gather(root.join("a/..")).name(), "root");
}

#[test]
fn the_root_of_all_directories_has_no_name_to_be_offered_by() {
    assert_eq!(refusal("/"), "nothing can be offered under the name \"/\"; give it another");
}

#[test]
fn the_order_is_that_of_names_and_the_same_tree_gives_the_same_bytes() {
    let (_folder, root) = folder(&["b", "a/z", "a-b", "a/b/c", "ä", "A"]);
    assert_eq!(names(gather(&root)), ["A", "a/b/c", "a/z", "a-b", "b", "ä"]);
    assert_eq!(bytes(gather(&root)).unwrap(), bytes(gather(&root)).unwrap());
}

#[test]
fn an_archive_is_the_same_in_pieces_of_any_size() {
    let (_folder, root) = folder(&["a", "b/cdefgh", "d/e/f"]);
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("none"), "").unwrap();
    let whole = bytes(gather(&root)).unwrap();
    for size in [1, 2, 3, 7, 64, 1000] {
        let (mut reader, mut buffer, mut got) =
            (gather(&root).into_reader(), vec![0; size], Vec::new());
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                count => got.extend_from_slice(&buffer[..count]),
            }
        }
        assert_eq!(got, whole);
    }
}

#[test]
fn a_directory_of_nothing_is_sent_as_such() {
    let (_folder, root) = folder(&[]);
    assert!(names(gather(&root)).is_empty());
}

#[test]
fn a_path_that_leads_nowhere_is_named() {
    assert!(refusal("no\u{1b}such file").starts_with("\"no\\u{1b}such file\" cannot be read: "));
}

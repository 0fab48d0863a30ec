use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use wormhole_sync_testkit::forge::{Forged, forge};

use super::*;
use crate::files::unpack::tests::in_memory;

mod interrupted;
#[cfg(unix)]
mod links;

fn file(name: &str, size: u64) -> FileOffer {
    FileOffer { name: name.into(), size }
}

/// A directory of one file, `leaf`, in which stands `new`.
fn tree() -> Vec<u8> {
    forge(&[Forged::file("leaf", b"new")])
}

fn directory(name: &str) -> DirectoryOffer {
    DirectoryOffer {
        mode: DirectoryOffer::ZIP.into(),
        name: name.into(),
        archive_size: tree().len() as u64,
        bytes: 3,
        files: 1,
    }
}

fn receive_file(to: Destination, name: &str) -> Result<Option<PathBuf>, FilesError> {
    let mut receiving = to.file(&file(name, 3))?.begin()?;
    receiving.take(b"n")?;
    receiving.take(b"ew")?;
    Ok(receiving.finish()?.path)
}

#[test]
fn a_long_file_is_whole_though_it_goes_to_the_disk_while_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..35_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let offer = file("long", content.len() as u64);
    let mut receiving = Destination::output(folder.path()).file(&offer).unwrap().begin().unwrap();
    for bytes in content.chunks(5 << 20) {
        receiving.take(bytes).unwrap();
    }
    let path = receiving.finish().unwrap().path.unwrap();
    assert!(fs::read(path).unwrap() == content);
}

fn receive_directory(to: Destination, name: &str) -> Result<Option<PathBuf>, FilesError> {
    let mut receiving = to.directory(&directory(name))?.begin()?;
    receiving.take(&tree())?;
    Ok(receiving.finish()?.path)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

fn listing(path: impl AsRef<Path>) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(path).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn every_output_mode_for_a_file() {
    let folder = in_memory();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("existing directory")).unwrap();
    fs::write(path("existing file"), "old").unwrap();

    let here = Destination::current().file(&file("peer's", 3)).unwrap();
    assert_eq!(here.path(), Some(Path::new(".").join("peer's")));

    let new = path("new name");
    assert_eq!(receive_file(Destination::output(&new), "peer's").unwrap(), Some(new.clone()));
    assert_eq!(read(new), "new");

    let inside = path("existing directory/peer's");
    let received = receive_file(Destination::output(path("existing directory")), "peer's").unwrap();
    assert_eq!((received, read(&inside)), (Some(inside), "new".into()));

    let error = receive_file(Destination::output(path("existing file")), "peer's").unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(read(path("existing file")), "old");

    for (missing, why) in
        [("none/x", "No such"), ("none/", "is no directory"), ("", "is no directory")]
    {
        let to = if missing.is_empty() { PathBuf::new() } else { path(missing) };
        let error = receive_file(Destination::output(to), "peer's").unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(listing(folder.path()), ["existing directory", "existing file", "new name"]);
}

#[test]
fn every_output_mode_for_a_directory() {
    let folder = in_memory();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("existing directory")).unwrap();
    fs::write(path("existing file"), "old").unwrap();

    let new = path("new name");
    assert_eq!(receive_directory(Destination::output(&new), "peer's").unwrap(), Some(new.clone()));
    assert_eq!(read(new.join("leaf")), "new");

    let to = Destination::output(path("existing directory"));
    receive_directory(to, "peer's").unwrap();
    assert_eq!(read(path("existing directory/peer's/leaf")), "new");

    let error =
        receive_directory(Destination::output(path("existing file")), "peer's").unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    let error = receive_directory(Destination::writer(io::sink()), "peer's").unwrap_err();
    assert!(error.to_string().contains("cannot take a directory"), "{error}");
    assert_eq!(read(path("existing file")), "old");
    assert_eq!(listing(folder.path()), ["existing directory", "existing file", "new name"]);
}

#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<u8>>>);

impl Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_gets_the_bytes_whatever_the_name_is() {
    let collected = Collected::default();
    assert_eq!(receive_file(Destination::writer(collected.clone()), "../x").unwrap(), None);
    assert_eq!(*collected.0.lock().unwrap(), b"new");
}

#[test]
fn a_hostile_name_of_the_peers_is_refused_and_replaced_by_the_users_own() {
    let folder = in_memory();
    fs::create_dir(folder.path().join("dest")).unwrap();
    fs::create_dir(folder.path().join("dest-evil")).unwrap();
    let to = || Destination::output(folder.path().join("dest"));
    for name in
        ["..", "../dest-evil/x", "../dest-evil", "/etc/x", "a/b", "", "a\\b", "C:x", "NUL", "x\0"]
    {
        let error = receive_file(to(), name).unwrap_err();
        assert!(matches!(error, FilesError::Name { .. }), "{error}");
        assert!(matches!(receive_directory(to(), name), Err(FilesError::Name { .. })));
    }
    assert!(listing(folder.path().join("dest")).is_empty());
    assert!(listing(folder.path().join("dest-evil")).is_empty());
    receive_file(Destination::output(folder.path().join("dest/mine")), "../dest-evil/x").unwrap();
    assert_eq!(listing(folder.path().join("dest")), ["mine"]);
}

#[test]
fn what_stands_is_refused_overwritten_or_evaded_as_the_user_wishes() {
    let folder = in_memory();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file.txt"), "old").unwrap();
    fs::create_dir(path("tree")).unwrap();
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("tree/old"), "old").unwrap();
    let to = |exists| Destination::output(folder.path()).exists(exists);

    for name in ["file.txt", "tree", "empty"] {
        receive_file(to(Exists::Refuse), name).unwrap_err();
        receive_directory(to(Exists::Refuse), name).unwrap_err();
        let error = receive_directory(to(Exists::Overwrite), name).unwrap_err();
        assert!(error.to_string().contains("is not merged"), "{error}");
    }
    for name in ["tree", "empty"] {
        let error = receive_file(to(Exists::Overwrite), name).unwrap_err();
        assert!(error.to_string().contains("no file replaces"), "{error}");
    }
    assert_eq!(listing(folder.path()), ["empty", "file.txt", "tree"]);
    assert_eq!((read(path("file.txt")), listing(path("tree"))), ("old".into(), vec!["old".into()]));

    for expected in ["file (1).txt", "file (2).txt"] {
        assert_eq!(receive_file(to(Exists::Rename), "file.txt").unwrap(), Some(path(expected)));
    }
    assert_eq!(receive_file(to(Exists::Rename), "tree").unwrap(), Some(path("tree (1)")));
    assert_eq!(receive_directory(to(Exists::Rename), "tree").unwrap(), Some(path("tree (2)")));
    assert_eq!(receive_file(to(Exists::Rename), "free").unwrap(), Some(path("free")));
    receive_file(to(Exists::Overwrite), "file.txt").unwrap();
    assert_eq!((read(path("file.txt")), listing(path("tree"))), ("new".into(), vec!["old".into()]));
}

#[test]
#[cfg(unix)]
fn a_socket_is_not_replaced_by_a_file_even_where_overwriting_is_allowed() {
    let folder = in_memory();
    let socket = folder.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let to = Destination::output(&socket).exists(Exists::Overwrite);
    let error = receive_file(to, "file.txt").unwrap_err();
    assert!(error.to_string().contains("is a device, a pipe or a socket"), "{error}");
    assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
}

#[test]
fn what_appears_meanwhile_is_treated_the_same() {
    let folder = in_memory();
    let path = |name: &str| folder.path().join(name);
    for (exists, name) in [(Exists::Refuse, "a"), (Exists::Rename, "b"), (Exists::Overwrite, "c")] {
        let to = Destination::output(folder.path()).exists(exists);
        let mut receiving = to.file(&file(name, 3)).unwrap().begin().unwrap();
        receiving.take(b"new").unwrap();
        fs::write(path(name), "meanwhile").unwrap();
        let finished = receiving.finish();
        match exists {
            Exists::Refuse => {
                assert!(finished.unwrap_err().to_string().contains("when the transfer began"));
            }
            Exists::Rename => assert_eq!(finished.unwrap().path, Some(path("b (1)"))),
            Exists::Overwrite => assert_eq!(finished.unwrap().path, Some(path("c"))),
        }
    }
    let mut receiving =
        Destination::output(folder.path()).directory(&directory("d")).unwrap().begin().unwrap();
    receiving.take(&tree()).unwrap();
    fs::create_dir(path("d")).unwrap();
    receiving.finish().unwrap_err();
    assert!(listing(path("d")).is_empty(), "not even an empty directory is replaced");
    assert_eq!(listing(folder.path()), ["a", "b", "b (1)", "c", "d"]);
    assert_eq!((read(path("a")), read(path("c"))), ("meanwhile".into(), "new".into()));
}

#[test]
fn nothing_stands_under_the_final_name_before_it_is_whole() {
    let folder = in_memory();
    for name in ["x.tmp", "x.part", ".x.part", "x"] {
        fs::write(folder.path().join(name), "old").unwrap();
    }
    let to = Destination::output(folder.path()).exists(Exists::Overwrite);
    let mut receiving = to.file(&file("x", 6)).unwrap().begin().unwrap();
    receiving.take(b"new").unwrap();
    let names = listing(folder.path());
    let (hidden, others): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| name.starts_with(".wormhole-"));
    assert_eq!(others, [".x.part", "x", "x.part", "x.tmp"]);
    assert_eq!(hidden.len(), 1);
    assert_eq!(read(folder.path().join("x")), "old");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| {
            fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode(hidden[0]), 0o600);
    }
    receiving.take(b"est").unwrap();
    receiving.finish().unwrap();
    assert_eq!(read(folder.path().join("x")), "newest");
    assert_eq!(listing(folder.path()), [".x.part", "x", "x.part", "x.tmp"]);
    for name in ["x.tmp", "x.part", ".x.part"] {
        assert_eq!(read(folder.path().join(name)), "old");
    }
}

#[test]
fn a_received_file_has_the_mode_of_any_new_file() {
    let folder = in_memory();
    receive_file(Destination::output(folder.path()), "received").unwrap();
    fs::write(folder.path().join("made"), "").unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions();
    assert_eq!(mode("received"), mode("made"));
}

#[test]
fn more_or_fewer_bytes_than_promised_leave_nothing() {
    let folder = in_memory();
    let begin = || Destination::output(folder.path()).file(&file("x", 3)).unwrap().begin().unwrap();
    let mut more = begin();
    more.take(b"12").unwrap();
    let error = more.take(b"34").unwrap_err();
    assert!(error.to_string().contains("more than the 3 bytes"), "{error}");
    drop(more);
    let mut fewer = begin();
    fewer.take(b"12").unwrap();
    assert_eq!(fewer.missing(), 1);
    let error = fewer.finish().unwrap_err();
    assert!(error.to_string().contains("only 2 of 3 bytes"), "{error}");
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn an_offer_that_does_not_fit_on_the_disk_is_refused_before_it_begins() {
    let folder = in_memory();
    let to = || Destination::output(folder.path());
    for size in [u64::MAX, 1 << 60] {
        assert!(
            matches!(to().file(&file("x", size)), Err(FilesError::Space { needed, .. }) if needed == size)
        );
        let large = DirectoryOffer { archive_size: size, bytes: size, ..directory("x") };
        assert!(matches!(to().directory(&large), Err(FilesError::Space { .. })));
    }
}

#[test]
fn a_directory_that_is_no_zip_file_is_refused_by_its_mode() {
    let tar = DirectoryOffer { mode: "tarball/\u{1b}".into(), ..directory("x") };
    let error = Destination::current().directory(&tar).unwrap_err();
    assert!(error.to_string().contains("\"tarball/\\u{1b}\""), "{error}");
}

#[test]
fn the_peers_delicate_names_are_warned_of_and_the_users_own_are_not() {
    let folder = in_memory();
    let warning =
        |to: &Path, name: &str| Destination::output(to).file(&file(name, 1)).unwrap().warning();
    assert!(warning(folder.path(), ".bashrc").is_some());
    assert!(warning(folder.path(), "plan.pdf").is_none());
    assert!(warning(&folder.path().join(".bashrc"), "plan.pdf").is_none());
    let planned = Destination::output(folder.path()).directory(&directory(".ssh")).unwrap();
    assert!(planned.warning().is_some());
}

proptest! {
    #[test]
    fn whatever_the_name_nothing_but_that_one_thing_comes(
        name in prop_oneof!["[./a\\\\:~]{0,6}", any::<String>(), Just("../evil".to_owned())],
        as_directory in any::<bool>(),
        exists in prop::sample::select(&[Exists::Refuse, Exists::Overwrite, Exists::Rename][..]),
    ) {
        let folder = in_memory();
        let target = folder.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::write(folder.path().join("evil"), "old").unwrap();
        let to = Destination::output(&target).exists(exists);
        let received = if as_directory { receive_directory(to, &name) } else { receive_file(to, &name) };
        prop_assert_eq!(listing(folder.path()), ["evil", "target"]);
        prop_assert_eq!(read(folder.path().join("evil")), "old");
        match received {
            Ok(path) => {
                prop_assert_eq!(path, Some(target.join(&name)));
                prop_assert_eq!(listing(&target), [name]);
            }
            Err(_) => prop_assert!(listing(&target).is_empty()),
        }
    }
}

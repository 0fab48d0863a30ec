use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use proptest::prelude::*;
use wormhole_sync_core::wire::transfer_message::DirectoryOffer;
use wormhole_sync_testkit::{
    forge::{Forged, NAMES_THAT_LEAD_OUT, forge, forge_counting},
    tree::{Snapshot, snapshot},
};

use crate::files::{Destination, FilesError, Received};

mod hostile;
mod limits;
mod properties;

/// A directory in which one is the target, and everything else is not to be touched.
struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let folder = in_memory();
        for directory in ["target", "target-evil", "elsewhere"] {
            fs::create_dir(folder.path().join(directory)).unwrap();
            fs::write(folder.path().join(directory).join("old"), "old").unwrap();
        }
        Self { folder }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    fn snapshot(&self) -> Snapshot {
        snapshot(self.folder.path()).unwrap()
    }

    /// Receives an archive as the directory `got`, for which bytes and files were offered.
    fn receive(&self, archive: &[u8], bytes: u64, files: u64) -> Result<Received, FilesError> {
        let offer = DirectoryOffer {
            mode: DirectoryOffer::ZIP.into(),
            name: "got".into(),
            archive_size: archive.len() as u64,
            bytes,
            files,
        };
        let mut receiving = Destination::output(self.target()).directory(&offer)?.begin()?;
        receiving.take(archive)?;
        receiving.finish()
    }

    /// What these entries are refused for, with a generous offer. Nothing at all may have changed.
    fn refusal(&self, entries: &[Forged]) -> String {
        self.refusal_of(&forge(entries))
    }

    fn refusal_of(&self, archive: &[u8]) -> String {
        let before = self.snapshot();
        let error = self.receive(archive, most(archive), 1_000).unwrap_err();
        assert_eq!(error.fault(), wormhole_sync_core::Fault::Peer, "{error}");
        assert_eq!(self.snapshot(), before, "{error}");
        error.to_string()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.target().join("got").join(path)).unwrap()
    }
}

/// Where syncing costs nothing, if there is such a place: these tests are about everything else.
pub(in crate::files) fn in_memory() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap()
}

/// As many bytes as may be offered for it.
fn most(archive: &[u8]) -> u64 {
    (archive.len() as u64 * super::MAX_RATIO).min(100_000)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&fs::symlink_metadata(path).unwrap()) & 0o7777
}

#[cfg(not(unix))]
fn mode(_: &Path) -> u32 {
    0
}

#[test]
fn a_tree_arrives_with_its_contents_modes_and_empty_directories() {
    let sandbox = Sandbox::new();
    let archive = forge(&[
        Forged::directory("empty/").modified(1_000_000_000),
        Forged::directory("closed/").mode(0o040_500).modified(5),
        Forged::file("closed/inner", b"inner").mode(0o100_600),
        Forged::deflated("a/b/zeros", &vec![0; 50_000]).modified(1_700_000_000),
        Forged::file("run", b"#!/bin/sh\n").mode(0o100_755),
        Forged::file("nothing", b""),
        Forged::file("large fields", b"64").zip64(),
        Forged::file("ünï \u{202e}\u{1b}[2J", b"odd"),
    ]);
    let received = sandbox.receive(&archive, 50_020, 6).unwrap();
    assert_eq!(received.path, Some(sandbox.target().join("got")));
    assert_eq!((received.files, received.bytes), (6, 50_020));
    assert_eq!(sandbox.read("closed/inner"), b"inner");
    assert_eq!(sandbox.read("a/b/zeros"), vec![0; 50_000]);
    assert_eq!(sandbox.read("large fields"), b"64");
    assert_eq!(sandbox.read("ünï \u{202e}\u{1b}[2J"), b"odd");
    assert_eq!(sandbox.read("nothing"), b"");
    let got = sandbox.target().join("got");
    assert_eq!(fs::read_dir(got.join("empty")).unwrap().count(), 0);
    let age = |path: &str| fs::metadata(got.join(path)).unwrap().modified().unwrap();
    let epoch = SystemTime::UNIX_EPOCH;
    assert_eq!(age("empty"), epoch + Duration::from_secs(1_000_000_000));
    assert_eq!(age("a/b/zeros"), epoch + Duration::from_secs(1_700_000_000));
    assert_eq!(age("closed"), epoch + Duration::from_secs(5));
    #[cfg(unix)]
    for (path, expected) in [("closed", 0o500), ("closed/inner", 0o600), ("run", 0o755 & usual())] {
        assert_eq!(mode(&got.join(path)), expected, "{path}");
    }
    assert_eq!(fs::read_dir(sandbox.target()).unwrap().count(), 2, "nothing temporary is left");
    undo(&got.join("closed"));
}

/// What the umask leaves of a directory's mode here.
#[cfg(unix)]
fn usual() -> u32 {
    let folder = in_memory();
    fs::create_dir(folder.path().join("new")).unwrap();
    mode(&folder.path().join("new"))
}

/// So that the sandbox can be removed.
fn undo(path: &Path) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let _ = path;
}

#[cfg(unix)]
#[test]
fn setuid_and_its_like_are_stripped_and_the_umask_is_honoured() {
    let sandbox = Sandbox::new();
    let archive = forge(&[
        Forged::file("root", b"").mode(0o106_777),
        Forged::directory("sticky/").mode(0o043_777),
        Forged::directory("group/").mode(0o046_755),
        Forged::file("told/by nobody", b"").mode(0),
        Forged::file("unreadable", b"").mode(0o100_000),
        Forged::directory("unreadable too/").mode(0o040_000),
    ]);
    sandbox.receive(&archive, 0, 3).unwrap();
    let got = sandbox.target().join("got");
    for (path, expected) in [
        ("root", 0o777 & usual()),
        ("sticky", 0o777 & usual()),
        ("group", 0o755 & usual()),
        ("told", usual()),
        ("told/by nobody", 0o666 & usual()),
        ("unreadable", 0o666 & usual()),
        ("unreadable too", usual()),
        ("", usual()),
    ] {
        assert_eq!(mode(&got.join(path)), expected, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn a_group_that_this_computer_hands_down_is_handed_down() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    fs::set_permissions(sandbox.target(), fs::Permissions::from_mode(0o2755)).unwrap();
    sandbox.receive(&forge(&[Forged::directory("a/").mode(0o040_700)]), 0, 0).unwrap();
    assert_eq!(mode(&sandbox.target().join("got")), usual() | 0o2000);
    assert_eq!(mode(&sandbox.target().join("got/a")), 0o2700);
}

#[test]
fn the_python_tools_archives_are_unpacked() {
    for method in ["ZIP_STORED", "ZIP_DEFLATED"] {
        let sandbox = Sandbox::new();
        let script = format!(
            "import io, sys, zipfile\n\
             class Pipe(io.RawIOBase):\n    writable = lambda self: True\n    \
             write = lambda self, b: sys.stdout.buffer.write(b)\n\
             with zipfile.ZipFile(Pipe(), 'w', zipfile.{method}, allowZip64=True) as z:\n    \
             z.writestr('empty/', b'')\n    \
             z.writestr('a/ünï', b'x' * 1000)\n    \
             [z.writestr(f'many/{{n}}', str(n)) for n in range(500)]\n"
        );
        let python =
            Command::new("python3").args(["-c", &script]).stderr(Stdio::inherit()).output();
        let archive = python.unwrap().stdout;
        sandbox.receive(&archive, 1_000 + 10 + 180 + 1_200, 501).unwrap();
        assert_eq!(sandbox.read("a/ünï"), [b'x'; 1_000]);
        assert_eq!(sandbox.read("many/499"), b"499");
        assert!(sandbox.target().join("got/empty").is_dir());
    }
}

#[test]
fn more_entries_than_old_archives_can_count_are_unpacked() {
    let sandbox = Sandbox::new();
    let entries: Vec<_> = (0..65_540).map(|n| Forged::directory(&format!("{n}/"))).collect();
    sandbox.receive(&forge(&entries), 0, 0).unwrap();
    assert!(sandbox.target().join("got/65539").is_dir());
}

#[test]
fn stopped_while_unpacking_nothing_is_kept() {
    let full = [Forged::file("a/one", b"1"), Forged::file("two", b"2")];
    assert_eq!(told_until_stopped(&full, 2, 2), [1, 2]);
    let empty = [Forged::directory("a/"), Forged::directory("b/"), Forged::file("a/c", b"")];
    assert_eq!(
        told_until_stopped(&empty, 1, 3),
        [0, 0, 0],
        "it is looked at for each of those, too"
    );
    assert_eq!(told_until_stopped(&full[..1], 1, 2), [1, 1], "and at the end");
}

/// What was told while an archive was unpacked, until it was stopped.
fn told_until_stopped(entries: &[Forged], files: u64, looks: usize) -> Vec<u64> {
    let sandbox = Sandbox::new();
    let before = sandbox.snapshot();
    let archive = forge(entries);
    let offer = DirectoryOffer {
        mode: "zipfile".into(),
        name: "got".into(),
        archive_size: archive.len() as u64,
        bytes: 2,
        files,
    };
    let planned = Destination::output(sandbox.target()).directory(&offer).unwrap();
    let mut receiving = planned.begin().unwrap();
    receiving.take(&archive).unwrap();
    let mut told = Vec::new();
    let stopped = receiving.finish_watched(&mut |bytes| {
        told.push(bytes);
        if told.len() == looks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(FilesError::Stopped)));
    assert_eq!(sandbox.snapshot(), before);
    told
}

//! The disk fills up, the process is killed, or the transfer ends half-way.

use std::{
    env,
    io::BufRead,
    process::{Command, Stdio},
};

use super::*;

/// In the environment of a process that one of these tests starts: where it is to receive.
const CHILD: &str = "WORMHOLE_SYNC_TEST_TARGET";

/// This very test once more, as another process, begun by this shell command.
fn again(test: &str, shell: &str, target: &Path) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{shell} exec \"$0\" --exact \"$1\" --nocapture --test-threads=1");
    let module = module_path!().split_once("::").unwrap().1;
    command.arg("-c").arg(script).arg(env::current_exe().unwrap());
    command
        .arg(format!("{module}::{test}"))
        .env(CHILD, target)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

#[test]
fn dropped_half_way_nothing_is_left() {
    let folder = in_memory();
    let to = || Destination::output(folder.path());
    let mut one = to().file(&file("x", 10)).unwrap().begin().unwrap();
    one.take(b"half").unwrap();
    let mut other = to().directory(&directory("y")).unwrap().begin().unwrap();
    other.take(&tree()[..10]).unwrap();
    assert_eq!(listing(folder.path()).len(), 1, "an archive has no name at all");
    drop((one, other));
    assert!(listing(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_half_way_leaves_nothing_and_says_so() {
    let Ok(target) = env::var(CHILD) else {
        let folder = in_memory();
        // A limit of 32 KiB on each file, which is told like a full disk.
        let test = "a_disk_that_is_full_half_way_leaves_nothing_and_says_so";
        let ended = again(test, "trap '' XFSZ; ulimit -f 64;", folder.path()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        assert!(listing(folder.path()).is_empty());
        return;
    };
    let large = vec![7; 1_000_000];
    let to = || Destination::output(&target);
    let mut one = to().file(&file("x", 1_000_000)).unwrap().begin().unwrap();
    let error = one.take(&large).unwrap_err();
    assert!(matches!(&error, FilesError::Io { doing: "writing", .. }), "{error}");
    drop(one);
    // The archive fits, and what it holds does not.
    let archive = forge(&[Forged::file("first", b"1"), Forged::deflated("a/large", &large)]);
    let archive_size = archive.len() as u64;
    let offer = DirectoryOffer { archive_size, bytes: 1_000_001, files: 2, ..directory("y") };
    let mut other = to().directory(&offer).unwrap().begin().unwrap();
    other.take(&archive).unwrap();
    let error = other.finish().unwrap_err();
    assert!(matches!(&error, FilesError::Io { doing: "unpacking", .. }), "{error}");
    assert!(listing(&target).is_empty());
}

#[cfg(unix)]
#[test]
fn killed_half_way_only_a_hidden_file_is_left() {
    let Ok(target) = env::var(CHILD) else {
        let folder = in_memory();
        let test = "killed_half_way_only_a_hidden_file_is_left";
        let mut child = again(test, "", folder.path()).spawn().unwrap();
        let mut lines = io::BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("half-way")));
        child.kill().unwrap();
        child.wait().unwrap();
        let names = listing(folder.path());
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(names[0].starts_with(".wormhole-") && names[0].contains(".part"), "{names:?}");
        return;
    };
    let to = || Destination::output(&target);
    let mut one = to().file(&file("x", 10)).unwrap().begin().unwrap();
    one.take(b"half").unwrap();
    let mut other = to().directory(&directory("y")).unwrap().begin().unwrap();
    other.take(&tree()[..10]).unwrap();
    writeln!(io::stdout(), "half-way").unwrap();
    io::stdin().lines().for_each(drop); // for ever: it is killed meanwhile
    drop((one, other));
}

#[test]
fn a_tree_that_lets_nobody_in_is_removed_all_the_same() {
    let folder = in_memory();
    let archive = forge(&[
        Forged::directory("closed/").mode(0o040_100),
        Forged::directory("closed/inner/").mode(0o040_500),
        Forged::file("closed/inner/leaf", b"new").mode(0o100_400),
    ]);
    let offer = DirectoryOffer { archive_size: archive.len() as u64, ..directory("x") };
    let planned = Destination::output(folder.path()).directory(&offer).unwrap();
    let mut receiving = planned.begin().unwrap();
    receiving.take(&archive).unwrap();
    fs::write(folder.path().join("x"), "meanwhile").unwrap();
    receiving.finish().unwrap_err();
    assert_eq!(listing(folder.path()), ["x"]);
}

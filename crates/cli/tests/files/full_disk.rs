//! A disk that is full, or becomes it half-way: a real one, in memory, that no other program sees.

use std::{fs, io::Write, process::Command};

use wormhole_sync_testkit::forge::{Forged, forge};

use super::{
    stage::Stage,
    treasury::{directory_with_a_turn, file_with_a_turn, sends},
};
use crate::support::{names, namespace::in_mounts};

/// Bytes of the disk that the receiver's directory is on.
const DISK: usize = 6_000_000;

/// A stage whose receiver has such a disk.
fn stage() -> Stage {
    let stage = Stage::new();
    let options = format!("size={DISK}");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &options, "none"]).arg(stage.to());
    assert!(mount.status().unwrap().success());
    stage
}

/// What another program does at the same time: it leaves next to nothing free.
fn fills(stage: &Stage) -> impl FnOnce() -> bool + Send + 'static {
    let path = stage.to().join("somebody's");
    move || {
        let mut file = fs::File::create(path).unwrap();
        file.write_all(&vec![1; 2 * DISK]).unwrap_err();
        file.set_len(file.metadata().unwrap().len() - LEFT).is_ok()
    }
}

/// Bytes that it leaves.
const LEFT: u64 = 65_536;

#[test]
fn what_is_too_large_for_the_disk_is_refused_before_a_byte_is_sent() {
    if !in_mounts(what_is_too_large_for_the_disk_is_refused_before_a_byte_is_sent) {
        return;
    }
    let stage = stage();
    stage.hole("huge", 2 * DISK as u64);
    stage.hole("tree/huge", 2 * DISK as u64);
    for what in ["huge", "tree"] {
        stage.has_no_room_for(what);
    }
}

#[test]
fn a_disk_that_somebody_else_fills_half_way_is_told_to_both_and_nothing_is_left() {
    if !in_mounts(a_disk_that_somebody_else_fills_half_way_is_told_to_both_and_nothing_is_left) {
        return;
    }
    let stage = stage();
    for output in [&["--yes"][..], &["--yes", "-o", "new"]] {
        // A file; an archive that does not fit; one that does, when what it holds does not.
        let stored = forge(&[Forged::file("noise", &vec![7; 2_500_000])]);
        let deflated =
            forge(&[Forged::file("first", b"1"), Forged::deflated("zeros", &vec![0; 90_000])]);
        for outgoing in [
            file_with_a_turn("got", fills(&stage)),
            directory_with_a_turn("got", stored, fills(&stage)),
            directory_with_a_turn("got", deflated, fills(&stage)),
        ] {
            let receiver = stage.receive(output, b"");
            let sender = sends(&stage, outgoing);
            let receiver = receiver.end().with_code(1).stderr;
            assert!(receiver.contains("No space left"), "{receiver}");
            let sender = sender.unwrap_err().to_string();
            assert!(sender.contains("the receiver failed: there is not enough room"), "{sender}");
            assert_eq!(names(&stage.to()), ["somebody's"]);
            fs::remove_file(stage.to().join("somebody's")).unwrap();
        }
    }
}

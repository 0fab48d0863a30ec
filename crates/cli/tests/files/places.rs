//! Where what is received goes, and what stands there already.

use std::{fs, os::unix::fs::symlink, process::Stdio};

use super::stage::Stage;
use crate::support::names;

/// A sender's file and directory, to be received with `receiver`'s options.
fn received(what: &str, stage: &Stage, receiver: &[&str], code: i32) -> String {
    stage.file("plan.txt", "new");
    stage.file("tree/leaf", "new");
    let sender = stage.send(&[what]);
    let receiver = stage.receive(&[receiver, &["--yes"]].concat(), b"").end().with_code(code);
    let sender = sender.end().with_code(if code == 0 { 0 } else { 5 });
    sender.stderr + &receiver.stderr
}

#[test]
fn a_new_name_is_taken_for_a_file_and_for_a_directory() {
    let stage = Stage::new();
    received("plan.txt", &stage, &["-o", "mine.txt"], 0);
    received("tree", &stage, &["--output-file", "mine"], 0);
    assert_eq!(stage.stands(), ["mine", "mine.txt"]);
    assert_eq!((stage.got("mine.txt"), stage.got("mine/leaf")), (b"new".into(), b"new".into()));
}

#[test]
fn into_an_existing_directory_goes_a_file_and_a_directory_under_their_own_names() {
    let stage = Stage::new();
    fs::create_dir(stage.to().join("inbox")).unwrap();
    received("plan.txt", &stage, &["-o", "inbox"], 0);
    received("tree", &stage, &["-o", "inbox/"], 0);
    assert_eq!(names(&stage.to().join("inbox")), ["plan.txt", "tree"]);
}

#[test]
fn a_directory_that_does_not_exist_is_not_made() {
    let stage = Stage::new();
    for place in ["no/such/place", "nowhere/"] {
        let said = received("plan.txt", &stage, &["-o", place], 1);
        assert!(said.contains("transfer rejected: it cannot be written there"), "{said}");
    }
    assert!(stage.stands().is_empty());
}

#[test]
fn what_exists_is_not_touched_unless_that_is_asked_for() {
    for (options, existing) in [(&[][..], "plan.txt"), (&["-o", "mine.txt"], "mine.txt")] {
        let stage = Stage::new();
        fs::write(stage.to().join(existing), "old").unwrap();
        let said = received("plan.txt", &stage, options, 1);
        assert!(said.contains("transfer rejected: something of that name exists there"), "{said}");
        let advice = "exists already; choose another name (-o), or allow overwriting (--overwrite) or renaming (--rename)";
        assert!(said.contains(advice), "{said}");
        let offer = "offers the file 'plan.txt' (3 B); it would be written to ";
        assert!(said.contains(offer), "what the code was spent for: {said}");
        assert_eq!(stage.got(existing), b"old");
        received("plan.txt", &stage, &[options, &["--overwrite"]].concat(), 0);
        assert_eq!((stage.got(existing), stage.stands().len()), (b"new".into(), 1));
    }
}

#[test]
fn a_directory_in_the_way_is_neither_replaced_nor_merged() {
    let stage = Stage::new();
    fs::create_dir(stage.to().join("tree")).unwrap();
    fs::write(stage.to().join("tree/mine"), "old").unwrap();
    received("tree", &stage, &[], 1);
    let said = received("tree", &stage, &["--overwrite"], 1);
    assert!(said.contains("not merged") && said.contains("renaming (--rename)"), "{said}");
    assert_eq!(names(&stage.to().join("tree")), ["mine"]);
}

#[test]
fn another_name_is_found_where_that_is_asked_for() {
    let stage = Stage::new();
    fs::write(stage.to().join("plan.txt"), "old").unwrap();
    fs::create_dir(stage.to().join("tree")).unwrap();
    for _ in 0..2 {
        received("plan.txt", &stage, &["--rename"], 0);
        received("tree", &stage, &["--rename"], 0);
    }
    assert_eq!(stage.got("plan.txt"), b"old");
    let expected = ["plan (1).txt", "plan (2).txt", "plan.txt", "tree", "tree (1)", "tree (2)"];
    assert_eq!(stage.stands(), expected);
    assert_eq!(stage.got("plan (2).txt"), b"new");
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let stage = Stage::new();
    let treasure = stage.scene.file("treasure", "gold");
    symlink(&treasure, stage.to().join("plan.txt")).unwrap();
    received("plan.txt", &stage, &[], 1);
    received("plan.txt", &stage, &["--overwrite"], 0);
    assert_eq!(fs::read(&treasure).unwrap(), b"gold");
    assert!(fs::symlink_metadata(stage.to().join("plan.txt")).unwrap().is_file());
}

#[test]
fn standard_output_takes_a_file_and_nothing_else() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig \0 a tunnel");
    stage.file("tree/leaf", "x");
    let (_, receiver) = stage.moves(&["plan.txt"], &["-o", "-", "--yes"]);
    assert_eq!(receiver.stdout, b"dig \0 a tunnel");
    let sender = stage.send(&["tree"]);
    let receiver = stage.receive(&["-o", "-", "--yes"], b"").end().with_code(1);
    assert!(receiver.stderr.contains("cannot take a directory"), "{}", receiver.stderr);
    assert!(receiver.stdout.is_empty());
    assert!(sender.end().with_code(5).stderr.contains("transfer rejected"));
    assert!(stage.stands().is_empty());
}

#[test]
fn a_standard_output_that_takes_nothing_is_told_to_the_sender() {
    let stage = Stage::new();
    stage.hole("zeros", 3_000_000);
    let sender = stage.send(&["zeros"]);
    let mut command = stage.receiver(&["7-guitarist-revenge", "--yes", "-o", "-"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(1));
    let sender = sender.end().with_code(5);
    assert!(sender.stderr.contains("the receiver failed"), "{}", sender.stderr);
}

#[test]
fn options_that_contradict_each_other_are_2() {
    let stage = Stage::new();
    stage.receive(&["--overwrite", "--rename"], b"").end().with_code(2);
}

//! What can be sent, and how it arrives.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, SystemTime},
};

use super::stage::Stage;
use crate::support::{Running, event, mode, names};

#[test]
fn a_file_arrives_under_its_own_name_and_byte_for_byte() {
    let stage = Stage::new();
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    stage.file("deep/plan.bin", &content);
    let (sender, receiver) = stage.moves(&["deep/plan.bin"], &["--yes"]);
    assert_eq!(stage.got("plan.bin"), content);
    assert_eq!(stage.stands(), ["plan.bin"]);
    assert!(sender.stderr.contains("Sending file 'plan.bin' (1.20 MB)"), "{}", sender.stderr);
    assert!(sender.stderr.contains("Transfer complete."), "{}", sender.stderr);
    assert!(receiver.stderr.contains("Received, and written to ./plan.bin"), "{}", receiver.stderr);
    assert!(receiver.stdout.is_empty() && sender.stdout.is_empty());
}

#[test]
fn an_empty_file_and_a_name_beyond_ascii_arrive() {
    let stage = Stage::new();
    stage.file("naïve 日本 🎩.txt", "");
    stage.moves(&["naïve 日本 🎩.txt"], &["--yes"]);
    assert_eq!(stage.stands(), ["naïve 日本 🎩.txt"]);
    assert_eq!(stage.got("naïve 日本 🎩.txt"), b"");
}

#[test]
fn a_file_can_be_given_another_name() {
    let stage = Stage::new();
    stage.file("final-final-2.txt", "x");
    stage.moves(&["final-final-2.txt", "--name", "plan.txt"], &["--yes"]);
    assert_eq!(stage.stands(), ["plan.txt"]);
}

#[test]
fn a_directory_arrives_with_its_modes_empty_directories_and_what_its_links_lead_to() {
    let stage = Stage::new();
    stage.file("tree/run.sh", "#!/bin/sh\n");
    stage.file("tree/inner/odd \u{2028}name; rm -rf", "odd");
    let tree = stage.from().join("tree");
    fs::create_dir_all(tree.join("empty/emptier")).unwrap();
    fs::set_permissions(tree.join("run.sh"), fs::Permissions::from_mode(0o4755)).unwrap();
    std::os::unix::fs::symlink("run.sh", tree.join("link")).unwrap();
    let (sender, _) = stage.moves(&["tree"], &["--yes"]);
    assert!(sender.stderr.contains("Sending directory 'tree' (3 files, "), "{}", sender.stderr);
    let got = stage.to().join("tree");
    assert_eq!(names(&got), ["empty", "inner", "link", "run.sh"]);
    assert_eq!(names(&got.join("empty")), ["emptier"]);
    assert_eq!(names(&got.join("inner")), ["odd \u{2028}name; rm -rf"]);
    assert_eq!(mode(&got.join("run.sh")), 0o755, "executable, and no more than that");
    assert!(fs::symlink_metadata(got.join("link")).unwrap().is_file());
    assert_eq!(stage.got("tree/link"), b"#!/bin/sh\n");
    assert_eq!(stage.stands(), ["tree"]);
}

#[test]
fn an_empty_directory_arrives() {
    let stage = Stage::new();
    fs::create_dir(stage.from().join("nothing")).unwrap();
    stage.moves(&["nothing/"], &["--yes"]);
    assert_eq!(stage.stands(), ["nothing"]);
    assert!(names(&stage.to().join("nothing")).is_empty());
}

#[test]
fn several_paths_arrive_as_one_directory() {
    let stage = Stage::new();
    stage.file("a.txt", "a");
    stage.file("b/c.txt", "c");
    stage.moves(&["a.txt", "b", "--name", "both"], &["--yes"]);
    assert_eq!(stage.stands(), ["both"]);
    assert_eq!((stage.got("both/a.txt"), stage.got("both/b/c.txt")), (b"a".into(), b"c".into()));
}

#[test]
fn standard_input_arrives_as_a_file() {
    let stage = Stage::new();
    for (name, arguments) in [("stdin", &["-"][..]), ("dump.sql", &["-", "--name", "dump.sql"])] {
        let mut command = stage.sender(&["--code", "7-guitarist-revenge"]);
        let sender = Running::start(command.args(arguments), b"piped \0 in");
        stage.receive(&["--yes"], b"").end().with_code(0);
        sender.end().with_code(0);
        assert_eq!(stage.got(name), b"piped \0 in");
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anybody_is_met() {
    let stage = Stage::new();
    stage.file("x", "x");
    for (arguments, code, said) in [
        (&["x", "--text", "y"][..], 2, "cannot be used with"),
        (&["--name", "y"], 2, "PATH"),
        (&["-", "x"], 2, "send it by itself"),
        (&["x", "--name", "../y"], 1, "../y"),
        (&["missing"], 1, "missing"),
        (&["x", "missing"], 1, "missing"),
        (&["x", "x"], 1, "x"),
    ] {
        let refused = stage.send(arguments).end().with_code(code);
        assert!(refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
        assert!(
            !refused.stderr.contains("7-guitarist-revenge"),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
}

#[test]
fn what_cannot_be_sent_is_named_and_left_out_where_that_is_asked_for() {
    let stage = Stage::new();
    stage.file("tree/good", "good");
    let tree = stage.from().join("tree");
    std::os::unix::fs::symlink("nowhere", tree.join("dangling")).unwrap();
    std::os::unix::fs::symlink(".", tree.join("loop")).unwrap();
    assert!(Command::new("mkfifo").arg(tree.join("pipe")).status().unwrap().success());
    let refused = stage.send(&["tree"]).end().with_code(1);
    assert!(
        refused.stderr.contains("dangling") || refused.stderr.contains("loop"),
        "{}",
        refused.stderr
    );
    let advice = "let such entries be left out (--ignore-unsendable-files)";
    assert!(refused.stderr.contains(advice), "{}", refused.stderr);
    let (sender, _) = stage.moves(&["tree", "--ignore-unsendable-files"], &["--yes"]);
    for left_out in ["dangling", "loop", "pipe"] {
        assert!(
            sender.stderr.lines().any(|l| l.starts_with("Left out: ") && l.contains(left_out)),
            "{}",
            sender.stderr
        );
    }
    assert_eq!(names(&stage.to().join("tree")), ["good"]);
}

#[test]
fn a_special_file_in_a_directory_is_left_out_and_named_in_any_case() {
    let stage = Stage::new();
    stage.file("tree/good", "good");
    assert!(Command::new("mkfifo").arg(stage.from().join("tree/pipe")).status().unwrap().success());
    let (sender, _) = stage.moves(&["tree"], &["--yes"]);
    assert!(
        sender.stderr.contains("Left out: ") && sender.stderr.contains("pipe"),
        "{}",
        sender.stderr
    );
    assert_eq!(names(&stage.to().join("tree")), ["good"]);
}

#[test]
fn times_of_modification_arrive_with_a_directory() {
    let stage = Stage::new();
    let path = stage.file("tree/old", "old");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    stage.moves(&["tree"], &["--yes"]);
    let got = fs::metadata(stage.to().join("tree/old")).unwrap().modified().unwrap();
    assert_eq!(got, then);
}

#[test]
fn the_same_code_of_a_uri_and_no_code_at_all_move_files_as_well() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    let sender = Running::start(&mut stage.sender(&["--json", "plan.txt"]), b"");
    let uri = event(&sender.wait_for_stderr("\"uri\""), "code")["uri"].as_str().unwrap().to_owned();
    Running::start(&mut stage.receiver(&[&uri, "--yes"]), b"").end().with_code(0);
    sender.end().with_code(0);
    let sender = Running::start(&mut stage.sender(&["-0", "plan.txt"]), b"");
    Running::start(&mut stage.receiver(&["-0", "--yes", "--rename"]), b"").end().with_code(0);
    sender.end().with_code(0);
    let receiver = Running::start(&mut stage.receiver(&["--allocate", "--yes", "--rename"]), b"");
    let code = receiver.code();
    let code = ["--code", &code, "plan.txt"];
    Running::start(&mut stage.sender(&code), b"").end().with_code(0);
    receiver.end().with_code(0);
    assert_eq!(stage.stands(), ["plan (1).txt", "plan (2).txt", "plan.txt"]);
}

#[test]
fn a_special_file_by_itself_is_refused_by_what_it_is() {
    let stage = Stage::new();
    assert!(Command::new("mkfifo").arg(stage.from().join("pipe")).status().unwrap().success());
    for arguments in [&["pipe"][..], &["pipe", "--ignore-unsendable-files"]] {
        let refused = stage.send(arguments).end().with_code(1);
        assert!(refused.stderr.contains("pipe"), "{}", refused.stderr);
    }
}

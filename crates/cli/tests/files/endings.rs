//! How a transfer ends that does not end well, and what each side says then.

use std::{fs, process::Command};

use super::{relay::Relay, stage::Stage};
use crate::support::{Running, event};

#[test]
fn a_wrong_code_is_3_on_both_sides_and_nothing_is_written() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    let sender = stage.send(&["plan.txt"]);
    let receiver = Running::start(&mut stage.receiver(&["7-guitarist-recipe", "--yes"]), b"")
        .end()
        .with_code(3);
    let sender = sender.end().with_code(3);
    for said in [&sender.stderr, &receiver.stderr] {
        assert!(said.contains("the codes do not match"), "{said}");
    }
    assert!(!receiver.stderr.contains("plan.txt"), "{}", receiver.stderr);
    assert!(stage.stands().is_empty());
}

/// Offers `name`, lets `change` happen once the code is shown, and then takes it.
fn changed(stage: &Stage, name: &str, change: impl FnOnce()) -> (String, String) {
    let sender = stage.send(&[name]);
    sender.wait_for_stderr("Wormhole code is");
    change();
    let receiver = stage.receive(&["--yes"], b"").end().with_code(5);
    (sender.end().with_code(1).stderr, receiver.stderr)
}

#[test]
fn a_file_that_shrinks_meanwhile_is_an_error_that_names_it() {
    let stage = Stage::new();
    let path = stage.file("log.txt", vec![b'x'; 1_000_000]);
    let (sender, receiver) = changed(&stage, "log.txt", || {
        fs::File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
    });
    assert!(sender.contains("log.txt"), "{sender}");
    assert!(receiver.contains("the sender could not read what it offered"), "{receiver}");
    assert!(!receiver.contains(path.to_str().unwrap()), "{receiver}");
    assert!(stage.stands().is_empty());
}

#[test]
fn a_file_that_grows_meanwhile_is_an_error_that_names_it() {
    let stage = Stage::new();
    let path = stage.file("log.txt", "a line\n");
    let (sender, _) =
        changed(&stage, "log.txt", || fs::write(&path, "two\nlines\n and more").unwrap());
    assert!(sender.contains("log.txt"), "{sender}");
    assert!(stage.stands().is_empty());
}

#[test]
fn a_file_that_vanishes_from_a_directory_is_an_error_that_names_it() {
    let stage = Stage::new();
    stage.file("tree/stays", "x");
    let path = stage.file("tree/vanishes", "x");
    let (sender, receiver) = changed(&stage, "tree", || fs::remove_file(&path).unwrap());
    assert!(sender.contains("vanishes"), "{sender}");
    assert!(!receiver.contains("vanishes"), "{receiver}");
    assert!(stage.stands().is_empty());
}

/// The command with a limit on what a file may have: where that is reached, writing fails as on a full disk.
fn with_limited_files(command: &Command, blocks: u32) -> Command {
    let mut limited = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.current_dir(command.get_current_dir().unwrap());
    limited
}

#[test]
fn a_disk_that_is_full_half_way_is_told_to_the_sender() {
    for what in ["zeros", "tree"] {
        let stage = Stage::new();
        stage.hole("zeros", 20_000_000);
        stage.hole("tree/zeros", 20_000_000);
        let sender = stage.send(&[what]);
        let mut command =
            with_limited_files(&stage.receiver(&["7-guitarist-revenge", "--yes"]), 1000);
        let receiver = Running::start(&mut command, b"").end().with_code(1);
        assert!(receiver.stderr.contains("too large"), "{}", receiver.stderr);
        let sender = sender.end().with_code(5);
        assert!(
            sender.stderr.contains("the receiver failed: it cannot be written there"),
            "{}",
            sender.stderr
        );
        assert!(stage.stands().is_empty(), "{:?}", stage.stands());
    }
}

#[test]
fn what_does_not_fit_on_the_disk_is_refused_before_a_byte_is_sent() {
    let stage = Stage::new();
    stage.hole("huge", 1 << 43);
    stage.has_no_room_for("huge");
}

#[test]
fn a_time_limit_holds_for_the_bytes_as_well() {
    let (stage, relay) = (Stage::new(), Relay::that_swallows_after(500_000));
    stage.hole("zeros", 100_000_000);
    let sender = stage.send(&["zeros", "--no-listen", "--transit-helper", &relay.url]);
    let receiver = stage
        .receive(&["--yes", "--no-listen", "--timeout", "2", "--json"], b"")
        .end()
        .with_code(6);
    assert_eq!(event(&receiver.stderr, "error")["exit"], 6);
    sender.end().with_code(5);
    assert!(stage.stands().is_empty());
}

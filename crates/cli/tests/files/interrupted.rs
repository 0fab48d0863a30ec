//! Ctrl-C and death, of either side: while the offer waits, and in the middle.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::{relay::Relay, stage::Stage};
use crate::support::{Running, Scene};

/// What the survivor of a death may take to notice, on a machine that is busy.
const BOUND: Duration = Duration::from_secs(45);

const SIZE: u64 = 100_000_000;

/// Both sides in the middle of a transfer that goes no further by itself.
struct Middle {
    stage: Stage,
    _relay: Relay,
    sender: Running,
    receiver: Running,
}

impl Middle {
    fn of(what: &str) -> Self {
        let (stage, relay) = (Stage::new(), Relay::that_swallows_after(1_000_000));
        stage.hole("zeros", SIZE);
        stage.hole("tree/zeros", SIZE);
        let helper = ["--no-listen", "--json", "--transit-helper", &relay.url];
        let sender = stage.send(&[&helper[..], &[what]].concat());
        let receiver = stage.receive(&[&helper[..], &["--yes"]].concat(), b"");
        receiver.wait_for_stderr(r#""event":"progress""#);
        Self { stage, _relay: relay, sender, receiver }
    }
}

#[test]
fn a_sender_that_is_interrupted_in_the_middle_says_so() {
    for what in ["zeros", "tree"] {
        let Middle { stage, _relay, sender, receiver } = Middle::of(what);
        sender.signal("INT");
        sender.end().with_code(130);
        let receiver = receiver.end().with_code(5);
        assert!(receiver.stderr.contains("the other side refused: "), "{}", receiver.stderr);
        assert!(stage.stands().is_empty(), "{:?}", stage.stands());
    }
}

#[test]
fn a_receiver_that_is_interrupted_in_the_middle_says_so_and_leaves_nothing_behind() {
    for (what, signal, code) in
        [("zeros", "INT", 130), ("tree", "INT", 130), ("zeros", "TERM", 143)]
    {
        let Middle { stage, _relay, sender, receiver } = Middle::of(what);
        receiver.signal(signal);
        receiver.end().with_code(code);
        assert!(stage.stands().is_empty(), "{:?}", stage.stands());
        let sender = sender.end().with_code(5);
        assert!(sender.stderr.contains("the other side refused: "), "{}", sender.stderr);
    }
}

#[test]
fn a_sender_that_dies_in_the_middle_is_noticed_and_nothing_is_kept() {
    for what in ["zeros", "tree"] {
        let Middle { stage, _relay, sender, receiver } = Middle::of(what);
        sender.signal("KILL");
        let begun = Instant::now();
        let receiver = receiver.end().with_code(5);
        assert!(begun.elapsed() < BOUND);
        assert!(receiver.stderr.contains("start again with a new code"), "{}", receiver.stderr);
        assert!(stage.stands().is_empty(), "{:?}", stage.stands());
    }
}

#[test]
fn a_receiver_that_dies_in_the_middle_is_noticed_and_leaves_nothing_under_the_final_name() {
    for what in ["zeros", "tree"] {
        let Middle { stage, _relay, sender, receiver } = Middle::of(what);
        receiver.signal("KILL");
        let begun = Instant::now();
        let sender = sender.end().with_code(5);
        assert!(begun.elapsed() < BOUND);
        assert!(sender.stderr.contains("start again with a new code"), "{}", sender.stderr);
        for left in stage.stands() {
            assert!(left.starts_with(".wormhole-") && !left.contains(what), "{left}");
        }
    }
}

#[test]
fn a_link_whose_other_end_has_closed_and_reads_no_more_is_noticed_by_who_writes() {
    let (stage, relay) = (Stage::new(), Relay::that_turns_away_after(1_000_000));
    stage.hole("zeros", SIZE);
    let helper = ["--no-listen", "--json", "--transit-helper", &relay.url];
    let sender = stage.send(&[&helper[..], &["zeros"]].concat());
    let receiver = stage.receive(&[&helper[..], &["--yes"]].concat(), b"");
    receiver.wait_for_stderr(r#""event":"progress""#);
    receiver.signal("KILL"); // it can tell the sender nothing
    let begun = Instant::now();
    let sender = sender.end().with_code(5);
    assert!(begun.elapsed() < BOUND);
    assert!(
        sender.stderr.contains("the connection to the other computer broke"),
        "{}",
        sender.stderr
    );
}

#[test]
fn a_server_that_dies_with_its_relay_in_the_middle_keeps_nobody_waiting() {
    let mut scene = Scene::without_server();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--relay-listen", "127.0.0.1:0"];
    let slowly =
        ["--db", ":memory:", "--limit-loopback", "--set", "relay.bytes-per-second-per-address=1MB"];
    let server = scene.start(&[&serve[..], &slowly].concat());
    let listens = |before: &str| {
        let line = server.wait_for_stderr(&format!("listening on {before}"));
        line.split_once("listening on ").unwrap().1.to_owned()
    };
    let relay = listens("tcp:");
    scene.url = listens("ws:");
    let stage = Stage::on(scene);
    stage.hole("zeros", SIZE);
    let way = ["--no-listen", "--transit-helper", &relay];
    let sender = stage.send(&[&way[..], &["zeros"]].concat());
    let receiver = stage.receive(&[&way[..], &["--yes"]].concat(), b"");
    receiver.wait_for_stderr("Through the relay");
    sender.wait_for_stderr("Through the relay");
    server.signal("KILL");
    let killed = Instant::now();
    for side in [sender, receiver] {
        side.wait_for_stderr("The connection to the other computer broke; waiting");
        let ended = side.end().with_code(5);
        assert!(ended.stderr.contains("it has not said why"), "{}", ended.stderr);
    }
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    assert!(stage.stands().is_empty(), "{:?}", stage.stands());
}

#[test]
#[cfg(target_os = "linux")]
fn a_receiver_whose_terminal_is_closed_leaves_nothing_behind_unless_it_is_to_go_on() {
    let ignored = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = ignored.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    if !ignored.trim().ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']) {
        return; // these tests are themselves to go on when their terminal is closed
    }
    let Middle { stage, _relay, sender, receiver } = Middle::of("zeros");
    receiver.signal("HUP");
    receiver.end().with_code(143);
    assert!(stage.stands().is_empty(), "{:?}", stage.stands());
    sender.end().with_code(5);

    let stage = Stage::new();
    let plain = stage.receiver(&["--yes", "7-guitarist-revenge"]);
    let mut command = Command::new("nohup");
    command.arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let receiver = Running::start(command.current_dir(stage.to()), b"");
    receiver.wait_for_stderr("Waiting for the other side");
    receiver.signal("HUP");
    stage.file("plan.txt", "dig");
    stage.send(&["plan.txt"]).end().with_code(0);
    receiver.end().with_code(0);
    assert_eq!(stage.got("plan.txt"), b"dig");
}

#[test]
fn a_receiver_that_leaves_the_question_unanswered_tells_the_sender() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sender = stage.send(&["plan.txt"]);
        let mut command = stage.receiver(&["7-guitarist-revenge", "--json"]);
        let receiver = Running::start_waiting(&mut command);
        receiver.wait_for_stderr("ask_accept");
        receiver.signal(signal);
        receiver.end().with_code(code);
        let sender = sender.end().with_code(5);
        assert!(sender.stderr.contains("error: "), "{}", sender.stderr);
        assert!(stage.stands().is_empty());
    }
}

#[test]
fn a_sender_that_leaves_before_the_answer_tells_the_receiver() {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    let sender = stage.send(&["plan.txt"]);
    let mut command = stage.receiver(&["7-guitarist-revenge", "--json"]);
    let mut receiver = Running::start_waiting(&mut command);
    receiver.wait_for_stderr("ask_accept");
    sender.signal("INT");
    sender.end().with_code(130);
    receiver.says(b"yes\n");
    let receiver = receiver.end().with_code(5);
    assert!(receiver.stderr.contains(r#""event":"error""#), "{}", receiver.stderr);
    assert!(stage.stands().is_empty());
}

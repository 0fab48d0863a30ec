//! At a terminal: the line of progress, the question, Ctrl-C.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use super::{relay::Relay, stage::Stage};
use crate::support::{PATIENCE, Running};

fn at_a_terminal(mut command: Command) -> PtySession {
    command.env("NO_COLOR", "1");
    spawn_command(command, Some(u64::try_from(PATIENCE.as_millis()).unwrap())).unwrap()
}

fn sees(terminal: &mut PtySession, text: &str) -> String {
    terminal.exp_string(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_question_is_answered_at_the_terminal_and_a_hostile_name_is_harmless_there() {
    let stage = Stage::new();
    let name = "a\u{202e}gpj\u{200b}.exe";
    stage.file(name, "x");
    let sender = stage.send(&[name]);
    let mut terminal = at_a_terminal(stage.receiver(&["7-guitarist-revenge"]));
    let said = sees(&mut terminal, "ok? (Y/n): ");
    assert!(said.contains(r"a\u{202e}gpj") && said.contains("Beware: "), "{said}");
    assert!(!said.contains(['\u{202e}', '\u{200b}']), "{said}");
    terminal.send_line("").unwrap();
    terminal.exp_eof().unwrap();
    sender.end().with_code(0);
    assert_eq!(stage.got(name), b"x");
}

/// A transfer that has come half-way and stands still, its receiver at a terminal.
fn in_the_middle() -> (Stage, Running, PtySession, Relay) {
    let (stage, relay) = (Stage::new(), Relay::that_swallows_after(1_000_000));
    stage.hole("zeros", 100_000_000);
    let way = ["--no-listen", "--transit-helper", &relay.url];
    let sender =
        Running::start(stage.sender(&["--code", "7-guitarist-revenge", "zeros"]).args(way), b"");
    let mut command = stage.receiver(&["7-guitarist-revenge", "--yes"]);
    command.args(way);
    let mut terminal = at_a_terminal(command);
    sees(&mut terminal, " of 100.00 MB, ");
    (stage, sender, terminal, relay)
}

#[test]
fn progress_is_drawn_with_rate_and_amount_and_gone_at_the_end() {
    let (stage, sender, mut terminal, _relay) = in_the_middle();
    sees(&mut terminal, " left");
    sender.signal("INT");
    sender.end().with_code(130);
    assert!(sees(&mut terminal, "error: ").contains("\u{1b}[2K"), "the line is wiped first");
    terminal.exp_eof().unwrap();
    assert!(stage.stands().is_empty());
}

#[test]
fn a_typed_ctrl_c_in_the_middle_ends_both_sides() {
    let (stage, sender, mut terminal, _relay) = in_the_middle();
    terminal.send_control('c').unwrap();
    terminal.exp_eof().unwrap();
    let status = format!("{:?}", terminal.process().wait().unwrap());
    assert!(status.contains("130"), "{status}");
    assert!(sender.end().with_code(5).stderr.contains("the other side "));
    assert!(stage.stands().is_empty());
}

#[test]
fn hidden_progress_is_not_drawn() {
    let stage = Stage::new();
    stage.hole("zeros", 50_000_000);
    let sender = stage.send(&["zeros"]);
    let mut terminal =
        at_a_terminal(stage.receiver(&["7-guitarist-revenge", "--yes", "--hide-progress"]));
    let said = terminal.exp_eof().unwrap();
    assert!(said.contains("Received") && !said.contains(" left"), "{said}");
    sender.end().with_code(0);
}

#[test]
fn a_file_is_not_written_to_a_terminal_that_would_obey_it() {
    let stage = Stage::new();
    let mut terminal = at_a_terminal(stage.receiver(&["7-guitarist-revenge", "-o", "-"]));
    assert!(terminal.exp_eof().unwrap().contains("standard output is a terminal"));
    assert!(format!("{:?}", terminal.process().wait().unwrap()).ends_with(", 2)"));
}

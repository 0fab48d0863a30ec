//! At a terminal: the line of progress, the question, Ctrl-C.

use std::process::Command;

use super::{relay::Relay, stage::Stage};
use crate::support::{Running, terminal::Terminal};

fn at_a_terminal(mut command: Command) -> Terminal {
    command.env("NO_COLOR", "1");
    Terminal::start(command)
}

#[test]
fn the_question_is_answered_at_the_terminal_and_a_hostile_name_is_harmless_there() {
    let stage = Stage::new();
    let name = "a\u{202e}gpj\u{200b}.exe";
    stage.file(name, "x");
    let sender = stage.send(&[name]);
    let mut terminal = at_a_terminal(stage.receiver(&["7-guitarist-revenge"]));
    let said = terminal.sees("ok? (Y/n): ");
    assert!(said.contains(r"a\u{202e}gpj") && said.contains("Beware: "), "{said}");
    assert!(!said.contains(['\u{202e}', '\u{200b}']), "{said}");
    terminal.types("\n");
    assert_eq!(terminal.ends().1, 0);
    sender.end().with_code(0);
    assert_eq!(stage.got(name), b"x");
}

/// A transfer that has come half-way and stands still, its receiver at a terminal.
fn in_the_middle() -> (Stage, Running, Terminal, Relay) {
    let (stage, relay) = (Stage::new(), Relay::that_swallows_after(1_000_000));
    stage.hole("zeros", 100_000_000);
    let way = ["--no-listen", "--transit-helper", &relay.url];
    let sender =
        Running::start(stage.sender(&["--code", "7-guitarist-revenge", "zeros"]).args(way), b"");
    let mut command = stage.receiver(&["7-guitarist-revenge", "--yes"]);
    command.args(way);
    let mut terminal = at_a_terminal(command);
    terminal.sees(" of 100.00 MB, ");
    (stage, sender, terminal, relay)
}

#[test]
fn progress_is_drawn_with_rate_and_amount_and_gone_at_the_end() {
    let (stage, sender, mut terminal, _relay) = in_the_middle();
    terminal.sees(" left");
    sender.signal("INT");
    sender.end().with_code(130);
    assert!(terminal.sees("error: ").contains("\u{1b}[2K"), "the line is wiped first");
    terminal.ends();
    assert!(stage.stands().is_empty());
}

#[test]
fn what_is_told_meanwhile_stands_beside_the_line_of_progress() {
    let (stage, _sender, mut terminal, _relay) = in_the_middle();
    terminal.sees(" left");
    stage.scene.stops_server();
    let said = terminal.sees("The connection was lost; trying again until it is back.");
    let (_, last) = said.rsplit_once('\r').unwrap();
    assert!(
        last.starts_with("\u{1b}[2K") && !last.contains(" left"),
        "the line is wiped first: {said:?}"
    );
    terminal.sees(" of 100.00 MB, "); // and drawn again below
}

#[test]
fn a_typed_ctrl_c_in_the_middle_ends_both_sides() {
    let (stage, sender, mut terminal, _relay) = in_the_middle();
    terminal.types("\u{3}");
    assert_eq!(terminal.ends().1, 130);
    assert!(sender.end().with_code(5).stderr.contains("the other side "));
    assert!(stage.stands().is_empty());
}

#[test]
fn hidden_progress_is_not_drawn() {
    let stage = Stage::new();
    stage.hole("zeros", 50_000_000);
    let sender = stage.send(&["zeros"]);
    let terminal =
        at_a_terminal(stage.receiver(&["7-guitarist-revenge", "--yes", "--hide-progress"]));
    let said = terminal.ends().0;
    assert!(said.contains("Received") && !said.contains(" left"), "{said}");
    sender.end().with_code(0);
}

#[test]
fn a_file_is_not_written_to_a_terminal_that_would_obey_it() {
    let stage = Stage::new();
    let terminal = at_a_terminal(stage.receiver(&["7-guitarist-revenge", "-o", "-"]));
    let (said, code) = terminal.ends();
    assert!(said.contains("standard output is a terminal") && code == 2, "{said}");
}

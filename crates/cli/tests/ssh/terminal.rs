//! The owner of several keys at a terminal.

use super::stage::{KEY, OTHER_KEY, Stage};
use crate::support::terminal::Terminal;

#[test]
fn one_of_several_keys_is_chosen_by_its_number_and_no_comment_is_obeyed() {
    let stage = Stage::new();
    stage.own("second.pub", format!("{OTHER_KEY} \u{202e}second\n"));
    let invite = stage.invite(&[]);
    let mut terminal = Terminal::start(stage.accepting(&[]));
    let said = terminal.sees("Send which one? ");
    assert!(said.contains("  1: id_ed25519.pub  SHA256:") && said.contains(" me@home"), "{said}");
    assert!(said.contains("  2: second.pub  SHA256:") && !said.contains('\u{202e}'), "{said}");
    for no_number in ["0", "3", "two", ""] {
        terminal.types(&format!("{no_number}\r"));
        terminal.sees("Please answer with a number from 1 to 2: ");
    }
    terminal.types("2\r");
    terminal.sees("Send it? (yes/no): ");
    terminal.types("yes\r");
    let (said, code) = terminal.ends();
    assert!(said.contains("Key sent") && code == 0, "{said}");
    invite.end().with_code(0);
    assert_eq!(stage.authorized(), format!("{OTHER_KEY} \\u{{202e}}second\n"));
    assert!(!stage.authorized().contains(KEY));
}

#[test]
fn ctrl_c_at_the_question_ends_it_and_the_code_is_still_good() {
    let stage = Stage::new();
    let invite = stage.invite(&[]);
    let mut terminal = Terminal::start(stage.accepting(&[]));
    terminal.sees("Send it? (yes/no): ");
    terminal.types("\u{3}");
    let status = terminal.ends_somehow().1;
    assert!(status.contains("SIGINT"), "{status}");
    stage.accept(&["--yes"], b"").with_code(0);
    invite.end().with_code(0);
}

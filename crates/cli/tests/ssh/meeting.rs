//! How the two sides meet, as with every other command.

use super::stage::{CODE, KEY, Stage};
use crate::support::Running;

#[test]
fn a_code_is_made_of_as_many_words_as_wanted_and_typed_where_it_is_asked_for() {
    let stage = Stage::new();
    let mut command = stage.at(&stage.inviter(), &["ssh", "invite", "-c", "3"]);
    let invite = Running::start(&mut command, b"");
    let code = invite.wait_for_stderr("Wormhole code is: ").split_once(": ").unwrap().1.to_owned();
    assert_eq!(code.split('-').count(), 4);
    assert!(
        invite.wait_for_stderr("wormhole --relay-url").ends_with(&format!(" ssh accept {code}"))
    );
    let mut command = stage.at(&stage.owner(), &["ssh", "accept", "--yes"]);
    Running::start(&mut command, format!("{code}\n").as_bytes()).end().with_code(0);
    invite.end().with_code(0);
}

#[test]
fn a_code_comes_from_a_file_or_the_environment_and_stays_hidden() {
    let stage = Stage::new();
    stage.scene.file("code", CODE);
    let mut command = stage.at(&stage.inviter(), &["ssh", "invite", "--code-file", "code"]);
    let invite = Running::start(&mut command, b"");
    let mut command = stage.at(&stage.owner(), &["ssh", "accept", "--yes"]);
    let accepted = Running::start(command.env("WORMHOLE_CODE", CODE), b"").end().with_code(0);
    let invited = invite.end().with_code(0);
    assert!(!(invited.stderr + &accepted.stderr).contains(CODE));
}

#[test]
fn without_a_code_nobody_is_let_in() {
    let stage = Stage::new();
    for (home, side) in [(stage.inviter(), "invite"), (stage.owner(), "accept")] {
        let said =
            Running::start(&mut stage.at(&home, &["ssh", side, "-0"]), b"").end().with_code(2);
        assert!(said.stderr.contains("without a code whoever comes first would be let in"));
    }
}

#[test]
fn a_no_to_the_verifier_on_either_side_adds_nothing_and_is_heard_on_the_other() {
    let stage = Stage::new();
    let invite = Running::start(&mut stage.inviting(&["-v"]), b"no\n");
    let accepted = stage.accept(&["--yes"], b"").with_code(5);
    assert!(accepted.stderr.contains("the inviting side did not confirm"), "{}", accepted.stderr);
    assert!(invite.end().with_code(8).stderr.contains("nothing was added"));

    let invite = stage.invite(&[]);
    let accepted = stage.accept(&["-v"], b"yes\nno\n").with_code(8);
    assert!(accepted.stderr.contains("nothing was sent"), "{}", accepted.stderr);
    let invited = invite.end().with_code(5);
    assert!(invited.stderr.contains("the owner of the key did not confirm"), "{}", invited.stderr);
    assert!(!stage.inviter().join(".ssh").exists());

    let invite = Running::start(&mut stage.inviting(&["-v"]), b"yes\n");
    stage.accept(&["-v"], b"yes\nyes\n").with_code(0);
    invite.end().with_code(0);
    assert_eq!(stage.authorized(), format!("{KEY} me@home\n"));
}

#[test]
fn ctrl_c_and_a_time_limit_end_an_invitation_and_nothing_is_made() {
    let stage = Stage::new();
    let invite = stage.invite(&[]);
    invite.wait_for_stderr("ssh accept");
    invite.signal("INT");
    invite.end().with_code(130);
    stage.invite(&["--timeout", "1"]).end().with_code(6);
    assert!(!stage.inviter().join(".ssh").exists());
}

//! What is added, and to what.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
};

use serde_json::json;

use super::stage::{CODE, FINGERPRINT, KEY, OTHER_KEY, Stage};
use crate::support::{Running, mode, names, stranger, variables};

#[test]
fn a_key_goes_into_a_new_file_that_is_its_users_alone_and_both_sides_see_which() {
    let stage = Stage::new();
    let (invited, accepted) = stage.adds();
    assert_eq!(stage.authorized(), format!("{KEY} me@home\n"));
    assert_eq!(mode(&stage.path()), 0o600);
    assert_eq!(mode(stage.path().parent().unwrap()), 0o700);
    let outline = format!("  ssh-ed25519 {FINGERPRINT} me@home\n");
    assert!(invited.stderr.contains(&outline), "{}", invited.stderr);
    assert!(invited.stderr.contains("Added the key to "), "{}", invited.stderr);
    assert!(accepted.stderr.contains(&outline), "{}", accepted.stderr);
    assert!(accepted.stderr.ends_with("Key sent; the other side has it.\n"), "{}", accepted.stderr);
    assert!(invited.stdout.is_empty() && accepted.stdout.is_empty());
}

#[test]
fn a_key_is_added_on_a_line_of_its_own_and_nothing_else_changes() {
    for (before, between) in [("", ""), ("# mine\nssh-rsa AAAA x\n", ""), ("ssh-rsa AAAA x", "\n")]
    {
        let stage = Stage::new();
        stage.authorize(before);
        fs::set_permissions(stage.path(), Permissions::from_mode(0o640)).unwrap();
        stage.adds();
        assert_eq!(stage.authorized(), format!("{before}{between}{KEY} me@home\n"));
        assert_eq!(mode(&stage.path()), 0o640);
        assert_eq!(names(&stage.inviter().join(".ssh")), ["authorized_keys"]);
    }
}

#[test]
fn a_key_that_is_there_is_not_added_again() {
    for there in [format!("{KEY}\n"), format!("x\nno-pty,from=\"a b\" {KEY} another comment")] {
        let stage = Stage::new();
        stage.authorize(&there);
        let (invited, _) = stage.adds();
        assert!(invited.stderr.contains("The key is already in "), "{}", invited.stderr);
        assert_eq!(stage.authorized(), there);
    }
    // What only looks like it: out of use, in somebody's comment or command, or another's to sign with.
    for there in [
        format!("#{KEY}\n"),
        format!(" # {KEY}\n"),
        format!("{OTHER_KEY} {FINGERPRINT}\n"),
        format!("{OTHER_KEY} {KEY}\n"),
        format!("{OTHER_KEY} x {KEY}\n"),
        format!("command=\"\\\" {KEY}\" {OTHER_KEY} x\n"),
        format!("no-pty,cert-authority {KEY} x\n"),
    ] {
        let stage = Stage::new();
        stage.authorize(&there);
        stage.adds();
        assert_eq!(stage.authorized(), format!("{there}{KEY} me@home\n"));
    }
}

#[test]
fn a_comment_is_cleaned_and_cut_before_it_is_added() {
    let stage = Stage::new();
    let invite = stage.invite(&[]);
    let text = format!("\r\n{KEY}  \u{202e}gpj   {}\n", "x".repeat(5000));
    let answer = offers(&stage, &json!({ "message": text }));
    assert!(answer.contains("message_ack"), "{answer}");
    invite.end().with_code(0);
    let line = stage.authorized();
    assert!(line.starts_with(&format!("{KEY} \\u{{202e}}gpj x")), "{line}");
    assert!(line.len() < 400 && line.lines().count() == 1, "{line}");
}

#[test]
fn a_file_without_room_for_the_whole_line_is_left_as_it_was_and_the_owner_of_the_key_hears_it() {
    for there in ["", "# 480 bytes\n"] {
        let stage = Stage::new();
        let there = there.repeat(40);
        stage.authorize(&there);
        // A file may have one block, and what goes beyond is an error.
        let limit =
            format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", u8::from(!there.is_empty()));
        let inviting = stage.inviting(&[]);
        let mut limited = Command::new("sh");
        limited.args(["-c", &limit]).arg(inviting.get_program()).args(inviting.get_args());
        limited.env_clear().envs(variables(&inviting));
        let invite = Running::start(&mut limited, b"");
        let accepted = stage.accept(&["--yes"], b"").with_code(5);
        assert!(
            accepted.stderr.contains("the key could not be added there"),
            "{}",
            accepted.stderr
        );
        let said = invite.end().with_code(1).stderr;
        assert!(said.contains("authorized_keys could not be added to: "), "{said}");
        assert_eq!(stage.authorized(), there);
    }
}

/// Offers this as a stranger who knows the code, and returns the answer.
pub(super) fn offers(stage: &Stage, offer: &serde_json::Value) -> String {
    assert_eq!(CODE, "7-guitarist-revenge");
    stranger::offers(&stage.scene.url, "lothar.com/wormhole/ssh-add", offer)
}

//! What a stranger sends instead of a key.

use std::fs;

use serde_json::json;

use super::{
    adding::offers,
    stage::{KEY, OTHER_KEY, Stage},
};

const PRIVATE: &str =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";

#[test]
fn what_is_no_single_plain_key_is_refused_with_the_reason_and_nothing_is_changed() {
    let (kind, base64) = KEY.split_once(' ').unwrap();
    let hostile = [
        (String::new(), "kind of key"),
        ("hello".to_owned(), "kind of key"),
        (format!("ssh-dss {base64} x"), "kind of key"),
        (format!("command=\"touch /tmp/evil\" {KEY} x"), "options"),
        (format!("cert-authority {KEY} x"), "options"),
        (format!("{KEY} x\n{OTHER_KEY} y\n"), "several lines"),
        (format!("{KEY} x\rcommand=\"sh\" {OTHER_KEY} y"), "several lines"),
        (format!("# comment\n{KEY} x"), "several lines"),
        (format!("{KEY} \u{1b}]0;title\u{7}"), "control characters"),
        (format!("{KEY} nul\0"), "control characters"),
        (format!("{kind} ?{base64}"), "not base64"),
        (format!("ssh-rsa {base64}"), "another kind"),
        (format!("{kind} AAAAC3NzaC1lZDI1NTE5AAAAAQ=="), "damaged"),
        (format!("{KEY} {}", "x".repeat(200_000)), "longer than"),
        (PRIVATE.to_owned(), "private key"),
    ];
    for before in [None, Some(format!("{OTHER_KEY} other\n"))] {
        let stage = Stage::new();
        if let Some(before) = &before {
            stage.authorize(before);
        }
        for (text, reason) in &hostile {
            let invite = stage.invite(&[]);
            let answer = offers(&stage, &json!({ "message": text }));
            assert!(answer.contains("the key was refused") && answer.contains(reason), "{answer}");
            let said = invite.end().with_code(5).stderr;
            assert!(said.contains(reason) && said.contains("nothing was changed"), "{said}");
            assert!(!said.contains(['\u{1b}', '\0', '\r']), "{said}");
        }
        assert_eq!(fs::read_to_string(stage.path()).ok(), before);
        assert_eq!(stage.inviter().join(".ssh").exists(), before.is_some());
    }
}

#[test]
fn a_file_or_a_directory_is_refused() {
    let stage = Stage::new();
    let file = json!({"file": {"filename": "id.pub", "filesize": 5}});
    let directory = json!({"directory": {
        "mode": "zipfile/deflated", "dirname": ".ssh", "zipsize": 500, "numbytes": 5, "numfiles": 1
    }});
    for offer in [file, directory] {
        let invite = stage.invite(&[]);
        let answer = offers(&stage, &offer);
        assert!(answer.contains("only a public key is wanted here"), "{answer}");
        assert!(invite.end().with_code(5).stderr.contains("nothing was changed"));
    }
    assert!(!stage.inviter().join(".ssh").exists());
}

#[test]
fn a_wrong_code_lets_nobody_in() {
    let stage = Stage::new();
    let invite = stage.invite(&[]);
    let mut command = stage.at(&stage.owner(), &["ssh", "accept", "7-guitarist-adult", "--yes"]);
    crate::support::Running::start(&mut command, b"").end().with_code(3);
    invite.end().with_code(3);
    assert!(!stage.inviter().join(".ssh").exists());
}

//! Which key is sent, and that nothing else ever is.

use std::{fs, process::Command};

use super::stage::{FINGERPRINT, KEY, OTHER_KEY, Stage};

/// What is added when the key is found so.
#[track_caller]
fn added(stage: &Stage, arguments: &[&str]) -> String {
    let invite = stage.invite(&[]);
    stage.accept(&[&["--yes"], arguments].concat(), b"").with_code(0);
    invite.end().with_code(0);
    let line = stage.authorized();
    fs::remove_file(stage.path()).unwrap();
    line
}

/// What is said of a key that is not sent; nobody need invite.
#[track_caller]
fn refused(stage: &Stage, arguments: &[&str]) -> String {
    stage.accept(&[&["--yes"], arguments].concat(), b"").with_code(2).stderr
}

#[test]
fn a_key_file_is_a_public_key_or_the_private_one_beside_it_or_a_directory() {
    let stage = Stage::new();
    let public = stage.scene.file("other.pub", format!("{OTHER_KEY} other\n"));
    // Whoever opens a pipe waits for ever.
    let private = stage.scene.home().join("other");
    assert!(Command::new("mkfifo").arg(&private).status().unwrap().success());
    let named = stage.scene.file("named-otherwise", format!("{OTHER_KEY}\r\n"));
    for (path, comment) in [(&public, " other"), (&private, " other"), (&named, "")] {
        for option in ["-F", "--key-file"] {
            let line = added(&stage, &[option, path.to_str().unwrap()]);
            assert_eq!(line, format!("{OTHER_KEY}{comment}\n"));
        }
    }
    let directory = stage.owner().join(".ssh");
    let line = added(&stage, &["--key-file", directory.to_str().unwrap()]);
    assert_eq!(line, format!("{KEY} me@home\n"));
}

#[test]
fn a_private_key_is_refused_by_name() {
    let stage = Stage::new();
    for name in ["secret", "secret.pub"] {
        let text =
            "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
        let path = stage.scene.file(name, text);
        let said = refused(&stage, &["-F", path.to_str().unwrap()]);
        assert!(said.contains(name) && said.contains("it is a private key"), "{said}");
        assert!(!said.contains("c2VjcmV0"), "{said}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn what_is_no_single_plain_key_is_not_sent() {
    let stage = Stage::new();
    for (content, reason) in [
        (format!("restrict {KEY}\n"), "options"),
        (format!("{KEY} a\n{OTHER_KEY} b\n"), "several lines"),
        (format!("{KEY} \u{1b}[2J\n"), "control characters"),
        ("x".repeat(1 << 20), "longer than"),
        (String::new(), "kind of key"),
    ] {
        let path = stage.scene.file("k.pub", content);
        let said = refused(&stage, &["-F", path.to_str().unwrap()]);
        assert!(said.contains("k.pub was not sent: ") && said.contains(reason), "{said}");
    }
    assert!(
        refused(&stage, &["-F", "nowhere"]).contains("nowhere was not sent: it cannot be read")
    );
}

#[test]
fn of_several_keys_one_must_be_named_where_nobody_can_be_asked() {
    let stage = Stage::new();
    let other = stage.own("id_ecdsa.pub", format!("{OTHER_KEY} other\n"));
    let said = refused(&stage, &[]);
    assert!(said.contains("id_ecdsa.pub, ") && said.contains("id_ed25519.pub; name one"), "{said}");
    assert_eq!(added(&stage, &["-F", other.to_str().unwrap()]), format!("{OTHER_KEY} other\n"));
}

#[test]
fn what_only_looks_like_a_key_is_left_out() {
    let stage = Stage::new();
    stage.own(
        "id_ed25519-cert.pub",
        KEY.replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1),
    );
    stage.own("id_ed25519", "never looked at");
    let invite = stage.invite(&[]);
    let said = stage.accept(&["--yes"], b"").with_code(0).stderr;
    assert!(said.contains("Left out: ") && said.contains("id_ed25519-cert.pub"), "{said}");
    invite.end().with_code(0);
    fs::remove_file(stage.owner().join(".ssh/id_ed25519.pub")).unwrap();
    let said = refused(&stage, &[]);
    assert!(said.contains("there is no public key in ") && said.contains("ssh-keygen"), "{said}");
    fs::remove_dir_all(stage.owner().join(".ssh")).unwrap();
    assert!(refused(&stage, &[]).contains("cannot be searched for public keys"));
}

#[test]
fn nothing_is_sent_before_its_owner_says_yes() {
    let stage = Stage::new();
    let invite = stage.invite(&[]);
    for no in ["no\n", "", "n\n"] {
        let said = stage.accept(&[], no.as_bytes()).with_code(8).stderr;
        assert!(said.contains(FINGERPRINT) && said.contains("the code is still good"), "{said}");
    }
    stage.accept(&[], b"\nyes\n").with_code(0);
    invite.end().with_code(0);
    assert_eq!(stage.authorized(), format!("{KEY} me@home\n"));
}

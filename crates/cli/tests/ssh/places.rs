//! Where a key cannot be added, or would be of no use: said before there is a code.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
};

use super::stage::{KEY, Stage};

#[track_caller]
fn has_no_code(stage: &Stage, why: &str) {
    let said = stage.invite(&[]).end().with_code(1).stderr;
    assert!(said.contains(why) && !said.contains("Wormhole code"), "{said}");
}

#[test]
fn no_symbolic_link_is_followed() {
    let stage = Stage::new();
    let elsewhere = stage.scene.home().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let ssh = stage.inviter().join(".ssh");
    symlink(&elsewhere, &ssh).unwrap();
    has_no_code(&stage, "symbolic links are not followed");
    fs::remove_file(&ssh).unwrap();
    fs::create_dir(&ssh).unwrap();
    fs::write(elsewhere.join("file"), "").unwrap();
    for target in ["file", "not there"] {
        symlink(elsewhere.join(target), stage.path()).unwrap();
        has_no_code(&stage, "symbolic links are not followed");
        fs::remove_file(stage.path()).unwrap();
    }
    fs::hard_link(elsewhere.join("file"), stage.path()).unwrap();
    has_no_code(&stage, "is no ordinary file");
    assert_eq!(fs::read(elsewhere.join("file")).unwrap(), b"");
}

#[test]
fn a_link_that_is_put_in_while_the_key_is_awaited_is_not_followed() {
    let stage = Stage::new();
    stage.authorize("");
    let victim = stage.scene.file("victim", "");
    let invite = stage.invite(&[]);
    invite.wait_for_stderr("ssh accept");
    fs::remove_file(stage.path()).unwrap();
    symlink(&victim, stage.path()).unwrap();
    let accepted = stage.accept(&["--yes"], b"").with_code(5);
    assert!(accepted.stderr.contains("the key could not be added there"), "{}", accepted.stderr);
    assert!(invite.end().with_code(1).stderr.contains("symbolic links are not followed"));
    assert_eq!(fs::read(victim).unwrap(), b"");
}

#[test]
fn what_is_no_file_is_not_added_to() {
    let stage = Stage::new();
    fs::write(stage.inviter().join(".ssh"), "").unwrap();
    has_no_code(&stage, "cannot be added to");
    fs::remove_file(stage.inviter().join(".ssh")).unwrap();
    fs::create_dir_all(stage.path()).unwrap();
    has_no_code(&stage, "cannot be added to");
    fs::remove_dir(stage.path()).unwrap();
    assert!(Command::new("mkfifo").arg(stage.path()).status().unwrap().success());
    has_no_code(&stage, "is no ordinary file");
    fs::remove_dir_all(stage.inviter()).unwrap();
    has_no_code(&stage, "cannot be added to");
}

#[test]
fn what_others_may_write_to_is_pointed_out_for_the_ssh_server_looks_past_it() {
    for open in ["", ".ssh", ".ssh/authorized_keys"] {
        let stage = Stage::new();
        stage.authorize("");
        for (name, mode) in [("", 0o755), (".ssh", 0o700), (".ssh/authorized_keys", 0o600)] {
            let mode = if name == open { 0o775 } else { mode };
            fs::set_permissions(stage.inviter().join(name), Permissions::from_mode(mode)).unwrap();
        }
        let (invited, _) = stage.adds();
        let told = format!("run: chmod go-w {}", stage.inviter().join(open).display());
        assert!(invited.stderr.contains(told.trim_end_matches('/')), "{}", invited.stderr);
        assert_eq!(invited.stderr.matches("chmod").count(), 1, "{}", invited.stderr);
        assert_eq!(stage.authorized(), format!("{KEY} me@home\n"));
    }
}

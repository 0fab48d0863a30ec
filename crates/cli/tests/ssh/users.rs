//! Other users' keys: what root may do, and others not.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    process::Command,
};

use super::stage::{KEY, Stage};
use crate::support::{Running, mode, variables};

/// Whoever is nobody's friend.
const NOBODY: u32 = 65534;

fn is_root(stage: &Stage) -> bool {
    fs::metadata(stage.inviter()).unwrap().uid() == 0
}

/// An invitation by somebody who is not root and has this home directory.
fn as_somebody(stage: &Stage, arguments: &[&str]) -> Running {
    let mut inviting = stage.inviting(arguments);
    if is_root(stage) {
        // Where the binary stands, others may not look.
        let binary = stage.scene.home().join("wormhole");
        // By another process: a file that this one still writes cannot be run.
        let copied = Command::new("cp").arg(inviting.get_program()).arg(&binary).status();
        assert!(copied.unwrap().success());
        fs::set_permissions(stage.scene.home(), Permissions::from_mode(0o755)).unwrap();
        for path in [stage.inviter(), stage.inviter().join(".ssh"), stage.path()] {
            if path.exists() {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let mut command = Command::new(binary);
        command.args(inviting.get_args()).uid(NOBODY).gid(NOBODY).current_dir(stage.inviter());
        command.env_clear().envs(variables(&inviting));
        inviting = command;
    }
    Running::start(&mut inviting, b"")
}

#[test]
fn a_file_or_directory_that_cannot_be_written_is_said_before_there_is_a_code() {
    for (name, mode) in [("", 0o500), (".ssh", 0o500), (".ssh/authorized_keys", 0o400)] {
        let stage = Stage::new();
        match name {
            "" => {}
            ".ssh" => fs::create_dir(stage.inviter().join(".ssh")).unwrap(),
            _ => drop(stage.authorize("")),
        }
        fs::set_permissions(stage.inviter().join(name), Permissions::from_mode(mode)).unwrap();
        let said = as_somebody(&stage, &[]).end().with_code(1).stderr;
        assert!(
            said.contains("authorized_keys cannot be ") && said.contains("Permission denied"),
            "{said}"
        );
        assert!(!said.contains("Wormhole code"), "{said}");
    }
}

#[test]
fn only_root_adds_for_others_and_only_for_users_that_there_are() {
    let stage = Stage::new();
    let said = as_somebody(&stage, &["--user", "root"]).end().with_code(2).stderr;
    assert!(said.contains("only root can add a key for another user"), "{said}");
    let said = stage.invite(&["-u", "no such user"]).end().with_code(2).stderr;
    assert!(said.contains("there is no user 'no such user'"), "{said}");
}

/// The user id of the user who is made up.
const BOB: u32 = 23456;

#[test]
fn root_adds_for_a_user_as_that_user() {
    let stage = Stage::new();
    if !is_root(&stage) {
        println!("skipped: this user is not root");
        return;
    }
    let home = stage.inviter();
    fs::set_permissions(stage.scene.home(), Permissions::from_mode(0o755)).unwrap();
    chown(&home, Some(BOB), Some(BOB)).unwrap();
    let line = format!("root:x:0:0::/:/bin/sh\nbob:x:{BOB}:{BOB}::{}:/bin/sh\n", home.display());
    let users = stage.scene.file("passwd", line);
    let inviting = stage.inviting(&["--user", "bob"]);
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$0\" /etc/passwd || exit 77; exec \"$@\"";
    command.args(["-m", "sh", "-c", script]).arg(users);
    command.arg(inviting.get_program()).args(inviting.get_args());
    command.env_clear().envs(variables(&inviting));
    let invite = Running::start(command.env("HOME", "/nonexistent"), b"");
    let accept = Running::start(&mut stage.accepting(&["--yes"]), b"");
    let ended = invite.end();
    if ended.code == Some(77) || ended.stderr.contains("unshare") {
        println!("skipped: this system does not let root make a mount namespace");
        return;
    }
    accept.end().with_code(0);
    assert!(ended.with_code(0).stderr.contains("log in as 'bob'"));
    assert_eq!(stage.authorized(), format!("{KEY} me@home\n"));
    for (path, expected) in [(stage.path(), 0o600), (home.join(".ssh"), 0o700)] {
        let status = fs::metadata(&path).unwrap();
        assert_eq!((status.uid(), status.gid(), mode(&path)), (BOB, BOB, expected));
    }
}

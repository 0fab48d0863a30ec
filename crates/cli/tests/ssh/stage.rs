//! Somebody who invites, and the owner of a key, each with a home directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Ended, Running, Scene};

/// The owner's key, without a comment.
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILTQ4Unsr0szGUw+9bZO2soF7Le9Jap9ty+kTOGSirSU";

/// What `ssh-keygen -l` shows of it.
pub(crate) const FINGERPRINT: &str = "SHA256:csil6ZG4wi/IuLNOC00bdo6JGztpPdZTD6N7SAecJYY";

/// Another key, without a comment.
pub(crate) const OTHER_KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFNrJ+ShOngQMH0tUc20w3COtncUEOY78S27zcLV3kyCsJK/KdGIr1xICbtBKz3YTSmSnEoX6RCcQIiJ5CjRV68=";

pub(crate) const CODE: &str = "7-guitarist-revenge";

pub(crate) struct Stage {
    pub(crate) scene: Scene,
}

impl Stage {
    /// The inviter's home is empty; the owner's has one key.
    pub(crate) fn new() -> Self {
        let stage = Self { scene: Scene::new() };
        fs::create_dir(stage.inviter()).unwrap();
        fs::create_dir_all(stage.owner().join(".ssh")).unwrap();
        stage.own("id_ed25519.pub", format!("{KEY} me@home\n"));
        stage
    }

    pub(crate) fn inviter(&self) -> PathBuf {
        self.scene.home().join("inviter")
    }

    pub(crate) fn owner(&self) -> PathBuf {
        self.scene.home().join("owner")
    }

    /// A file in the owner's `~/.ssh`.
    pub(crate) fn own(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.owner().join(".ssh").join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The inviter's `authorized_keys`.
    pub(crate) fn path(&self) -> PathBuf {
        self.inviter().join(".ssh/authorized_keys")
    }

    /// Puts it there.
    pub(crate) fn authorize(&self, content: &str) -> PathBuf {
        fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        fs::write(self.path(), content).unwrap();
        self.path()
    }

    /// What stands in it.
    #[track_caller]
    pub(crate) fn authorized(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// The command with a home directory.
    pub(crate) fn at(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = self.scene.wormhole(arguments);
        command.env("HOME", home);
        command
    }

    pub(crate) fn inviting(&self, arguments: &[&str]) -> Command {
        let mut command = self.at(&self.inviter(), &["ssh", "invite", "--code", CODE]);
        command.args(arguments);
        command
    }

    pub(crate) fn accepting(&self, arguments: &[&str]) -> Command {
        let mut command = self.at(&self.owner(), &["ssh", "accept", CODE]);
        command.args(arguments);
        command
    }

    /// Starts an invitation.
    pub(crate) fn invite(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.inviting(arguments), b"")
    }

    /// Accepts it, with this on standard input.
    pub(crate) fn accept(&self, arguments: &[&str], stdin: &[u8]) -> Ended {
        Running::start(&mut self.accepting(arguments), stdin).end()
    }

    /// Invites and accepts, and both end well.
    #[track_caller]
    pub(crate) fn adds(&self) -> (Ended, Ended) {
        let invite = self.invite(&[]);
        let accepted = self.accept(&["--yes"], b"").with_code(0);
        (invite.end().with_code(0), accepted)
    }
}

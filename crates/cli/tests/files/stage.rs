//! Two computers on one: a directory for the sender, one for the receiver, and a server between them.

use std::{fs, path::PathBuf, process::Command};

use crate::support::{Ended, Running, Scene, names};

/// A place of its own. Whoever sends or receives listens on loopback alone, unless it says otherwise.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::on(Scene::new())
    }

    pub(crate) fn on(scene: Scene) -> Self {
        let stage = Self { scene };
        fs::create_dir(stage.from()).unwrap();
        fs::create_dir(stage.to()).unwrap();
        stage
    }

    /// Where the sender is.
    pub(crate) fn from(&self) -> PathBuf {
        self.scene.home().join("from")
    }

    /// Where the receiver is.
    pub(crate) fn to(&self) -> PathBuf {
        self.scene.home().join("to")
    }

    /// A file of the sender's.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.from().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A file of the sender's with nothing in it but zeros, and none of them on the disk.
    pub(crate) fn hole(&self, name: &str, size: u64) -> PathBuf {
        let path = self.file(name, "");
        fs::File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
        path
    }

    /// What the receiver has got.
    #[track_caller]
    pub(crate) fn got(&self, name: &str) -> Vec<u8> {
        fs::read(self.to().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// All that stands where the receiver is, hidden things, too.
    pub(crate) fn stands(&self) -> Vec<String> {
        names(&self.to())
    }

    pub(crate) fn sender(&self, arguments: &[&str]) -> Command {
        let mut command = self.scene.wormhole(&["send", "--listen=127.0.0.1:0"]);
        command.args(arguments).current_dir(self.from());
        command
    }

    pub(crate) fn receiver(&self, arguments: &[&str]) -> Command {
        let mut command = self.scene.wormhole(&["receive", "--listen=127.0.0.1:0"]);
        command.args(arguments).current_dir(self.to());
        command
    }

    /// Starts a sender, whose code is 7-guitarist-revenge.
    pub(crate) fn send(&self, arguments: &[&str]) -> Running {
        Running::start(self.sender(&["--code", "7-guitarist-revenge"]).args(arguments), b"")
    }

    /// Something of the sender's that does not fit where the receiver is: both learn it before a byte is sent.
    #[track_caller]
    pub(crate) fn has_no_room_for(&self, what: &str) {
        let sender = self.send(&[what]);
        let receiver = self.receive(&["--yes"], b"").end().with_code(1);
        assert!(receiver.stderr.contains("bytes are needed and"), "{}", receiver.stderr);
        let sender = sender.end().with_code(5);
        assert!(sender.stderr.contains("there is not enough room for it"), "{}", sender.stderr);
        assert!(!sender.stderr.contains("Directly"), "{}", sender.stderr);
        assert!(self.stands().is_empty(), "{:?}", self.stands());
    }

    /// Starts a receiver of the code 7-guitarist-revenge that has this on its standard input.
    pub(crate) fn receive(&self, arguments: &[&str], stdin: &[u8]) -> Running {
        Running::start(self.receiver(&["7-guitarist-revenge"]).args(arguments), stdin)
    }

    /// Sends and takes without asking, and both end well.
    #[track_caller]
    pub(crate) fn moves(&self, sender: &[&str], receiver: &[&str]) -> (Ended, Ended) {
        let sender = self.send(sender);
        let receiver = self.receive(receiver, b"y\n").end();
        let sender = sender.end().with_code(0);
        (sender, receiver.with_code(0))
    }
}

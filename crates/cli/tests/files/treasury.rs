//! A sender who knows the code and keeps to no rule, and a receiver's place that holds what it might go for.

use std::{
    fs,
    io::{Cursor, Read},
    os::unix::fs::symlink,
    path::Path,
};

use wormhole_sync::{
    Error, TRANSFER_APP_ID,
    blocking::transfer,
    files::DirectoryOffer,
    transfer::{Outgoing, Routes},
};
use wormhole_sync_testkit::tree::{Snapshot, snapshot};

use super::stage::Stage;
use crate::support::{Ended, stranger::meets};

/// Sends to whoever takes it, and returns what the sender learns.
pub(crate) fn sends(stage: &Stage, outgoing: Outgoing) -> Result<(), Error> {
    let routes = Routes::new().listen_at("127.0.0.1:0".parse().unwrap());
    transfer::send(meets(&stage.scene.url, TRANSFER_APP_ID), outgoing, &routes)?.finish()
}

/// A directory of this name, whose archive is offered with as much room as it may be offered with.
pub(crate) fn directory(name: &str, archive: Vec<u8>) -> Outgoing {
    directory_with_a_turn(name, archive, || true)
}

/// The same, and something happens in the middle of it.
pub(crate) fn directory_with_a_turn(
    name: &str,
    archive: Vec<u8>,
    turn: impl FnOnce() -> bool + Send + 'static,
) -> Outgoing {
    let archive_size = archive.len() as u64;
    let mode = DirectoryOffer::ZIP.to_owned();
    let bytes = (archive_size * MAX_RATIO).min(MOST_BYTES);
    let offer =
        DirectoryOffer { mode, name: name.to_owned(), archive_size, bytes, files: MOST_FILES };
    Outgoing::archive(offer, Turning::new(Cursor::new(archive), archive_size, turn))
}

/// What deflate can make of a byte at most.
const MAX_RATIO: u64 = 1_032;

/// What the offers here are limited to.
pub(crate) const MOST_BYTES: u64 = 100_000;

/// The same for files.
pub(crate) const MOST_FILES: u64 = 1_000;

/// A file of zeros, in whose middle something happens. Where that says `false`, the sender fails.
pub(crate) fn file_with_a_turn(
    name: &str,
    turn: impl FnOnce() -> bool + Send + 'static,
) -> Outgoing {
    let zeros = std::io::repeat(0).take(TURNING);
    Outgoing::bytes(name, TURNING, Turning::new(zeros, TURNING, turn))
}

/// Bytes of a file with a turn: several chunks of those in which it is read.
pub(crate) const TURNING: u64 = 4_000_000;

/// A reader in whose middle something happens.
struct Turning {
    content: Box<dyn Read + Send>,
    before: u64,
    turn: Option<Box<dyn FnOnce() -> bool + Send>>,
}

impl Turning {
    fn new(
        content: impl Read + Send + 'static,
        size: u64,
        turn: impl FnOnce() -> bool + Send + 'static,
    ) -> Self {
        Self { content: Box::new(content), before: size / 2, turn: Some(Box::new(turn)) }
    }
}

impl Read for Turning {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        if self.before > 0 {
            let read = (&mut self.content).take(self.before).read(space)?;
            self.before -= read as u64;
            return Ok(read);
        }
        if self.turn.take().is_some_and(|turn| !turn()) {
            return Err(std::io::Error::other("the stranger leaves half-way"));
        }
        self.content.read(space)
    }
}

/// A receiver's place with a file `old` and a directory `inbox` in it, a sibling that is called almost the same, and
/// links to a treasure under the names that careless tools write to.
pub(crate) fn treasury() -> Stage {
    let stage = Stage::new();
    let (home, to) = (stage.scene.home(), stage.to());
    stage.scene.file("treasure", "gold");
    for directory in ["to-evil", "to/inbox", "hoard"] {
        fs::create_dir(home.join(directory)).unwrap();
        fs::write(home.join(directory).join("kept"), "kept").unwrap();
    }
    fs::write(to.join("old"), "old").unwrap();
    for name in ["got", "new", "old", "inbox/got"] {
        for careless in ["tmp", "part", "wormhole"] {
            symlink(home.join("treasure"), to.join(format!("{name}.{careless}"))).unwrap();
        }
    }
    stage
}

/// Everything there is, but for what stands at one place of the receiver's and below.
pub(crate) fn all_but(stage: &Stage, place: &str) -> Snapshot {
    let place = Path::new("to").join(place);
    let mut all = snapshot(stage.scene.home()).unwrap();
    all.retain(|(path, ..)| !path.starts_with(&place));
    all
}

/// Everything there is.
pub(crate) fn all(stage: &Stage) -> Snapshot {
    snapshot(stage.scene.home()).unwrap()
}

/// Nothing in what a person reads would be obeyed by a terminal or not be seen, as a pipe has it.
#[track_caller]
pub(crate) fn assert_harmless(said: &str) {
    let harmful = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!said.contains(harmful), "{}", said.escape_debug());
}

/// What both sides say of something that was refused: the receiver with this code, and with these words both.
#[track_caller]
pub(crate) fn assert_refused(receiver: Ended, sender: Result<(), Error>, code: i32, why: &str) {
    let receiver = receiver.with_code(code).stderr;
    assert!(receiver.contains(why), "not '{why}': {receiver}");
    assert_harmless(&receiver);
    let sender = sender.unwrap_err().to_string();
    assert!(sender.contains(why), "not '{why}': {sender}");
}

//! Each place that something may be received into, with names of a stranger's, links that stand there, and turns for
//! the worse in the middle.

use std::{fs, os::unix::fs::symlink, path::Path};

use wormhole_sync::{Error, transfer::Outgoing};
use wormhole_sync_testkit::forge::{Forged, forge};

use super::{
    stage::Stage,
    treasury::{
        TURNING, all, all_but, assert_harmless, assert_refused, directory, file_with_a_turn, sends,
        treasury,
    },
};
use crate::support::Ended;

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    File,
    Directory,
}

const BOTH: [What; 2] = [What::File, What::Directory];

impl What {
    /// Five bytes, or a directory with them in it.
    fn called(self, name: &str) -> Outgoing {
        match self {
            Self::File => Outgoing::bytes(name, 5, &b"plans"[..]),
            Self::Directory => directory(name, forge(&[Forged::file("leaf", b"plans")])),
        }
    }

    /// Whether it stands there whole.
    fn stands(self, place: &Path) -> bool {
        let content = match self {
            Self::File => fs::read(place),
            Self::Directory => fs::read(place.join("leaf")),
        };
        content.is_ok_and(|content| content == b"plans")
    }
}

/// Where what is accepted comes to stand, of the receiver's places.
#[derive(Clone, Copy, Debug)]
enum Lands {
    /// Under this path, whatever the stranger calls it.
    At(&'static str),
    /// On standard output.
    Out,
    /// Nowhere: it is refused before a byte is sent, in these words.
    Not(&'static str),
}

use Lands::{At, Not, Out};

const EXISTS: &str = "something of that name exists there";

/// The outputs that are named by the user: options, and what becomes of a file and of a directory.
const OWN: [(&[&str], Lands, Lands); 9] = [
    (&["-o", "new"], At("new"), At("new")),
    (&["-o", "new", "--overwrite"], At("new"), At("new")),
    (&["-o", "new", "--rename"], At("new"), At("new")),
    (&["-o", "inbox/new"], At("inbox/new"), At("inbox/new")),
    (&["-o", "old"], Not(EXISTS), Not(EXISTS)),
    (&["-o", "old", "--overwrite"], At("old"), Not(EXISTS)),
    (&["-o", "old", "--rename"], At("old (1)"), At("old (1)")),
    (
        &["-o", "no/such/place"],
        Not("it cannot be written there"),
        Not("it cannot be written there"),
    ),
    (&["-o", "-"], Out, Not("it cannot be written there")),
];

/// The outputs that take the stranger's name.
const STRANGERS: [&[&str]; 6] = [
    &[],
    &["--overwrite"],
    &["--rename"],
    &["-o", "inbox"],
    &["-o", "inbox/", "--overwrite"],
    &["-o", "inbox", "--rename"],
];

/// Names that lead elsewhere, or play with a terminal.
const NAMES: [&str; 19] = [
    "../evil",
    "a/../../evil",
    "/etc/evil",
    "",
    ".",
    "..",
    "dir/",
    "a/b",
    "nul\0byte",
    "../to-evil/kept",
    "../treasure",
    "/",
    "//",
    "./x",
    "~/../x",
    "C:\\evil",
    "..\\evil",
    "CON",
    "\u{1b}]52;c;ZXZpbA==\u{7}\r\u{8}\u{202e}evil",
];

fn received(stage: &Stage, options: &[&str], outgoing: Outgoing) -> (Ended, Result<(), Error>) {
    let receiver = stage.receive(&[options, &["--yes"]].concat(), b"");
    let sender = sends(stage, outgoing);
    (receiver.end(), sender)
}

#[test]
fn a_strangers_name_is_refused_where_it_would_be_used() {
    let stage = treasury();
    let before = all(&stage);
    for name in NAMES {
        for (options, what) in STRANGERS.iter().flat_map(|options| BOTH.map(|what| (options, what)))
        {
            let (receiver, sender) = received(&stage, options, what.called(name));
            assert!(receiver.stderr.contains("the other side's name"), "{}", receiver.stderr);
            assert_refused(receiver, sender, 5, "choose one of your own");
            assert_eq!(all(&stage), before, "{name:?} {options:?}");
        }
    }
}

#[test]
fn with_a_name_of_ones_own_a_strangers_leads_nowhere() {
    for name in ["../treasure", "/etc/evil", "", "\u{1b}]52;c;ZXZpbA==\u{7}\r\u{8}\u{202e}evil"] {
        let stage = treasury();
        for (options, file, directory) in OWN {
            for (what, lands) in [(What::File, file), (What::Directory, directory)] {
                assert_lands(&stage, options, what, name, lands);
            }
        }
    }
}

#[track_caller]
fn assert_lands(stage: &Stage, options: &[&str], what: What, name: &str, lands: Lands) {
    let before = all(stage);
    let (receiver, sender) = received(stage, options, what.called(name));
    assert_harmless(&receiver.stderr);
    match lands {
        At(place) => {
            receiver.with_code(0);
            sender.unwrap();
            let path = stage.to().join(place);
            assert!(what.stands(&path), "{options:?} {what:?}");
            let others = before.iter().filter(|(path, ..)| *path != Path::new("to").join(place));
            assert!(all_but(stage, place).iter().eq(others), "{options:?} {what:?}");
            match what {
                What::Directory => fs::remove_dir_all(path).unwrap(),
                What::File if place == "old" => fs::write(path, "old").unwrap(),
                What::File => fs::remove_file(path).unwrap(),
            }
        }
        Out => {
            assert_eq!(receiver.with_code(0).stdout, b"plans");
            sender.unwrap();
        }
        Not(why) => {
            assert!(receiver.stdout.is_empty());
            receiver.with_code(1);
            assert!(sender.unwrap_err().to_string().contains(why), "{options:?} {what:?}");
        }
    }
    assert_eq!(all(stage), before, "{options:?} {what:?}");
}

#[test]
fn a_link_that_stands_there_is_never_followed() {
    for target in ["treasure", "hoard", "nothing", "to"] {
        let stage = treasury();
        for place in ["link", "inbox/link"] {
            symlink(stage.scene.home().join(target), stage.to().join(place)).unwrap();
        }
        let ways: [(&[&str], &str, &str); 2] =
            [(&[], "link", "link (1)"), (&["-o", "inbox"], "inbox/link", "inbox/link (1)")];
        for (output, at, beside) in ways {
            for what in BOTH {
                assert_lands(&stage, output, what, "link", Not(EXISTS));
                assert_lands(&stage, &[output, &["--rename"]].concat(), what, "link", At(beside));
            }
            let overwrite = [output, &["--overwrite"]].concat();
            assert_lands(&stage, &overwrite, What::Directory, "link", Not(EXISTS));
            let before = all_but(&stage, at);
            received(&stage, &overwrite, What::File.called("link")).1.unwrap();
            assert_eq!(all_but(&stage, at), before);
            let stands = stage.to().join(at);
            assert!(fs::symlink_metadata(&stands).unwrap().is_file() && What::File.stands(&stands));
        }
    }
}

/// Where a file of some name comes to stand, with these options; the last component of where.
const FILES: [(&[&str], &str); 5] = [
    (&[], "got"),
    (&["-o", "new"], "new"),
    (&["-o", "inbox"], "inbox/got"),
    (&["-o", "old", "--overwrite"], "old"),
    (&["-o", "old", "--rename"], "old (1)"),
];

#[test]
fn nothing_stands_under_its_name_before_the_end_and_no_sender_that_leaves_half_way_changes_that() {
    for (options, place) in FILES {
        for stays in [true, false] {
            let stage = treasury();
            let (before, path) = (all(&stage), stage.to().join(place));
            let stood = fs::read(&path).ok();
            let (at_the_turn, there) = (stood.clone(), path.clone());
            let (receiver, sender) = received(
                &stage,
                options,
                file_with_a_turn("got", move || {
                    assert_eq!(fs::read(&there).ok(), at_the_turn);
                    stays
                }),
            );
            if stays {
                receiver.with_code(0);
                sender.unwrap();
                assert_eq!(fs::metadata(path).unwrap().len(), TURNING);
            } else {
                let receiver = receiver.with_code(5).stderr;
                assert!(receiver.contains("could not read what it offered"), "{receiver}");
                assert!(sender.unwrap_err().to_string().contains("leaves half-way"));
                assert_eq!(all(&stage), before, "{options:?}");
            }
        }
    }
}

#[test]
fn what_has_gone_to_standard_output_of_a_sender_that_leaves_is_no_success() {
    let stage = treasury();
    let before = all(&stage);
    let (receiver, sender) = received(&stage, &["-o", "-"], file_with_a_turn("got", || false));
    assert!((receiver.with_code(5).stdout.len() as u64) < TURNING);
    sender.unwrap_err();
    assert_eq!(all(&stage), before);
}

#[test]
fn a_link_that_is_put_at_the_name_in_the_middle_is_not_followed() {
    for (options, place) in FILES {
        let stage = treasury();
        let (path, treasure) = (stage.to().join(place), stage.scene.home().join("treasure"));
        let (at, target) = (path.clone(), treasure.clone());
        let (receiver, sender) = received(
            &stage,
            options,
            file_with_a_turn("got", move || {
                let _ = fs::remove_file(&at);
                symlink(target, at).is_ok()
            }),
        );
        assert_eq!(fs::read(&treasure).unwrap(), b"gold", "{options:?}");
        let overwrites = options.contains(&"--overwrite");
        let renames = options.contains(&"--rename");
        assert_eq!(sender.is_ok(), overwrites || renames, "{options:?}");
        receiver.with_code(i32::from(sender.is_err()));
        let is_file = fs::symlink_metadata(&path).unwrap().is_file();
        assert_eq!(is_file, overwrites, "{options:?}");
    }
}

#[test]
fn a_directory_that_is_swapped_for_a_link_in_the_middle_is_still_the_one_that_was_chosen() {
    let stage = treasury();
    let (inbox, moved) = (stage.to().join("inbox"), stage.to().join("moved"));
    let (before, hoard) = (all_but(&stage, "inbox"), stage.scene.home().join("hoard"));
    let (from, to) = (inbox.clone(), moved.clone());
    let turn = move || fs::rename(&from, to).and_then(|()| symlink(hoard, from)).is_ok();
    let (receiver, sender) = received(&stage, &["-o", "inbox"], file_with_a_turn("got", turn));
    receiver.with_code(0);
    sender.unwrap();
    fs::remove_file(inbox).unwrap();
    assert_eq!(fs::metadata(moved.join("got")).unwrap().len(), TURNING);
    assert_eq!(all_but(&stage, "moved"), before);
}

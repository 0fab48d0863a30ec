//! Archives made to do harm, in each place that a directory may be received into.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use wormhole_sync_testkit::forge::{Forged, NAMES_THAT_LEAD_OUT, forge, forge_counting};

use super::{
    stage::Stage,
    treasury::{MOST_BYTES, MOST_FILES, all, all_but, assert_refused, directory, sends, treasury},
};
use crate::support::{Ended, event, mode, names};

/// A way to receive a directory: options, the name that it is offered under, and where it comes to stand.
type Way = (&'static [&'static str], &'static str, &'static str);

const WAYS: [Way; 5] = [
    (&[], "got", "got"),
    (&["-o", "new"], "got", "new"),
    (&["-o", "inbox"], "got", "inbox/got"),
    (&["--rename"], "old", "old (1)"),
    (&["-o", "old", "--rename"], "got", "old (1)"),
];

fn received(
    stage: &Stage,
    way: &Way,
    archive: Vec<u8>,
) -> (Ended, Result<(), wormhole_sync::Error>) {
    let (options, name, _) = *way;
    let receiver = stage.receive(&[options, &["--yes"]].concat(), b"");
    let sender = sends(stage, directory(name, archive));
    (receiver.end(), sender)
}

/// Each is refused whatever the way, by both sides in these words, and nothing at all has changed.
#[track_caller]
fn assert_all_refused(attacks: impl IntoIterator<Item = (Vec<u8>, &'static str)>) {
    let stage = treasury();
    let before = all(&stage);
    for (archive, why) in attacks {
        for way in &WAYS {
            let (receiver, sender) = received(&stage, way, archive.clone());
            assert_refused(receiver, sender, 5, why);
            assert_eq!(all(&stage), before, "{why}, {way:?}");
        }
    }
}

/// It arrives whatever the way and is as it should be, and nothing else has changed.
#[track_caller]
fn assert_harmless(archive: &[u8], is_right: impl Fn(&Path)) {
    let stage = treasury();
    let before = all(&stage);
    for way in &WAYS {
        let (receiver, sender) = received(&stage, way, archive.to_vec());
        receiver.with_code(0);
        sender.unwrap();
        let (.., place) = *way;
        assert_eq!(all_but(&stage, place), before, "{way:?}");
        is_right(&stage.to().join(place));
        fs::remove_dir_all(stage.to().join(place)).unwrap();
    }
}

fn file(name: &str) -> Forged {
    Forged::file(name, b"evil")
}

#[test]
fn entries_that_lead_out() {
    let here = ["../to-evil/kept", "../../treasure", "\u{1b}]52;c;eA==\u{7}\u{202e}/../evil"];
    let names = NAMES_THAT_LEAD_OUT.into_iter().chain(here);
    let among_good = |evil: Forged| (forge(&[file("good"), evil]), "its entry \"");
    assert_all_refused(names.map(|name| among_good(file(name))));
    let directories = ["../evil/", "/evil/", "../../hoard/", "a/../../b/"];
    assert_all_refused(directories.map(|name| among_good(Forged::directory(name))));
}

#[test]
fn links_and_what_is_no_file() {
    let link = |target: &str| Forged::file("link", target.as_bytes()).mode(0o120_777);
    let through = || file("link/kept");
    let special =
        |kind: u32| (forge(&[file("a").mode(kind | 0o666)]), "is neither file nor directory");
    assert_all_refused([
        (forge(&[link("../../hoard"), through()]), "\"link\" is a symbolic link"),
        (forge(&[through(), link("/")]), "\"link\" is a symbolic link"),
        (forge(&[link("good"), file("good")]), "\"link\" is a symbolic link"),
        special(0o010_000),
        special(0o020_000),
        special(0o060_000),
        special(0o140_000),
        (forge(&[file("a").mode(0o040_755)]), "is a file and a directory at once"),
        (forge(&[Forged { name: b"d/".into(), ..file("d") }.mode(0o040_755)]), "with a content"),
    ]);
}

#[test]
fn two_of_one_name_and_files_in_the_place_of_directories() {
    let pairs = [
        [file("a"), file("a")],
        [file("a"), Forged::directory("a/")],
        [Forged::directory("a/"), file("a")],
        [file("a/b"), file("a")],
        [file("a"), file("a/b")],
        [Forged::directory("a/"), Forged::directory("a/")],
    ];
    assert_all_refused(pairs.map(|pair| (forge(&pair), "has the name of another")));
}

#[test]
fn entries_that_overlap() {
    let kernel = Forged::deflated("a", &[0; 10_000]);
    let again = Forged { name: b"b".into(), offset: Some(0), ..kernel.clone() };
    let second = forge(std::slice::from_ref(&kernel));
    let quoted = Forged { packed: Vec::new(), ..Forged::file("q", &second[..40]) };
    let into_directory = Forged { packed: b"x".into(), ..Forged::file("x", b"xPK\x01\x02") };
    assert_all_refused([
        (forge(&[kernel, again]), "share their bytes"),
        (forge(&[quoted, Forged::file("b", &[7; 100])]), "shares its bytes with another"),
        (forge(&[into_directory]), "shares its bytes"),
        (forge(&[Forged { offset: Some(1 << 31), ..file("x") }]), "its entry \"x\""),
    ]);
}

#[test]
fn bombs_and_forged_sizes() {
    let honest = || Forged::deflated("zeros", &vec![0; 90_000]);
    let claims = |size| Forged { size, ..honest() };
    let stored = Forged { size: 1 << 40, packed_size: 1 << 40, ..file("s") };
    let large = Forged::deflated("zeros", &vec![0; usize::try_from(MOST_BYTES).unwrap() + 1]);
    let many: Vec<Forged> = (0..=MOST_FILES).map(|n| Forged::file(&n.to_string(), b"")).collect();
    assert_all_refused([
        (forge(&[claims(10)]), "holds more than it says"),
        (forge(&[claims(90_001)]), "holds less than it says"),
        (
            forge(&[Forged { size: 99_999, ..Forged::deflated("few", b"few") }]),
            "cannot hold what it says",
        ),
        (forge(&[claims(1 << 40).zip64()]), "cannot hold what it says"),
        (forge(&[claims(u64::MAX).zip64()]), "cannot hold what it says"),
        (forge(&[Forged { size: 5, ..Forged::file("s", b"s") }]), "cannot hold what it says"),
        (forge(&[stored.zip64()]), "holds more than was offered"),
        (forge(&[large]), "holds more than was offered"),
        (forge(&many), "holds more than was offered"),
    ]);
}

#[test]
fn paths_too_deep_and_too_long() {
    let deep = format!("{}leaf", "d/".repeat(128));
    let long = vec!["x".repeat(255); 13].join("/");
    assert_all_refused([
        (forge(&[file(&deep)]), "lies too deep"),
        (forge(&[file(&long)]), "has too long a path"),
        (forge(&[file(&"x".repeat(256))]), "longer than 255 bytes"),
    ]);
}

#[test]
fn what_is_no_archive_that_can_be_read() {
    let whole = forge(&[file("a"), file("b")]);
    assert_all_refused([
        (forge(&[Forged { flags: 1, ..file("a") }]), "is encrypted"),
        (forge(&[Forged { method: 12, ..file("a") }]), "compressed in a way that is not known"),
        (forge(&[Forged { checksum: 1, ..file("a") }]), "is damaged"),
        (forge(&[Forged { method: 8, ..file("a") }]), "is damaged"),
        (forge(&[Forged { name: b"\xff".into(), ..file("a") }]), "not UTF-8"),
        (forge_counting(&[file("a"), file("b")], 1), "another number of entries than it says"),
        (whole[..whole.len() - 1].to_vec(), "is no whole zip file"),
        (b"#!/bin/sh\nrm -rf ~\n".repeat(10), "is no whole zip file"),
    ]);
}

#[test]
fn setuid_and_its_like_are_stripped() {
    let archive = forge(&[
        file("run").mode(0o107_755),
        Forged::directory("shared/").mode(0o047_777),
        file("shared/leaf").mode(0o104_644),
    ]);
    assert_harmless(&archive, |place| {
        for path in ["run", "shared", "shared/leaf"] {
            assert_eq!(mode(&place.join(path)) & 0o7000, 0, "{path}");
        }
        assert_eq!(mode(&place.join("run")) & 0o700, 0o700);
    });
}

#[test]
fn odd_names_are_kept_exact_and_are_one_component() {
    const NAMES: [&str; 7] = [
        "..\\evil",
        "C:\\evil",
        "\\\\srv\\share",
        "f:stream",
        "CON",
        "x. ",
        "\u{1b}[2J\r\u{202e}\u{200b}",
    ];
    assert_harmless(&forge(&NAMES.map(file)), |place| {
        let mut expected = NAMES;
        expected.sort_unstable();
        assert_eq!(names(place), expected);
    });
}

#[test]
fn what_local_headers_and_data_descriptors_say_does_not_count() {
    let lying =
        [&b"good"[..], b"PK\x07\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"].concat();
    let named =
        Forged { local_name: Some(b"../../treasure".into()), ..Forged::file("one", b"good") };
    let described = Forged { flags: 0x808, packed: lying, ..Forged::file("two", b"good") };
    assert_harmless(&forge(&[named, described]), |place| {
        assert_eq!(names(place), ["one", "two"]);
        for name in names(place) {
            assert_eq!(fs::read(place.join(name)).unwrap(), b"good");
        }
    });
}

#[test]
fn names_that_differ_in_case_or_form_alone_arrive_both_or_nothing_does() {
    for (one, other) in [("Makefile", "makefile"), ("é", "e\u{301}")] {
        let stage = treasury();
        let before = all(&stage);
        let archive = forge(&[Forged::file(one, b"1"), Forged::file(other, b"2")]);
        let (receiver, sender) = received(&stage, &WAYS[0], archive);
        if sender.is_ok() {
            receiver.with_code(0);
            assert_eq!(names(&stage.to().join("got")).len(), 2);
            assert_eq!(all_but(&stage, "got"), before);
        } else {
            assert_refused(receiver, sender, 5, "has the name of another");
            assert_eq!(all(&stage), before);
        }
    }
}

#[test]
fn a_program_reads_the_exact_name_and_the_reason() {
    let stage = treasury();
    let name = "\u{202e}\u{200b}got";
    let receiver = stage.receive(&["--yes", "--json"], b"");
    let sender = sends(&stage, directory(name, forge(&[file("../evil")])));
    let receiver = receiver.end().with_code(5);
    assert!(sender.unwrap_err().to_string().contains("\"../evil\""));
    assert_eq!(event(&receiver.stderr, "offered")["name"], name);
    let error = event(&receiver.stderr, "error");
    assert_eq!((&error["fault"], &error["exit"]), (&"peer".into(), &5.into()));
    assert!(error["message"].as_str().unwrap().contains("\"../evil\""), "{error}");
}

#[test]
fn a_file_that_looks_like_an_archive_is_not_unpacked() {
    let stage = treasury();
    let archive = forge(&[file("inner")]);
    let size = archive.len() as u64;
    let receiver = stage.receive(&["--yes"], b"");
    let outgoing = wormhole_sync::transfer::Outgoing::bytes(
        "got.zip",
        size,
        std::io::Cursor::new(archive.clone()),
    );
    sends(&stage, outgoing).unwrap();
    receiver.end().with_code(0);
    assert_eq!(stage.got("got.zip"), archive);
    assert_eq!(fs::metadata(stage.to().join("got.zip")).unwrap().mode() & 0o111, 0);
}

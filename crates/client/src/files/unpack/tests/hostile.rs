use super::*;

#[test]
fn names_that_lead_out_refuse_the_whole_archive() {
    let sandbox = Sandbox::new();
    let here = ["/", ".", "../target-evil/evil", "../target-evil", "../elsewhere/old"];
    for name in NAMES_THAT_LEAD_OUT.into_iter().chain(here) {
        let entries = [Forged::file("good", b"good"), Forged::file(name, b"evil")];
        let text = sandbox.refusal(&entries);
        assert!(text.contains("its entry") && !text.contains("good"), "{name:?}: {text}");
        if name != "." {
            sandbox.refusal(&[Forged::directory(&format!("{name}/")), Forged::file("good", b"")]);
        }
    }
}

#[test]
fn the_python_tools_entry_of_an_empty_directory_makes_nothing() {
    let sandbox = Sandbox::new();
    let received = sandbox.receive(&forge(&[Forged::directory("./")]), 0, 0);
    assert_eq!(received.unwrap().files, 0);
    assert_eq!(fs::read_dir(sandbox.target().join("got")).unwrap().count(), 0);
}

#[test]
fn names_of_windows_stay_one_component_or_are_refused() {
    let sandbox = Sandbox::new();
    for name in ["..\\evil", "C:\\evil", "C:evil", "\\\\srv\\share", "f:stream", "CON", "x. "] {
        let before = sandbox.snapshot();
        let received = sandbox.receive(&forge(&[Forged::file(name, b"")]), 0, 1);
        let got = sandbox.target().join("got");
        if cfg!(windows) {
            assert!(received.is_err());
        } else {
            assert_eq!(received.unwrap().files, 1);
            assert_eq!(fs::read_dir(&got).unwrap().next().unwrap().unwrap().file_name(), name);
            fs::remove_dir_all(&got).unwrap();
        }
        assert_eq!(sandbox.snapshot(), before);
    }
}

#[test]
fn links_are_refused_and_so_never_followed() {
    let sandbox = Sandbox::new();
    for target in ["/etc", "../../elsewhere", "..", "a"] {
        let link = Forged::file("link", target.as_bytes()).mode(0o120_777);
        let through = Forged::file("link/old", b"evil");
        let text = sandbox.refusal(&[link.clone(), through.clone()]);
        assert!(text.contains("\"link\" is a symbolic link"), "{text}");
        sandbox.refusal(&[through, link]);
    }
}

#[test]
fn neither_pipes_nor_devices_nor_sockets_are_made() {
    let sandbox = Sandbox::new();
    for kind in [0o010_000, 0o020_000, 0o060_000, 0o140_000, 0o150_000] {
        let text = sandbox.refusal(&[Forged::file("special", b"").mode(kind | 0o666)]);
        assert!(text.contains("\"special\" is neither file nor directory"), "{text}");
    }
}

#[test]
fn of_two_entries_with_one_name_neither_wins() {
    let sandbox = Sandbox::new();
    let file = |name: &str| Forged::file(name, b"x");
    for entries in [
        [file("a"), file("a")],
        [file("a/b"), file("a/b")],
        [file("a"), Forged::directory("a/")],
        [Forged::directory("a/"), file("a")],
        [file("a/b"), file("a")],
        [file("a"), file("a/b")],
        [Forged::directory("a/"), Forged::directory("a/")],
        [file("a"), Forged::directory("a/b/")],
    ] {
        let text = sandbox.refusal(&entries);
        assert!(text.contains("has the name of another"), "{text}");
    }
    let contrary = [file("a").mode(0o040_755)];
    assert!(sandbox.refusal(&contrary).contains("a file and a directory at once"));
}

#[test]
fn names_that_differ_in_case_or_form_alone_arrive_both_or_not_at_all() {
    for (one, other) in [("Makefile", "makefile"), ("é", "e\u{301}"), ("ﬁ", "fi"), ("D/a", "d/b")]
    {
        let sandbox = Sandbox::new();
        let before = sandbox.snapshot();
        let archive = forge(&[Forged::file(one, b"1"), Forged::file(other, b"2")]);
        match sandbox.receive(&archive, 2, 2) {
            Ok(_) => {
                assert_eq!((sandbox.read(one), sandbox.read(other)), (b"1".into(), b"2".into()));
            }
            Err(error) => {
                assert!(error.to_string().contains("has the name of another"), "{error}");
                assert_eq!(sandbox.snapshot(), before);
            }
        }
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let sandbox = Sandbox::new();
    let kernel = Forged::deflated("a", &[0; 10_000]);
    let again = Forged { name: b"b".into(), offset: Some(0), ..kernel.clone() };
    assert!(sandbox.refusal(&[kernel.clone(), again]).contains("share their bytes"));

    // The first quotes the second's header as its own content.
    let second = forge(std::slice::from_ref(&kernel));
    let quoted = Forged { packed: Vec::new(), ..Forged::file("q", &second[..40]) };
    let text = sandbox.refusal(&[quoted, Forged::file("b", &[7; 100])]);
    assert!(text.contains("\"q\" shares its bytes with another"), "{text}");

    let into_directory = Forged { packed: b"x".into(), ..Forged::file("x", b"xPK\x01\x02") };
    assert!(sandbox.refusal(&[into_directory]).contains("shares its bytes"));
    let beyond = Forged { offset: Some(1 << 31), ..Forged::file("x", b"x") };
    sandbox.refusal(&[beyond]);
}

#[test]
fn a_bomb_is_not_unpacked_beyond_what_was_said() {
    let sandbox = Sandbox::new();
    let honest = Forged::deflated("zeros", &vec![0; 90_000]);
    let modest = Forged { size: 10, ..honest.clone() };
    assert!(sandbox.refusal(&[modest]).contains("holds more than it says"));
    let boastful = Forged { size: 90_001, ..honest.clone() };
    assert!(sandbox.refusal(&[boastful]).contains("holds less than it says"));
    for size in [99_999, u64::from(u32::MAX) - 1] {
        let forged = Forged { size, ..Forged::deflated("few", b"few") };
        assert!(sandbox.refusal(&[forged]).contains("cannot hold what it says"));
    }
    for size in [1 << 40, u64::MAX] {
        let forged = Forged { size, ..honest.clone() }.zip64();
        assert!(sandbox.refusal(&[forged]).contains("cannot hold what it says"));
        let forged = Forged { size, packed_size: size, ..Forged::file("s", b"s") }.zip64();
        assert!(sandbox.refusal(&[forged]).contains("more than was offered"));
    }
    let stored = Forged { size: 5, ..Forged::file("s", b"s") };
    assert!(sandbox.refusal(&[stored]).contains("cannot hold what it says"));
}

#[test]
fn more_than_was_offered_is_refused_and_less_is_not() {
    let sandbox = Sandbox::new();
    let before = sandbox.snapshot();
    let archive = forge(&[Forged::file("a", b"123"), Forged::deflated("b", b"4567")]);
    for (bytes, files) in [(6, 2), (7, 1), (0, 0)] {
        let error = sandbox.receive(&archive, bytes, files).unwrap_err();
        assert!(error.to_string().contains("holds more than was offered"), "{error}");
        assert_eq!(sandbox.snapshot(), before);
    }
    let received = sandbox.receive(&archive, 8, 3).unwrap();
    assert_eq!((received.files, received.bytes), (2, 7));
}

#[test]
fn an_offer_of_more_than_any_archive_of_its_size_can_hold_is_refused_at_once() {
    let offer = |bytes| DirectoryOffer {
        mode: DirectoryOffer::ZIP.into(),
        name: "got".into(),
        archive_size: 100,
        bytes,
        files: 1,
    };
    let sandbox = Sandbox::new();
    let to = || Destination::output(sandbox.target());
    assert!(to().directory(&offer(103_200)).is_ok());
    let error = to().directory(&offer(103_201)).unwrap_err();
    assert!(error.to_string().contains("cannot hold as much as is offered"), "{error}");
}

#[test]
fn paths_are_limited_in_depth_and_length() {
    let sandbox = Sandbox::new();
    let deep = |depth| format!("{}leaf", "d/".repeat(depth));
    assert!(sandbox.refusal(&[Forged::file(&deep(128), b"")]).contains("lies too deep"));
    let long = vec!["x".repeat(255); 13].join("/");
    assert!(sandbox.refusal(&[Forged::file(&long, b"")]).contains("too long a path"));
    let name = "x".repeat(256);
    assert!(sandbox.refusal(&[Forged::file(&name, b"")]).contains("longer than 255 bytes"));
    sandbox.receive(&forge(&[Forged::file(&deep(127), b"deep")]), 4, 1).unwrap();
    assert_eq!(sandbox.read(&deep(127)), b"deep");
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let sandbox = Sandbox::new();
    let file = || Forged::file("odd", b"odd");
    for (forged, why) in [
        (Forged { flags: 1, ..file() }, "is encrypted"),
        (Forged { method: 12, ..file() }, "compressed in a way that is not known"),
        (Forged { checksum: 1, ..file() }, "is damaged"),
        (Forged { method: 8, ..file() }, "is damaged"),
        (Forged { name: b"\xff".into(), ..file() }, "not UTF-8"),
        (Forged { name: b"d/".into(), ..file() }.mode(0o040_755), "a directory with a content"),
    ] {
        let text = sandbox.refusal(&[forged]);
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn what_is_no_whole_archive_is_refused() {
    let sandbox = Sandbox::new();
    let archive = forge(&[Forged::file("a", b"a"), Forged::file("b", b"b")]);
    for end in 0..archive.len() {
        sandbox.refusal_of(&archive[..end]);
    }
    sandbox.refusal_of(&[b'x'; 10_000]);
    for count in [0, 1, 3, 65_535] {
        let entries = [Forged::file("a", b"a"), Forged::file("b", b"b")];
        sandbox.refusal_of(&forge_counting(&entries, count));
    }
}

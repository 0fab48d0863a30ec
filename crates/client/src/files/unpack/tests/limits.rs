use std::io::{Seek, Write};

use cap_std::{ambient_authority, fs::Dir};

use super::*;
use crate::files::unpack::{LIMITS, Limits, Promise, unpack_within};

/// What becomes of an archive under limits that a test can reach: the files that were unpacked, or the refusal.
fn within(limits: &Limits, entries: &[Forged]) -> Result<u64, String> {
    let archive = forge(entries);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&archive).unwrap();
    file.rewind().unwrap();
    let target = in_memory();
    let into = Dir::open_ambient_dir(target.path(), ambient_authority()).unwrap();
    let promise = Promise { bytes: most(&archive), files: 1_000 };
    let unpacked = unpack_within(limits, file, &promise, &into, &mut |_| ControlFlow::Continue(()));
    unpacked.map(|tree| tree.files).map_err(|error| error.to_string())
}

#[test]
fn a_bomb_of_empty_entries_is_refused_at_the_limit() {
    let three = [Forged::file("a", b""), Forged::file("b", b""), Forged::file("c", b"")];
    assert_eq!(within(&Limits { entries: 3, ..LIMITS }, &three), Ok(3));
    let refusal = within(&Limits { entries: 2, ..LIMITS }, &three).unwrap_err();
    assert!(refusal.contains("holds too many entries"), "{refusal}");
}

#[test]
fn a_bomb_of_directories_that_no_entry_names_is_refused_at_the_limit() {
    let deep = [Forged::file("a/b/c/leaf", b"")];
    assert_eq!(within(&Limits { entries: 3, ..LIMITS }, &deep), Ok(1));
    let refusal = within(&Limits { entries: 2, ..LIMITS }, &deep).unwrap_err();
    assert!(refusal.contains("holds too many directories"), "{refusal}");
}

#[test]
fn a_bomb_of_long_paths_is_refused_at_the_limit() {
    let deep = [Forged::file("a/b/c/leaf", b"")];
    let bytes = "a".len() + "a/b".len() + "a/b/c".len();
    assert_eq!(within(&Limits { directory_paths: bytes, ..LIMITS }, &deep), Ok(1));
    let refusal = within(&Limits { directory_paths: bytes - 1, ..LIMITS }, &deep).unwrap_err();
    assert!(refusal.contains("holds too many directories"), "{refusal}");
}

#[test]
fn what_is_received_is_held_to_the_memory_that_its_paths_may_take() {
    // Eleven names of the greatest length, and below them as many directories as it takes.
    let parent = vec!["d".repeat(255); 11].join("/");
    let directories: Vec<Forged> = (0..=LIMITS.directory_paths / parent.len())
        .map(|number| Forged::directory(&format!("{parent}/{number}/")))
        .collect();
    let text = Sandbox::new().refusal(&directories);
    assert!(text.contains("holds too many directories"), "{text}");
}

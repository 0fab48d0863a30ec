use super::*;

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]",
        1 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
        1 => Just("A".to_owned()),
        1 => Just("old".to_owned()),
        1 => Just("target-evil".to_owned()),
        1 => any::<String>(),
    ]
}

fn entry() -> impl Strategy<Value = Forged> {
    let name = (any::<bool>(), prop::collection::vec(part(), 1..5), any::<bool>());
    let kind = prop::sample::select(&[0_u32, 0o100_000, 0o040_000, 0o120_000, 0o010_000][..]);
    let rest = (any::<bool>(), 0_u32..0o10000, prop::collection::vec(any::<u8>(), 0..20));
    (name, prop::option::weighted(0.2, kind), rest).prop_map(
        |(name, kind, (deflate, mode, content))| {
            let (absolute, parts, directory) = name;
            let slash = |yes| if yes { "/" } else { "" };
            let name = format!(
                "{}{}{}",
                slash(absolute && mode < 0o1000),
                parts.join("/"),
                slash(directory)
            );
            let content = if directory { Vec::new() } else { content };
            let make = if deflate { Forged::deflated } else { Forged::file };
            let usual = if directory { 0o040_000 } else { 0o100_000 };
            make(&name, &content).mode(kind.unwrap_or(usual) | mode)
        },
    )
}

/// Receives it, and holds that only `target/got` has come, and only in case of success.
fn nothing_else_changes(archive: &[u8]) -> Result<(), TestCaseError> {
    let sandbox = Sandbox::new();
    let before = sandbox.snapshot();
    let received = sandbox.receive(archive, most(archive), 20);
    let got = sandbox.target().join("got");
    prop_assert_eq!(received.is_ok(), got.exists());
    if received.is_ok() {
        is_harmless(&got)?;
        fs::remove_dir_all(&got).unwrap();
    }
    prop_assert_eq!(sandbox.snapshot(), before);
    Ok(())
}

/// Files and directories, without special rights. Lets the test in where a mode keeps all out.
fn is_harmless(path: &Path) -> Result<(), TestCaseError> {
    let metadata = fs::symlink_metadata(path).unwrap();
    prop_assert!(metadata.is_file() || metadata.is_dir());
    prop_assert!(mode(path) & 0o7000 == 0);
    if metadata.is_dir() {
        undo(path);
        for entry in fs::read_dir(path).unwrap() {
            is_harmless(&entry.unwrap().path())?;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_entries_come_nothing_outside_changes(entries in prop::collection::vec(entry(), 0..8)) {
        nothing_else_changes(&forge(&entries))?;
    }

    #[test]
    fn whatever_bytes_are_altered_nothing_outside_changes(
        entries in prop::collection::vec(entry(), 1..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut archive = forge(&entries);
        for (place, byte) in changes {
            let place = place.index(archive.len());
            archive[place] = byte;
        }
        nothing_else_changes(&archive)?;
    }

    #[test]
    fn an_ordinary_tree_arrives_as_it_was(
        tree in prop::collection::btree_map("[a-d]{1,2}(/[e-h]{1,2}){0,3}f", any::<Vec<u8>>(), 0..12),
        deflate in any::<bool>(),
    ) {
        let sandbox = Sandbox::new();
        let make = if deflate { Forged::deflated } else { Forged::file };
        let entries: Vec<_> = tree.iter().map(|(name, content)| make(name, content)).collect();
        let inside = |path: &str| tree.keys().any(|other| other.starts_with(&format!("{path}/")));
        prop_assume!(!tree.keys().any(|path| inside(path)));
        sandbox.receive(&forge(&entries), tree.values().map(|content| content.len() as u64).sum(), 12).unwrap();
        for (name, content) in &tree {
            prop_assert_eq!(&sandbox.read(name), content);
        }
    }
}

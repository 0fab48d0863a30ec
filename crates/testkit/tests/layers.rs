//! The house keeps its order: which crate may use which, and modules that use only those above them.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use support::sources::{beneath, without_tests};

mod support {
    pub(crate) mod sources;
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What a crate depends on, tests aside.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(crates().join(krate).join("Cargo.toml")).unwrap();
    let tables = manifest.split("\n[").filter(|table| table.starts_with("dependencies]"));
    let lines =
        tables.flat_map(|table| table.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next().map(str::to_owned))
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect()
}

#[test]
fn no_crate_uses_what_its_room_must_not() {
    for (krate, allowed) in [
        ("wire", &[][..]),
        ("core", &["wormhole-sync-wire"]),
        ("client", &["wormhole-sync-core"]),
        ("server", &["wormhole-sync-wire"]),
        ("cli", &["wormhole-sync", "wormhole-sync-server"]),
        ("../bindings/python", &["wormhole-sync"]),
    ] {
        let mut used = dependencies(krate);
        used.retain(|name| name.starts_with("wormhole-sync"));
        let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert!(used.is_subset(&allowed), "{krate} uses {used:?} and may use {allowed:?}");
    }
}

#[test]
fn the_wire_is_read_by_four_well_kept_decoders() {
    let used: Vec<String> = dependencies("wire").into_iter().collect();
    assert_eq!(used, ["data-encoding", "percent-encoding", "serde", "serde_json"]);
}

#[test]
fn the_wire_knows_no_cryptography_and_no_io_and_the_core_no_io() {
    for (krate, banned) in [
        ("wire", &["sha1", "sha2", "hkdf", "spake2", "tokio", "rand", "getrandom"][..]),
        ("core", &["tokio", "getrandom", "futures", "rustls"]),
        ("server", &["spake2", "crypto_secretbox", "curve25519", "chacha20", "hkdf"]),
    ] {
        let manifest = fs::read_to_string(crates().join(krate).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap().to_owned();
        for name in banned {
            assert!(!dependencies.contains(&format!("\n{name}")), "{krate} depends on {name}");
        }
    }
}

/// The modules that a root file declares, in order.
fn modules(root: &str) -> Vec<String> {
    let declared = root.lines().filter_map(|line| {
        let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    });
    declared.collect()
}

/// The sources of a module: its file, and those in its folder.
fn sources(folder: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = vec![folder.join(format!("{module}.rs"))];
    found.retain(|path| path.exists());
    found.extend(beneath(&folder.join(module)));
    found
}

/// The top-level modules that a source names behind `crate::`, its tests and docs aside.
fn used(source: &str) -> BTreeSet<String> {
    let code: String = without_tests(source)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => names.extend(heads(list)),
            None => names.extend(word(after)),
        }
    }
    names
}

/// The first word of each entry of a braced list, up to its closing brace.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut heads, mut at_head) = (0, Vec::new(), true);
    for (index, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if at_head && letter.is_alphabetic() => {
                heads.extend(list.get(index..).and_then(word));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> Option<String> {
    let end =
        text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty()).map(str::to_owned)
}

#[test]
fn a_module_uses_only_those_above_it() {
    for (krate, root) in [
        ("wire", "lib.rs"),
        ("core", "lib.rs"),
        ("client", "lib.rs"),
        ("server", "lib.rs"),
        ("testkit", "lib.rs"),
        ("cli", "main.rs"),
        ("../bindings/python", "lib.rs"),
    ] {
        let folder = crates().join(krate).join("src");
        let order = modules(&fs::read_to_string(folder.join(root)).unwrap());
        assert!(order.len() > 3, "{krate}: only {order:?} were found");
        for (place, module) in order.iter().enumerate() {
            for path in sources(&folder, module) {
                for name in used(&fs::read_to_string(&path).unwrap()) {
                    let below = order
                        .iter()
                        .position(|other| *other == name)
                        .filter(|other| *other > place);
                    assert_eq!(
                        below,
                        None,
                        "{} uses {name}, which stands below {module}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn the_reader_of_sources_reads_them() {
    let source = "use crate::{\n    Moment, error::Error,\n    phase::{Order, Sealed},\n};\nfn f() -> crate::key::Key {}\n// crate::not";
    let names: Vec<String> = used(source).into_iter().collect();
    assert_eq!(names, ["Moment", "error", "key", "phase"]);
}

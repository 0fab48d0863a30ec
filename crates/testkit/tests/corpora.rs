//! Every seed of `fuzz/corpus` is replayed through its target, so that what a fuzzer once found
//! stays found.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use wormhole_sync_testkit::fuzz::{TARGETS, Target};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The paths inside a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    paths
}

/// The names of what is inside a folder, without their extensions.
fn names(folder: &Path) -> BTreeSet<String> {
    let stems =
        entries(folder).into_iter().filter_map(|path| path.file_stem().map(ToOwned::to_owned));
    stems.map(|stem| stem.into_string().unwrap()).collect()
}

fn targets() -> BTreeSet<String> {
    TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// The seeds that a target does not get through.
fn failures(name: &str, target: Target) -> Vec<PathBuf> {
    let seeds = entries(&fuzz().join("corpus").join(name));
    assert!(!seeds.is_empty(), "{name} has no seed");
    let fails = |seed: &PathBuf| {
        let data = fs::read(seed).unwrap();
        catch_unwind(|| target(&data)).is_err()
    };
    seeds.into_iter().filter(fails).collect()
}

#[test]
fn every_seed_is_gone_through() {
    let failures: Vec<PathBuf> =
        TARGETS.iter().flat_map(|(name, target)| failures(name, *target)).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_target_has_a_folder_and_every_folder_a_target() {
    assert_eq!(names(&fuzz().join("corpus")), targets());
}

#[test]
fn every_target_can_be_fuzzed() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    assert_eq!(names(&fuzz().join("fuzz_targets")), targets());
    for name in targets() {
        let path = format!("fuzz_targets/{name}.rs");
        let source = fs::read_to_string(fuzz().join(&path)).unwrap();
        assert!(source.contains(&format!("fuzz::{name}(")), "{path} calls another target");
        assert!(manifest.contains(&format!("\npath = \"{path}\"\n")), "{path} is not built");
    }
}

#[test]
fn a_failing_seed_is_told_by_name() {
    let target: Target = |data| assert!(!data.starts_with(b"{"), "refused");
    assert!(!failures("client_message", target).is_empty());
}

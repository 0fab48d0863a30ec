//! Where the sources of a crate lie.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All sources beneath a folder, in the order of their paths; none if there is no such folder.
pub(crate) fn beneath(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.extension() == Some("rs".as_ref()));
    found.sort_unstable();
    found
}

/// The code of a source without its tests.
pub(crate) fn without_tests(source: &str) -> &str {
    source.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
}

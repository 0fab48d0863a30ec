//! All that stands in a directory, to be compared with what stands there later.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

/// What a directory holds, and what those in it hold: path, type and mode, content or target.
pub type Snapshot = Vec<(PathBuf, u32, Vec<u8>)>;

/// Everything below a directory, in order. Links are not followed.
pub fn snapshot(folder: &Path) -> io::Result<Snapshot> {
    let mut found = Vec::new();
    walk(folder, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, below: &Path, found: &mut Snapshot) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let path = below.join(entry?.file_name());
        let whole = folder.join(&path);
        let metadata = fs::symlink_metadata(&whole)?;
        let content = if metadata.is_file() {
            fs::read(&whole)?
        } else if metadata.is_symlink() {
            fs::read_link(&whole)?.into_os_string().into_encoded_bytes()
        } else {
            Vec::new()
        };
        found.push((path.clone(), kind(&metadata), content));
        if metadata.is_dir() {
            walk(folder, &path, found)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
fn kind(metadata: &Metadata) -> u32 {
    metadata.is_dir().into()
}

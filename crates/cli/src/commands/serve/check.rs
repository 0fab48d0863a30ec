//! What can be known before anything is served.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    path::Path,
};

use wormhole_sync_server::{Config, Database, Doors, Usage, prepare};

use super::doors::{Opening, could_be_opened};
use crate::{commands::blob, exit::Failure, settings::serve::Resolved};

/// Checks that the settings could be served, and prints them.
pub(super) async fn check(resolved: &Resolved, openings: &[Opening]) -> Result<(), Failure> {
    let config = resolved.config()?;
    could_be_opened(openings)?;
    if resolved.servers.mailbox
        && let Database::Path(path) = resolved.settings.mailbox.database()
    {
        let usual = resolved.in_usual_place();
        database(&path, usual).map_err(|error| unusable(&path, &error, "mailbox.database"))?;
    }
    for (name, path) in resolved.settings.usage.databases() {
        database(path, false).map_err(|error| unusable(path, &error, name))?;
    }
    let certificate = Config { mailbox: None, relay: None, usage: Usage::default(), ..config };
    let read = prepare(Doors::default(), certificate).await;
    read.map_err(|error| Failure::usage(error.to_string()))?;
    blob::to_stdout(resolved.shown()?.as_bytes())
}

fn unusable(path: &Path, error: &io::Error, name: &str) -> Failure {
    let path = path.display();
    Failure::usage(format!(
        "the database {path} cannot be used: {error}; choose another with {name}"
    ))
}

/// Whether a database can be written there, or made. It is not opened as one, for a server may use it.
fn database(path: &Path, usual: bool) -> io::Result<()> {
    let mut start = [0; MAGIC.len()];
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(mut file) => match file.read(&mut start)? {
            0 => Ok(()),
            _ if start == *MAGIC => Ok(()),
            _ => Err(io::Error::other("it is no SQLite database")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => can_be_made(path, usual),
        Err(error) => Err(error),
    }
}

/// What a database's file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Whether its directory, or the one that the usual directories would be made in, lets files be made in it.
#[cfg(unix)]
fn can_be_made(path: &Path, usual: bool) -> io::Result<()> {
    use nix::unistd::{AccessFlags, access};
    let mut above = path.ancestors().skip(1);
    let directory = above.find(|directory| !usual || directory.exists());
    let directory = directory.filter(|path| *path != Path::new("")).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(directory, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

#[cfg(not(unix))]
fn can_be_made(_: &Path, _: bool) -> io::Result<()> {
    Ok(())
}

//! What can be known before anything is served.

use std::{fs::OpenOptions, io, path::Path, time::SystemTime};

use wormhole_sync_server::{
    Config, Database, Doors, Usage, look_at_usage, prepare,
    store::{StoreError, look},
};

use super::doors::{Opening, could_be_opened};
use crate::{commands::blob, exit::Failure, settings::serve::Resolved};

/// Checks that the settings could be served, and prints them. What is told of them besides.
pub(super) async fn check(
    resolved: &Resolved,
    openings: &[Opening],
) -> Result<Vec<String>, Failure> {
    let config = resolved.config()?;
    could_be_opened(openings)?;
    if let Some(Database::Path(path)) = config.mailbox.as_ref().map(|mailbox| &mailbox.database) {
        let usual = resolved.in_usual_place();
        database(path, usual).map_err(|error| unusable(&error, "mailbox.database"))?;
    }
    look_at_usage(&config).map_err(|error| Failure::usage(error.to_string()))?;
    let usage = &config.usage;
    for (name, path) in [("usage.mailbox", &usage.mailbox), ("usage.relay", &usage.relay)] {
        let Some(path) = path else { continue };
        can_be_written(path, false).map_err(|error| unusable(&error, name))?;
    }
    let certificate = Config { mailbox: None, relay: None, usage: Usage::default(), ..config };
    let read = prepare(Doors::default(), certificate).await;
    let read = read.map_err(|error| Failure::usage(error.to_string()))?;
    blob::to_stdout(resolved.shown()?.as_bytes())?;
    let ends = read.control().certificate_ends();
    let expired = ends.filter(|ends| *ends <= SystemTime::now()).map(|_| EXPIRED.to_owned());
    Ok(expired.into_iter().collect())
}

/// It keeps nothing from starting: the doors without TLS are not to stay shut for it, and a renewal may be on its way.
const EXPIRED: &str =
    "the certificate (tls.certificate) has expired, so that clients refuse it; renew it";

fn unusable(error: &StoreError, name: &str) -> Failure {
    Failure::usage(format!("{error} ({name})"))
}

/// Whether a database of the mailbox server is there, or can be made. It is not opened as one, for a server may use it.
fn database(path: &Path, usual: bool) -> Result<(), StoreError> {
    match look(path) {
        Err(StoreError::NoDirectory(_)) if usual => {} // it is made, too
        seen => seen?,
    }
    can_be_written(path, usual)
}

fn can_be_written(path: &Path, usual: bool) -> Result<(), StoreError> {
    let written = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => can_be_made(path, usual),
        opened => opened.map(drop),
    };
    written.map_err(|error| StoreError::Io(path.to_owned(), error))
}

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

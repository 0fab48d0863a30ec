//! Whether usage can be written down where it is to be, seen without touching anything.

use std::{
    fmt, fs,
    path::{Path, PathBuf, absolute},
};

use super::tables;
use crate::{
    config::{self, Config, Database},
    store::{StoreError, found, is_no_database},
};

/// Why usage could not be written down.
///
/// ```
/// use wormhole_sync_server::{Config, Usage, UsageError, look_at_usage};
///
/// let one = Some("usage.sqlite".into());
/// let usage = Usage { mailbox: one.clone(), relay: one, ..Usage::default() };
/// let error = look_at_usage(&Config { usage, ..Config::default() }).unwrap_err();
/// assert!(matches!(error, UsageError::Same { .. }));
/// assert!(error.to_string().contains("usage.mailbox and usage.relay"));
/// ```
#[derive(Debug)]
pub enum UsageError {
    /// Two databases are one file.
    Same {
        /// That file.
        path: PathBuf,
        /// The settings that name it.
        settings: [&'static str; 2],
    },
    /// It is another program's, or newer.
    Foreign {
        /// The file.
        path: PathBuf,
        /// The setting that names it.
        setting: &'static str,
    },
    /// It is no file, or cannot be read.
    Unusable {
        /// Why.
        error: StoreError,
        /// The setting that names it.
        setting: &'static str,
    },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { path, settings: [one, other] } => write!(
                f,
                "{one} and {other} are one file, {}: name another for one of them",
                path.display()
            ),
            Self::Foreign { path, setting } => write!(
                f,
                "{setting} names {}, which is no usage database that is known: name another file",
                path.display()
            ),
            Self::Unusable { error, setting } => write!(f, "{error} ({setting})"),
        }
    }
}

impl std::error::Error for UsageError {}

/// Whether the usage databases of a configuration could be written, as far as it can be seen without
/// touching them. A server that runs tries them again and again, and serves meanwhile; only two that
/// are one file keep it from starting.
///
/// ```
/// use wormhole_sync_server::{Config, Usage, look_at_usage};
///
/// # let folder = tempfile::tempdir()?;
/// let relay = Some(folder.path().join("usage.sqlite"));
/// let config = Config { usage: Usage { relay, ..Usage::default() }, ..Config::default() };
/// look_at_usage(&config)?; // it can be made
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn look_at_usage(config: &Config) -> Result<(), UsageError> {
    tell_apart(config)?;
    let config::Usage { mailbox, relay, .. } = &config.usage;
    let named =
        [("usage.mailbox", mailbox, &tables::MAILBOX), ("usage.relay", relay, &tables::RELAY)];
    for (setting, path, tables) in named {
        let Some(path) = path else { continue };
        let unusable = |error| UsageError::Unusable { error, setting };
        let Some(database) = found(path).map_err(unusable)? else { continue };
        let is_known = match tables.are_known(&database) {
            Ok(is_known) => is_known,
            Err(error) => !is_no_database(&error), // of what is just being written nothing can be told
        };
        if !is_known {
            return Err(UsageError::Foreign { path: path.clone(), setting });
        }
    }
    Ok(())
}

/// Refuses two databases in one file: neither would be what it is to be.
pub(crate) fn tell_apart(config: &Config) -> Result<(), UsageError> {
    let database = match config.mailbox.as_ref().map(|mailbox| &mailbox.database) {
        Some(Database::Path(path)) => Some(path),
        _ => None,
    };
    let named = [
        ("mailbox.database", database),
        ("usage.mailbox", config.usage.mailbox.as_ref()),
        ("usage.relay", config.usage.relay.as_ref()),
    ];
    let mut before: Vec<(&'static str, PathBuf)> = Vec::new();
    for (setting, path) in named {
        let Some(path) = path else { continue };
        let real = real(path);
        if let Some((other, _)) = before.iter().find(|(_, other)| *other == real) {
            return Err(UsageError::Same { path: path.clone(), settings: [other, setting] });
        }
        before.push((setting, real));
    }
    Ok(())
}

/// Where a path leads, whether or not there is something yet.
fn real(path: &Path) -> PathBuf {
    let in_directory = || Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
    let whole = absolute(path).unwrap_or_else(|_| path.to_owned());
    fs::canonicalize(path).ok().or_else(in_directory).unwrap_or(whole)
}

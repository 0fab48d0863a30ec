//! `wormhole serve backup`: a copy of the database, while the server goes on.

use wormhole_sync_server::{
    Database,
    store::{BackupError, back_up},
};

use crate::{
    args::{BackupArgs, Servers},
    exit::Failure,
    json::Event,
    settings::serve::Sources,
    term::narrate::Console,
};

/// Copies it.
pub(crate) fn run(args: &BackupArgs, console: &Console) -> Result<(), Failure> {
    let from = match &args.db {
        Some(path) => path.clone(),
        None => named(args)?,
    };
    let bytes = back_up(&from, &args.to, args.overwrite).map_err(failure)?;
    console.tell(&Event::BackedUp { path: &args.to.to_string_lossy(), bytes });
    Ok(())
}

/// The database that the server of these settings has.
fn named(args: &BackupArgs) -> Result<std::path::PathBuf, Failure> {
    let servers = Servers { mailbox: true, relay: false };
    let sources = Sources::without_flags(servers, args.config.clone());
    match sources.resolve()?.settings.mailbox.database() {
        Database::Path(path) => Ok(path),
        Database::Memory => Err(Failure::usage(
            "the settings keep everything in memory, of which there is no copy; name a database with --db",
        )),
    }
}

fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Exists(_) => Failure::usage(format!("{error} with --overwrite")),
        error => Failure::here(error.to_string()),
    }
}

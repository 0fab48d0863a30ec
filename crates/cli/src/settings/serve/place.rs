//! Where the servers keep their state unless they are told.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use crate::exit::Failure;

/// The usual file of the mailbox server: in the directory that systemd has made for the service, or in the user's own for
/// state.
pub(super) fn usual(variable: impl Fn(&str) -> Option<OsString>) -> Result<String, Failure> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let ours = variable("STATE_DIRECTORY").and_then(|list| env::split_paths(&list).next());
    let of_the_user = || {
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        state.map(|state| state.join("wormhole-sync"))
    };
    let directory = ours.or_else(of_the_user).ok_or_else(|| {
        Failure::usage("there is no home directory for the database; name a place with --db")
    })?;
    let path = directory.join("mailbox.sqlite").into_os_string().into_string();
    path.map_err(|path| {
        Failure::usage(format!(
            "{} is not UTF-8; name another place for the database with --db",
            path.display()
        ))
    })
}

/// Makes the directory of the file at the usual place. Only its owner may look into it.
pub(super) fn make(file: &Path) -> Result<(), Failure> {
    let Some(directory) = file.parent() else { return Ok(()) };
    make_private(directory).map_err(|error| {
        Failure::here(format!(
            "{} cannot be made: {error}; name another place with --db",
            directory.display()
        ))
    })
}

fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

//! How many files may be open, and how many of them clients may have.

use crate::config::{Clients, Config};

/// Files that clients do not get, or nobody could see in, renew a certificate or write usage down while
/// the server is full: databases with their logs, certificates, the operator's connections, doors, the
/// runtime's own, and whoever is one too many while it is told so.
const RESERVE: usize = 64;

/// Files of the relay's pipes, of which there are never more.
const PIPES: usize = 128;

/// That the limit of connections is less than it was set to.
pub(super) struct Lowered {
    connections: usize,
    files: usize,
    /// Whether it was set to this by somebody.
    was_chosen: bool,
}

/// Lets no more connections be than files can be open. Raises how many can be to what the system allows.
pub(super) fn fit(config: &mut Config) -> Option<Lowered> {
    let files = raise_limit()?;
    let pipes = if config.relay.is_some() { PIPES } else { 0 };
    let connections = most(files, RESERVE + pipes);
    let chosen = config.clients.connections;
    config.clients.connections = chosen.min(connections);
    let was_chosen = chosen != Clients::default().connections;
    (chosen > connections).then_some(Lowered { connections, files, was_chosen })
}

impl Lowered {
    /// Tells it in the log, as a warning to whoever has asked for more.
    pub(super) fn tell(&self) {
        let Self { connections, files, was_chosen } = *self;
        if was_chosen {
            tracing::warn!(connections, files, "{LOWERED}");
        } else {
            tracing::info!(connections, files, "{LOWERED}");
        }
    }
}

const LOWERED: &str = "the limit of connections is lowered to what the system lets be open: raise its limit of open files, or lower this one";

/// Connections among so many files: all but the reserve, and half of them where that is more.
fn most(files: usize, reserve: usize) -> usize {
    files.saturating_sub(reserve).max(files / 2)
}

/// How many files may be open then; `None` when there is no limit.
#[cfg(unix)]
fn raise_limit() -> Option<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the number of open files");
    }
    usize::try_from(getrlimit(Resource::Nofile).current?).ok()
}

#[cfg(not(unix))]
fn raise_limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_is_left_of_the_files_and_half_of_few() {
        for (files, connections) in [(1 << 20, (1 << 20) - 64), (1024, 960), (100, 50), (0, 0)] {
            assert_eq!(most(files, RESERVE), connections);
        }
    }
}

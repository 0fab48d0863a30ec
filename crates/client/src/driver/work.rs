//! The work that a server may ask for, off the threads that must not wait.

use std::sync::Arc;

use tokio::task::JoinHandle;
use wormhole_sync_core::{hashcash::Challenge, wire::hashcash};

/// A search for a hashcash stamp, on a thread that may be busy. Dropping it calls the search off.
pub(super) struct Work {
    search: JoinHandle<Option<String>>,
    wanted: Arc<()>,
}

impl Work {
    pub(super) fn begin(challenge: Challenge) -> Self {
        let wanted = Arc::new(());
        let still_wanted = Arc::downgrade(&wanted);
        let search = tokio::task::spawn_blocking(move || {
            challenge.solve(&today(), || still_wanted.strong_count() == 0)
        });
        Self { search, wanted }
    }
}

pub(super) async fn solved(work: &mut Option<Work>) -> Option<String> {
    match work {
        Some(Work { search, wanted: _wanted }) => search.await.ok().flatten(),
        None => std::future::pending().await,
    }
}

fn today() -> String {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    hashcash::date(u32::try_from(since_epoch.as_secs() / 86_400).unwrap_or(u32::MAX))
}

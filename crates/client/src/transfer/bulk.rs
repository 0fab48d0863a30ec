//! The thread that moves the bytes, as the transfer's task sees it.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::timeout};
use wormhole_sync_core::connect::LinkId;

use super::{
    connection::Cut,
    line::Line,
    pipeline::{Stopped, Stored},
};

/// How long a thread that was cut off may take to end, and to clean up.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// The thread, and how to stop it.
pub(super) struct Bulk {
    pub(super) link: LinkId,
    pub(super) thread: JoinHandle<Done>,
    pub(super) cut: Option<Cut>,
    /// What the thread's sink looks at.
    pub(super) is_over: Arc<AtomicBool>,
}

/// What a thread was about, and how it ended.
pub(super) enum Done {
    Sent(Result<([u8; 32], Line), Stopped>),
    Acknowledged(Result<Vec<u8>, Stopped>, [u8; 32]),
    Received(Result<(Stored, Line), Stopped>),
    Confirmed,
    Panicked,
}

impl Bulk {
    /// How it ends; never, while there is none.
    pub(super) async fn done(bulk: &mut Option<Self>) -> Done {
        match bulk {
            Some(bulk) => (&mut bulk.thread).await.unwrap_or(Done::Panicked),
            None => pending().await,
        }
    }

    /// Takes its link away, unless it has only a last word to say there.
    pub(super) fn cut(&self) {
        if let Some(cut) = &self.cut {
            self.is_over.store(true, Ordering::Relaxed);
            cut.cut();
        }
    }

    /// Lets it end, so that nothing half-made is left when the transfer is over.
    pub(super) async fn clean_up(bulk: Option<Self>) {
        if let Some(bulk) = bulk {
            bulk.cut();
            let _ = timeout(CLEAN_UP, bulk.thread).await;
        }
    }
}

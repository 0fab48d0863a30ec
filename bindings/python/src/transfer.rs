//! Files, directories and texts.

mod offered;
mod sending;

use std::{
    mem,
    sync::{Arc, Mutex},
};

use tokio::sync::oneshot;
use wormhole_sync::{
    Error, Wormhole,
    transfer::{self, Canceller, Event, Transfer},
};

use crate::{failure::Failure, pending::Promise, process::lock};

pub(crate) use offered::{Offer, Receiving};
pub(crate) use sending::Sending;

/// How far a transfer is, for whoever cancels it.
#[derive(Clone, Default)]
struct UnderWay(Arc<Mutex<Stage>>);

#[derive(Default)]
enum Stage {
    /// Nobody is there who could be told.
    #[default]
    Alone,
    /// The other side is there, and could be told.
    Met(oneshot::Sender<String>),
    Moving(Canceller),
    /// The other side is being told, and this side comes to its end by itself.
    Told,
}

impl UnderWay {
    /// Whether the other side is there. Then it all ends, with this told to the other side.
    fn cancel(&self, reason: &str) -> bool {
        let mut stage = lock(&self.0);
        let is_told = match mem::take(&mut *stage) {
            Stage::Alone => false,
            Stage::Met(cancel) => cancel.send(reason.to_owned()).is_ok(),
            Stage::Moving(canceller) => {
                canceller.cancel(reason);
                true
            }
            Stage::Told => true,
        };
        if is_told {
            *stage = Stage::Told;
        }
        is_told
    }

    /// Ready with the reason when it is cancelled now that the other side is there.
    fn met(&self) -> oneshot::Receiver<String> {
        let (cancel, cancelled) = oneshot::channel();
        *lock(&self.0) = Stage::Met(cancel);
        cancelled
    }

    /// Moves it, and tells how far it has come. What is received stands at this path in the end.
    async fn watch(
        &self,
        mut transfer: Transfer,
        total: u64,
        promise: &Promise,
    ) -> Result<Option<std::path::PathBuf>, Error> {
        *lock(&self.0) = Stage::Moving(transfer.canceller());
        let mut stored = None;
        while let Some(event) = transfer.next().await {
            match event {
                Event::Moved { bytes } => promise.progress(bytes, total),
                Event::Stored { path } => stored = path,
                _ => {}
            }
        }
        transfer.finish().await.map(|()| stored)
    }
}

/// The wormhole, once its verifier has been compared where that is asked for. Otherwise the other side is told that
/// `who` said no.
async fn verified(
    wormhole: Wormhole,
    asks: bool,
    promise: &Promise,
    who: &str,
    under_way: &UnderWay,
) -> Result<Wormhole, Failure> {
    if !asks {
        return Ok(wormhole);
    }
    let (asker, mut cancelled) = (promise.asker(), under_way.met());
    let (is_same, reason) = tokio::select! {
        is_same = asker.confirms(wormhole.verifier().to_string()) => {
            cancelled.close(); // who cancels from now on learns that it is too late for this
            (is_same, cancelled.try_recv().ok())
        }
        Ok(reason) = &mut cancelled => (false, Some(reason)),
    };
    let (reason, failure) = match reason {
        Some(reason) => {
            let text = format!("the transfer was cancelled on this side: {reason}");
            (reason, Failure::stopped(text))
        }
        None if is_same => return Ok(wormhole),
        None => (format!("the {who} did not confirm the verifier"), Failure::verifier_refused()),
    };
    transfer::refuse(wormhole, &reason).await?;
    Err(failure)
}

//! Files, directories and texts.

mod offered;
mod sending;

use std::sync::{Arc, Mutex};

use wormhole_sync::{
    Error, Wormhole,
    transfer::{self, Canceller, Event, Transfer},
};

use crate::{failure::Failure, pending::Promise, process::lock};

pub(crate) use offered::{Offer, Receiving};
pub(crate) use sending::Sending;

/// What can be cancelled as soon as it moves.
#[derive(Clone, Default)]
struct UnderWay(Arc<Mutex<Option<Canceller>>>);

impl UnderWay {
    /// Whether something moves, which now ends, with this told to the other side.
    fn cancel(&self, reason: &str) -> bool {
        let canceller = lock(&self.0).take();
        canceller.map(|canceller| canceller.cancel(reason)).is_some()
    }

    /// Moves it, and tells how far it has come. What is received stands at this path in the end.
    async fn watch(
        &self,
        mut transfer: Transfer,
        total: u64,
        promise: &Promise,
    ) -> Result<Option<std::path::PathBuf>, Error> {
        *lock(&self.0) = Some(transfer.canceller());
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
) -> Result<Wormhole, Failure> {
    if !asks || promise.asker().confirms(wormhole.verifier().to_string()).await {
        return Ok(wormhole);
    }
    let reason = format!("the {who} did not confirm the verifier");
    transfer::refuse(wormhole, &reason).await?;
    Err(Failure::verifier_refused())
}

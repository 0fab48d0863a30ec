//! A chosen link under the threads that move the bytes.

use std::{
    io::{Read, Write},
    time::Duration,
};

use wormhole_sync_core::{
    transit::{Opener, Sealer},
    wire::transfer_message::Digest,
};

use super::{
    connection::Blocking,
    pipeline::{self, Moved, Stopped, Stored},
    sink::Sink,
};

/// How long a receiver that has confirmed waits for the sender to close the link.
const LAST_READ: Duration = Duration::from_secs(2);

/// A chosen link as the threads have it.
pub(super) struct Line {
    pub(super) stream: Blocking,
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    pub(super) rest: Vec<u8>,
    pub(super) digest: Digest,
}

impl Line {
    pub(super) fn send(
        mut self,
        unsent: &[u8],
        source: Box<dyn Read + Send>,
        size: u64,
        moved: &Moved,
    ) -> Result<([u8; 32], Self), Stopped> {
        self.stream
            .watch()
            .and_then(|()| self.stream.write_all(unsent))
            .map_err(|_| Stopped::Link)?;
        let (link, sealer) = (&mut self.stream, &mut self.sealer);
        let hash = pipeline::send(source, size, self.digest, link, sealer, moved)?;
        Ok((hash, self))
    }

    pub(super) fn acknowledgement(&mut self) -> Result<Vec<u8>, Stopped> {
        let rest = std::mem::take(&mut self.rest);
        pipeline::receive_record(&mut self.stream, rest, &mut self.opener)
    }

    pub(super) fn receive(
        mut self,
        sink: Box<dyn Sink>,
        size: u64,
        moved: &Moved,
    ) -> Result<(Stored, Self), Stopped> {
        let rest = std::mem::take(&mut self.rest);
        let (digest, link, opener) = (self.digest, &mut self.stream, &mut self.opener);
        let stored = pipeline::receive(sink, size, digest, link, rest, opener, moved)?;
        Ok((stored, self))
    }

    /// Sends the acknowledgement, and closes the link so that it arrives.
    pub(super) fn confirm(mut self, record: &[u8]) {
        if pipeline::send_record(record, &mut self.stream, &mut self.sealer).is_ok() {
            let _ = self.stream.finish(LAST_READ);
        }
    }
}

//! The bulk path: disk, hash, cipher and socket, overlapping.
//!
//! ```text
//!  send     source ─read─▶ hash ══chunks══▶ seal ─write─▶ link
//!  receive  link ─read─▶ open ══chunks══▶ hash ─write─▶ sink
//! ```
//!
//! Two threads, a bounded queue of reused buffers between them, one system call for a chunk of
//! several records. The threads block on purpose: they do nothing but copy. Each is bound by the
//! processor, and two cores are theirs: sealing on more of them would gain nothing where the other side is as fast.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use wormhole_sync_core::{
    transit::{OVERHEAD, Opener, Sealer, frame},
    wire::{limits::RECORD, transfer_message::Digest, transit::LENGTH_BYTES},
};

use super::{Sink, hash::Hash};

/// Records in a chunk. Measured from 1 to 64, with 2 to 8 chunks in flight: from 16 on nothing is gained any more.
const RECORDS: usize = 16;

/// Plaintext bytes of a chunk: 1 MiB.
const CHUNK: usize = RECORDS * RECORD;

/// Chunks in flight between the two threads. With the chunk at either end this is all the memory that
/// a transfer of any size takes.
const CHUNKS: usize = 2;

/// Bytes that are read from a link at once.
const WINDOW: usize = CHUNK + RECORDS * OVERHEAD;

/// What stopped the bytes.
#[derive(Debug)]
pub(super) enum Stopped {
    /// What was to be sent could not be read.
    Source(io::Error),
    /// What arrived could not be written.
    Sink(io::Error),
    /// The link is gone.
    Link,
    /// The link brought what is no record of the peer's.
    Record,
    /// The link brought more than was announced.
    TooMuch,
}

/// Bytes moved so far, for whoever watches.
pub(super) type Moved = AtomicU64;

/// Sends exactly `size` bytes of `source`; their hash.
pub(super) fn send(
    source: impl Read + Send,
    size: u64,
    digest: Digest,
    link: &mut impl Write,
    sealer: &mut Sealer,
    moved: &Moved,
) -> Result<[u8; 32], Stopped> {
    let (full, chunks) = sync_channel(CHUNKS);
    let (empty, spare) = sync_channel(CHUNKS);
    thread::scope(|scope| {
        let reading = scope
            .spawn(move || read_and_hash(source, size, Hash::new(digest), &full, Pool::new(spare)));
        let written = seal_and_write(chunks, &empty, link, sealer, moved);
        drop(empty);
        let read = reading.join().unwrap_or_else(|_| Err(Stopped::Source(panicked())));
        let hash = written.and(read)?;
        link.flush().map_err(|_| Stopped::Link)?; // a WebSocket takes more than it has sent
        Ok(hash)
    })
}

fn read_and_hash(
    mut source: impl Read,
    size: u64,
    mut hash: Hash,
    full: &SyncSender<Chunk>,
    mut spare: Pool,
) -> Result<[u8; 32], Stopped> {
    let mut missing = size;
    while missing > 0 {
        let Some(mut chunk) = spare.next() else { break };
        let length = usize::try_from(missing).unwrap_or(CHUNK).min(CHUNK);
        source.read_exact(chunk.append(length)).map_err(Stopped::Source)?;
        hash.update(chunk.bytes());
        missing -= length as u64;
        if full.send(chunk).is_err() {
            break;
        }
    }
    Ok(hash.finish())
}

fn seal_and_write(
    chunks: Receiver<Chunk>,
    empty: &SyncSender<Chunk>,
    link: &mut impl Write,
    sealer: &mut Sealer,
    moved: &Moved,
) -> Result<(), Stopped> {
    let mut batch = vec![0; WINDOW];
    for chunk in chunks {
        let mut end = 0;
        for plaintext in chunk.bytes().chunks(RECORD) {
            let space = batch.get_mut(end..).unwrap_or_default();
            end += sealer.seal(plaintext, space).unwrap_or_default(); // a window holds a chunk
        }
        link.write_all(batch.get(..end).unwrap_or_default()).map_err(|_| Stopped::Link)?;
        moved.fetch_add(chunk.length as u64, Ordering::Relaxed);
        let _ = empty.send(chunk); // the reading thread may be through
    }
    Ok(())
}

/// Plaintext. Its buffer is used again and again, and overwritten without being cleared: that would be a twelfth of a
/// receiver's time.
#[derive(Default)]
struct Chunk {
    buffer: Vec<u8>,
    length: usize,
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Room for as many bytes more, which the caller overwrites.
    fn append(&mut self, length: usize) -> &mut [u8] {
        let end = self.length + length;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let begin = std::mem::replace(&mut self.length, end);
        self.buffer.get_mut(begin..end).unwrap_or_default()
    }
}

/// Chunks to fill: those that come back, after the first few.
struct Pool {
    back: Receiver<Chunk>,
    made: usize,
}

impl Pool {
    const fn new(back: Receiver<Chunk>) -> Self {
        Self { back, made: 0 }
    }

    /// `None` when the other thread is gone: it has failed, and tells why.
    fn next(&mut self) -> Option<Chunk> {
        if let Ok(chunk) = self.back.try_recv() {
            return Some(Chunk { length: 0, ..chunk });
        }
        if self.made == CHUNKS {
            return self.back.recv().ok().map(|chunk| Chunk { length: 0, ..chunk });
        }
        self.made += 1;
        Some(Chunk::default())
    }
}

/// Writes one record.
pub(super) fn send_record(
    plaintext: &[u8],
    link: &mut impl Write,
    sealer: &mut Sealer,
) -> io::Result<()> {
    let mut record = vec![0; plaintext.len() + OVERHEAD];
    sealer.seal(plaintext, &mut record).ok_or(io::ErrorKind::InvalidInput)?;
    link.write_all(&record)?;
    link.flush()
}

/// What was received and stands complete.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) hash: [u8; 32],
    pub(super) path: Option<PathBuf>,
}

/// Receives exactly `size` bytes into `sink`, and completes it.
///
/// `rest` is what has been read from the link already.
pub(super) fn receive(
    sink: Box<dyn Sink>,
    size: u64,
    digest: Digest,
    link: &mut impl Read,
    rest: Vec<u8>,
    opener: &mut Opener,
    moved: &Moved,
) -> Result<Stored, Stopped> {
    let (full, chunks) = sync_channel(CHUNKS);
    let (empty, spare) = sync_channel(CHUNKS);
    thread::scope(|scope| {
        let writing = scope.spawn(move || hash_and_write(chunks, &empty, Hash::new(digest), sink));
        let mut incoming = Incoming::new(rest);
        let read = read_and_open(&mut incoming, size, link, opener, &full, Pool::new(spare), moved);
        drop(full);
        let written = writing.join().unwrap_or_else(|_| Err(Stopped::Sink(panicked())))?;
        read?;
        let (hash, sink) = written;
        let path = sink.complete().map_err(Stopped::Sink)?;
        Ok(Stored { hash, path })
    })
}

fn read_and_open(
    incoming: &mut Incoming,
    size: u64,
    link: &mut impl Read,
    opener: &mut Opener,
    full: &SyncSender<Chunk>,
    mut spare: Pool,
    moved: &Moved,
) -> Result<(), Stopped> {
    let mut missing = size;
    while missing > 0 {
        let Some(mut chunk) = spare.next() else { return Ok(()) };
        incoming.open(link, opener, missing, &mut chunk)?;
        missing -= chunk.length as u64;
        moved.fetch_add(chunk.length as u64, Ordering::Relaxed);
        if full.send(chunk).is_err() {
            return Ok(());
        }
    }
    if incoming.is_empty() { Ok(()) } else { Err(Stopped::TooMuch) }
}

type Written = ([u8; 32], Box<dyn Sink>);

fn hash_and_write(
    chunks: Receiver<Chunk>,
    empty: &SyncSender<Chunk>,
    mut hash: Hash,
    mut sink: Box<dyn Sink>,
) -> Result<Written, Stopped> {
    for chunk in chunks {
        hash.update(chunk.bytes());
        sink.write_all(chunk.bytes()).map_err(Stopped::Sink)?;
        let _ = empty.send(chunk); // the reading thread may be through
    }
    sink.flush().map_err(Stopped::Sink)?;
    Ok((hash.finish(), sink))
}

/// Reads one record, of a peer that has nothing more to say.
pub(super) fn receive_record(
    link: &mut impl Read,
    rest: Vec<u8>,
    opener: &mut Opener,
) -> Result<Vec<u8>, Stopped> {
    let mut incoming = Incoming::new(rest);
    loop {
        if let Some(length) = incoming.frame()? {
            let mut record = Chunk::default();
            incoming.take(length, opener, &mut record)?;
            return Ok(record.bytes().to_vec());
        }
        incoming.fill(link)?;
    }
}

/// What a link has brought and nobody has opened yet.
struct Incoming {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Incoming {
    fn new(rest: Vec<u8>) -> Self {
        let end = rest.len();
        let mut buffer = rest;
        buffer.resize(WINDOW.max(end), 0);
        Self { buffer, start: 0, end }
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn frame(&self) -> Result<Option<usize>, Stopped> {
        frame(self.waiting()).map_err(|_| Stopped::Record)
    }

    /// Opens records into `chunk`: at least one, waiting for it, and then those that are here and fit.
    fn open(
        &mut self,
        link: &mut impl Read,
        opener: &mut Opener,
        missing: u64,
        chunk: &mut Chunk,
    ) -> Result<(), Stopped> {
        loop {
            match self.frame()? {
                Some(length) if chunk.length == 0 || chunk.length + length <= CHUNK + OVERHEAD => {
                    self.take(length, opener, chunk)?;
                    if chunk.length as u64 > missing {
                        return Err(Stopped::TooMuch);
                    }
                    if chunk.length as u64 == missing {
                        return Ok(());
                    }
                }
                None if chunk.length == 0 => self.fill(link)?,
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Opens the record of `length` sealed bytes that is here, to the end of `chunk`.
    fn take(
        &mut self,
        length: usize,
        opener: &mut Opener,
        chunk: &mut Chunk,
    ) -> Result<(), Stopped> {
        let begin = self.start + LENGTH_BYTES;
        let sealed = self.buffer.get(begin..begin + length).unwrap_or_default();
        let plaintext = chunk.append((length + LENGTH_BYTES).saturating_sub(OVERHEAD));
        opener.open(sealed, plaintext).map_err(|_| Stopped::Record)?;
        self.start = begin + length;
        Ok(())
    }

    /// Reads more from the link.
    fn fill(&mut self, link: &mut impl Read) -> Result<(), Stopped> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            // A record longer than ours, within the limit that `frame` holds it to.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match link.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return Err(Stopped::Link),
                Ok(length) => {
                    self.end += length;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Stopped::Link),
            }
        }
    }
}

pub(super) fn panicked() -> io::Error {
    io::Error::other("a thread of the transfer has panicked")
}

#[cfg(test)]
mod tests;

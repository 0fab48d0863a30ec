use std::{
    io::{Cursor, Read, Write},
    sync::{Arc, Mutex},
};

use wormhole_sync_core::{
    transit::TransitKey,
    wire::{limits::MAX_RECORD, transit::Role},
};

use super::*;

fn key() -> TransitKey {
    TransitKey::new(&wormhole_sync_testkit::doc::keys().0)
}

fn bytes(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Hash::new(Digest::Sha256);
    hash.update(bytes);
    hash.finish()
}

/// Keeps what it gets, and fails at a given number of bytes.
#[derive(Clone, Default)]
struct Kept {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Option<usize>,
    completed: Arc<Mutex<bool>>,
    fails_to_complete: bool,
}

impl Write for Kept {
    fn write(&mut self, new: &[u8]) -> io::Result<usize> {
        let mut bytes = self.bytes.lock().unwrap();
        if self.room.is_some_and(|room| bytes.len() + new.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.extend_from_slice(new);
        Ok(new.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Kept {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        *self.completed.lock().unwrap() = true;
        if self.fails_to_complete { Err(io::ErrorKind::StorageFull.into()) } else { Ok(None) }
    }
}

/// A link that brings its bytes in pieces of this many.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let length = space.len().min(self.1);
        self.0.read(&mut space[..length])
    }
}

/// A link that takes what is written, and sends it when it is flushed.
#[derive(Default)]
struct Lazy {
    held: Vec<u8>,
    sent: Vec<u8>,
}

impl Write for Lazy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sent.append(&mut self.held);
        Ok(())
    }
}

fn sent(plaintext: &[u8]) -> Vec<u8> {
    let (mut link, moved) = (Lazy::default(), Moved::default());
    let mut sealer = key().sealer(Role::Sender);
    let source = Cursor::new(plaintext.to_vec());
    let size = plaintext.len() as u64;
    let hashed = send(source, size, Digest::Sha256, &mut link, &mut sealer, &moved).unwrap();
    assert_eq!((hashed, moved.load(Ordering::Relaxed)), (hash(plaintext), size));
    link.sent
}

/// Records of a peer that has its own idea of their length.
fn records(plaintexts: &[&[u8]]) -> Vec<u8> {
    let (mut link, mut sealer) = (Vec::new(), key().sealer(Role::Sender));
    for plaintext in plaintexts {
        send_record(plaintext, &mut link, &mut sealer).unwrap();
    }
    link
}

fn received(link: Vec<u8>, size: u64, piece: usize, to: &Kept) -> Result<Stored, Stopped> {
    received_after(Vec::new(), link, size, piece, to)
}

fn received_after(
    rest: Vec<u8>,
    link: Vec<u8>,
    size: u64,
    piece: usize,
    to: &Kept,
) -> Result<Stored, Stopped> {
    let mut link = Pieces(Cursor::new(link), piece);
    let mut opener = key().opener(Role::Sender);
    receive(
        Box::new(to.clone()),
        size,
        Digest::Sha256,
        &mut link,
        rest,
        &mut opener,
        &Moved::default(),
    )
}

#[test]
fn what_is_sent_arrives_at_every_length_around_a_record_and_a_chunk() {
    let around = |length: usize| [length - 1, length, length + 1];
    let lengths = [0, 1].into_iter().chain(around(RECORD)).chain(around(CHUNK));
    for length in lengths.chain([CHUNK * (CHUNKS + 2) + 7]) {
        let plaintext = bytes(length);
        let link = sent(&plaintext);
        let records = length.div_ceil(RECORD);
        assert_eq!(link.len(), length + records * OVERHEAD, "{length} bytes");
        let to = Kept::default();
        let stored = received(link, length as u64, usize::MAX, &to).unwrap();
        assert_eq!(stored.hash, hash(&plaintext));
        assert!(*to.bytes.lock().unwrap() == plaintext, "{length} bytes");
        assert!(*to.completed.lock().unwrap());
    }
}

#[test]
fn pieces_of_any_size_make_the_same() {
    let plaintext = bytes(3 * RECORD + 5);
    for piece in [1, 3, 44, 1000, RECORD + 43] {
        let to = Kept::default();
        received(sent(&plaintext), plaintext.len() as u64, piece, &to).unwrap();
        assert!(*to.bytes.lock().unwrap() == plaintext, "in pieces of {piece}");
    }
}

#[test]
fn what_was_read_before_the_threads_began_is_not_lost() {
    let plaintext = bytes(2 * RECORD);
    let link = sent(&plaintext);
    for split in [0, 1, 4, 50, RECORD + 44, link.len()] {
        let to = Kept::default();
        let (rest, link) = link.split_at(split);
        let size = plaintext.len() as u64;
        received_after(rest.to_vec(), link.to_vec(), size, usize::MAX, &to).unwrap();
        assert!(*to.bytes.lock().unwrap() == plaintext, "split at {split}");
    }
}

#[test]
fn records_of_other_peers_lengths_are_taken_up_to_the_limit() {
    let long = bytes(MAX_RECORD);
    let link = records(&[&long[..16_384], b"", &long, b"x", &long[..4096]]);
    let to = Kept::default();
    let size = 16_384 + long.len() + 1 + 4096;
    received(link, size as u64, 70_000, &to).unwrap();
    assert_eq!(to.bytes.lock().unwrap().len(), size);
}

#[test]
fn more_than_was_announced_is_refused_and_completes_nothing() {
    for link in [records(&[b"12345"]), records(&[b"123", b"45"]), records(&[b"1234", b"5"])] {
        let to = Kept::default();
        assert!(matches!(received(link, 4, usize::MAX, &to), Err(Stopped::TooMuch)));
        assert!(!*to.completed.lock().unwrap());
    }
}

#[test]
fn a_link_that_ends_early_completes_nothing() {
    let link = sent(&bytes(CHUNK * 3));
    for cut in [0, 3, 100, RECORD + 44, link.len() - 1] {
        let to = Kept::default();
        let outcome = received(link[..cut].to_vec(), (CHUNK * 3) as u64, usize::MAX, &to);
        assert!(matches!(outcome, Err(Stopped::Link)), "cut at {cut}");
        assert!(!*to.completed.lock().unwrap());
    }
}

#[test]
fn what_is_no_record_of_the_peers_completes_nothing() {
    let link = records(&[b"1234", b"5678"]);
    let mut flipped = link.clone();
    flipped[60] ^= 1;
    let reordered = [&link[48..], &link[..48]].concat();
    let replayed = [&link[..48], &link[..48]].concat();
    let endless = vec![0xff; 100];
    for link in [flipped, reordered, replayed, endless, b"HTTP/1.1 200 OK".to_vec()] {
        let to = Kept::default();
        assert!(matches!(received(link, 8, usize::MAX, &to), Err(Stopped::Record)));
        assert!(!*to.completed.lock().unwrap());
    }
}

#[test]
fn a_sink_without_room_ends_both_threads() {
    let link = sent(&bytes(CHUNK * (CHUNKS + 4)));
    let to = Kept { room: Some(CHUNK * 2), ..Kept::default() };
    let outcome = received(link, (CHUNK * (CHUNKS + 4)) as u64, usize::MAX, &to);
    assert!(matches!(outcome, Err(Stopped::Sink(_))));
    assert!(!*to.completed.lock().unwrap());
}

#[test]
fn a_sink_that_cannot_be_completed_is_a_failure() {
    let to = Kept { fails_to_complete: true, ..Kept::default() };
    let outcome = received(sent(b"1234"), 4, usize::MAX, &to);
    assert!(matches!(outcome, Err(Stopped::Sink(_))));
}

#[test]
fn a_source_that_ends_early_is_a_failure() {
    let (mut link, mut sealer) = (Vec::new(), key().sealer(Role::Sender));
    let source = Cursor::new(bytes(CHUNK + 10));
    let size = (CHUNK + 11) as u64;
    let outcome = send(source, size, Digest::Sha256, &mut link, &mut sealer, &Moved::default());
    assert!(matches!(outcome, Err(Stopped::Source(_))));
}

#[test]
fn a_source_that_has_grown_is_sent_as_it_was_announced() {
    let plaintext = bytes(CHUNK + 10);
    let (mut link, mut sealer) = (Vec::new(), key().sealer(Role::Sender));
    let source = Cursor::new(plaintext.clone());
    let hashed =
        send(source, 7, Digest::Sha256, &mut link, &mut sealer, &Moved::default()).unwrap();
    assert_eq!((hashed, link.len()), (hash(&plaintext[..7]), 7 + OVERHEAD));
}

/// A link that takes a few writes and breaks.
struct Breaks(usize);

impl Write for Breaks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_link_that_breaks_ends_both_threads() {
    for writes in 0..4 {
        let mut sealer = key().sealer(Role::Sender);
        let source = io::repeat(7);
        let size = (CHUNK * 100) as u64;
        let outcome =
            send(source, size, Digest::Sha256, &mut Breaks(writes), &mut sealer, &Moved::default());
        assert!(matches!(outcome, Err(Stopped::Link)), "after {writes} writes");
    }
}

#[test]
fn the_one_record_of_the_other_direction() {
    let link = records(&[br#"{"ack":"ok"}"#]);
    let mut opener = key().opener(Role::Sender);
    let mut pieces = Pieces(Cursor::new(link[10..].to_vec()), 1);
    let record = receive_record(&mut pieces, link[..10].to_vec(), &mut opener).unwrap();
    assert_eq!(record, br#"{"ack":"ok"}"#);
    let nothing = receive_record(&mut io::empty(), vec![], &mut opener);
    assert!(matches!(nothing, Err(Stopped::Link)));
}

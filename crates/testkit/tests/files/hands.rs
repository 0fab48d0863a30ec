//! Both sides of a transfer in one hand: sources and sinks that fail when they are to, and what is told.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use wormhole_sync::{
    Error, ErrorKind, Fault,
    transfer::{self, Event, Offered, OfferedFiles, Outgoing, Routes, Sink, Transfer},
};

use crate::support::{Server, pair, soon};

pub(crate) const SIZE: u64 = 3_000_000;

pub(crate) fn routes() -> Routes {
    Routes::new().listen_at("127.0.0.1:0".parse().unwrap())
}

/// A sink in memory, and what has become of it.
#[derive(Clone, Default)]
pub(crate) struct Spool {
    pub(crate) bytes: Arc<Mutex<Vec<u8>>>,
    pub(crate) complete: Arc<AtomicBool>,
    pub(crate) fails: Fails,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum Fails {
    #[default]
    Never,
    Writing,
    WritingByPanic,
    Completing,
    CompletingByPanic,
}

impl Spool {
    pub(crate) fn that(fails: Fails) -> Self {
        Self { fails, ..Self::default() }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::SeqCst)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.fails {
            Fails::Writing => return Err(io::ErrorKind::StorageFull.into()),
            Fails::WritingByPanic => panic!("as the test wants it"),
            Fails::Never | Fails::Completing | Fails::CompletingByPanic => {}
        }
        self.bytes.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Spool {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        match self.fails {
            Fails::Completing => return Err(io::Error::other("no place for it")),
            Fails::CompletingByPanic => panic!("as the test wants it"),
            Fails::Never | Fails::Writing | Fails::WritingByPanic => {}
        }
        self.complete.store(true, Ordering::SeqCst);
        Ok(None)
    }
}

/// So many bytes, and then a pause, an error, or a panic.
pub(crate) struct Source {
    pub(crate) left: u64,
    pub(crate) then: Then,
}

pub(crate) enum Then {
    Fail,
    Panic,
    /// Nothing more comes until the other end is dropped, and then as much as is wanted.
    Wait(std::sync::mpsc::Receiver<()>),
}

impl Read for Source {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            match &self.then {
                Then::Fail => return Err(io::Error::other("the disk is on fire")),
                Then::Panic => panic!("as the test wants it"),
                Then::Wait(until) => {
                    let _ = until.recv(); // it only ever ends
                    self.left = u64::MAX;
                }
            }
        }
        let length = space.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= length as u64;
        Ok(length)
    }
}

pub(crate) fn zeros() -> Outgoing {
    Outgoing::bytes("zeros", SIZE, io::repeat(0).take(SIZE))
}

/// A file whose first half comes at once, and whose second half does not come before the sender of this is dropped.
pub(crate) fn half() -> (std::sync::mpsc::Sender<()>, Outgoing) {
    let (go_on, wait) = std::sync::mpsc::channel();
    (go_on, Outgoing::bytes("half", SIZE, Source { left: SIZE / 2, then: Then::Wait(wait) }))
}

/// A file that comes so slowly that it is in its middle for most of a minute, and never keeps anybody waiting.
pub(crate) fn slow() -> Outgoing {
    struct Slow;

    impl Read for Slow {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(10));
            Ok(space.len().min(1 << 16))
        }
    }

    Outgoing::bytes("slow", 1 << 28, Slow)
}

/// Something offered to somebody who has not answered yet.
pub(crate) async fn offered(server: &Server, outgoing: Outgoing) -> (Transfer, OfferedFiles) {
    soon(async {
        let (one, other) = pair(&server.options()).await;
        let sending = transfer::send(one, outgoing, &routes()).await.unwrap();
        let Offered::Files(files) = transfer::receive(other).await.unwrap() else {
            panic!("a file was sent")
        };
        (sending, files)
    })
    .await
}

/// Both sides of a transfer under way.
pub(crate) async fn accepted(
    server: &Server,
    outgoing: Outgoing,
    sink: Spool,
) -> (Transfer, Transfer) {
    let (sending, files) = offered(server, outgoing).await;
    (sending, soon(files.accept(Box::new(sink), &routes())).await.unwrap())
}

pub(crate) async fn both(one: Transfer, other: Transfer) -> (Result<(), Error>, Result<(), Error>) {
    soon(async { tokio::join!(one.finish(), other.finish()) }).await
}

/// The events until the end, but for those of progress, and the last of these.
pub(crate) async fn told(transfer: &mut Transfer) -> (Vec<Event>, u64) {
    let (mut events, mut moved) = (Vec::new(), 0);
    while let Some(event) = soon(transfer.next()).await {
        match event {
            Event::Moved { bytes } => {
                assert!(bytes > moved, "progress goes forward: {bytes} after {moved}");
                moved = bytes;
            }
            other => events.push(other),
        }
    }
    (events, moved)
}

/// Waits until bytes have moved.
pub(crate) async fn moving(transfer: &mut Transfer) {
    while !matches!(soon(transfer.next()).await.unwrap(), Event::Moved { .. }) {}
}

/// A transfer in its middle, which goes on to its end when the last of these is dropped.
pub(crate) async fn half_way(
    server: &Server,
) -> (Transfer, Transfer, Spool, std::sync::mpsc::Sender<()>) {
    let (go_on, outgoing) = half();
    let spool = Spool::default();
    let (sending, mut receiving) = accepted(server, outgoing, spool.clone()).await;
    moving(&mut receiving).await;
    (sending, receiving, spool, go_on)
}

/// Of two, the one that gave up says so, and the other learns why.
pub(crate) fn assert_told(
    own: Result<(), Error>,
    others: Result<(), Error>,
    kind: ErrorKind,
    reason: &str,
) {
    let own = own.unwrap_err();
    assert_eq!(own.kind(), kind, "{own}");
    let other = others.unwrap_err();
    assert_eq!((other.kind(), other.fault()), (ErrorKind::Rejected, Fault::Peer), "{other}");
    assert!(other.to_string().contains(reason), "{other}");
}

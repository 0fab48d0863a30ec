//! A way from one socket to another that stays within the system, so that bytes are not copied.
//!
//! On Linux bytes can be moved from a socket into a pipe and from there into another (`splice`). That
//! costs two file descriptors, which a direction has only while something is in the pipe. Where there
//! is no such way, or all are taken, bytes are copied.

use std::{
    cell::RefCell,
    io,
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, ready},
};

use rustix::{
    io::Errno,
    pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice},
};
use tokio::{io::Interest, net::TcpStream};

/// Bytes that a pipe holds: as many as the system lets everybody have. With less the two ends are woken
/// more often, which costs as much as the copying that is spared.
const ROOM: usize = 1 << 20;

/// Pipes at a time. Readers who do not read could fill any number of them, and the system lets a user
/// have 64 MiB.
const MOST: usize = 64;

/// Pipes of all threads, in use or not.
static COUNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Empty pipes.
    static SPARE: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

/// Whether the system has turned out to have no such way.
static IS_UNKNOWN: AtomicBool = AtomicBool::new(false);

/// A pipe, and what is in it.
pub(super) struct Conduit {
    pipe: Option<Pipe>,
    held: usize,
}

struct Pipe {
    reads: OwnedFd,
    writes: OwnedFd,
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let (reads, writes) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        fcntl_setpipe_size(&writes, ROOM)?;
        COUNT.fetch_add(1, Relaxed);
        Ok(Self { reads, writes })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Relaxed);
    }
}

impl Conduit {
    /// One that is empty, if there is any.
    pub(super) fn take() -> Option<Self> {
        if IS_UNKNOWN.load(Relaxed) {
            return None;
        }
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let new = || (COUNT.load(Relaxed) < MOST).then(Pipe::new)?.ok();
        let pipe = spare.or_else(new)?;
        Some(Self { pipe: Some(pipe), held: 0 })
    }

    /// Bytes that are in it.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Moves what has come at a socket into the pipe, which must be empty. How much that was; nothing is
    /// the socket's end. [`Unsupported`](io::ErrorKind::Unsupported) where it has to be copied.
    pub(super) fn poll_fill(
        &mut self,
        from: &TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some(pipe) = &self.pipe else { return Poll::Ready(Ok(0)) };
        loop {
            ready!(from.poll_read_ready(context))?;
            let moved = from.try_io(Interest::READABLE, || shift(from, &pipe.writes, ROOM));
            match moved {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(moved) => {
                    self.held = moved;
                    return Poll::Ready(Ok(moved));
                }
                Err(error) if is_unknown(&error) => {
                    IS_UNKNOWN.store(true, Relaxed);
                    return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Moves what is in the pipe to a socket. Ready when it is empty.
    pub(super) fn poll_drain(
        &mut self,
        to: &TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(pipe) = &self.pipe else { return Poll::Ready(Ok(())) };
        while self.held > 0 {
            ready!(to.poll_write_ready(context))?;
            let moved = to.try_io(Interest::WRITABLE, || shift(&pipe.reads, to, self.held));
            match moved {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(moved) => self.held -= moved,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// An empty pipe is kept for whoever is next.
impl Drop for Conduit {
    fn drop(&mut self) {
        if let Some(pipe) = self.pipe.take().filter(|_| self.held == 0) {
            // At the end of a thread there is no next.
            let _ = SPARE.try_with(|spare| spare.borrow_mut().push(pipe));
        }
    }
}

fn shift(
    from: impl std::os::fd::AsFd,
    to: impl std::os::fd::AsFd,
    most: usize,
) -> io::Result<usize> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    splice(from, None, to, None, most, flags).map_err(|error: Errno| error.into())
}

/// Whether it is the system that does not know `splice`, or not for sockets.
fn is_unknown(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSYS | Errno::INVAL | Errno::PERM))
}

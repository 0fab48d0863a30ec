//! The changes of status, for a reader with a pace of its own.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;

use super::Status;

/// Changes of status that wait for their reader: 64. A flapping connection makes four each time, for as
/// long as an exchange may last.
///
/// ```
/// use wormhole_sync::{Options, STATUS_BACKLOG, Status, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let (options, mut statuses) = Options::new().rendezvous(url).status_stream();
/// Wormhole::connect("example.com/chat", options).await?.allocate().await?.close().await?;
/// let mut waiting = 0; // nobody has read until now
/// while let Some(_) = statuses.next().await {
///     waiting += 1;
/// }
/// assert!(waiting <= STATUS_BACKLOG);
/// # Ok(()) });
/// ```
pub const STATUS_BACKLOG: usize = 64;

/// A stream of [`Status`].
///
/// The exchange does not wait for its reader: when [`STATUS_BACKLOG`] changes are unread, the oldest
/// is forgotten for each that comes. So the last ones are always there, and what a slow reader misses
/// is how it came to them. It ends once the exchange and its options are gone.
///
/// ```
/// use wormhole_sync::{Options, Status, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// let (options, mut statuses) = Options::new().rendezvous(url).status_stream();
/// Wormhole::connect("example.com/chat", options).await?.allocate().await?.close().await?;
/// let mut codes = 0;
/// while let Some(status) = statuses.next().await {
///     codes += usize::from(matches!(status, Status::Code(_)));
/// }
/// assert_eq!(codes, 1);
/// # Ok(()) });
/// ```
pub struct StatusStream(Arc<Mutex<Backlog>>);

/// Where the changes come from. Its going ends the stream.
pub(super) struct Teller(Arc<Mutex<Backlog>>);

#[derive(Default)]
struct Backlog {
    unread: VecDeque<Status>,
    reader: Option<Waker>,
    ended: bool,
}

pub(super) fn statuses() -> (Teller, StatusStream) {
    let backlog = Arc::<Mutex<Backlog>>::default();
    (Teller(Arc::clone(&backlog)), StatusStream(backlog))
}

impl Teller {
    pub(super) fn tell(&self, status: Status) {
        let mut backlog = lock(&self.0);
        if backlog.unread.len() == STATUS_BACKLOG {
            backlog.unread.pop_front();
        }
        backlog.unread.push_back(status);
        wake(backlog);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let mut backlog = lock(&self.0);
        backlog.ended = true;
        wake(backlog);
    }
}

impl StatusStream {
    /// The next change; `None` once the exchange and its options are gone. Cancelling loses nothing.
    ///
    /// ```
    /// use wormhole_sync::Options;
    ///
    /// # wormhole_sync_testkit::doc::run(async |_| {
    /// let (options, mut statuses) = Options::new().status_stream();
    /// drop(options); // an exchange that never was
    /// assert!(statuses.next().await.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn next(&mut self) -> Option<Status> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Status>> {
        let mut backlog = lock(&self.0);
        match backlog.unread.pop_front() {
            Some(status) => Poll::Ready(Some(status)),
            None if backlog.ended => Poll::Ready(None),
            None => {
                backlog.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for StatusStream {
    type Item = Status;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Status>> {
        self.poll(context)
    }
}

impl fmt::Debug for StatusStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusStream").finish_non_exhaustive()
    }
}

/// Wakes the reader, outside the lock.
fn wake(mut backlog: MutexGuard<'_, Backlog>) {
    let reader = backlog.reader.take();
    drop(backlog);
    if let Some(reader) = reader {
        reader.wake();
    }
}

fn lock(backlog: &Mutex<Backlog>) -> MutexGuard<'_, Backlog> {
    backlog.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_slow_reader_misses_the_oldest_and_finds_the_last() {
        let (teller, stream) = statuses();
        for bits in 0..1_000 {
            teller.tell(Status::Working { bits });
        }
        teller.tell(Status::Closed);
        drop(teller);
        let statuses: Vec<Status> = stream.collect().await; // as any stream
        assert_eq!(statuses.len(), STATUS_BACKLOG);
        assert!(matches!(statuses.first(), Some(Status::Working { bits: 937 })));
        assert!(matches!(statuses.last(), Some(Status::Closed)));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let (teller, mut stream) = statuses();
        let reading = tokio::spawn(async move { (stream.next().await, stream.next().await) });
        tokio::task::yield_now().await;
        teller.tell(Status::Connected);
        tokio::task::yield_now().await;
        drop(teller);
        assert!(matches!(reading.await.unwrap(), (Some(Status::Connected), None)));
    }
}

//! Goodbyes: how long they may take, and waiting for those in the background.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// How long a [`close`](crate::Wormhole::close) waits for the server to confirm: 60 s.
///
/// ```
/// use tokio::time::timeout;
/// use wormhole_sync::{CLOSE_LIMIT, Options, Wormhole};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let options = Options::new().rendezvous(url);
/// let connected = Wormhole::connect("example.com/chat", options).await?;
/// timeout(CLOSE_LIMIT, connected.close()).await.expect("a close has a limit of its own")?;
/// # Ok(()) });
/// ```
pub const CLOSE_LIMIT: Duration = Duration::from_secs(60);

/// How long the goodbye goes on in the background after a drop, or a passed time limit: 5 s.
///
/// ```
/// use wormhole_sync::{DROP_LIMIT, Options, Wormhole, farewells};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let options = Options::new().rendezvous(url);
/// drop(Wormhole::connect("example.com/chat", options).await?.allocate().await?);
/// assert!(farewells(DROP_LIMIT).await, "the nameplate is free again");
/// # Ok(()) });
/// ```
pub const DROP_LIMIT: Duration = Duration::from_secs(5);

/// Goodbyes under way in the background.
static GOODBYES: AtomicUsize = AtomicUsize::new(0);
static GOODBYE_OVER: Notify = Notify::const_new();

/// Waits until every goodbye in the background is over, at most for `limit`. For programs about to
/// exit; returns whether all are over.
///
/// ```
/// use std::time::Duration;
/// use wormhole_sync::{Options, Wormhole, farewells};
///
/// # wormhole_sync_testkit::doc::run(async |url| {
/// # let options = Options::new().rendezvous(url);
/// # let mut watching = Wormhole::connect("example.com/chat", options.clone()).await?;
/// drop(Wormhole::connect("example.com/chat", options).await?.allocate().await?);
/// assert!(farewells(Duration::from_secs(5)).await);
/// assert!(watching.nameplates().await?.is_empty()); // the number is free again
/// # Ok(()) });
/// ```
pub async fn farewells(limit: Duration) -> bool {
    let all = async {
        loop {
            let over = GOODBYE_OVER.notified();
            if GOODBYES.load(Ordering::Acquire) == 0 {
                return;
            }
            over.await;
        }
    };
    timeout(limit, all).await.is_ok()
}

/// Which of the two ends of a driver are gone. The application's going first makes a goodbye in the
/// background, which the driver's going ends.
#[derive(Default)]
struct Ends {
    application: bool,
    driver: bool,
}

pub(super) struct ApplicationEnd(Arc<Mutex<Ends>>);

pub(super) struct DriverEnd(Arc<Mutex<Ends>>);

pub(super) fn ends() -> (ApplicationEnd, DriverEnd) {
    let ends = Arc::<Mutex<Ends>>::default();
    (ApplicationEnd(ends.clone()), DriverEnd(ends))
}

impl Drop for ApplicationEnd {
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.application = true;
        if !ends.driver {
            GOODBYES.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for DriverEnd {
    /// Also when its runtime is torn down.
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.driver = true;
        if ends.application {
            GOODBYES.fetch_sub(1, Ordering::AcqRel);
            GOODBYE_OVER.notify_waiters();
        }
    }
}

//! Goodbyes: how long they may take, and waiting for those in the background.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
    time::timeout,
};

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

/// The runtime of each goodbye under way in the background.
static UNDER_WAY: Mutex<Vec<Id>> = Mutex::new(Vec::new());
static ONE_IS_OVER: Notify = Notify::const_new();

/// Waits, at most for `limit`, for the goodbyes of what was dropped on this runtime; returns whether
/// all are over. For programs about to exit, or to shut the runtime down, which ends them.
///
/// What counts is the runtime on which something was made, wherever it was dropped. Goodbyes that
/// begin while this waits are waited for too; what is still held is not. Each is over within about
/// [`DROP_LIMIT`], be the server there or not. The values of [`blocking`](crate::blocking) wait for
/// their goodbyes themselves.
///
/// Must be called inside a tokio runtime.
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
    let here = Handle::current().id();
    let all = async {
        loop {
            let over = ONE_IS_OVER.notified();
            if !under_way().contains(&here) {
                return;
            }
            over.await;
        }
    };
    timeout(limit, all).await.is_ok()
}

/// Which of the two ends of a driver are gone. The application's going first makes a goodbye in the
/// background, which the driver's going ends.
struct Ends {
    runtime: Id,
    application: bool,
    driver: bool,
}

pub(crate) struct ApplicationEnd(Arc<Mutex<Ends>>);

pub(crate) struct DriverEnd(Arc<Mutex<Ends>>);

/// The ends of a driver on the present runtime.
pub(crate) fn ends() -> (ApplicationEnd, DriverEnd) {
    let ends = Ends { runtime: Handle::current().id(), application: false, driver: false };
    let ends = Arc::new(Mutex::new(ends));
    (ApplicationEnd(ends.clone()), DriverEnd(ends))
}

impl Drop for ApplicationEnd {
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.application = true;
        if !ends.driver {
            under_way().push(ends.runtime);
        }
    }
}

impl Drop for DriverEnd {
    /// Also when its runtime is torn down.
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.driver = true;
        if ends.application {
            let mut under_way = under_way();
            if let Some(index) = under_way.iter().position(|runtime| *runtime == ends.runtime) {
                under_way.swap_remove(index);
            }
            ONE_IS_OVER.notify_waiters();
        }
    }
}

fn under_way() -> MutexGuard<'static, Vec<Id>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What systemd is told, when it has started the server: that it is ready, reads its settings, stops, and is alive.

use std::time::Duration;

use sd_notify::NotifyState;
use wormhole_sync_server::Control;

/// How often the server shows in the time that systemd allows that it is alive: it may take one part of it to
/// do so, so that two are gone at the most between one time and the next.
const PARTS: u32 = 3;

/// All doors are open, and the database is read.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Settings are read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "there is no clock to tell systemd the time by"),
    }
}

/// Nobody is served any more.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Says from now on that the server is alive, for as long as it is: that tasks are run, and that what writes the
/// database does not hang. Whoever hangs is ended and started again by systemd.
pub(super) fn feed_watchdog(control: Control) {
    let Some(allowed) = sd_notify::watchdog_enabled().filter(|time| !time.is_zero()) else {
        return;
    };
    let is_alive = move |patience| {
        let control = control.clone();
        async move { control.is_alive(patience).await }
    };
    tokio::spawn(feed(allowed, is_alive, || tell(&[NotifyState::Watchdog])));
}

async fn feed<F: Future<Output = bool>>(
    allowed: Duration,
    is_alive: impl Fn(Duration) -> F,
    tell: impl Fn(),
) {
    let part = (allowed / PARTS).max(Duration::from_millis(1));
    let mut feeding = tokio::time::interval(part);
    loop {
        feeding.tick().await;
        if is_alive(part).await {
            tell();
        } else {
            tracing::error!("what writes the database hangs: systemd will start the server again");
        }
    }
}

/// Does nothing where no systemd wants to hear.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told of the server");
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const ALLOWED: Duration = Duration::from_secs(30);

    /// When the watchdog is fed by a server that takes so long each time to show that it is alive, for
    /// five minutes, and the longest that it goes hungry.
    async fn longest_without(takes: impl Fn() -> Duration) -> Duration {
        let last = Rc::new(Cell::new(Instant::now()));
        let longest = Rc::new(Cell::new(Duration::ZERO));
        let is_alive = |patience| {
            let takes = takes();
            async move { timeout(patience, sleep(takes)).await.is_ok() }
        };
        let tell = || longest.set(longest.get().max(last.replace(Instant::now()).elapsed()));
        _ = timeout(10 * ALLOWED, feed(ALLOWED, is_alive, tell)).await;
        longest.get().max(last.get().elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_alive_is_never_late_however_long_it_takes_to_show_it() {
        let longest = longest_without(|| Duration::ZERO).await;
        assert!(longest <= ALLOWED / 2, "{longest:?}");
        let number = Cell::new(0);
        let uneven = || {
            number.set(number.get() + 1);
            if number.get() % 2 == 0 { Duration::ZERO } else { ALLOWED / PARTS * 9 / 10 }
        };
        let longest = longest_without(uneven).await;
        assert!(longest <= ALLOWED * 3 / 4, "{longest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_told_of_no_more() {
        let number = Cell::new(0);
        let hangs = || {
            number.set(number.get() + 1);
            if number.get() > 3 { Duration::MAX } else { Duration::ZERO }
        };
        let longest = longest_without(hangs).await;
        assert!(longest > 5 * ALLOWED, "{longest:?}");
    }
}

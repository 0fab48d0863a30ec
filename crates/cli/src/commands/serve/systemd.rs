//! What systemd is told, when it has started the server: that it is ready, reads its settings, stops, and is alive.

use std::time::Duration;

use sd_notify::NotifyState;

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

/// Says from now on, twice in the time that systemd allows, that tasks are run.
pub(super) fn feed_watchdog() {
    let Some(allowed) = sd_notify::watchdog_enabled().filter(|time| !time.is_zero()) else {
        return;
    };
    let mut feeding = tokio::time::interval((allowed / 2).max(Duration::from_millis(1)));
    tokio::spawn(async move {
        loop {
            feeding.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    });
}

/// Does nothing where no systemd wants to hear.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told of the server");
    }
}

//! Ctrl-C and its relatives.

use crate::exit::{Exit, Failure};

/// Waits for Ctrl-C or a termination signal, and tells which exit code is due. The signals are
/// caught from the call on, not from the first poll.
#[cfg(unix)]
pub(crate) fn stop() -> Result<impl Future<Output = Exit>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let deaf = |error| Failure::here(format!("signals cannot be caught: {error}; start again"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn stop() -> Result<impl Future<Output = Exit>, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
        Exit::Interrupted
    })
}

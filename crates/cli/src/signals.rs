//! Ctrl-C and its relatives.

use crate::exit::{Exit, Failure};

/// Waits for Ctrl-C, a termination signal, or the end of the terminal, and tells which exit code is due. The signals are
/// caught from the call on, not from the first poll.
#[cfg(unix)]
pub(crate) fn stop() -> Result<impl Future<Output = Exit>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let deaf = |error| Failure::here(format!("signals cannot be caught: {error}; start again"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    let mut hangup =
        if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup()).map_err(deaf)?) };
    Ok(async move {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => _ = hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
            () = hung_up => Exit::Terminated,
        }
    })
}

/// Whether `nohup` or its like is to keep this running when its terminal is closed: to listen for the signal would
/// undo that.
#[cfg(target_os = "linux")]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask & 1 != 0)
}

/// It cannot be known, and so is left as it is.
#[cfg(all(unix, not(target_os = "linux")))]
fn hangup_is_ignored() -> bool {
    true
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn stop() -> Result<impl Future<Output = Exit>, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
        Exit::Interrupted
    })
}

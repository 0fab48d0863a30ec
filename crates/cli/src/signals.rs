//! Ctrl-C and its relatives.

#[cfg(unix)]
use std::io::{IsTerminal, stderr, stdin};

#[cfg(unix)]
use tokio::signal::unix::SignalKind;

use crate::exit::{Exit, Failure};

/// Waits for Ctrl-C, a termination signal, or the end of the terminal, and tells which exit code is due. The signals are
/// caught from the call on, not from the first poll.
#[cfg(unix)]
pub(crate) fn stop() -> Result<impl Future<Output = Exit>, Failure> {
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut terminate = catch(SignalKind::terminate())?;
    let mut hangup = if hangup_is_ignored() { None } else { Some(catch(SignalKind::hangup())?) };
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

#[cfg(unix)]
fn catch(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Failure> {
    tokio::signal::unix::signal(kind)
        .map_err(|error| Failure::here(format!("signals cannot be caught: {error}; start again")))
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

/// What a server is told by signals.
pub(crate) enum Signal {
    /// To stop; a command that was cut short by it would end with this code.
    Stop(Exit),
    /// To stop, for its terminal is closed.
    Hangup,
    /// To read its settings again.
    Reload,
}

/// The signals that a server is told things by, caught for as long as this is there.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    /// Whether a hangup is the end of its terminal.
    at_terminal: bool,
}

#[cfg(unix)]
impl Signals {
    /// Catches them from now on.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let at_terminal = (stdin().is_terminal() || stderr().is_terminal()) && !hangup_is_ignored();
        Ok(Self {
            at_terminal,
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop(Exit::Interrupted),
            _ = self.terminate.recv() => Signal::Stop(Exit::Terminated),
            _ = self.hangup.recv() => if self.at_terminal { Signal::Hangup } else { Signal::Reload },
        }
    }
}

/// Ctrl-C, the one that there is everywhere.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Catches it when it is waited for.
    pub(crate) fn catch() -> Result<Self, Failure> {
        Ok(Self)
    }

    /// Waits for it.
    pub(crate) async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Stop(Exit::Interrupted)
    }
}

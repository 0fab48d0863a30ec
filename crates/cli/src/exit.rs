//! How the command ends: the exit codes, all of them, and the failures that lead to them.

use std::fmt;

use wormhole_sync::{Error, ErrorKind, Fault};

/// The exit codes. They are part of the command's interface: a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything was done.
    Success = 0,
    /// Something failed on this computer: a file, a stream, a port.
    Failure = 1,
    /// The command line, the code's form or the input is not usable as it stands.
    Usage = 2,
    /// The two codes do not match, or the code is in use by two others.
    WrongCode = 3,
    /// The mailbox server cannot be reached or trusted, or the other side cannot be reached.
    Unreachable = 4,
    /// The other side refused, failed or left.
    Peer = 5,
    /// The time limit passed.
    TimedOut = 6,
    /// The mailbox server refused, or does not speak the protocol.
    Server = 7,
    /// The person at this end said no.
    Declined = 8,
    /// Ctrl-C.
    Interrupted = 130,
    /// A termination signal, or the end of the terminal.
    Terminated = 143,
}

/// What the help, the man page and the documentation say about them.
pub(crate) const HELP: &str = "\
Exit codes:
    0  everything was done
    1  something failed on this computer (a file, a stream, a port)
    2  the command line, the code's form or the input is not usable as it stands
    3  the two codes do not match, or two others already use the code
    4  the mailbox server cannot be reached or trusted, or the other side not reached
    5  the other side refused, failed or left
    6  the time limit passed
    7  the mailbox server refused, or does not speak the protocol
    8  the person at this end said no
  130  interrupted (Ctrl-C)
  143  terminated, or its terminal closed";

/// Why the command did not do everything. The message ends with what to do.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    fault: &'static str,
    message: String,
}

impl Failure {
    /// A failure of this computer.
    pub(crate) fn here(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, "here", message)
    }

    /// Something that the caller can say better.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "caller", message)
    }

    /// The person at this end said no.
    pub(crate) fn declined(message: impl Into<String>) -> Self {
        Self::new(Exit::Declined, "caller", message)
    }

    /// `fault` is one word for who can do something about it: `code`, `peer`, `server`, `network`,
    /// `caller` or `here`.
    pub(crate) fn new(exit: Exit, fault: &'static str, message: impl Into<String>) -> Self {
        Self { exit, fault, message: message.into() }
    }

    /// The same failure, with another advice after it.
    pub(crate) fn but(mut self, advice: &str) -> Self {
        self.message = format!("{}; {advice}", self.message);
        self
    }

    /// The exit code that it leads to.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Who can do something about it, in one word.
    pub(crate) const fn fault(&self) -> &'static str {
        self.fault
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What an error of the library means for the command.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(crate) fn failure(error: Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::WrongCode | ErrorKind::Crowded => Exit::WrongCode,
        ErrorKind::BadCode | ErrorKind::BadUrl | ErrorKind::BadAppId | ErrorKind::TooLong => {
            Exit::Usage
        }
        // A port of this computer that cannot be listened on.
        ErrorKind::Unconnected if error.fault() == Fault::Caller => Exit::Failure,
        ErrorKind::Unreachable
        | ErrorKind::Insecure
        | ErrorKind::Unconfirmed
        | ErrorKind::Unconnected => Exit::Unreachable,
        ErrorKind::Server => Exit::Server,
        ErrorKind::Peer | ErrorKind::Rejected | ErrorKind::Interrupted | ErrorKind::Damaged => {
            Exit::Peer
        }
        ErrorKind::VerifierRefused => Exit::Declined,
        ErrorKind::TimedOut => Exit::TimedOut,
        _ => Exit::Failure,
    };
    let fault = match error.fault() {
        Fault::Code => "code",
        Fault::Peer => "peer",
        Fault::Server => "server",
        Fault::Network => "network",
        Fault::Caller => "caller",
        _ => "here", // none so far
    };
    Failure::new(exit, fault, error.to_string())
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::here(format!("there are no random numbers: {error}; stop here"))
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_in_the_help() {
        for exit in [
            Exit::Success,
            Exit::Failure,
            Exit::Usage,
            Exit::WrongCode,
            Exit::Unreachable,
            Exit::Peer,
            Exit::TimedOut,
            Exit::Server,
            Exit::Declined,
            Exit::Interrupted,
            Exit::Terminated,
        ] {
            assert!(HELP.contains(&format!("\n{:>5}  ", exit as u8)), "{exit:?}");
        }
    }
}

//! What becomes of errors: one of the package's exceptions.

use pyo3::{prelude::*, types::PyDict};
use wormhole_sync::{
    Error, ErrorKind, Fault,
    files::{FilesError, SourceError},
    is_harmful,
};

/// Why something did not come about.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The exception's name in `wormhole_sync.errors`.
    class: &'static str,
    fault: Fault,
    text: String,
}

impl Failure {
    /// A call that makes no sense here, or an argument.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { class: "UsageError", fault: Fault::Caller, text: text.into() }
    }

    /// This side has ended it.
    pub(crate) fn stopped(text: impl Into<String>) -> Self {
        Self { class: "StoppedError", fault: Fault::Caller, text: text.into() }
    }

    pub(crate) fn bad_code(text: impl Into<String>) -> Self {
        Self { class: "BadCodeError", fault: Fault::Code, text: text.into() }
    }

    /// An accident of this computer.
    pub(crate) fn trouble(text: impl Into<String>) -> Self {
        Self { class: "WormholeError", fault: Fault::Caller, text: text.into() }
    }

    pub(crate) fn verifier_refused() -> Self {
        let text = "the verifier was refused on this side; start again with a new code, and beware of whoever answered \
                    this one";
        Self { class: "VerifierRefusedError", fault: Fault::Caller, text: text.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let class = match error.kind() {
            ErrorKind::WrongCode => "WrongCodeError",
            ErrorKind::Crowded => "CrowdedError",
            ErrorKind::BadCode => "BadCodeError",
            ErrorKind::BadUrl
            | ErrorKind::BadAppId
            | ErrorKind::BadPurpose
            | ErrorKind::TooLong => "UsageError",
            ErrorKind::Unreachable | ErrorKind::Insecure => "UnreachableError",
            ErrorKind::Server | ErrorKind::Unconfirmed => "ServerError",
            ErrorKind::Peer => "PeerError",
            ErrorKind::Rejected => "RejectedError",
            ErrorKind::VerifierRefused => "VerifierRefusedError",
            ErrorKind::TimedOut => "TimedOutError",
            ErrorKind::Stopped | ErrorKind::Cancelled => "StoppedError",
            ErrorKind::Unconnected | ErrorKind::Interrupted | ErrorKind::Damaged => "LinkError",
            ErrorKind::Io => "FileError",
            _ => "WormholeError", // none so far
        };
        Self { class, fault: error.fault(), text: error.to_string() }
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        let class = if error.fault() == Fault::Peer { "PeerError" } else { "FileError" };
        Self { class, fault: error.fault(), text: error.to_string() }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { class: "FileError", fault: Fault::Caller, text: error.to_string() }
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| failure.raised(py).unwrap_or_else(|error| error))
    }
}

impl Failure {
    fn raised(self, py: Python<'_>) -> PyResult<PyErr> {
        let class = py.import("wormhole_sync.errors")?.getattr(self.class)?;
        let more = PyDict::new(py);
        more.set_item("fault", word(self.fault))?;
        Ok(PyErr::from_value(class.call((harmless(&self.text),), Some(&more))?))
    }
}

/// The text, in which a stranger's may stand, as one that a terminal can be shown: an exception that nobody catches
/// is printed.
fn harmless(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(LONGEST) {
        if is_harmful(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Most characters of a text, of which a stranger may have written any number.
const LONGEST: usize = 2000;

/// Who can do something about it, as the command's `--json` has it.
const fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Code => "code",
        Fault::Peer => "peer",
        Fault::Server => "server",
        Fault::Network => "network",
        _ => "caller",
    }
}

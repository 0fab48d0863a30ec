//! What becomes of errors: one of the package's exceptions.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
};

use pyo3::{prelude::*, types::PyDict};
use wormhole_sync::{
    Error, ErrorKind, Fault,
    files::{FilesError, Reason, SourceError, Unsendable},
    is_harmful,
};

/// Why something did not come about.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The exception's name in `wormhole_sync.errors`.
    class: &'static str,
    fault: Fault,
    text: String,
    file: File,
}

/// What an `OSError` tells besides.
#[derive(Clone, Debug, Default)]
struct File {
    /// What the system calls the trouble.
    errno: Option<i32>,
    name: Option<PathBuf>,
}

impl Failure {
    fn new(class: &'static str, fault: Fault, text: impl Into<String>) -> Self {
        Self { class, fault, text: text.into(), file: File::default() }
    }

    /// A call that makes no sense here, or an argument.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new("UsageError", Fault::Caller, text)
    }

    /// This side has ended it.
    pub(crate) fn stopped(text: impl Into<String>) -> Self {
        Self::new("StoppedError", Fault::Caller, text)
    }

    pub(crate) fn bad_code(text: impl Into<String>) -> Self {
        Self::new("BadCodeError", Fault::Code, text)
    }

    /// An accident of this computer.
    pub(crate) fn trouble(text: impl Into<String>) -> Self {
        Self::new("WormholeError", Fault::Caller, text)
    }

    pub(crate) fn verifier_refused() -> Self {
        let text = "the verifier was refused on this side; start again with a new code, and beware of whoever answered \
                    this one";
        Self::new("VerifierRefusedError", Fault::Caller, text)
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
            ErrorKind::Io => return of_file(error.fault(), &error.to_string(), behind(&error)),
            _ => "WormholeError", // none so far
        };
        Self::new(class, error.fault(), error.to_string())
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        let text = error.to_string();
        if error.fault() == Fault::Peer {
            return Self::new("PeerError", Fault::Peer, with_keywords(&text));
        }
        of_file(error.fault(), &text, (&error).into())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        of_file(Fault::Caller, &error.to_string(), (&error).into())
    }
}

fn of_file(fault: Fault, text: &str, file: File) -> Failure {
    Failure { file, ..Failure::new("FileError", fault, with_keywords(text)) }
}

/// What the library says of files, with the keywords by which Python is told what its advice is about.
fn with_keywords(text: &str) -> String {
    let Some((what, advice)) = text.rsplit_once("; ") else { return text.to_owned() };
    let advice = KEYWORDS.iter().fold(advice.to_owned(), |advice, (words, keyword)| {
        advice.replace(words, &format!("{words} ({keyword})"))
    });
    format!("{what}; {advice}")
}

/// What the library advises, and its keyword.
const KEYWORDS: [(&str, &str); 6] = [
    ("another name", "into=…"),
    ("one of your own", "into=…"),
    ("give it another", "name=…"),
    ("allow overwriting", "overwrite=True"),
    ("renaming", "rename=True"),
    ("be left out", "ignore_unsendable=True"),
];

/// What is behind an error that broke a transfer off.
fn behind(error: &Error) -> File {
    let Some(error) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) else {
        return File::default();
    };
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<SourceError>()) {
        return error.into();
    }
    match inner.and_then(|inner| inner.downcast_ref::<FilesError>()) {
        Some(error) => error.into(),
        None => File { errno: error.raw_os_error(), name: None },
    }
}

impl File {
    fn at(path: &Path, errno: Option<i32>) -> Self {
        Self { errno, name: Some(path.to_owned()) }
    }
}

impl From<&FilesError> for File {
    fn from(error: &FilesError) -> Self {
        match error {
            FilesError::Exists { path, .. } => Self::at(path, Some(EEXIST)),
            FilesError::Io { path, source, .. } => Self::at(path, source.raw_os_error()),
            FilesError::Place { path, .. } => Self::at(path, None),
            FilesError::Space { .. } => Self { errno: Some(ENOSPC), name: None },
            _ => Self::default(),
        }
    }
}

impl From<&SourceError> for File {
    fn from(error: &SourceError) -> Self {
        match error {
            SourceError::Unsendable(Unsendable { path, reason: Reason::Unreadable(error) })
            | SourceError::Lost { path, error }
            | SourceError::Spool { path, error } => Self::at(path, error.raw_os_error()),
            SourceError::Unsendable(Unsendable { path, .. })
            | SourceError::Changed { path, .. }
            | SourceError::TooMuch { path, .. } => Self::at(path, None),
            _ => Self::default(),
        }
    }
}

/// What a system says where something stands, and where there is no room: the same on every system that Python knows.
const EEXIST: i32 = 17;
const ENOSPC: i32 = 28;

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
        if self.class == "FileError" {
            more.set_item("errno", self.file.errno)?;
            more.set_item("filename", self.file.name.map(PathBuf::into_os_string))?;
        }
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

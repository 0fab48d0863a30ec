//! What can go wrong with what is to be sent, and what to do.

use std::{fmt, io, path::PathBuf};

use crate::files::error::shown;

/// Why something cannot be sent, or not any more. Its text names it, and says what to do.
///
/// ```
/// use wormhole_sync::files::Gathering;
///
/// let error = Gathering::new().path("no such file").err().unwrap();
/// assert!(error.to_string().starts_with("\"no such file\" cannot be read: "));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceError {
    /// Something cannot be sent, and leaving it out was not asked for.
    Unsendable(Unsendable),
    /// Something is no longer as it was when its size was announced.
    Changed {
        /// What has changed.
        path: PathBuf,
        /// What has happened to it, as in "has grown".
        how: &'static str,
    },
    /// Something that could be read can be read no longer.
    Lost {
        /// What it is.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// A reader ended before the bytes that were announced.
    Length {
        /// What it was offered as.
        name: String,
        /// Bytes that were announced.
        announced: u64,
        /// Bytes that came.
        came: u64,
    },
    /// A name under which nothing can be offered.
    Name(String),
    /// Two of the paths end in the same name.
    SameName(String),
    /// No path was given.
    Nothing,
    /// A limit of the walk through directories.
    TooMuch {
        /// Where it was hit.
        path: PathBuf,
        /// What there is too much of, as in "entries".
        what: &'static str,
        /// The most there may be.
        limit: usize,
    },
    /// What comes from a reader of unknown length could not be put by.
    Spool {
        /// The directory for temporary files.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

/// Something on the disk that cannot be sent.
///
/// ```
/// # #[cfg(unix)] {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// use wormhole_sync::files::{Gathering, Reason};
///
/// std::fs::write(folder.join("plan.txt"), "dig a tunnel")?;
/// std::os::unix::fs::symlink("nowhere", folder.join("broken"))?;
/// let source = Gathering::new().ignoring_unsendable().path(folder).unwrap();
/// let left_out = &source.left_out()[0];
/// assert!(left_out.path.ends_with("broken"));
/// assert!(matches!(left_out.reason, Reason::BrokenLink));
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Unsendable {
    /// Where it is.
    pub path: PathBuf,
    /// Why it cannot be sent.
    pub reason: Reason,
}

/// Why something on the disk cannot be sent.
///
/// ```
/// use wormhole_sync::files::Reason;
///
/// assert_eq!(Reason::NotUtf8.to_string(), "has a name that is not UTF-8");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The operating system does not let it be read, or it is gone.
    Unreadable(io::Error),
    /// Its name is not UTF-8, which the offer and the archive want.
    NotUtf8,
    /// Its path is longer than an archive can tell: 65,535 bytes.
    LongName,
    /// A link to a directory that it lies in.
    Loop,
    /// A link to nothing.
    BrokenLink,
    /// Neither file nor directory, but this, as in "a named pipe". It is never opened.
    Special(&'static str),
}

impl Reason {
    fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound => {
                "check that it is there, and how its name is written"
            }
            Self::Unreadable(_) => "make it readable, or let such entries be left out",
            Self::NotUtf8 | Self::LongName => "rename it, or let such entries be left out",
            Self::Loop | Self::BrokenLink => "remove the link, or let such entries be left out",
            Self::Special(_) => "read from it, and send what comes",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::NotUtf8 => f.write_str("has a name that is not UTF-8"),
            Self::LongName => f.write_str("has too long a path"),
            Self::Loop => f.write_str("is a link to a directory that it lies in"),
            Self::BrokenLink => f.write_str("is a link to nothing"),
            Self::Special(what) => write!(f, "is {what}"),
        }
    }
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", shown(&self.path.to_string_lossy()), self.reason)
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsendable(entry) => write!(f, "{entry}; {}", entry.reason.advice()),
            Self::Changed { path, how } => write!(
                f,
                "{} {how} since its size was announced; send again when nothing writes to it",
                shown(&path.to_string_lossy())
            ),
            Self::Lost { path, error } => write!(
                f,
                "{} cannot be read any more: {error}; mend that and send again",
                shown(&path.to_string_lossy())
            ),
            Self::Length { name, announced, came } => write!(
                f,
                "{} ended after {came} of {announced} bytes; send again with its true size, or with none",
                shown(name)
            ),
            Self::Name(name) => {
                write!(f, "nothing can be offered under the name {}; give it another", shown(name))
            }
            Self::SameName(name) => write!(
                f,
                "two of what is to be sent together are named {}; rename one, or send them one by one",
                shown(name)
            ),
            Self::Nothing => f.write_str("there is nothing to send; name a file or a directory"),
            Self::TooMuch { path, what, limit } => write!(
                f,
                "at {} there are more than {limit} {what}; send a part of it, or an archive as a file",
                shown(&path.to_string_lossy())
            ),
            Self::Spool { path, error } => write!(
                f,
                "what is to be sent cannot be put by in {}: {error}; make room there, or choose \
                 another directory with TMPDIR",
                shown(&path.to_string_lossy())
            ),
        }
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unsendable(Unsendable { reason: Reason::Unreadable(error), .. })
            | Self::Lost { error, .. }
            | Self::Spool { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<SourceError> for io::Error {
    fn from(error: SourceError) -> Self {
        let kind = match &error {
            SourceError::Lost { error, .. } | SourceError::Spool { error, .. } => error.kind(),
            SourceError::Length { .. } => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

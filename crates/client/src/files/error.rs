//! What can go wrong with files, whose fault it is, and what to do.

use std::{fmt, io, path::PathBuf};

use wormhole_sync_core::Fault;

/// Why a file or directory could not be sent or received.
///
/// ```
/// use wormhole_sync::files::{Destination, FileOffer, FilesError};
///
/// # let downloads = tempfile::tempdir()?;
/// # let downloads = downloads.path();
/// std::fs::write(downloads.join("plan.txt"), "old")?;
/// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
/// let error = Destination::output(downloads).file(&offer).err().unwrap();
/// let FilesError::Exists { path, advice } = error else { panic!("{error}") };
/// assert_eq!(path, downloads.join("plan.txt"));
/// println!("{}: {advice}", path.display());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FilesError {
    /// The peer's name for what it offers cannot be used here.
    Name {
        /// The name, as it came.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The peer offers a directory packed in a way that is not known here.
    Mode(String),
    /// The peer's archive is broken, or made to do harm.
    Archive {
        /// The entry at fault, as it is called in the archive; none if it is the archive itself.
        entry: Option<String>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More or fewer bytes came than the peer had promised.
    Amount {
        /// Bytes that were promised.
        promised: u64,
        /// Bytes that came; one more than promised stands for any more.
        came: u64,
    },
    /// Something stands where the received is to go.
    Exists {
        /// What stands there.
        path: PathBuf,
        /// What to do about it.
        advice: &'static str,
    },
    /// What was received cannot go where the user wants it.
    Place {
        /// Where it was to go.
        path: PathBuf,
        /// What is wrong there, and what to do.
        why: &'static str,
    },
    /// The disk has not enough room.
    Space {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The operating system refused.
    Io {
        /// What was being done: "writing", "reading".
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// This side's program stopped it.
    Stopped,
}

impl FilesError {
    /// Who is to blame.
    ///
    /// ```
    /// use wormhole_sync::{Fault, files::{Destination, FileOffer}};
    ///
    /// let offer = FileOffer { name: "../evil".into(), size: 5 };
    /// let error = Destination::current().file(&offer).err().unwrap();
    /// assert_eq!(error.fault(), Fault::Peer);
    /// ```
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Name { .. } | Self::Mode(_) | Self::Archive { .. } | Self::Amount { .. } => {
                Fault::Peer
            }
            Self::Exists { .. }
            | Self::Place { .. }
            | Self::Space { .. }
            | Self::Io { .. }
            | Self::Stopped => Fault::Caller,
        }
    }

    /// What the sender is told when its offer is refused for this: what it can do something about, and
    /// nothing of this computer's.
    ///
    /// ```
    /// use wormhole_sync::files::FilesError;
    ///
    /// assert_eq!(FilesError::Space { needed: 10, free: 1 }.told(), "there is not enough room for it");
    /// ```
    pub fn told(&self) -> String {
        match self {
            Self::Exists { .. } => "something of that name exists there".to_owned(),
            Self::Space { .. } => NO_ROOM.to_owned(),
            Self::Io { source, .. } if is_full(source) => NO_ROOM.to_owned(),
            Self::Place { .. } | Self::Io { .. } => "it cannot be written there".to_owned(),
            Self::Stopped => "the receiver stopped it".to_owned(),
            Self::Name { .. } | Self::Mode(_) | Self::Archive { .. } | Self::Amount { .. } => {
                self.to_string()
            }
        }
    }

    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

impl fmt::Display for FilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => {
                write!(f, "the other side's name {} {why}; choose one of your own", shown(name))
            }
            Self::Mode(mode) => write!(
                f,
                "the other side packs the directory as {}, which is not known here; ask it to send an \
                 archive as a file",
                shown(mode)
            ),
            Self::Archive { entry: Some(entry), why } => write!(
                f,
                "the other side's archive is refused, nothing of it was kept: its entry {} {why}; ask \
                 the sender to leave it out",
                shown(entry)
            ),
            Self::Archive { entry: None, why } => write!(
                f,
                "the other side's archive is refused, nothing of it was kept: it {why}; ask the sender \
                 to try again"
            ),
            Self::Amount { promised, came } if came > promised => {
                write!(
                    f,
                    "the other side sent more than the {promised} bytes that it had promised; nothing was kept, try again"
                )
            }
            Self::Amount { promised, came } => {
                write!(f, "only {came} of {promised} bytes came; nothing was kept, try again")
            }
            Self::Exists { path, advice } => {
                write!(f, "{} exists already; {advice}", shown(&path.to_string_lossy()))
            }
            Self::Place { path, why } => write!(f, "{} {why}", shown(&path.to_string_lossy())),
            Self::Space { needed, free } => write!(
                f,
                "{needed} bytes are needed and {free} are free; make room, or choose another disk"
            ),
            Self::Io { doing, path, source } => {
                write!(
                    f,
                    "{doing} {} failed: {source}; mend that and try again",
                    shown(&path.to_string_lossy())
                )
            }
            Self::Stopped => f.write_str("it was stopped on this side; nothing was kept"),
        }
    }
}

impl std::error::Error for FilesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What the sender is told of a disk that is full, before or meanwhile.
const NO_ROOM: &str = "there is not enough room for it";

/// Whether it is the disk, or this user's share of it.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A stranger's name inside an error: what a terminal would obey or hide is escaped, and what is
/// long is cut in its middle, for both its ends tell something.
pub(super) fn shown(name: &str) -> String {
    let escaped = |part: &str| part.escape_debug().to_string();
    let letters = name.chars().count();
    if letters <= MAX_SHOWN {
        return format!("\"{}\"", escaped(name));
    }
    let head: String = name.chars().take(MAX_SHOWN / 2).collect();
    let tail: String = name.chars().skip(letters - MAX_SHOWN / 2).collect();
    format!("\"{}…{}\"", escaped(&head), escaped(&tail))
}

/// Most characters of a name in an error: a name of a megabyte would flood the terminal.
const MAX_SHOWN: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_plays_with_the_terminal_is_escaped_and_shortened() {
        let name = format!("\u{1b}]52;c;\u{202e}{}\u{200b}\r\u{8}.txt", "x".repeat(1_000_000));
        let text = FilesError::Name { name, why: "is too long" }.to_string();
        assert!(text.len() < 400 && text.contains(".txt"), "{text}");
        assert!(
            text.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{200b}'),
            "{text}"
        );
    }

    #[test]
    fn a_disk_that_becomes_full_is_told_like_one_that_was() {
        let told = |kind: io::ErrorKind| FilesError::io("writing", "x")(kind.into()).told();
        assert_eq!(
            told(io::ErrorKind::StorageFull),
            FilesError::Space { needed: 2, free: 1 }.told()
        );
        assert_eq!(told(io::ErrorKind::QuotaExceeded), told(io::ErrorKind::StorageFull));
        assert_eq!(told(io::ErrorKind::PermissionDenied), "it cannot be written there");
    }

    #[test]
    fn the_peer_is_blamed_for_what_it_sent_and_nobody_else() {
        let archive = FilesError::Archive { entry: None, why: "is no zip file" };
        assert_eq!(archive.fault(), Fault::Peer);
        assert_eq!(FilesError::Space { needed: 2, free: 1 }.fault(), Fault::Caller);
    }
}

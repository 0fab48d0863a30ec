//! What is sent: its offer, with exact sizes, and its bytes.

use std::{
    env,
    io::{self, ErrorKind, Read},
};

use wormhole_sync_core::wire::transfer_message::{DirectoryOffer, FileOffer};

mod error;
mod platform;

mod content;
mod reader;
mod walk;

mod gathering;

pub use error::{Reason, SourceError, Unsendable};
pub use gathering::Gathering;

use super::{
    archive::{Archive, Writer},
    offer::FilesOffer,
};
use content::Content;
use gathering::proper_name;
use reader::{ArchiveReader, Roots};

#[cfg(test)]
mod tests;

/// What a sender has to give: a file, a directory, several of either, or whatever a reader brings.
///
/// Its size is known to the byte before anything is read, for it is what the receiver consents to. A
/// directory goes as a zip archive that is made on the way, without a temporary file. In memory stand its
/// entries, 24 bytes and the name for each, and never their contents.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("plan.txt"), "dig a tunnel")?;
/// # let path = folder.path().join("plan.txt");
/// use std::io::Read;
/// use wormhole_sync::files::Gathering;
///
/// let source = Gathering::new().path(path).unwrap();
/// assert_eq!((source.name(), source.size()), ("plan.txt", 12));
///
/// let mut text = String::new();
/// source.into_reader().read_to_string(&mut text)?;
/// assert_eq!(text, "dig a tunnel");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Source {
    name: String,
    kind: Kind,
    left_out: Vec<Unsendable>,
}

enum Kind {
    File(Content),
    Stream { reader: Box<dyn Read + Send>, size: u64 },
    Directory { archive: Archive, roots: Roots, bytes: u64, files: u64 },
}

impl Source {
    /// What a reader brings, as a file of this name and size. Bytes behind those remain in the reader.
    ///
    /// ```
    /// use wormhole_sync::files::Source;
    ///
    /// let source = Source::reader("greeting.txt", 5, &b"hello, world"[..]).unwrap();
    /// assert_eq!(std::io::read_to_string(source.into_reader()).unwrap(), "hello");
    /// ```
    pub fn reader(
        name: impl Into<String>,
        size: u64,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, SourceError> {
        let name = proper_name(name.into())?;
        let kind = Kind::Stream { reader: Box::new(reader), size };
        Ok(Self { name, kind, left_out: Vec::new() })
    }

    /// All that a reader brings, such as standard input, as a file of this name.
    ///
    /// A file is offered with its size, so everything is read here and now, into a temporary file that has no
    /// name and is gone with this value. It may be as large as there is room in the directory for temporary
    /// files: `TMPDIR`, else `/tmp`, which on some systems is memory.
    ///
    /// ```
    /// use wormhole_sync::files::Source;
    ///
    /// let source = Source::spooled("greeting.txt", &b"hello, world"[..]).unwrap();
    /// assert_eq!(source.size(), 12);
    /// ```
    pub fn spooled(name: impl Into<String>, mut reader: impl Read) -> Result<Self, SourceError> {
        let name = proper_name(name.into())?;
        let content = Content::spool(&mut reader, &env::temp_dir())?;
        Ok(Self { name, kind: Kind::File(content), left_out: Vec::new() })
    }

    /// The name that it is offered under.
    ///
    /// ```
    /// # use wormhole_sync::files::Source;
    /// let source = Source::reader("greeting.txt", 5, &b"hello"[..]).unwrap();
    /// assert_eq!(source.name(), "greeting.txt");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes that [`Source::into_reader`] gives: the file's, or the archive's.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// use wormhole_sync::files::Gathering;
    ///
    /// // An archive of nothing is its end.
    /// assert_eq!(Gathering::new().path(folder).unwrap().size(), 22);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(content) => content.size(),
            Kind::Stream { size, .. } => *size,
            Kind::Directory { archive, .. } => archive.size(),
        }
    }

    /// What is told to the receiver, for its consent.
    ///
    /// ```
    /// use wormhole_sync::files::{FileOffer, FilesOffer, Source};
    ///
    /// let source = Source::reader("greeting.txt", 5, &b"hello"[..]).unwrap();
    /// let offer = FileOffer { name: "greeting.txt".to_owned(), size: 5 };
    /// assert_eq!(source.offer(), FilesOffer::File(offer));
    /// ```
    pub fn offer(&self) -> FilesOffer {
        let name = self.name.clone();
        match &self.kind {
            Kind::Directory { archive, bytes, files, .. } => {
                FilesOffer::Directory(DirectoryOffer {
                    mode: DirectoryOffer::ZIP.to_owned(),
                    name,
                    archive_size: archive.size(),
                    bytes: *bytes,
                    files: *files,
                })
            }
            Kind::File(_) | Kind::Stream { .. } => {
                FilesOffer::File(FileOffer { name, size: self.size() })
            }
        }
    }

    /// What could not be sent and is left out.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// # std::fs::write(folder.join("plan.txt"), "")?;
    /// use wormhole_sync::files::Gathering;
    ///
    /// let _listener = std::os::unix::net::UnixListener::bind(folder.join("control"))?;
    /// let source = Gathering::new().path(folder).unwrap();
    /// assert!(source.left_out()[0].to_string().ends_with("control\" is a socket"));
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn left_out(&self) -> &[Unsendable] {
        &self.left_out
    }

    /// Reads exactly [`Source::size`] bytes; or fails with a [`SourceError`] inside the `io::Error` that names
    /// what has vanished, shrunk, grown or been written to in the meantime. What has been read by then must
    /// not be taken for the whole.
    ///
    /// ```
    /// use wormhole_sync::files::Source;
    ///
    /// let source = Source::reader("greeting.txt", 5, &b"hell"[..]).unwrap();
    /// let error = std::io::read_to_string(source.into_reader()).unwrap_err();
    /// assert!(error.to_string().starts_with("\"greeting.txt\" ended after 4 of 5 bytes"));
    /// ```
    pub fn into_reader(self) -> impl Read + Send + 'static {
        let bytes = match self.kind {
            Kind::File(content) => Bytes::File(content),
            Kind::Stream { reader, size } => {
                Bytes::Stream { name: self.name, size, left: size, reader }
            }
            Kind::Directory { archive, roots, .. } => {
                Bytes::Archive(ArchiveReader::new(Writer::new(archive), roots))
            }
        };
        SourceReader { bytes, has_failed: false }
    }
}

struct SourceReader {
    bytes: Bytes,
    /// Bytes are missing: whatever would come now must not be taken for what follows.
    has_failed: bool,
}

enum Bytes {
    File(Content),
    Archive(ArchiveReader),
    Stream { name: String, size: u64, left: u64, reader: Box<dyn Read + Send> },
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.has_failed {
            return Err(io::Error::other("what is sent could not be read; send it again"));
        }
        let read = self.bytes.read(buffer);
        self.has_failed = read.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted);
        read
    }
}

impl Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(content) => Ok(content.fill(buffer)?),
            Self::Archive(archive) => Ok(archive.fill(buffer)?),
            Self::Stream { name, size, left, reader } => {
                let read = reader.take(*left).read(buffer)?;
                if read == 0 && *left > 0 && !buffer.is_empty() {
                    let (name, announced, came) = (name.clone(), *size, *size - *left);
                    return Err(SourceError::Length { name, announced, came }.into());
                }
                *left -= read as u64;
                Ok(read)
            }
        }
    }
}

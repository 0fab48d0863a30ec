//! Where received bytes go.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Where received bytes go. Dropping one that is not complete must leave nothing behind.
///
/// ```
/// use std::{io::{self, Write}, path::PathBuf};
/// use wormhole_sync::transfer::Sink;
///
/// struct Spool(Vec<u8>);
///
/// impl Write for Spool {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0.write(bytes)
///     }
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// impl Sink for Spool {
///     fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
///         println!("{} bytes", self.0.len());
///         Ok(None)
///     }
/// }
/// ```
pub trait Sink: Write + Send {
    /// Everything has been written, and is what was sent: sync it, unpack it, and give it its name. The
    /// sender learns of success only afterwards. Returns where it stands, if it has a place.
    ///
    /// ```
    /// use std::io::Write;
    /// use wormhole_sync::{files::{Destination, FileOffer}, transfer::Sink};
    ///
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let mut sink = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
    /// sink.write_all(b"hello")?;
    /// assert!(!downloads.join("plan.txt").exists());
    /// assert_eq!(Box::new(sink).complete()?, Some(downloads.join("plan.txt")));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>>;

    /// The same, unless the transfer ends before: a sink that takes long for it, such as one that unpacks, asks now
    /// and then whether it `is_wanted` still, and where it is not, fails and leaves nothing behind. Others are
    /// [completed](Self::complete) in any case.
    ///
    /// ```
    /// use std::io::Write;
    /// use wormhole_sync::{files::{Destination, FileOffer}, transfer::Sink};
    ///
    /// # let downloads = tempfile::tempdir()?;
    /// # let downloads = downloads.path();
    /// let offer = FileOffer { name: "plan.txt".into(), size: 5 };
    /// let mut sink = Destination::output(downloads).file(&offer).unwrap().begin().unwrap();
    /// sink.write_all(b"hello")?;
    /// assert!(Box::new(sink).complete_while(&|| false).is_err());
    /// assert_eq!(std::fs::read_dir(downloads)?.count(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn complete_while(
        self: Box<Self>,
        is_wanted: &dyn Fn() -> bool,
    ) -> io::Result<Option<PathBuf>> {
        let _ = is_wanted;
        self.complete()
    }
}

/// A sink that is completed only while its transfer goes on.
pub(super) struct WhileWanted {
    pub(super) sink: Box<dyn Sink>,
    pub(super) is_over: Arc<AtomicBool>,
}

impl Write for WhileWanted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl Sink for WhileWanted {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        let Self { sink, is_over } = *self;
        sink.complete_while(&|| !is_over.load(Ordering::Relaxed))
    }
}

/// A sink that keeps nothing, for measuring.
///
/// ```
/// use std::io::Write;
///
/// wormhole_sync::transfer::Discard.write_all(b"gone")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Write for Discard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Discard {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        Ok(None)
    }
}

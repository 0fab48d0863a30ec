//! Why a server could not start, or had to stop.

#[cfg(feature = "tls")]
mod tls;

use std::{fmt, io};

use crate::{store::StoreError, usage::UsageError};

#[cfg(feature = "tls")]
pub use tls::TlsError;

/// Why a server could not start, or had to stop.
///
/// ```
/// use wormhole_sync_server::{Database, Mailbox, ServeError, listen, serve};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let database = Database::Path("/dev/null/mailbox.sqlite".into());
/// let mailbox = Mailbox { database, ..Mailbox::default() };
/// let listener = listen("127.0.0.1:0".parse()?)?;
/// let error = serve(listener, mailbox, std::future::pending()).await.unwrap_err();
/// assert!(matches!(error, ServeError::Database(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum ServeError {
    /// The database cannot be used.
    Database(StoreError),
    /// Usage cannot be written down as the configuration has it.
    Usage(UsageError),
    /// The database's statements cannot be prepared or its writer cannot run.
    Writer(rusqlite::Error),
    /// The system gives no thread or no random numbers.
    System(io::Error),
    /// The certificate or its key cannot be used.
    #[cfg(feature = "tls")]
    Tls(TlsError),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Usage(error) => error.fmt(f),
            Self::Writer(error) => {
                write!(
                    f,
                    "the database cannot be written ({error}): check the disk, or use another file"
                )
            }
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::System(error) => {
                write!(
                    f,
                    "the system refuses what a server needs ({error}): free memory or threads"
                )
            }
        }
    }
}

impl std::error::Error for ServeError {}

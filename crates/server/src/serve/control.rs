//! What a server is told while it runs.

#[cfg(feature = "tls")]
use std::sync::Arc;

use super::Prepared;
use crate::error::ServeError;
#[cfg(feature = "tls")]
use crate::tls::Certificates;

/// How a running server is told something: see [`Prepared::control`].
///
/// ```
/// use wormhole_sync_server::{Config, Control, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let listener = listen("127.0.0.1:0".parse()?)?;
/// let control: Control = prepare(listener, Config::default()).await?.control();
/// assert!(control.reload().await.is_ok()); // there is nothing to be read again
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Control {
    #[cfg(feature = "tls")]
    certificates: Option<Arc<Certificates>>,
}

impl Control {
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_async, reason = "there are no files to be read")
    )]
    /// Reads again what is kept in files of their own: the certificate and its key. When they cannot
    /// be used, the server goes on with those that it has, and tells so in its log, too.
    ///
    /// ```
    /// # use wormhole_sync_server::{Config, listen, prepare};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let server = prepare(listen("127.0.0.1:0".parse()?)?, Config::default()).await?;
    /// let control = server.control();
    /// control.reload().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn reload(&self) -> Result<(), ServeError> {
        #[cfg(feature = "tls")]
        if let Some(certificates) = &self.certificates {
            certificates.reload().await.map_err(ServeError::Tls)?;
        }
        Ok(())
    }
}

impl Prepared {
    /// What can be told to the server while it runs.
    ///
    /// ```
    /// use wormhole_sync_server::{Config, listen, prepare};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let listener = listen("127.0.0.1:0".parse()?)?;
    /// let server = prepare(listener, Config::default()).await?;
    /// let control = server.control();
    /// let shutdown = async { control.reload().await.unwrap() }; // on a signal, elsewhere
    /// server.serve(shutdown).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn control(&self) -> Control {
        Control {
            #[cfg(feature = "tls")]
            certificates: self.front.certificates.clone(),
        }
    }
}

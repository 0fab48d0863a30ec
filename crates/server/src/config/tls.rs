//! The settings of TLS.

use std::{path::PathBuf, time::Duration};

use super::sane;

/// How often the files are looked at by default: a new certificate is used long before the old one
/// ends, and a look costs two calls of the system.
const WATCH: Duration = Duration::from_secs(10);

/// The certificate that the doors for TLS show, and its key. With the feature `tls`.
///
/// Both files are read again when they change and at [`Control::reload`](crate::Control::reload). A
/// pair that cannot be used never replaces one that can: it is told in the log, and the connections
/// go on with the one before. A connection keeps the certificate that it began with.
///
/// TLS 1.2 and 1.3 are spoken, with `http/1.1` by ALPN. Sessions are resumed from memory, where there
/// are 256 at the most. An idle connection holds 3.4 KiB more than one without TLS: keys, and no
/// buffers. One that stops in the middle of a record, or of shaking hands, holds 22 KiB at the most
/// besides; hands are to be shaken within [`Clients::handshake`](crate::Clients::handshake).
///
/// ```
/// use wormhole_sync_server::{Config, Tls};
///
/// let folder = "/etc/letsencrypt/live/relay.example.com";
/// let tls = Tls::new(format!("{folder}/fullchain.pem"), format!("{folder}/privkey.pem"));
/// let config = Config { tls: Some(tls), ..Config::default() };
/// assert_ne!(config, Config::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM: the server's certificate first, and after it those that it takes to get from there to
    /// an authority that clients know.
    pub certificate: PathBuf,
    /// PEM: the certificate's private key (PKCS#8, SEC1 or PKCS#1), without a password.
    pub key: PathBuf,
    /// How often both files are looked at, through links, for a change. What is shorter than a
    /// [millisecond](crate::config::MOMENT) counts as one. Default: 10 s.
    pub watch: Duration,
}

impl Tls {
    /// These files, and otherwise the defaults.
    ///
    /// ```
    /// use wormhole_sync_server::Tls;
    ///
    /// let tls = Tls::new("chain.pem", "key.pem");
    /// assert_eq!(tls.watch.as_secs(), 10);
    /// ```
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificate: certificate.into(), key: key.into(), watch: WATCH }
    }

    /// The same, with times that clocks can tell.
    pub(super) fn sane(self) -> Self {
        Self { watch: sane(self.watch), ..self }
    }
}

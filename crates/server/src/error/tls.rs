//! Why a certificate cannot be used.

use std::{fmt, io, path::PathBuf};

/// Why a certificate and its key cannot be used. With the feature `tls`.
///
/// ```
/// use wormhole_sync_server::{Config, Doors, ServeError, Tls, TlsError, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let mut doors = Doors::default();
/// doors.tls.push(listen("127.0.0.1:0".parse()?)?);
/// let tls = Some(Tls::new("/nowhere/chain.pem", "/nowhere/key.pem"));
/// let error = prepare(doors, Config { tls, ..Config::default() }).await.err().unwrap();
/// assert!(matches!(error, ServeError::Tls(TlsError::Unreadable(..))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// There is a door for TLS, and no certificate is named.
    Missing,
    /// This file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// There is no certificate in this file.
    NoCertificate(PathBuf),
    /// There is no private key in this file.
    NoKey(PathBuf),
    /// The private key in this file is protected with a password.
    Password(PathBuf),
    /// This key is not that of this certificate.
    OtherKey {
        /// Where the key is.
        key: PathBuf,
        /// Where the certificate is.
        certificate: PathBuf,
    },
    /// This certificate or its key is of no use to TLS, for this reason.
    Unfit(PathBuf, String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "a door for TLS needs a certificate: name its file, and that of its key",
            ),
            Self::Unreadable(path, error) => write!(
                f,
                "{} cannot be read ({error}): name a file that this user may read",
                path.display()
            ),
            Self::NoCertificate(path) => write!(
                f,
                "{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----): name the file with the chain, such as fullchain.pem",
                path.display()
            ),
            Self::NoKey(path) => write!(
                f,
                "{} holds no private key in PEM (-----BEGIN PRIVATE KEY-----): name the file with the key, such as privkey.pem",
                path.display()
            ),
            Self::Password(path) => write!(
                f,
                "the key in {} is protected with a password: take that off (openssl pkey), and let the server's user alone read it",
                path.display()
            ),
            Self::OtherKey { key, certificate } => write!(
                f,
                "the key in {} is not that of the first certificate in {}: name two that belong together",
                key.display(),
                certificate.display()
            ),
            Self::Unfit(path, why) => write!(
                f,
                "the certificate in {} or its key cannot be used ({why}): get another",
                path.display()
            ),
        }
    }
}

impl std::error::Error for TlsError {}

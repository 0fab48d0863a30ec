//! A certificate and its key, as they are in their files.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    Error, InconsistentKeys, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use super::expiry;
use crate::{config, error::TlsError};

/// Bytes of either file, 1 MiB: a chain has a few KiB, and a file that was put in its place by mistake
/// must not fill the server's memory.
const LARGEST: u64 = 1 << 20;

/// What was read of both files.
pub(super) struct Pair {
    pub(super) stamp: Stamp,
    pub(super) config: Arc<ServerConfig>,
    /// When the certificate expires, if it tells so.
    pub(super) ends: Option<SystemTime>,
}

/// By what a file is known to have changed: through links, its number, length and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<(u64, u64, Option<SystemTime>)>; 2]);

impl Stamp {
    pub(super) fn of(files: &config::Tls) -> Self {
        Self([&files.certificate, &files.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((number(&file), file.len(), file.modified().ok()))
        }))
    }
}

#[cfg(unix)]
fn number(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
const fn number(_: &fs::Metadata) -> u64 {
    0
}

impl Pair {
    /// Reads both, and makes sure that they belong together.
    pub(super) fn read(files: &config::Tls) -> Result<Self, TlsError> {
        let stamp = Stamp::of(files); // before: what changes meanwhile is read again
        let chain = chain(&files.certificate)?;
        let ends = chain.first().and_then(|certificate| expiry::of(certificate));
        let config = of(files, chain, key(&files.key)?)?;
        Ok(Self { stamp, config, ends })
    }
}

fn of(
    files: &config::Tls,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let unfit = |error: Error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::OtherKey { key: files.key.clone(), certificate: files.certificate.clone() }
        }
        error => TlsError::Unfit(files.certificate.clone(), error.to_string()),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| TlsError::Unfit(path.to_owned(), error.to_string()))?;
    if chain.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(chain) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if is_protected(&text) => TlsError::Password(path.to_owned()),
        pem::Error::NoItemsFound => TlsError::NoKey(path.to_owned()),
        error => TlsError::Unfit(path.to_owned(), error.to_string()),
    })
}

fn is_protected(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    read_file(path).map_err(|error| TlsError::Unreadable(path.to_owned(), error))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        // To open a pipe would wait for whoever writes to it, and devices do not end.
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

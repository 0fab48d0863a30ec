//! TLS, and whom it believes.

use std::{env, io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use rustls_native_certs::CertificateResult;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Stream;
use crate::refusal::{Refusal, Trouble};

/// Where a user names authorities of their own.
const AUTHORITY_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// A connection within TLS.
pub(super) async fn secure(host: &str, tcp: TcpStream) -> Result<impl Stream + use<>, Refusal> {
    let other = |error: &dyn std::fmt::Display| Refusal::new(Trouble::Tls, error.to_string());
    let name = ServerName::try_from(host.to_owned()).map_err(|error| other(&error))?;
    // Reading the roots takes milliseconds of disk and processor.
    let prepared = tokio::task::spawn_blocking(prepare).await.map_err(|error| other(&error))?;
    let Prepared { config, unread } = prepared.map_err(|error| other(&error))?;
    let secured = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    secured.map_err(|error| {
        let mut refusal = Refusal::from(error);
        if let Some(unread) = unread.filter(|_| refusal.trouble == Trouble::UnknownAuthority) {
            refusal.reason = format!("{}; and {unread}", refusal.reason);
        }
        refusal
    })
}

struct Prepared {
    config: ClientConfig,
    /// Which authorities of the user's own could not be read, and why.
    unread: Option<String>,
}

fn prepare() -> io::Result<Prepared> {
    let native = rustls_native_certs::load_native_certs();
    let unread = unread(&native);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(Prepared { config: config.with_root_certificates(roots).with_no_client_auth(), unread })
}

fn unread(native: &CertificateResult) -> Option<String> {
    let named = AUTHORITY_VARIABLES.into_iter().find(|name| env::var_os(name).is_some())?;
    match native.errors.first() {
        Some(error) => Some(format!("what {named} names cannot be read ({error})")),
        None if native.certs.is_empty() => Some(format!("what {named} names holds no certificate")),
        None => None,
    }
}

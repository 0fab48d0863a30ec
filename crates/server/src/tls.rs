//! The certificate that the server shows, as it is now, and the TLS of fresh connections.

mod expiry;
mod pair;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::ServerConfig;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    config,
    error::TlsError,
    http,
    proxy_protocol::peek,
    stream::{Secure, Stream},
};

use pair::{Pair, Stamp};

/// How long before its end a certificate should have been renewed: half of what is left to one of
/// Let's Encrypt when its clients renew it.
const RENEW_WITHIN: Duration = Duration::from_secs(14 * 24 * 3600);

/// How often an end that is near is told.
const REMIND: Duration = Duration::from_secs(24 * 3600);

/// The certificate and its key, read again when they change.
pub(crate) struct Certificates {
    files: config::Tls,
    current: RwLock<Arc<ServerConfig>>,
    look: Mutex<Look>,
}

/// What the last look at the files found.
struct Look {
    /// How the files were when they were last used.
    stamp: Stamp,
    /// Why they could not be used since.
    complaint: Option<String>,
    ends: Option<SystemTime>,
    reminded: Instant,
}

impl Certificates {
    /// Reads both files.
    pub(crate) async fn open(files: config::Tls) -> Result<Arc<Self>, TlsError> {
        let Pair { stamp, config, ends } = read(&files).await?;
        let look = Look { stamp, complaint: None, ends, reminded: Instant::now() };
        tell(ends, "TLS has a certificate");
        Ok(Arc::new(Self { files, current: RwLock::new(config), look: Mutex::new(look) }))
    }

    /// Reads both files again. When they cannot be used, the certificate stays as it was.
    pub(crate) async fn reload(&self) -> Result<(), TlsError> {
        let read = read(&self.files).await;
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(Pair { stamp, config, ends }) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                *look = Look { stamp, complaint: None, ends, reminded: Instant::now() };
                tell(ends, "TLS has read a certificate");
                Ok(())
            }
            Err(error) => {
                let complaint = Some(error.to_string());
                if look.complaint != complaint {
                    tracing::error!(%error, "the certificate stays as it was");
                    look.complaint = complaint;
                }
                Err(error)
            }
        }
    }

    /// Begins to read the files again whenever they have changed. A pair of which only one half is
    /// there yet is tried again at the next look.
    pub(crate) fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let certificates = Arc::clone(self);
        tokio::spawn(async move { certificates.watch().await })
    }

    async fn watch(&self) {
        let mut looks = interval(self.files.watch);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if self.has_changed().await {
                _ = self.reload().await; // it has told why not
            }
            self.remind();
        }
    }

    async fn has_changed(&self) -> bool {
        let files = self.files.clone();
        let stamp = tokio::task::spawn_blocking(move || Stamp::of(&files)).await;
        let look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        look.complaint.is_some() || stamp.is_ok_and(|stamp| stamp != look.stamp)
    }

    /// When the one that is shown expires, if it tells so.
    pub(crate) fn ends(&self) -> Option<SystemTime> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner).ends
    }

    fn remind(&self) {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        if look.reminded.elapsed() >= REMIND {
            look.reminded = Instant::now();
            tell(look.ends, "TLS has a certificate");
        }
    }

    /// Shakes hands with a client.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        Ok(Stream::Tls(Box::new(Secure::accept(stream, config).await?)))
    }
}

/// The answer to whoever speaks HTTP, or the PROXY protocol, where TLS is expected; `None` is the answer
/// to TLS.
pub(crate) async fn plain(stream: &TcpStream) -> io::Result<Option<String>> {
    let is_text = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'\r';
    let is_plain = peek(stream, |bytes| bytes.first().is_some_and(is_text)).await?;
    let text = "This port speaks TLS: use https:// or wss://\n";
    Ok(is_plain.then(|| http::answer("400 Bad Request", text)))
}

async fn read(files: &config::Tls) -> Result<Pair, TlsError> {
    let (files, path) = (files.clone(), files.certificate.clone());
    let read = tokio::task::spawn_blocking(move || Pair::read(&files)).await;
    read.unwrap_or_else(|error| Err(TlsError::Unreadable(path, error.into())))
}

fn tell(ends: Option<SystemTime>, what: &str) {
    let Some(ends) = ends else { return tracing::info!("{what}") };
    let left = ends.duration_since(SystemTime::now()).unwrap_or_default();
    let days = left.as_secs() / (24 * 3600);
    if left.is_zero() {
        tracing::error!("{what} that has expired: clients refuse it; renew it");
    } else if left < RENEW_WITHIN {
        tracing::warn!(days, "{what} that expires soon: renew it");
    } else {
        tracing::info!(days, "{what}");
    }
}

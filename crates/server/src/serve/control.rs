//! What a server is told while it runs.

#[cfg(feature = "tls")]
use std::time::SystemTime;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::timeout;

use super::Prepared;
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::{error::ServeError, mailbox::Shared};

/// How a running server is told and asked something: see [`Prepared::control`].
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
    /// Whoever can ask about a server does not keep it.
    mailbox: Option<Weak<Shared>>,
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

    /// Whether the server does its work: tasks are run, or this would not be, and the thread that writes
    /// the mailbox database comes round within this time. It does so while nobody wants anything, and
    /// while the disk is full or broken and clients are told so; what is left is a thread that hangs,
    /// which only a new process mends. A watchdog gives it more than a slow disk takes: seconds.
    ///
    /// A relay alone, mailboxes in memory, and a server that has stopped have no such thread.
    ///
    /// ```
    /// # use wormhole_sync_server::{Config, listen, prepare};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let server = prepare(listen("127.0.0.1:0".parse()?)?, Config::default()).await?;
    /// # use std::time::Duration;
    /// let control = server.control();
    /// let shutdown = async { assert!(control.is_alive(Duration::from_secs(10)).await) };
    /// server.serve(shutdown).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn is_alive(&self, patience: Duration) -> bool {
        match self.mailbox.as_ref().and_then(Weak::upgrade) {
            Some(mailbox) => timeout(patience, mailbox.pulse()).await.is_ok(),
            None => true,
        }
    }

    /// When the certificate expires that is shown now: from then on clients refuse it. `None` when there
    /// is none, or it does not tell.
    ///
    /// ```
    /// # use wormhole_sync_server::{Config, Tls, listen, prepare};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()])?;
    /// # parameters.not_after = rcgen::date_time_ymd(2031, 5, 17);
    /// # let key = rcgen::KeyPair::generate()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let paths = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    /// # std::fs::write(&paths[0], parameters.self_signed(&key)?.pem())?;
    /// # std::fs::write(&paths[1], key.serialize_pem())?;
    /// # let config = Config { tls: Some(Tls::new(&paths[0], &paths[1])), ..Config::default() };
    /// let server = prepare(listen("127.0.0.1:0".parse()?)?, config).await?;
    /// assert!(server.control().certificate_ends() > Some(std::time::SystemTime::now()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn certificate_ends(&self) -> Option<SystemTime> {
        self.certificates.as_ref()?.ends()
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
            mailbox: self.front.mailbox.as_ref().map(Arc::downgrade),
            #[cfg(feature = "tls")]
            certificates: self.front.certificates.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use futures_util::{SinkExt, StreamExt};
    use rusqlite::ffi;
    use tokio::time::Instant;
    use tokio_websockets::{ClientBuilder, Message};

    use super::*;
    use crate::{
        Config, Limits,
        engine::Disk,
        exchange::{
            embedded::Embedded,
            journal::{Entry, Snapshot},
        },
        listen,
        mailbox::Mailboxes,
        prepare,
    };

    /// More than a thread takes that does not hang, on a machine that does much else.
    const LONG: Duration = Duration::from_secs(60);

    /// What a disk does.
    type Does = Box<dyn FnMut() -> rusqlite::Result<()> + Send>;

    struct Doing(Does);

    impl Disk for Doing {
        fn commit(&mut self, _: &[Entry]) -> rusqlite::Result<()> {
            (self.0)()
        }

        fn load(&self) -> rusqlite::Result<Snapshot> {
            Ok(Snapshot::default())
        }

        fn probe(&mut self) -> rusqlite::Result<()> {
            (self.0)()
        }
    }

    /// A server whose disk does this, and a client that has asked for something to be stored.
    async fn asked(does: Does) -> (Prepared, impl Future) {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let uri = format!("ws://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
        let exchange = Embedded::new(Limits::default(), [1; 32]);
        let mailboxes = Mailboxes::of(exchange, |engine| {
            engine.write(&mut Doing(does));
            Ok(())
        });
        let mut server = prepare(listener, Config::default()).await.unwrap();
        Arc::get_mut(&mut server.front).unwrap().mailbox = Some(mailboxes.shared());
        server.mailboxes = Some(mailboxes);
        let client = async move {
            let mut client = ClientBuilder::from_uri(uri).connect().await.unwrap().0;
            for frame in [r#"{"type":"bind","appid":"a","side":"b"}"#, r#"{"type":"allocate"}"#] {
                client.send(Message::text(frame)).await.unwrap();
            }
            while let Some(Ok(message)) = client.next().await {
                let is_error = message.as_text().is_some_and(|text| text.contains("cannot write"));
                if is_error || message.is_close() {
                    return;
                }
            }
        };
        (server, client)
    }

    #[tokio::test]
    async fn a_writer_that_hangs_is_not_alive_and_one_that_comes_round_again_is() {
        let (entered, enters) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let (server, client) = asked(Box::new(move || {
            _ = entered.send(());
            _ = gate.lock().unwrap().recv();
            Ok(())
        }))
        .await;
        let control = server.control();
        assert!(control.is_alive(LONG).await, "one that has nothing to do is");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(async { _ = stopped.await }));
        let client = tokio::spawn(async move { drop(client.await) });
        tokio::task::spawn_blocking(move || enters.recv_timeout(LONG).unwrap()).await.unwrap();
        let asked = Instant::now();
        assert!(!control.is_alive(Duration::from_millis(300)).await);
        assert!(asked.elapsed() >= Duration::from_millis(300), "it was given the time");
        drop(go); // the disk is as it should be again
        assert!(control.is_alive(LONG).await);
        drop(stop);
        serving.await.unwrap().unwrap();
        assert!(control.is_alive(LONG).await, "what is over does not hang");
        client.abort();
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_no_reason_to_start_anew() {
        let broken =
            || Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), None));
        let (server, client) = asked(Box::new(broken)).await;
        let control = server.control();
        let shutdown = async {
            client.await;
            assert!(control.is_alive(LONG).await);
        };
        server.serve(shutdown).await.unwrap();
    }
}

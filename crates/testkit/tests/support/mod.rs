//! A mailbox server on loopback for the tests of the client.

#![allow(dead_code, reason = "each test program is compiled with all of it, and most use a part")]

use std::{future::Future, net::SocketAddr, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use wormhole_sync::{Options, Wormhole};
use wormhole_sync_server::{Database, Mailbox, listen, serve, store::Store};

pub(crate) mod threads;

/// What a test waits for at most, for anything that ought to happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The application of the tests.
pub(crate) const APP: &str = "example.com/test";

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("nothing came of it within {SOON:?}"))
}

/// Two open wormholes.
pub(crate) async fn pair(options: &Options) -> (Wormhole, Wormhole) {
    let coded = Wormhole::connect(APP, options.clone()).await.unwrap().allocate().await.unwrap();
    let other = Wormhole::connect(APP, options.clone()).await.unwrap();
    let other = other.set_code(coded.code().clone()).await.unwrap();
    tokio::try_join!(coded.confirmed(), other.confirmed()).unwrap()
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    config: Mailbox,
    folder: tempfile::TempDir,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Server {
    /// A server with its database in a file.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(choose: impl FnOnce(&mut Mailbox)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Path(folder.path().join("mailbox.sqlite"));
        let mut config = Mailbox { database, allow_list: true, ..Mailbox::default() };
        choose(&mut config);
        let address = "127.0.0.1:0".parse().unwrap();
        let mut server = Self { address, config, folder, running: None };
        server.run().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/v1", self.address)
    }

    pub(crate) fn options(&self) -> Options {
        Options::new().rendezvous(self.url()).time_limit(Duration::from_secs(60))
    }

    /// Starts it again, on the same port and with the same database.
    pub(crate) async fn run(&mut self) {
        let listener = loop {
            match listen(self.address) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await, // the port is not free yet
            }
        };
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let config = self.config.clone();
        let task = tokio::spawn(async move {
            serve(listener, config, async { drop(stopped.await) }).await.unwrap();
        });
        self.running = Some((stop, task));
    }

    pub(crate) async fn stop(&mut self) {
        if let Some((stop, task)) = self.running.take() {
            drop(stop);
            timeout(SOON, task).await.unwrap().unwrap();
        }
    }

    /// Stops it, and counts the mailboxes that it still holds.
    pub(crate) async fn stop_and_count_mailboxes(mut self) -> usize {
        self.stop().await;
        let path = self.folder.path().join("mailbox.sqlite");
        Store::open(&path, u64::MAX).unwrap().load().unwrap().mailboxes.len()
    }
}

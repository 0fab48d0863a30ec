//! A real mailbox server on loopback.
//!
//! Each example is a process of its own, and takes its server with it when it ends.

use std::{error::Error, sync::mpsc, thread};

use tokio::runtime::{Builder, Runtime};
use wormhole_sync::{Options, Wormhole, blocking};
use wormhole_sync_server::{Mailbox, Notices, listen, serve};

mod relay;
mod transfers;

pub use relay::relay;
pub use transfers::{
    blocking_offered_file, blocking_offered_text, blocking_taker, offered_file, offered_text,
    routes, taker,
};

/// The message of the day of every [`server`].
pub const MOTD: &str = "down for repair on Sunday";

/// The application id of every [`pair`].
const APP_ID: &str = "example.com/chat";

/// Starts a server on a thread of its own, in memory, and tells its URL. It lists its nameplates.
pub fn server() -> String {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = listen(([127, 0, 0, 1], 0).into()).unwrap_or_else(|e| panic!("{e}"));
            let address = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
            let notices = Notices { motd: Some(MOTD.to_owned()), ..Notices::default() };
            let config = Mailbox { allow_list: true, notices, ..Mailbox::default() };
            _ = tell.send(format!("ws://{address}/v1"));
            serve(listener, config, std::future::pending()).await
        })
    });
    told.recv().unwrap_or_else(|_| panic!("no server could be started"))
}

/// Runs an example with the URL of a [`server`] of its own.
pub fn run<E>(example: E)
where
    E: AsyncFnOnce(&str) -> Result<(), Box<dyn Error>>,
{
    let url = server();
    runtime().block_on(example(&url)).unwrap_or_else(|error| panic!("{error}"));
}

/// Both ends of an open wormhole, each saying `{"example": 1}` as its application's version.
pub async fn pair(url: &str) -> Result<(Wormhole, Wormhole), wormhole_sync::Error> {
    let one = Wormhole::connect(APP_ID, options(url)).await?.allocate().await?;
    let other = Wormhole::connect(APP_ID, options(url)).await?;
    let other = other.set_code(one.code().clone()).await?;
    tokio::try_join!(one.confirmed(), other.confirmed())
}

/// The same without async, from outside any runtime.
pub fn blocking_pair(
    url: &str,
) -> Result<(blocking::Wormhole, blocking::Wormhole), wormhole_sync::Error> {
    let one = blocking::Wormhole::connect(APP_ID, options(url))?.allocate()?;
    let other = blocking::Wormhole::connect(APP_ID, options(url))?.set_code(one.code().clone())?;
    let other = thread::spawn(move || other.confirmed());
    let one = one.confirmed()?;
    Ok((one, other.join().unwrap_or_else(|_| panic!("the other side panicked"))?))
}

fn options(url: &str) -> Options {
    let mut versions = serde_json::Map::new();
    versions.insert("example".to_owned(), 1.into());
    Options::new().rendezvous(url).app_versions(versions)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap_or_else(|error| panic!("{error}"))
}

//! Transfers whose other side does what an example needs.

use std::{
    future::Future,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use tokio::task;
use wormhole_sync::{
    Error, Wormhole, blocking,
    transfer::{self, Offered, OfferedFiles, OfferedText, Outgoing, Routes, Sink},
};

use super::{APP_ID, options, pair, runtime, server};

/// The size of the file that [`offered_file`] offers: zeros, called `zeros`.
const SIZE: u64 = 100_000;

/// Routes that do not leave this computer.
pub fn routes() -> Routes {
    Routes::new().listen_at(([127, 0, 0, 1], 0).into())
}

/// A wormhole whose other side takes what it is offered; and what that was.
pub async fn taker(url: &str) -> Result<(Wormhole, There<Vec<u8>>), Error> {
    with(url, take).await
}

/// An offered text, and what its sender hears.
pub async fn offered_text(url: &str, text: &str) -> Result<(OfferedText, There<()>), Error> {
    let text = Outgoing::text(text);
    let (here, there) = with(url, |wormhole| give(wormhole, text)).await?;
    match transfer::receive(here).await? {
        Offered::Text(text) => Ok((text, there)),
        Offered::Files(files) => panic!("{files:?}"),
    }
}

/// An offered file of 100,000 bytes, and what its sender hears.
pub async fn offered_file(url: &str) -> Result<(OfferedFiles, There<()>), Error> {
    let (here, there) = with(url, |wormhole| give(wormhole, zeros())).await?;
    match transfer::receive(here).await? {
        Offered::Files(files) => Ok((files, there)),
        Offered::Text(text) => panic!("{text:?}"),
    }
}

/// [`taker`] without async, with a server of its own.
pub fn blocking_taker() -> Result<(blocking::Wormhole, Thread<Vec<u8>>), Error> {
    blocking_with(take)
}

/// [`offered_text`] without async, with a server of its own.
pub fn blocking_offered_text(
    text: &str,
) -> Result<(blocking::transfer::OfferedText, Thread<()>), Error> {
    let text = Outgoing::text(text);
    let (here, there) = blocking_with(|wormhole| give(wormhole, text))?;
    match blocking::transfer::receive(here)? {
        blocking::transfer::Offered::Text(text) => Ok((text, there)),
        blocking::transfer::Offered::Files(files) => panic!("{files:?}"),
    }
}

/// [`offered_file`] without async, with a server of its own.
pub fn blocking_offered_file() -> Result<(blocking::transfer::OfferedFiles, Thread<()>), Error> {
    let (here, there) = blocking_with(|wormhole| give(wormhole, zeros()))?;
    match blocking::transfer::receive(here)? {
        blocking::transfer::Offered::Files(files) => Ok((files, there)),
        blocking::transfer::Offered::Text(text) => panic!("{text:?}"),
    }
}

/// What becomes of the other side.
type There<T> = task::JoinHandle<Result<T, Error>>;

/// The same on a thread.
type Thread<T> = thread::JoinHandle<Result<T, Error>>;

async fn with<T, F>(
    url: &str,
    there: impl FnOnce(Wormhole) -> F,
) -> Result<(Wormhole, There<T>), Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let (one, other) = pair(url).await?;
    Ok((one, tokio::spawn(there(other))))
}

fn blocking_with<T, F>(
    there: impl FnOnce(Wormhole) -> F + Send + 'static,
) -> Result<(blocking::Wormhole, Thread<T>), Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>>,
{
    let url = server();
    let here = blocking::Wormhole::connect(APP_ID, options(&url))?.allocate()?;
    let code = here.code().clone();
    let other = thread::spawn(move || {
        runtime().block_on(async {
            let other = Wormhole::connect(APP_ID, options(&url)).await?.set_code(code).await?;
            there(other.confirmed().await?).await
        })
    });
    Ok((here.confirmed()?, other))
}

async fn give(wormhole: Wormhole, outgoing: Outgoing) -> Result<(), Error> {
    transfer::send(wormhole, outgoing, &routes()).await?.finish().await
}

async fn take(wormhole: Wormhole) -> Result<Vec<u8>, Error> {
    let kept = Kept::default();
    match transfer::receive(wormhole).await? {
        Offered::Text(text) => {
            let bytes = text.text().as_bytes().to_vec();
            text.acknowledge().await?;
            return Ok(bytes);
        }
        Offered::Files(files) => {
            files.accept(Box::new(kept.clone()), &routes()).await?.finish().await?;
        }
    }
    Ok(kept.0.lock().map(|bytes| bytes.clone()).unwrap_or_default())
}

fn zeros() -> Outgoing {
    Outgoing::bytes("zeros", SIZE, io::repeat(0))
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Kept {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        Ok(None)
    }
}

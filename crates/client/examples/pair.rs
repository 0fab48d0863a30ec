//! Two computers in one process: exchanges a blob each way through a mailbox server.
//!
//! `cargo run -p wormhole-sync --example pair -- ws://127.0.0.1:4000/v1`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{env, time::Instant};

use wormhole_sync::{
    Error, Options,
    transcribe::{Initiator, Receiver},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let options = match env::args().nth(1) {
        Some(url) => Options::new().rendezvous(url),
        None => Options::new(),
    };
    let begin = Instant::now();
    let started = Initiator::new("example.com/pair", b"from the initiator")
        .options(options.clone())
        .start()
        .await?;
    println!("code: {}", started.code().as_str());
    let receiver = Receiver::new("example.com/pair", started.code().as_str(), b"from the receiver")
        .options(options);
    let (theirs, ours) = tokio::try_join!(started.finish(), receiver.finish())?;
    println!("initiator got: {}", String::from_utf8_lossy(&theirs));
    println!("receiver got:  {}", String::from_utf8_lossy(&ours));
    println!("in {:?}", begin.elapsed());
    Ok(())
}

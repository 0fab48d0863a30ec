//! The main job in one process: a mailbox server on loopback, and two sides that have never met,
//! which exchange a blob each through it with nothing but a short code.
//!
//! `cargo run --example pair`, or with blobs of your own: `cargo run --example pair -- ONE OTHER`.

use std::{env, error::Error, thread, time::Instant};

use tokio::{net::TcpListener, runtime::Builder};
use wormhole_sync::blocking::transcribe::{Initiator, Receiver};
use wormhole_sync_server::{Config, serve};

const APP_ID: &str = "example.com/pair";

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut blobs = env::args().skip(1);
    let one = blobs.next().unwrap_or_else(|| "the initiator's secret".to_owned());
    let other = blobs.next().unwrap_or_else(|| "the receiver's secret".to_owned());

    // In earnest this is a public server somewhere, or `wormhole serve mailbox`.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let url = format!("ws://{}/v1", listener.local_addr()?);
    println!("mailbox server:    {url}");
    thread::spawn(move || {
        runtime.block_on(serve(listener, Config::default(), std::future::pending()))
    });

    let begin = Instant::now();
    let started = Initiator::new(APP_ID, one).rendezvous(&url).start()?;
    let code = started.code().as_str().to_owned();
    println!("invitation code:   {code}   (a person carries it to the other computer)");

    let receiver =
        thread::spawn(move || Receiver::new(APP_ID, &code, other).rendezvous(&url).finish());
    let theirs = started.finish()?;
    let ours = receiver.join().map_err(|_| "the receiver's thread failed")??;

    println!("the initiator got: {}", String::from_utf8_lossy(&theirs));
    println!("the receiver got:  {}", String::from_utf8_lossy(&ours));
    println!("in {} ms", begin.elapsed().as_millis());
    Ok(())
}

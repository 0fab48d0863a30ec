//! Those who come to the mailboxes and do not behave.

use std::{collections::VecDeque, io};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wormhole_sync_bench::client::{Client, connect, upgrade};

use crate::visitor::{Chance, Visitor};

/// Connections that a worker forgets about: the oldest is closed when there is one more.
const HELD: usize = 48;

/// Connections that nobody closes for a while.
#[derive(Default)]
pub(crate) struct Held(VecDeque<Box<dyn Send>>);

impl Held {
    pub(crate) fn keep(&mut self, connection: impl Send + 'static) {
        self.0.push_back(Box::new(connection));
        if self.0.len() > HELD {
            self.0.pop_front();
        }
    }
}

/// Comes, and does what it should not.
pub(crate) async fn visit(visitor: &mut Visitor, held: &mut Held) -> io::Result<()> {
    match visitor.chance.below(3) {
        0 => vanish(visitor, held).await,
        1 => say_nonsense(visitor).await,
        _ => stop_in_the_head(visitor, held).await,
    }
}

/// Begins as everybody does, and is gone at some step, or stays and says nothing more.
async fn vanish(visitor: &mut Visitor, held: &mut Held) -> io::Result<()> {
    let (url, number) = visitor.next();
    let step = visitor.chance.below(6);
    let mut client = Client::connect(&url).await?;
    let frames = [
        format!(r#"{{"type":"bind","appid":"example.com/soak","side":"{number:x}"}}"#),
        r#"{"type":"allocate"}"#.to_owned(),
        format!(r#"{{"type":"claim","nameplate":"{number}"}}"#),
        format!(r#"{{"type":"open","mailbox":"{number:x}"}}"#),
        r#"{"type":"add","phase":"pake","body":"00"}"#.to_owned(),
        r#"{"type":"close"}"#.to_owned(),
    ];
    for frame in frames.iter().zip(0..=step).map(|(frame, _)| frame) {
        client.say(frame);
    }
    client.flush().await?;
    match visitor.chance.below(3) {
        0 => {} // at once
        1 => drop(client.hear().await?),
        _ => held.keep(client),
    }
    Ok(())
}

/// A WebSocket, and then what is no message of the protocol.
async fn say_nonsense(visitor: &mut Visitor) -> io::Result<()> {
    let mut stream = connect(visitor.place.web, Some(visitor.address())).await?;
    stream.write_all(upgrade("/v1").as_bytes()).await?;
    let nonsense = nonsense(&mut visitor.chance);
    stream.write_all(&nonsense).await?;
    let mut answer = [0; 4096];
    _ = stream.read(&mut answer).await?;
    Ok(())
}

fn nonsense(chance: &mut Chance) -> Vec<u8> {
    let masked = |first: &[u8], payload: &[u8]| [first, &[0; 4], payload].concat();
    match chance.below(6) {
        0 => chance.bytes(4096),
        1 => b"\x81\x02{}".to_vec(),               // not masked
        2 => masked(b"\x81\x83", b"\xff\xfe\xfd"), // no UTF-8
        3 => masked(b"\x81\x88", b"[[[[[[[["),     // no JSON
        4 => masked(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", &vec![7; 20_000]), // without end
        _ => masked(b"\x89\x80", b"").repeat(200), // pings
    }
}

/// Stops in the middle of the request, and is gone, or stays.
async fn stop_in_the_head(visitor: &mut Visitor, held: &mut Held) -> io::Result<()> {
    let mut stream: TcpStream = connect(visitor.place.web, Some(visitor.address())).await?;
    let request = upgrade("/v1");
    let end = usize::try_from(visitor.chance.below(request.len() as u64)).unwrap_or_default();
    stream.write_all(request.as_bytes().get(..end).unwrap_or_default()).await?;
    if visitor.chance.below(2) == 0 {
        held.keep(stream);
    }
    Ok(())
}

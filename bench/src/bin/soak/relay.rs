//! Those who come to the relay.

use std::{io, net::IpAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wormhole_sync_bench::client::{Client, Url, connect};

use crate::{strangers::Held, visitor::Visitor};

/// Bytes that a pair moves in each direction, at the most.
const MOST: u64 = 256 << 10;

/// More than may wait from one address.
const TOO_MANY: u64 = 80;

/// Two who meet, say something to one another, and go.
pub(crate) async fn honest(visitor: &mut Visitor) -> io::Result<()> {
    let [mut one, mut other] = pair(visitor).await?;
    for _ in 0..2 {
        let length = usize::try_from(visitor.chance.below(MOST)).map_err(io::Error::other)?;
        let (said, mut heard) = (vec![7; length], vec![0; length]);
        tokio::try_join!(one.say(&said), other.hear(&mut heard))?;
        if said != heard {
            return Err(io::Error::other("the relay changed what was said"));
        }
        std::mem::swap(&mut one, &mut other);
    }
    drop(one);
    match other.hear(&mut [0]).await {
        Ok(()) => Err(io::Error::other("the relay said something of its own")),
        Err(_) => Ok(()), // it has closed, as it must
    }
}

/// Somebody who does what it should not.
pub(crate) async fn strange(visitor: &mut Visitor, held: &mut Held) -> io::Result<()> {
    let address = visitor.address();
    let line = line(visitor, 1);
    let cut = usize::try_from(visitor.chance.below(line.len() as u64)).unwrap_or_default();
    let begun = line.as_bytes().get(..cut).unwrap_or_default();
    match visitor.chance.below(40) {
        0..8 => held.keep(link(visitor, address, line.as_bytes()).await?), // nobody comes
        8..12 => drop(link(visitor, address, line.as_bytes()).await?),
        12..16 => held.keep(link(visitor, address, begun).await?),
        16..20 => drop(link(visitor, address, begun).await?),
        20..24 => refused(visitor, address, b"please relay me\n").await?,
        24..28 => refused(visitor, address, format!("{line}at once").as_bytes()).await?,
        28..32 => {
            held.keep(link(visitor, address, line.as_bytes()).await?);
            drop(link(visitor, address, line.as_bytes()).await?); // the same side again
        }
        32..36 => held.keep(pair(visitor).await?), // nothing moves
        36..39 => {
            let [mut one, other] = pair(visitor).await?;
            held.keep(other); // it does not read
            one.say(&vec![7; 8 << 20]).await?;
        }
        _ => {
            for side in 0..TOO_MANY {
                let line = self::line(visitor, side);
                held.keep(link(visitor, address, line.as_bytes()).await?);
            }
        }
    }
    Ok(())
}

/// A link, by the relay's own port, by WebSocket or by that within TLS.
enum Half {
    Tcp(TcpStream),
    WebSocket(Client),
}

impl Half {
    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::WebSocket(client) => {
                client.say_bytes(bytes);
                client.flush().await
            }
        }
    }

    async fn hear(&mut self, room: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.read_exact(room).await.map(drop),
            Self::WebSocket(client) => client.hear_bytes(room).await,
        }
    }
}

async fn pair(visitor: &mut Visitor) -> io::Result<[Half; 2]> {
    let (_, number) = visitor.next();
    let mut links = Vec::new();
    for side in 1..=2 {
        let mut link = if visitor.chance.below(2) == 0 {
            let address = visitor.address();
            Half::Tcp(link(visitor, address, b"").await?)
        } else {
            let (url, _) = visitor.next();
            let url = Url { path: "/relay".to_owned(), ..url };
            Half::WebSocket(Client::connect(&url).await?)
        };
        link.say(format!("please relay {number:064x} for side {side:016x}\n").as_bytes()).await?;
        links.push(link);
    }
    for link in &mut links {
        let mut consent = [0; 3];
        link.hear(&mut consent).await?;
        if consent != *b"ok\n" {
            return Err(io::Error::other("the relay did not say ok"));
        }
    }
    links.try_into().map_err(|_| io::Error::other("two links are two"))
}

fn line(visitor: &mut Visitor, side: u64) -> String {
    let (_, number) = visitor.next();
    format!("please relay {number:064x} for side {side:016x}\n")
}

async fn link(visitor: &Visitor, from: IpAddr, bytes: &[u8]) -> io::Result<TcpStream> {
    let mut stream = connect(visitor.place.relay, Some(from)).await?;
    stream.write_all(bytes).await?;
    Ok(stream)
}

async fn refused(visitor: &Visitor, from: IpAddr, bytes: &[u8]) -> io::Result<()> {
    link(visitor, from, bytes).await?.read_to_end(&mut Vec::new()).await.map(drop)
}

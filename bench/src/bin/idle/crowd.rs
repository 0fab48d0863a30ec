//! Those who wait.

use std::{io, net::Ipv4Addr, time::Duration};

use wormhole_sync_bench::{
    client::{Client, Url},
    exchange,
    server::resident,
};

/// Clients that connect at the same time.
const CONNECTING: u32 = 32;

/// Addresses of loopback from which they come: each has some thirty thousand ports, of which those
/// that are gone a minute ago are still in use.
const ADDRESSES: u32 = 8;

/// For what they wait.
#[derive(Clone, Copy)]
pub(crate) enum At {
    /// For the other side of an exchange.
    Mailbox,
    /// For the other half of a pair, by WebSocket.
    Relay,
}

/// Clients that wait until this is dropped.
pub(crate) struct Crowd {
    /// What the server holds for each.
    pub(crate) kibibytes: f64,
    _clients: Vec<Client>,
}

/// Lets so many clients connect, say what they wait for, and wait.
pub(crate) async fn gather(url: &Url, at: At, count: u32, server: u32) -> io::Result<Crowd> {
    // The first ones pay for what a server sets up once.
    let mut clients = open(url, at, 0, CONNECTING).await?;
    settle().await;
    let before = resident(server)?;
    clients.append(&mut open(url, at, CONNECTING, count).await?);
    settle().await;
    let held = resident(server)?.saturating_sub(before) / 1024;
    let kibibytes =
        f64::from(u32::try_from(held).map_err(io::Error::other)?) / f64::from(count.max(1));
    Ok(Crowd { kibibytes, _clients: clients })
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn open(url: &Url, at: At, first: u32, count: u32) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    let mut number = first;
    while number < first + count {
        let end = (number + CONNECTING).min(first + count);
        let tasks: Vec<_> = (number..end)
            .map(|number| {
                let url = Url { from: Some(address(number).into()), ..url.clone() };
                tokio::spawn(async move {
                    match at {
                        At::Mailbox => exchange::wait(&url, u64::from(number)).await,
                        At::Relay => wait(url, number).await,
                    }
                })
            })
            .collect();
        for task in tasks {
            clients.push(task.await.map_err(io::Error::other)??);
        }
        number = end;
    }
    Ok(clients)
}

/// A link of the relay that waits for its partner.
async fn wait(url: Url, number: u32) -> io::Result<Client> {
    let mut client = Client::connect(&Url { path: "/relay".to_owned(), ..url }).await?;
    let line = format!("please relay {number:064x} for side {number:016x}\n");
    client.say_bytes(line.as_bytes());
    client.flush().await?;
    Ok(client)
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 1, 1).to_bits() + number % ADDRESSES)
}

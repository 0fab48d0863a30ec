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

/// Clients that wait until this is dropped.
pub(crate) struct Crowd {
    /// What the server holds for each.
    pub(crate) kibibytes: f64,
    _clients: Vec<Client>,
}

/// Lets so many clients connect, claim a nameplate and wait.
pub(crate) async fn gather(url: &Url, count: u32, server: u32) -> io::Result<Crowd> {
    // The first ones pay for what a server sets up once.
    let mut clients = open(url, 0, CONNECTING).await?;
    let before = resident(server)?;
    clients.append(&mut open(url, CONNECTING, count).await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let held = resident(server)?.saturating_sub(before) / 1024;
    let kibibytes =
        f64::from(u32::try_from(held).map_err(io::Error::other)?) / f64::from(count.max(1));
    Ok(Crowd { kibibytes, _clients: clients })
}

async fn open(url: &Url, first: u32, count: u32) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    let mut number = first;
    while number < first + count {
        let end = (number + CONNECTING).min(first + count);
        let tasks: Vec<_> = (number..end)
            .map(|number| {
                let url = Url { from: Some(address(number).into()), ..url.clone() };
                tokio::spawn(async move { exchange::wait(&url, u64::from(number)).await })
            })
            .collect();
        for task in tasks {
            clients.push(task.await.map_err(io::Error::other)??);
        }
        number = end;
    }
    Ok(clients)
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 1, 1).to_bits() + number % ADDRESSES)
}

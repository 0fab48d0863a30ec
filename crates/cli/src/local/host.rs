//! The host: a mailbox server inside this process, and a door to it for the local network.

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use wormhole_sync_server::{Config, Limits, serve};

use super::{Interfaces, announce::Announcement};
use crate::exit::Failure;

/// Most connections from the network at a time. One is needed; anybody there can open more.
const MAX_GUESTS: usize = 64;

/// How long guests may take to say goodbye once this side is done.
const FAREWELL: Duration = Duration::from_secs(5);

/// A hosted exchange. The server lives as long as the process: the goodbyes of both sides need it.
pub(crate) struct Host {
    url: String,
    guests: watch::Receiver<usize>,
    announcement: Option<Announcement>,
}

impl Host {
    /// Opens the server and announces it under a number.
    pub(crate) async fn open(interfaces: &Interfaces, number: &str) -> Result<Self, Failure> {
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(closed)?;
        let address = inner.local_addr().map_err(closed)?;
        let door = door(interfaces).await.map_err(closed)?;
        let port = door.local_addr().map_err(closed)?.port();
        tokio::spawn(serve(inner, config(), pending()));
        let (count, guests) = watch::channel(0);
        tokio::spawn(admit(door, address, count));
        let announcement = Announcement::make(interfaces, number, port)?;
        Ok(Self { url: format!("ws://{address}/v1"), guests, announcement: Some(announcement) })
    }

    /// The server, for this side.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The other side is there: nobody else is to come.
    pub(crate) async fn withdraw(&mut self) {
        if let Some(announcement) = self.announcement.take() {
            announcement.withdraw().await;
        }
    }

    /// Stays until the guests have left, but not for ever.
    pub(crate) async fn see_off(mut self) {
        self.withdraw().await;
        let _ = timeout(FAREWELL, self.guests.wait_for(|guests| *guests == 0)).await;
    }
}

/// A port of all interfaces and both families of addresses, or of what never leaves this computer.
async fn door(interfaces: &Interfaces) -> io::Result<TcpListener> {
    if *interfaces == Interfaces::Loopback {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    }
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
        Ok(door) => Ok(door),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await, // a system without IPv6
    }
}

async fn admit(door: TcpListener, server: SocketAddr, guests: watch::Sender<usize>) {
    loop {
        match door.accept().await {
            Ok((guest, _)) if *guests.borrow() < MAX_GUESTS => {
                guests.send_modify(|guests| *guests += 1);
                tokio::spawn(lead(guest, server, guests.clone()));
            }
            Ok(_) => {} // dropped: the door closes before it
            Err(_) => sleep(Duration::from_millis(100)).await, // out of descriptors: let some go
        }
    }
}

async fn lead(mut guest: TcpStream, server: SocketAddr, guests: watch::Sender<usize>) {
    let _ = guest.set_nodelay(true); // slower without, that is all
    if let Ok(mut inner) = TcpStream::connect(server).await {
        let _ = inner.set_nodelay(true);
        let _ = copy_bidirectional(&mut guest, &mut inner).await; // either end's close is the end
    }
    guests.send_modify(|guests| *guests -= 1);
}

/// One pair of people, and whoever else is on their network.
fn config() -> Config {
    let limits = Limits {
        connections: MAX_GUESTS * 2,
        mailboxes: MAX_GUESTS,
        stored_bytes: 64 << 20,
        ..Limits::default()
    };
    Config { limits, ..Config::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn closed(error: io::Error) -> Failure {
    Failure::here(format!("this computer cannot host the exchange: {error}; use a server"))
}

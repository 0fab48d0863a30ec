//! The host: a mailbox server inside this process, and a door to it for the local network.

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use wormhole_sync_server::{Clients, Config, Limits, Mailbox, Timing, serve};

use super::{
    Interfaces,
    announce::Announcement,
    door,
    guests::{Guests, MAX_GUESTS, Seat},
};
use crate::exit::Failure;

/// How long a connection may last after one end has closed it.
const LINGER: Duration = Duration::from_secs(1);

/// How long a guest may take for its HTTP request: silent connections do not keep their seats.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How often guests are pinged, and after how long without an answer they are gone.
const PING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);

/// How long guests may take to say goodbye once this side is done.
const FAREWELL: Duration = Duration::from_secs(5);

/// A hosted exchange. The server lives as long as the process: the goodbyes of both sides need it.
pub(crate) struct Host {
    url: String,
    guests: Guests,
    announcement: Option<Announcement>,
}

impl Host {
    /// Opens the server and announces it under a number.
    pub(crate) async fn open(interfaces: &Interfaces, number: &str) -> Result<Self, Failure> {
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(closed)?;
        let address = inner.local_addr().map_err(closed)?;
        let (doors, port) = door::open(interfaces).await.map_err(closed)?;
        tokio::spawn(serve(inner, config(), pending()));
        let guests = Guests::default();
        for door in doors {
            tokio::spawn(admit(door, address, guests.clone()));
        }
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
        let _ = timeout(FAREWELL, self.guests.gone()).await;
    }
}

async fn admit(door: TcpListener, server: SocketAddr, guests: Guests) {
    loop {
        match door.accept().await {
            Ok((guest, address)) => {
                if let Some(seat) = guests.admit(address.ip()) {
                    tokio::spawn(lead(guest, server, seat));
                } // otherwise dropped: the door closes before it
            }
            Err(_) => sleep(Duration::from_millis(100)).await, // out of descriptors: let some go
        }
    }
}

/// Carries bytes between a guest and the server. When one of them ends, what is on its way still gets a
/// moment, and no more: a guest that never closes would hold its seat.
async fn lead(mut guest: TcpStream, server: SocketAddr, mut seat: Seat) {
    let _ = guest.set_nodelay(true); // slower without, that is all
    let Ok(mut inner) = TcpStream::connect(server).await else { return };
    let _ = inner.set_nodelay(true);
    let (mut from_guest, mut to_guest) = guest.split();
    let (mut from_server, mut to_server) = inner.split();
    let up = async {
        let _ = copy(&mut from_guest, &mut to_server).await; // an error is an end, too
        let _ = to_server.shutdown().await;
    };
    let down = async {
        if matches!(from_server.peek(&mut [0]).await, Ok(1..)) {
            seat.answered();
        }
        let _ = copy(&mut from_server, &mut to_guest).await;
        let _ = to_guest.shutdown().await;
    };
    tokio::pin!(up, down);
    let _ = tokio::select! {
        () = &mut up => timeout(LINGER, down).await,
        () = &mut down => timeout(LINGER, up).await,
    };
}

/// One pair of people, and whoever else is on their network.
fn config() -> Config {
    let limits = Limits { mailboxes: MAX_GUESTS, stored_bytes: 64 << 20, ..Limits::default() };
    let timing = Timing { ping: PING, silence: SILENCE, ..Timing::default() };
    let clients =
        Clients { connections: MAX_GUESTS * 2, handshake: HANDSHAKE, ..Clients::default() };
    let mailbox = Some(Mailbox { limits, timing, ..Mailbox::default() });
    Config { mailbox, clients, ..Config::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn closed(error: io::Error) -> Failure {
    Failure::here(format!("this computer cannot host the exchange: {error}; use a server"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::guests::tests::empty;
    use tokio::io::AsyncReadExt;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_guest_that_never_closes_loses_its_seat_when_the_server_closes() {
        let (server, inner) = listener().await;
        let (door, outer) = listener().await;
        let guests = Guests::default();
        tokio::spawn(admit(door, inner, guests.clone()));
        let mut silent = TcpStream::connect(outer).await.unwrap();
        drop(server.accept().await.unwrap());
        assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
        empty(&guests).await; // while the guest still holds its end
        drop(silent);
    }

    #[tokio::test]
    async fn a_guest_that_closes_still_gets_what_was_on_its_way() {
        let (server, inner) = listener().await;
        let (door, outer) = listener().await;
        tokio::spawn(admit(door, inner, Guests::default()));
        let mut guest = TcpStream::connect(outer).await.unwrap();
        guest.write_all(b"question").await.unwrap();
        guest.shutdown().await.unwrap();
        let mut server = server.accept().await.unwrap().0;
        let mut asked = String::new();
        server.read_to_string(&mut asked).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answered = String::new();
        guest.read_to_string(&mut answered).await.unwrap();
        assert_eq!((&*asked, &*answered), ("question", "answer"));
    }

    #[tokio::test]
    async fn one_address_does_not_take_all_seats() {
        let (_server, inner) = listener().await; // accepts nobody: the seats are kept
        let (door, outer) = listener().await;
        tokio::spawn(admit(door, inner, Guests::default()));
        let mut seated = Vec::new();
        for _ in 0..8 {
            seated.push(TcpStream::connect(outer).await.unwrap());
        }
        let mut too_many = TcpStream::connect(outer).await.unwrap();
        assert!(!matches!(too_many.read(&mut [0]).await, Ok(1..)), "the door stays shut");
    }
}

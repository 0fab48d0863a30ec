//! A mailbox server and a transit relay in one, which advertises itself.

use std::{future::pending, sync::mpsc, thread};

use tokio::runtime::Builder;
use wormhole_sync_server::{Config, Doors, Mailbox, Notices, Relay, TransitRelay, listen, prepare};

/// One on loopback, for as long as the test lasts.
pub(crate) struct Whole {
    /// The mailbox server's URL.
    pub(crate) url: String,
    /// The relay, by TCP and by WebSocket.
    pub(crate) relays: [String; 2],
}

impl Whole {
    pub(crate) fn start() -> Self {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let free = || listen(([127, 0, 0, 1], 0).into()).unwrap();
                let mut doors = Doors::default();
                (doors.web, doors.relay) = (vec![free()], vec![free()]);
                let [web, raw] =
                    [&doors.web, &doors.relay].map(|door| door[0].local_addr().unwrap());
                let relays = [format!("tcp:{raw}"), format!("ws://{web}/relay")];
                let advertised = relays.iter().map(|relay| TransitRelay::parse(relay).unwrap());
                let transit_relays = advertised.collect();
                let notices = Notices { transit_relays, ..Notices::default() };
                let mailbox = Mailbox { notices, ..Mailbox::default() };
                let relay = Some(Relay::default());
                let config = Config { relay, ..Config::from(mailbox) };
                let server = prepare(doors, config).await.unwrap();
                tell.send(Self { url: format!("ws://{web}/v1"), relays }).unwrap();
                server.serve(pending()).await.unwrap();
            });
        });
        told.recv().unwrap()
    }
}

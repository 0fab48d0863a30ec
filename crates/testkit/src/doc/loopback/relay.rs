//! A real transit relay on loopback.

use std::{sync::mpsc, thread};

use wormhole_sync_server::{Config, Doors, Relay, listen, serve};

use super::runtime;

/// Starts a relay on a thread of its own, and tells how it is named.
pub fn relay() -> String {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = listen(([127, 0, 0, 1], 0).into()).unwrap_or_else(|e| panic!("{e}"));
            let address = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
            let mut doors = Doors::default();
            doors.relay.push(listener);
            _ = tell.send(format!("tcp:{address}"));
            serve(doors, Config::from(Relay::default()), std::future::pending()).await
        })
    });
    told.recv().unwrap_or_else(|_| panic!("no relay could be started"))
}

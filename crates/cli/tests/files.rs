//! `wormhole send PATH` and `wormhole receive`: files and directories, between two processes over loopback.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

mod files {
    use crate::support::relay;

    mod stage;
    mod treasury;

    mod archives;
    mod endings;
    mod events;
    mod full_disk;
    mod hostile;
    mod interrupted;
    mod outputs;
    mod places;
    mod proxies;
    mod questions;
    mod routes;
    mod sending;
    mod shown;
    mod terminal;
    mod traffic;
}

//! `wormhole send PATH` and `wormhole receive`: files and directories, between two processes over loopback.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it was skipped"
)]

mod support;

mod files {
    #[path = "../local/namespace.rs"]
    #[allow(dead_code, reason = "the other computers in it are of other tests")]
    mod namespace;
    mod relay;
    mod stage;

    mod endings;
    mod events;
    mod hostile;
    mod interrupted;
    mod places;
    mod questions;
    mod routes;
    mod sending;
    mod terminal;
}

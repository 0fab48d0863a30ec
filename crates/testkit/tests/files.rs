//! The client's transfers of files over loopback, with a real server between: what an application sees of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

mod support;

mod files {
    mod hands;

    mod blocking;
    mod failures;
    mod leaving;
    mod websocket_relays;
    mod whole;
}

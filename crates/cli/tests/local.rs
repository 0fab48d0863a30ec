//! Without a server, inside network namespaces of one's own: nothing here reaches a real network.
//!
//! Each test runs itself again inside a new namespace that has nothing but loopback. Where that is
//! not allowed, it says so and passes.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it was skipped"
)]

mod support;

mod local {
    mod namespace;

    mod announcements;
    mod computers;
    mod meetings;
    mod refusals;

    /// The service type under which hosts announce themselves.
    const SERVICE: &str = "_wormhole-sync._tcp.local.";
}

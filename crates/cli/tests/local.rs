//! Without a server, inside network namespaces of one's own: nothing here reaches a real network.
//!
//! Each test runs itself again inside a new namespace that has nothing but loopback. Where that is
//! not allowed, it says so and passes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

mod local {

    mod announcements;
    mod computers;
    mod meetings;
    mod refusals;
    mod servers;

    /// The service type under which hosts announce themselves.
    const SERVICE: &str = "_wormhole-sync._tcp.local.";
}

//! What the benchmarks share: a lean client, and our server in a process of its own.

pub mod client;
pub mod server;

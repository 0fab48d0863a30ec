//! What the benchmarks share: a lean client, an exchange of two of them, and our server in a process of its own.

pub mod client;
pub mod exchange;
pub mod frames;
pub mod server;

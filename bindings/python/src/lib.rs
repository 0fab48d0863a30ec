//! The extension module `wormhole_sync._native`: what the Python package needs of the library, in its simplest
//! form.
//!
//! ```text
//!  Python            blocking ┐
//!  package            asyncio ├─ settle ─▶ Pending ◀─ Promise ─ a task for each exchange ─▶ wormhole-sync
//!                     Twisted ┘            (wait, on_news, note, result, cancel)
//! ```
//!
//! Each exchange is a task of its own on one runtime of the process. Whatever Python asks of it is answered by
//! a `Pending`: the blocking face waits for it with the interpreter's lock released, the
//! other two are told when there is news. So the three faces differ in how they wait, and in nothing else, and
//! nothing of the protocol is written again. A task never touches Python objects; it makes promises, whose
//! values become objects only when Python takes them.

mod failure;

mod process;

mod pending;

mod settings;
mod status;

mod exchange;
mod wormhole;

mod transfer;

use pyo3::prelude::pymodule;

/// What the package `wormhole_sync` is made of. Use the package: nothing in here is promised.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::{
        exchange::Exchange,
        pending::{Pending, Question},
        process::farewell,
        transfer::{Offer, Receiving, Sending},
        wormhole::Wormhole,
    };

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// The mailbox server that is used when nothing else is said.
    #[pymodule_export]
    const DEFAULT_RENDEZVOUS: &str = wormhole_sync::DEFAULT_RENDEZVOUS;

    /// The application id of file transfers.
    #[pymodule_export]
    const TRANSFER_APP_ID: &str = wormhole_sync::TRANSFER_APP_ID;

    /// Bytes of a blob or a message at most.
    #[pymodule_export]
    const MAX_BLOB: usize = wormhole_sync::MAX_BLOB;
}

//! For tests without async.

use std::thread;

use wormhole_sync::{Options, blocking::Wormhole};
use wormhole_sync_server::Mailbox;

use super::{APP, Server};

/// A server on a thread of its own, for as long as the test lasts; the mailboxes that are left.
pub(crate) fn with_server(test: impl FnOnce(Options)) -> usize {
    with_configured_server(|_| (), test)
}

pub(crate) fn with_configured_server(
    choose: impl FnOnce(&mut Mailbox),
    test: impl FnOnce(Options),
) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::with(choose));
    test(server.options());
    runtime.block_on(server.stop_and_count_mailboxes())
}

/// Two open wormholes.
pub(crate) fn pair(options: &Options) -> (Wormhole, Wormhole) {
    let one = Wormhole::connect(APP, options.clone()).unwrap().allocate().unwrap();
    let other = Wormhole::connect(APP, options.clone()).unwrap();
    let other = other.set_code(one.code().clone()).unwrap();
    let other = thread::spawn(move || other.confirmed().unwrap());
    (one.confirmed().unwrap(), other.join().unwrap())
}

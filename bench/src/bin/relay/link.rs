//! Links to a relay.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A relay that says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A link that waits for its partner.
pub(crate) fn wait(relay: SocketAddr, token: u64, side: u64) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(relay)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let process = std::process::id();
    writeln!(stream, "please relay {process:032x}{token:032x} for side {side:016x}")?;
    Ok(stream)
}

/// Two links that are one.
pub(crate) fn pair(relay: SocketAddr) -> io::Result<[TcpStream; 2]> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let token = NEXT.fetch_add(1, Relaxed);
    let mut links = [wait(relay, token, 1)?, wait(relay, token, 2)?];
    for link in &mut links {
        let mut consent = [0; 3];
        link.read_exact(&mut consent)?;
        if consent != *b"ok\n" {
            return Err(io::Error::other("the relay did not say ok"));
        }
    }
    Ok(links)
}

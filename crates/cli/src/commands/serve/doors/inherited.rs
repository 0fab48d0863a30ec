//! Sockets that systemd has opened.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::exit::Failure;

/// A socket that listens.
pub(crate) struct Inherited {
    /// The name in the socket's unit.
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) listener: TcpListener,
}

impl Inherited {
    /// The socket for those who serve on it.
    pub(super) fn open(self) -> Result<tokio::net::TcpListener, Failure> {
        let Self { name, listener, .. } = self;
        tokio::net::TcpListener::from_std(listener).map_err(|error| {
            Failure::here(format!(
                "the socket '{name}' from systemd cannot be served: {error}; restart its unit"
            ))
        })
    }
}

/// Those that there are, if any. To be called while there is one thread alone: the variables that tell of them are taken
/// away, so that nobody takes the sockets twice.
#[cfg(unix)]
pub(in super::super) fn inherited() -> Result<Vec<Inherited>, Failure> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = listenfd::ListenFd::from_env();
    let mut inherited = Vec::new();
    for index in 0..sockets.len() {
        let name = names.next().unwrap_or_default().to_owned();
        let unusable = |error: io::Error| {
            Failure::usage(format!(
                "socket {index} ('{name}') from systemd cannot be served: {error}; give the socket's unit \
                 ListenStream=ADDRESS:PORT"
            ))
        };
        let Some(listener) = sockets.take_tcp_listener(index).map_err(unusable)? else { continue };
        let address = listener.local_addr().map_err(unusable)?;
        listener.set_nonblocking(true).map_err(unusable)?;
        inherited.push(Inherited { name, address, listener });
    }
    Ok(inherited)
}

/// There is no systemd.
#[cfg(not(unix))]
pub(in super::super) fn inherited() -> Result<Vec<Inherited>, Failure> {
    Ok(Vec::new())
}

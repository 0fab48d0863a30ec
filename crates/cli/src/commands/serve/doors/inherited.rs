//! Sockets that systemd has opened.

use std::net::{SocketAddr, TcpListener};

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
        let unusable = |why: String| {
            Failure::usage(format!(
                "socket {index} ('{name}') from systemd cannot be served: {why}"
            ))
        };
        let broken = |error: std::io::Error| unusable(format!("{error}; restart its unit"));
        let listener = match sockets.take_tcp_listener(index) {
            Ok(Some(listener)) => listener,
            Ok(None) => continue,
            Err(_) => {
                let kind = kind(&mut sockets, index);
                return Err(unusable(format!(
                    "it is {kind}; give its unit ListenStream=ADDRESS:PORT"
                )));
            }
        };
        if !listens(&listener).map_err(broken)? {
            return Err(unusable(
                "nobody can connect to it, for it does not listen: with Accept=yes it is one connection; give its unit \
                 ListenStream=ADDRESS:PORT and Accept=no"
                    .to_owned(),
            ));
        }
        let address = listener.local_addr().map_err(broken)?;
        listener.set_nonblocking(true).map_err(broken)?;
        inherited.push(Inherited { name, address, listener });
    }
    Ok(inherited)
}

/// What it is that is no socket of TCP.
#[cfg(unix)]
fn kind(sockets: &mut listenfd::ListenFd, index: usize) -> &'static str {
    if sockets.take_udp_socket(index).is_ok() {
        "a socket of UDP"
    } else if sockets.take_unix_listener(index).is_ok() || sockets.take_unix_datagram(index).is_ok()
    {
        "a Unix socket"
    } else {
        "no socket of TCP"
    }
}

/// Whether it is one that connections come out of.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn listens(listener: &TcpListener) -> std::io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(listener)?)
}

/// There is no asking it, nor a systemd.
#[cfg(target_vendor = "apple")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn listens(_: &TcpListener) -> std::io::Result<bool> {
    Ok(true)
}

/// There is no systemd.
#[cfg(not(unix))]
pub(in super::super) fn inherited() -> Result<Vec<Inherited>, Failure> {
    Ok(Vec::new())
}

//! Where clients come in: addresses that are listened on here, and sockets that systemd has opened.

mod inherited;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
};

use wormhole_sync_server::{Doors, listen};

use crate::{args::Servers, exit::Failure, settings::serve::Resolved};
pub(super) use inherited::{Inherited, inherited};

/// The kinds of doors. Their names are those of their settings, and those by which systemd names sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Web,
    Tls,
    Relay,
    Admin,
}

impl Door {
    pub(super) const ALL: [Self; 4] = [Self::Web, Self::Tls, Self::Relay, Self::Admin];

    const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Tls => "tls",
            Self::Relay => "relay",
            Self::Admin => "admin",
        }
    }

    /// The flag that names its addresses.
    const fn flag(self) -> &'static str {
        match self {
            Self::Web => "--listen",
            Self::Tls => "--tls-listen",
            Self::Relay => "--relay-listen",
            Self::Admin => "--admin-listen",
        }
    }

    /// Where its setting wants it.
    fn addresses(self, resolved: &Resolved) -> &[SocketAddr] {
        match self {
            Self::Web => &resolved.settings.web.listen,
            Self::Tls => &resolved.settings.tls.listen,
            Self::Relay => &resolved.settings.relay.listen,
            Self::Admin => &resolved.settings.admin.listen,
        }
    }

    /// Whether there is anything behind it.
    const fn leads_somewhere(self, servers: Servers) -> bool {
        match self {
            Self::Web | Self::Tls | Self::Admin => true,
            Self::Relay => servers.relay,
        }
    }

    /// What clients, or the operator, use it by.
    fn urls(self, address: SocketAddr, servers: Servers) -> Vec<String> {
        let at = |scheme| {
            let mailbox = servers.mailbox.then(|| format!("{scheme}://{address}/v1"));
            let relay = servers.relay.then(|| format!("{scheme}://{address}/relay"));
            mailbox.into_iter().chain(relay).collect()
        };
        match self {
            Self::Web => at("ws"),
            Self::Tls => at("wss"),
            Self::Relay => vec![format!("tcp:{address}")],
            Self::Admin => vec![format!("http://{address}/status")],
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A door that is to be opened.
pub(crate) struct Opening {
    door: Door,
    by: By,
}

enum By {
    Listening(SocketAddr),
    Inheriting(Inherited),
}

/// Which doors are to be opened, and how. A socket that is named like a door stands for all its addresses, another one for
/// the address that it has. Every server that runs can be reached by one of them, and each of them leads to one.
pub(super) fn openings(
    resolved: &Resolved,
    inherited: Vec<Inherited>,
) -> Result<Vec<Opening>, Failure> {
    let servers = resolved.servers;
    let mut openings = Vec::new();
    let mut wanted = Vec::new();
    for door in Door::ALL.into_iter().filter(|door| door.leads_somewhere(servers)) {
        if !inherited.iter().any(|socket| socket.name == door.name()) {
            wanted.extend(door.addresses(resolved).iter().map(|address| (door, *address)));
        }
    }
    for socket in inherited {
        let named = Door::ALL.into_iter().find(|door| door.name() == socket.name);
        let place = wanted.iter().position(|(_, wanted)| *wanted == socket.address);
        let door = match (named, place) {
            (Some(door), _) if door.leads_somewhere(servers) => door,
            (Some(door), _) => return Err(leads_nowhere(door)),
            (None, Some(place)) => wanted.swap_remove(place).0,
            (None, None) => return Err(strange(&socket, servers)),
        };
        openings.push(Opening { door, by: By::Inheriting(socket) });
    }
    let listening = |(door, address)| Opening { door, by: By::Listening(address) };
    openings.extend(wanted.into_iter().map(listening));
    reachable(servers, &openings)?;
    Ok(openings)
}

/// What a setting names, and nothing that runs stands behind.
pub(super) fn idle(resolved: &Resolved) -> Option<String> {
    let door = Door::ALL.into_iter().find(|door| !door.leads_somewhere(resolved.servers))?;
    let origin = resolved.origin(&format!("{door}.listen"))?;
    (!door.addresses(resolved).is_empty()).then(|| {
        format!("{door}.listen ({origin}) opens no door, for no relay runs; 'wormhole serve' runs both servers")
    })
}

/// Refuses to let a server run that nobody can reach.
fn reachable(servers: Servers, openings: &[Opening]) -> Result<(), Failure> {
    let opens = |doors: &[Door]| openings.iter().any(|opening| doors.contains(&opening.door));
    let web = opens(&[Door::Web, Door::Tls]);
    if servers.mailbox && !web {
        let relay = if servers.relay {
            " (relay.listen is the relay's alone), or run that alone with 'wormhole serve relay'"
        } else {
            ""
        };
        return Err(Failure::usage(format!(
            "no client can reach the mailbox server, for web.listen and tls.listen name no address; name one with \
             --listen or web.listen, also where systemd is to open it, or a certificate with --tls-certificate and \
             --tls-key{relay}"
        )));
    }
    if servers.relay && !web && !opens(&[Door::Relay]) {
        return Err(Failure::usage(
            "no client can reach the relay, for relay.listen, web.listen and tls.listen name no address; name one with \
             --relay-listen or relay.listen, also where systemd is to open it",
        ));
    }
    Ok(())
}

fn leads_nowhere(door: Door) -> Failure {
    Failure::usage(format!(
        "the socket '{door}' from systemd leads nowhere, for no relay runs; run it with 'wormhole serve', or disable the \
         socket's unit"
    ))
}

fn strange(socket: &Inherited, servers: Servers) -> Failure {
    let names = Door::ALL.into_iter().filter(|door| door.leads_somewhere(servers));
    let names: Vec<&str> = names.map(Door::name).collect();
    Failure::usage(format!(
        "the socket '{}' from systemd listens on {}, which no setting names; give its unit FileDescriptorName= with \
         one of {}, or set that address",
        socket.name,
        socket.address,
        names.join(", ")
    ))
}

/// Opens them, and tells what clients use them by.
pub(super) fn open(
    openings: Vec<Opening>,
    servers: Servers,
) -> Result<(Doors, Vec<String>), Failure> {
    let (mut doors, mut urls, mut held) = (Doors::default(), Vec::new(), Vec::new());
    for Opening { door, by } in openings {
        let listener = match by {
            By::Inheriting(socket) => socket.open()?,
            By::Listening(address) => listen(address)
                .map_err(|error| Failure::here(unusable(door, address, &held, &error)))?,
        };
        let address = listener.local_addr().map_err(|error| {
            Failure::here(format!("{door}.listen has no address: {error}; start again"))
        })?;
        held.push(address);
        urls.extend(door.urls(address, servers));
        match door {
            Door::Web => doors.web.push(listener),
            Door::Tls => doors.tls.push(listener),
            Door::Relay => doors.relay.push(listener),
            Door::Admin => doors.admin.push(listener),
        }
    }
    Ok((doors, urls))
}

/// Whether each could be opened beside the others. An address that somebody else listens on most likely belongs to a server
/// that runs already.
pub(super) fn could_be_opened(openings: &[Opening]) -> Result<(), Failure> {
    let (mut held, mut listeners) = (Vec::new(), Vec::new());
    for Opening { door, by } in openings {
        let address = match by {
            By::Inheriting(socket) => {
                held.push(socket.address);
                continue;
            }
            By::Listening(address) => *address,
        };
        match TcpListener::bind(address) {
            Ok(listener) => {
                held.extend(listener.local_addr());
                listeners.push(listener);
            }
            Err(error) if is_taken(&error) && beside(address, &held).is_none() => {}
            Err(error) => return Err(Failure::usage(unusable(*door, address, &held, &error))),
        }
    }
    Ok(())
}

/// Why an address cannot be listened on, and what to do; `held` are those of our own doors.
fn unusable(door: Door, address: SocketAddr, held: &[SocketAddr], error: &io::Error) -> String {
    let flag = door.flag();
    match beside(address, held).filter(|_| is_taken(error)) {
        Some(other) => format!(
            "{address} cannot be listened on beside {other}: {error}; choose another with {flag} or {door}.listen, or \
             leave it out: on Linux, [::] serves IPv4 as well"
        ),
        None => format!(
            "{address} cannot be listened on: {error}; choose another with {flag} or {door}.listen"
        ),
    }
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

/// The door of ours that has the same port.
fn beside(address: SocketAddr, held: &[SocketAddr]) -> Option<SocketAddr> {
    held.iter().copied().find(|other| other.port() == address.port())
}

#[cfg(test)]
mod tests;

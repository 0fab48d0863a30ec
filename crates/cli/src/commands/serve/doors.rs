//! Where clients come in: addresses that are listened on here, and sockets that systemd has opened.

use std::{fmt, io, net::SocketAddr};

use wormhole_sync_server::{Doors, listen};

use crate::{args::Servers, exit::Failure, settings::serve::Resolved};

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
    pub(super) const fn flag(self) -> &'static str {
        match self {
            Self::Web => "--listen",
            Self::Tls => "--tls-listen",
            Self::Relay => "--relay-listen",
            Self::Admin => "--admin-listen",
        }
    }

    /// Where its setting wants it. The relay's is shut when there is no relay.
    pub(super) fn addresses(self, resolved: &Resolved) -> &[SocketAddr] {
        match self {
            Self::Web => &resolved.settings.web.listen,
            Self::Tls => &resolved.settings.tls.listen,
            Self::Relay if resolved.servers.relay => &resolved.settings.relay.listen,
            Self::Relay => &[],
            Self::Admin => &resolved.settings.admin.listen,
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
    Inheriting(std::net::TcpListener),
}

/// A socket that systemd has opened.
pub(super) struct Inherited {
    /// The name in the socket's unit.
    name: String,
    address: SocketAddr,
    listener: std::net::TcpListener,
}

/// The sockets that systemd has opened, if any. To be called while there is one thread alone: the variables that tell
/// of them are taken away, so that nobody takes the sockets twice.
#[cfg(unix)]
pub(super) fn inherited() -> Result<Vec<Inherited>, Failure> {
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
pub(super) fn inherited() -> Result<Vec<Inherited>, Failure> {
    Ok(Vec::new())
}

/// Which doors are to be opened, and how. A socket that is named like a door stands for all its addresses, another one for
/// the address that it has.
pub(super) fn openings(
    resolved: &Resolved,
    inherited: Vec<Inherited>,
) -> Result<Vec<Opening>, Failure> {
    let mut openings = Vec::new();
    let mut wanted = Vec::new();
    for door in Door::ALL {
        if !inherited.iter().any(|socket| socket.name == door.name()) {
            wanted.extend(door.addresses(resolved).iter().map(|address| (door, *address)));
        }
    }
    for Inherited { name, address, listener } in inherited {
        let named = Door::ALL.into_iter().find(|door| door.name() == name);
        let place = wanted.iter().position(|(_, wanted)| *wanted == address);
        let door = match (named, place) {
            (Some(door), _) => door,
            (None, Some(place)) => wanted.swap_remove(place).0,
            (None, None) => return Err(strange(&name, address)),
        };
        openings.push(Opening { door, by: By::Inheriting(listener) });
    }
    let listening = |(door, address)| Opening { door, by: By::Listening(address) };
    openings.extend(wanted.into_iter().map(listening));
    if openings.iter().all(|opening| opening.door == Door::Admin) {
        return Err(Failure::usage(
            "nothing listens for clients; set web.listen, tls.listen or relay.listen to an address",
        ));
    }
    Ok(openings)
}

fn strange(name: &str, address: SocketAddr) -> Failure {
    let names = Door::ALL.map(Door::name).join(", ");
    Failure::usage(format!(
        "the socket '{name}' from systemd listens on {address}, which no setting names; give its unit \
         FileDescriptorName= with one of {names}, or set that address"
    ))
}

/// Opens them, and tells what clients use them by.
pub(super) fn open(
    openings: Vec<Opening>,
    servers: Servers,
) -> Result<(Doors, Vec<String>), Failure> {
    let (mut doors, mut urls) = (Doors::default(), Vec::new());
    for Opening { door, by } in openings {
        let (listener, flag) = match by {
            By::Inheriting(listener) => (tokio::net::TcpListener::from_std(listener), None),
            By::Listening(address) => (listen(address), Some(address)),
        };
        let cannot = |error: io::Error| {
            let address =
                flag.map_or_else(|| "a socket of systemd's".to_owned(), |at| at.to_string());
            Failure::here(format!(
                "{address} cannot be listened on: {error}; choose another with {} or {door}.listen",
                door.flag()
            ))
        };
        let listener = listener.map_err(cannot)?;
        urls.extend(door.urls(listener.local_addr().map_err(cannot)?, servers));
        match door {
            Door::Web => doors.web.push(listener),
            Door::Tls => doors.tls.push(listener),
            Door::Relay => doors.relay.push(listener),
            Door::Admin => doors.admin.push(listener),
        }
    }
    Ok((doors, urls))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::serve::Sources;

    fn inherited(name: &str) -> Inherited {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Inherited { name: name.to_owned(), address, listener }
    }

    /// The door and address of each opening, with the inherited ones first.
    fn outline(openings: Vec<Opening>) -> Vec<(Door, Option<SocketAddr>)> {
        let address = |by: By| match by {
            By::Listening(address) => Some(address),
            By::Inheriting(_) => None,
        };
        openings.into_iter().map(|Opening { door, by }| (door, address(by))).collect()
    }

    /// Settings from flags alone.
    fn resolved(flags: &[(&str, String)]) -> Resolved {
        let flag = |(name, value): &(&str, String)| {
            ("--set".to_owned(), (*name).to_owned(), value.clone())
        };
        let sources = Sources {
            servers: Servers { mailbox: true, relay: true },
            file: None,
            environment: vec![("HOME".into(), "/home/op".into())],
            flags: flags.iter().map(flag).collect(),
        };
        sources.resolve().unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_systemd_each_address_is_listened_on() {
        let all = outline(openings(&resolved(&[]), Vec::new()).unwrap());
        let usual = [
            (Door::Web, Some(address("127.0.0.1:4000"))),
            (Door::Relay, Some(address("127.0.0.1:4001"))),
        ];
        assert_eq!(all, usual);
    }

    #[test]
    fn a_socket_that_is_named_like_a_door_stands_for_all_of_its_addresses() {
        let all = openings(&resolved(&[]), vec![inherited("web"), inherited("web")]).unwrap();
        let relay = (Door::Relay, Some(address("127.0.0.1:4001")));
        assert_eq!(outline(all), [(Door::Web, None), (Door::Web, None), relay]);
    }

    #[test]
    fn another_socket_stands_for_the_address_that_it_has() {
        let socket = inherited("wormhole.socket");
        let web = ("web.listen", "127.0.0.1:4000".to_owned());
        let relay = ("relay.listen", format!("{},127.0.0.1:4001", socket.address));
        let all = outline(openings(&resolved(&[web, relay]), vec![socket]).unwrap());
        assert_eq!(all[0], (Door::Relay, None));
        assert!(all.contains(&(Door::Web, Some(address("127.0.0.1:4000")))), "{all:?}");
        assert!(all.contains(&(Door::Relay, Some(address("127.0.0.1:4001")))), "{all:?}");
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn a_socket_that_belongs_nowhere_is_refused() {
        let socket = inherited("wormhole.socket");
        let address = socket.address.to_string();
        let refused = openings(&resolved(&[]), vec![socket]).err().unwrap().to_string();
        assert!(refused.contains(&address) && refused.contains("FileDescriptorName"), "{refused}");
    }

    #[test]
    fn a_server_without_doors_is_refused() {
        let none = resolved(&[("web.listen", String::new()), ("relay.listen", String::new())]);
        assert!(openings(&none, Vec::new()).is_err());
    }
}

//! The host's door: ports that only the chosen interfaces can reach.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tokio::net::TcpListener;

use super::Interfaces;

/// How often a port that is free at all addresses is looked for.
const ATTEMPTS: usize = 16;

/// Opens the door: one listener for each address, all with the same port.
pub(super) async fn open(interfaces: &Interfaces) -> io::Result<(Vec<TcpListener>, u16)> {
    let addresses = match interfaces {
        Interfaces::All => return everywhere().await,
        Interfaces::Loopback => vec![Ipv4Addr::LOCALHOST.into()],
        Interfaces::Named(_) | Interfaces::None => addresses(interfaces),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the interface has no address");
    for _ in 0..ATTEMPTS {
        match at_all(&addresses).await {
            Ok(door) => return Ok(door),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// What others can connect to: a link-local address of IPv6 needs an interface besides.
fn addresses(interfaces: &Interfaces) -> Vec<IpAddr> {
    let addresses = interfaces.ours().into_iter().map(|ours| ours.ip());
    addresses
        .filter(
            |address| !matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()),
        )
        .collect()
}

async fn at_all(addresses: &[IpAddr]) -> io::Result<(Vec<TcpListener>, u16)> {
    let mut doors = Vec::new();
    let mut port = 0;
    for address in addresses {
        let door = TcpListener::bind((*address, port)).await?;
        port = door.local_addr()?.port();
        doors.push(door);
    }
    if doors.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the interface has no address"));
    }
    Ok((doors, port))
}

/// A port of all interfaces and both families of addresses.
async fn everywhere() -> io::Result<(Vec<TcpListener>, u16)> {
    let door = match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
        Ok(door) => door,
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?, // a system without IPv6
    };
    let port = door.local_addr()?.port();
    Ok((vec![door], port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_addresses_have_the_same_port_and_no_other_address_has_it() {
        let addresses = ["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()];
        let Ok((doors, port)) = at_all(&addresses).await else { return }; // one loopback address only
        let bound: Vec<IpAddr> = doors.iter().map(|door| door.local_addr().unwrap().ip()).collect();
        assert_eq!(bound, addresses);
        assert!(doors.iter().all(|door| door.local_addr().unwrap().port() == port));
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_has_no_door() {
        let nowhere = Interfaces::Named("no such interface".into());
        assert_eq!(open(&nowhere).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

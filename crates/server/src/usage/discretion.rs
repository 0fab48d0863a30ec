//! What the log may say of where a client is.

use std::{fmt, net::IpAddr};

/// Whether addresses may be logged: not while statistics are blurred.
#[derive(Clone, Copy)]
pub(crate) struct Discretion {
    tells: bool,
}

/// A client's address in a log: itself, or that it is hidden. Nothing else makes one of an address.
pub(crate) struct Logged(Option<IpAddr>);

impl Discretion {
    /// For an operator who keeps exact records, or does not.
    pub(super) const fn of_exact(exact: bool) -> Self {
        Self { tells: exact }
    }

    /// What is said of a client at this address. One of IPv4 is said as such, also by a socket that
    /// takes both: whoever reads the log looks for the address that a firewall knows.
    pub(crate) fn of(self, client: IpAddr) -> Logged {
        Logged(self.tells.then(|| client.to_canonical()))
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("hidden"),
        }
    }
}

//! Which network interfaces are local.

use mdns_sd::{IfKind, ServiceDaemon};

use crate::exit::Failure;

/// The interfaces on which hosts are announced and looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interfaces {
    /// Every one, loopback among them: two terminals of one computer need no network.
    All,
    /// Only what never leaves this computer.
    Loopback,
    /// Only the one of this name.
    Named(String),
    /// None: nothing is ever announced or looked for.
    None,
}

impl Interfaces {
    /// Reads the setting.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "all" => Self::All,
            "loopback" => Self::Loopback,
            "none" => Self::None,
            name => Self::Named(name.to_owned()),
        }
    }

    /// This computer's addresses on these interfaces.
    pub(super) fn ours(&self) -> Vec<if_addrs::Interface> {
        let all = if_addrs::get_if_addrs().unwrap_or_default(); // then none is known
        let wanted = |ours: &if_addrs::Interface| match self {
            Self::All => true,
            Self::Loopback => ours.is_loopback(),
            Self::Named(name) => ours.name == *name,
            Self::None => false,
        };
        all.into_iter().filter(wanted).collect()
    }

    /// The names of those that there are.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.ours().into_iter().map(|ours| ours.name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Starts multicast DNS on these interfaces. The library joins its groups on all of them first
    /// and leaves again at once when told: the kernel reports both to a network, but nothing of ours is
    /// said there or listened to.
    pub(super) fn daemon(&self) -> Result<ServiceDaemon, Failure> {
        if *self == Self::None {
            return Err(Failure::usage(
                "the local network is not to be used; allow it, or use a server",
            ));
        }
        let daemon = ServiceDaemon::new().map_err(|error| failed(&error))?;
        if *self != Self::All {
            daemon.disable_interface(IfKind::All).map_err(|error| failed(&error))?;
            daemon.enable_interface(self.kinds()).map_err(|error| failed(&error))?;
        }
        Ok(daemon)
    }

    /// The same, for an announcement.
    pub(super) fn kinds(&self) -> Vec<IfKind> {
        match self {
            Self::All => vec![IfKind::All],
            Self::Loopback => vec![IfKind::LoopbackV4, IfKind::LoopbackV6],
            Self::Named(name) => vec![IfKind::Name(name.clone())],
            Self::None => Vec::new(),
        }
    }
}

/// What a failure of multicast DNS means.
pub(super) fn failed(error: &mdns_sd::Error) -> Failure {
    Failure::here(format!(
        "the local network cannot be searched: {error}; check --local-interface, or use a server"
    ))
}

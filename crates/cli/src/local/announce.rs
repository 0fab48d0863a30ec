//! The announcement of a host: a random name, a port and the code's number.

use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use tokio::time::timeout;

use super::{NUMBER, SERVICE, interfaces::failed};
use crate::{exit::Failure, local::Interfaces};

/// How long the withdrawal may take.
const WITHDRAWAL: Duration = Duration::from_millis(500);

/// An announcement that stands.
pub(super) struct Announcement {
    daemon: ServiceDaemon,
    name: String,
}

impl Announcement {
    /// Announces that the exchange with this number is hosted at `port`.
    pub(super) fn make(interfaces: &Interfaces, number: &str, port: u16) -> Result<Self, Failure> {
        let daemon = interfaces.daemon()?;
        let name = random_name()?;
        let host = format!("{name}.local.");
        let service = ServiceInfo::new(SERVICE, &name, &host, "", port, &[(NUMBER, number)][..]);
        let mut service = service.map_err(|error| failed(&error))?.enable_addr_auto();
        service.set_interfaces(interfaces.kinds());
        service.set_requires_probe(false); // 64 random bits need no search for a namesake
        let name = service.get_fullname().to_owned();
        daemon.register(service).map_err(|error| failed(&error))?;
        Ok(Self { daemon, name })
    }

    /// Tells the network that it no longer stands.
    pub(super) async fn withdraw(self) {
        if let Ok(done) = self.daemon.unregister(&self.name) {
            let _ = timeout(WITHDRAWAL, done.recv_async()).await; // caches forget it by themselves
        }
        let _ = self.daemon.shutdown(); // it ends with the process anyway
    }
}

/// A name that tells nothing of the computer or its user.
fn random_name() -> Result<String, Failure> {
    Ok(format!("{:016x}", getrandom::u64()?))
}

//! How many connections there are, and from where.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{address::Address, http};

/// Counts connections against the limits.
pub(crate) struct Gate {
    counts: Mutex<Counts>,
    nobody: Notify,
    limit: usize,
    limit_per_address: usize,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_address: BTreeMap<Address, usize>,
}

/// A connection that was let in. It counts until this is dropped.
pub(crate) struct Admission {
    gate: Arc<Gate>,
    address: Option<Address>,
}

/// Which limit a connection meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Server(usize),
    Address(usize),
}

impl Full {
    /// What the client is told.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Server(limit) => {
                format!("The server is full: its limit is {limit} connections. Try again later\n")
            }
            Self::Address(limit) => {
                format!("Too many connections from your address: this server's limit is {limit}\n")
            }
        }
    }

    /// The same, in HTTP.
    pub(crate) fn answer(self) -> String {
        let status = match self {
            Self::Server(_) => "503 Service Unavailable",
            Self::Address(_) => "429 Too Many Requests",
        };
        http::answer(status, &self.text())
    }
}

impl Gate {
    pub(crate) fn new(limit: usize, limit_per_address: usize) -> Arc<Self> {
        let counts = Mutex::default();
        Arc::new(Self { counts, nobody: Notify::new(), limit, limit_per_address })
    }

    /// Lets a connection in, counted for its address if any.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<Address>) -> Result<Admission, Full> {
        let mut counts = self.lock();
        if counts.total >= self.limit {
            return Err(Full::Server(self.limit));
        }
        counts.add(address, self.limit_per_address)?;
        counts.total += 1;
        Ok(Admission { gate: Arc::clone(self), address })
    }

    /// How many there are.
    pub(crate) fn connections(&self) -> usize {
        self.lock().total
    }

    /// Waits until every connection is gone.
    pub(crate) async fn empty(&self) {
        loop {
            let notified = self.nobody.notified();
            if self.lock().total == 0 {
                return;
            }
            notified.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, address: Option<Address>, limit: usize) -> Result<(), Full> {
        let Some(address) = address else { return Ok(()) };
        let count = self.by_address.entry(address).or_default();
        if *count >= limit {
            return Err(Full::Address(limit));
        }
        *count += 1;
        Ok(())
    }

    fn remove(&mut self, address: Option<Address>) {
        let Some(address) = address else { return };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Admission {
    /// The address that the connection counts for.
    pub(crate) const fn address(&self) -> Option<Address> {
        self.address
    }

    /// Counts the connection for another address: the one that its proxy told.
    pub(crate) fn move_to(&mut self, address: Option<Address>) -> Result<(), Full> {
        let mut counts = self.gate.lock();
        counts.add(address, self.gate.limit_per_address)?;
        counts.remove(self.address);
        self.address = address;
        Ok(())
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.gate.lock();
        counts.remove(self.address);
        counts.total -= 1;
        if counts.total == 0 {
            self.gate.nobody.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<Address> {
        text.parse().ok().map(Address::of)
    }

    #[test]
    fn an_address_is_held_to_its_limit_and_others_are_not() {
        let gate = Gate::new(10, 2);
        let held = [gate.admit(address("192.0.2.1")), gate.admit(address("192.0.2.1"))];
        assert_eq!(gate.admit(address("192.0.2.1")).err(), Some(Full::Address(2)));
        assert!(gate.admit(address("192.0.2.2")).is_ok());
        assert!(gate.admit(None).is_ok());
        drop(held);
        assert!(gate.admit(address("192.0.2.1")).is_ok());
        assert!(gate.lock().by_address.is_empty() && gate.lock().total == 0);
    }

    #[test]
    fn everybody_is_held_to_the_limit_of_all() {
        let gate = Gate::new(1, 2);
        let held = gate.admit(None);
        assert_eq!(gate.admit(None).err(), Some(Full::Server(1)));
        drop(held);
        assert!(gate.admit(None).is_ok());
    }

    #[test]
    fn a_proxys_client_counts_for_its_own_address() {
        let gate = Gate::new(10, 1);
        let mut first = gate.admit(None).unwrap();
        let mut second = gate.admit(None).unwrap();
        first.move_to(address("192.0.2.1")).unwrap();
        assert_eq!(second.move_to(address("192.0.2.1")), Err(Full::Address(1)));
        drop(first);
        second.move_to(address("192.0.2.1")).unwrap();
        assert_eq!(second.address(), address("192.0.2.1"));
    }
}

//! How many connections there are, and from where.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use crate::{
    address::Address,
    bucket::{Buckets, Wait},
    config::{Clients, Limit, Rate, Refused},
    http,
    tally::Tally,
    usage::Logged,
};

/// Counts connections against the limits.
pub(crate) struct Gate {
    counts: Mutex<Counts>,
    nobody: Notify,
    limit: usize,
    limit_per_address: usize,
    refused: Arc<Refused>,
    opened: Instant,
}

struct Counts {
    total: usize,
    /// The number of the last that was let in.
    last: u64,
    by_address: Tally<Address>,
    new: Buckets,
}

/// A connection that was let in. It counts until this is dropped.
pub(crate) struct Admission {
    gate: Arc<Gate>,
    address: Option<Address>,
    /// What the log calls it.
    number: u64,
    /// When it was known what it wants.
    came: Option<Instant>,
}

/// Which limit a connection meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Server(usize),
    Address(usize),
    Rate(Rate, Wait),
}

impl Full {
    /// What it is counted under.
    pub(crate) const fn limit(self) -> Limit {
        match self {
            Self::Server(_) => Limit::Connections,
            Self::Address(_) => Limit::ConnectionsPerAddress,
            Self::Rate(..) => Limit::NewConnections,
        }
    }

    /// What the client is told.
    pub(crate) fn text(self) -> String {
        let most: &dyn Display = match &self {
            Self::Server(most) | Self::Address(most) => most,
            Self::Rate(rate, _) => rate,
        };
        format!(
            "{}
",
            self.limit().refusal(most).0
        )
    }

    /// The same, in HTTP.
    pub(crate) fn answer(self) -> String {
        let too_many = "429 Too Many Requests";
        let status = match self {
            Self::Server(_) => "503 Service Unavailable".to_owned(),
            Self::Address(_) => too_many.to_owned(),
            Self::Rate(_, Wait(seconds)) => format!("{too_many}\r\nRetry-After: {seconds}"),
        };
        http::answer(&status, &self.text())
    }
}

impl Gate {
    /// Nobody is there yet. Who meets a limit is counted in `refused`.
    pub(crate) fn of(clients: &Clients, refused: Arc<Refused>) -> Arc<Self> {
        let counts = Counts {
            total: 0,
            last: 0,
            by_address: Tally::default(),
            new: Buckets::new(clients.new_connections),
        };
        Arc::new(Self {
            counts: Mutex::new(counts),
            nobody: Notify::new(),
            limit: clients.connections,
            limit_per_address: clients.connections_per_address,
            refused,
            opened: Instant::now(),
        })
    }

    #[cfg(test)]
    pub(crate) fn new(connections: usize, connections_per_address: usize) -> Arc<Self> {
        let clients = Clients { connections, connections_per_address, ..Clients::default() };
        Self::of(&clients, Arc::default())
    }

    /// Lets a connection in, counted for its address if any.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<Address>) -> Result<Admission, Full> {
        let mut counts = self.lock();
        if counts.total >= self.limit {
            return Err(self.refuse(Full::Server(self.limit)));
        }
        counts.add(address, self)?;
        counts.total += 1;
        counts.last += 1;
        Ok(Admission { gate: Arc::clone(self), address, number: counts.last, came: None })
    }

    /// Counts somebody who met a limit.
    pub(crate) fn count(&self, limit: Limit) {
        self.refused.count(limit);
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

    fn refuse(&self, full: Full) -> Full {
        self.count(full.limit());
        full
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, address: Option<Address>, gate: &Gate) -> Result<(), Full> {
        let now = gate.opened.elapsed().as_secs_f64();
        if let Err(wait) = self.new.take(address, now) {
            return Err(gate.refuse(Full::Rate(self.new.rate(), wait)));
        }
        let Some(address) = address else { return Ok(()) };
        if self.by_address.of(&address) >= gate.limit_per_address {
            return Err(gate.refuse(Full::Address(gate.limit_per_address)));
        }
        self.by_address.change(address, |count| *count += 1);
        Ok(())
    }

    fn remove(&mut self, address: Option<Address>) {
        if let Some(address) = address {
            self.by_address.change(address, |count| *count -= 1);
        }
    }
}

impl Admission {
    /// The address that the connection counts for.
    pub(crate) const fn address(&self) -> Option<Address> {
        self.address
    }

    /// Logs that a client came, and where to; that it is gone is logged in the end.
    pub(crate) fn came(&mut self, address: &Logged, to: &'static str) {
        tracing::debug!(connection = self.number, %address, to, "client came");
        self.came = Some(Instant::now());
    }

    /// Counts that the connection met a limit.
    pub(crate) fn count(&self, limit: Limit) {
        self.gate.count(limit);
    }

    /// Counts the connection for another address: the one that its proxy told.
    pub(crate) fn move_to(&mut self, address: Option<Address>) -> Result<(), Full> {
        let mut counts = self.gate.lock();
        counts.add(address, &self.gate)?;
        counts.remove(self.address);
        self.address = address;
        Ok(())
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(came) = self.came {
            let seconds = came.elapsed().as_secs_f64();
            tracing::debug!(connection = self.number, seconds, "client is gone");
        }
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
        let met = Refused::default();
        met.count(Limit::ConnectionsPerAddress);
        assert_eq!(gate.refused.counts(), met.counts());
    }

    #[test]
    fn an_address_without_room_leaves_no_trace() {
        let gate = Gate::new(10, 0);
        assert_eq!(gate.admit(address("192.0.2.1")).err(), Some(Full::Address(0)));
        assert!(gate.lock().by_address.is_empty());
    }

    #[test]
    fn whoever_connects_and_leaves_again_and_again_is_told_to_wait() {
        let new_connections = Rate { burst: 5, per_minute: 1 };
        let clients = Clients { new_connections, ..Clients::default() };
        let gate = Gate::of(&clients, Arc::default());
        for _ in 0..5 {
            drop(gate.admit(address("192.0.2.1")).unwrap());
        }
        let full = gate.admit(address("192.0.2.1")).err().unwrap();
        assert!(matches!(full, Full::Rate(rate, Wait(1..=60)) if rate == new_connections));
        let answer = full.answer();
        assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\nRetry-After: "), "{answer}");
        let text = "too many new connections from your address: this server's limit is 5 at once \
                    and then 1 a minute; try again later\n";
        assert!(answer.ends_with(text), "{answer}");
        assert!(gate.admit(address("192.0.2.2")).is_ok());
        for _ in 0..20 {
            assert!(gate.admit(None).is_ok());
        }
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

    #[test]
    fn whoever_comes_and_goes_no_address_has_more_than_its_share_or_less_for_what_others_do() {
        let ips = ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2:1"];
        let counted: Vec<_> = ips.iter().map(|ip| address(ip)).chain([None]).collect();
        arbtest::arbtest(|u| {
            let new_connections = Rate { burst: u32::MAX, per_minute: u32::MAX };
            let (connections, each) = (20, 3);
            let limits =
                Clients { connections, connections_per_address: each, ..Clients::default() };
            let gate = Gate::of(&Clients { new_connections, ..limits }, Arc::default());
            let mut here: Vec<Admission> = Vec::new();
            while !u.is_empty() {
                let by = *u.choose(&counted)?;
                let of = |here: &[Admission], by: Option<Address>| {
                    here.iter().filter(|admission| admission.address() == by).count()
                };
                let (own, all) = (of(&here, by), here.len());
                let has_room = by.is_none() || own < each;
                match u.int_in_range(0..=3)? {
                    0 | 1 => match gate.admit(by) {
                        Ok(admission) => {
                            assert!(all < connections && has_room);
                            here.push(admission);
                        }
                        Err(Full::Server(_)) => assert_eq!(all, connections),
                        Err(Full::Address(_)) => assert!(!has_room),
                        Err(Full::Rate(..)) => panic!("there is no rate"),
                    },
                    // A proxy tells whose it is; whoever is refused stays what it was.
                    2 => {
                        if let Some(moving) = here.iter_mut().find(|a| a.address() != by) {
                            assert_eq!(moving.move_to(by).is_ok(), has_room);
                        }
                    }
                    _ if !here.is_empty() => drop(here.swap_remove(u.choose_index(all)?)),
                    _ => {}
                }
                for by in &counted {
                    assert!(by.is_none() || of(&here, *by) <= each);
                }
                assert_eq!(gate.connections(), here.len());
            }
            drop(here);
            assert!(gate.lock().by_address.is_empty() && gate.connections() == 0);
            Ok(())
        })
        .budget_ms(500);
    }
}

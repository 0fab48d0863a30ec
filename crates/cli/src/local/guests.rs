//! Who is in: the connections that the host's door has let through.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use tokio::sync::watch;

/// Most connections from the network at a time. One is needed; anybody there can open more.
pub(super) const MAX_GUESTS: usize = 64;

/// Most of them from one address: nobody takes all the seats alone.
const MAX_PER_ADDRESS: usize = 8;

/// All who are in.
#[derive(Clone, Default)]
pub(super) struct Guests(Arc<watch::Sender<Seats>>);

#[derive(Default)]
struct Seats {
    per_address: BTreeMap<IpAddr, usize>,
    answered: usize,
}

impl Guests {
    /// Lets somebody in, unless it is too crowded.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Seat> {
        let address = address.to_canonical();
        let seated = self.0.send_if_modified(|seats| seats.take(address));
        seated.then(|| Seat { guests: self.clone(), address, answered: false })
    }

    /// Waits until all have left whom the server has answered. Those who only sit there are not
    /// waited for.
    pub(super) async fn gone(&self) {
        let _ = self.0.subscribe().wait_for(|seats| seats.answered == 0).await; // its sender is here
    }

    #[cfg(test)]
    async fn empty(&self) {
        self.0.subscribe().wait_for(|seats| seats.per_address.is_empty()).await.unwrap();
    }
}

impl Seats {
    fn take(&mut self, address: IpAddr) -> bool {
        let all: usize = self.per_address.values().sum();
        let here = self.per_address.get(&address).copied().unwrap_or_default();
        let free = all < MAX_GUESTS && here < MAX_PER_ADDRESS;
        if free {
            self.per_address.insert(address, here + 1);
        }
        free
    }

    fn leave(&mut self, address: IpAddr) {
        let here = self.per_address.remove(&address).unwrap_or_default();
        if here > 1 {
            self.per_address.insert(address, here - 1);
        }
    }
}

/// One guest's place, until it is dropped.
pub(super) struct Seat {
    guests: Guests,
    address: IpAddr,
    answered: bool,
}

impl Seat {
    /// The server has answered this guest.
    pub(super) fn answered(&mut self) {
        if !self.answered {
            self.answered = true;
            self.guests.0.send_modify(|seats| seats.answered += 1);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.0.send_modify(|seats| {
            seats.leave(self.address);
            seats.answered -= usize::from(self.answered);
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    /// Waits until nobody is in.
    pub(crate) async fn empty(guests: &Guests) {
        guests.empty().await;
    }

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn one_address_leaves_seats_for_others() {
        let guests = Guests::default();
        let greedy: Vec<Seat> = std::iter::from_fn(|| guests.admit(address(1))).take(100).collect();
        assert_eq!(greedy.len(), MAX_PER_ADDRESS);
        let mapped = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        assert!(guests.admit(mapped.into()).is_none(), "the same address, written otherwise");
        assert!(guests.admit(address(2)).is_some());
        drop(greedy);
        assert!(guests.admit(address(1)).is_some());
    }

    #[test]
    fn many_addresses_find_an_end() {
        let guests = Guests::default();
        let all: Vec<Seat> = (0..=255).filter_map(|last| guests.admit(address(last))).collect();
        assert_eq!(all.len(), MAX_GUESTS);
    }

    #[tokio::test]
    async fn who_only_sits_there_is_not_waited_for() {
        let guests = Guests::default();
        let _silent = guests.admit(address(1));
        guests.gone().await;
        let mut other = guests.admit(address(2)).unwrap();
        other.answered();
        let farewell = tokio::spawn({
            let guests = guests.clone();
            async move { guests.gone().await }
        });
        tokio::task::yield_now().await;
        assert!(!farewell.is_finished());
        drop(other);
        farewell.await.unwrap();
    }
}

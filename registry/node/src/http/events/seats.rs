//! Places among the streams of events: bounded together, and for each client.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chop_http::client::Network;
use thiserror::Error;

/// Most streams at once.
const ALL: usize = 64;
/// Most of them that one client has.
const SHARE: usize = ALL / 4;

/// The streams that are open, by client.
#[derive(Clone, Default)]
pub(in crate::http) struct Seats {
    taken: Arc<Mutex<BTreeMap<Network, usize>>>,
}

/// A place among them, given back when it is dropped.
pub(super) struct Seat {
    seats: Seats,
    client: Network,
}

/// Says who has no more places.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Full {
    /// All are taken.
    #[error("all {ALL} streams of events are taken here; ask again later, or another node", ALL = ALL)]
    Everybody,
    /// The client has its share.
    #[error(
        "one client holds at most {SHARE} streams of events, and this address has as many; close one",
        SHARE = SHARE
    )]
    Client,
}

impl Seats {
    /// Takes a place for a client.
    ///
    /// # Errors
    /// [`Full`] when it has its share, or all are taken.
    pub(super) fn take(&self, client: IpAddr) -> Result<Seat, Full> {
        let client = Network::of_client(client);
        let mut taken = self.taken();
        if taken.get(&client).is_some_and(|held| *held >= SHARE) {
            return Err(Full::Client);
        }
        if taken.values().sum::<usize>() >= ALL {
            return Err(Full::Everybody);
        }
        *taken.entry(client).or_insert(0) += 1;
        let seats = self.clone();
        Ok(Seat { seats, client })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<Network, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        let held = taken.remove(&self.client).unwrap_or(0);
        if held > 1 {
            taken.insert(self.client, held - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn a_client_has_a_quarter_and_four_have_all() {
        let seats = Seats::default();
        let mut held = Vec::new();
        for n in 0..4 {
            for _ in 0..SHARE {
                held.push(seats.take(client(n)).unwrap());
            }
            assert_eq!(seats.take(client(n)).err(), Some(Full::Client));
        }
        assert_eq!(seats.take(client(9)).err(), Some(Full::Everybody));
    }

    #[test]
    fn a_place_that_is_given_back_is_free_and_nothing_is_left_of_who_had_it() {
        let seats = Seats::default();
        let mut held: Vec<Seat> = (0..SHARE).map(|_| seats.take(client(1)).unwrap()).collect();
        held.pop();
        held.push(seats.take(client(1)).unwrap());
        assert_eq!(seats.take(client(1)).err(), Some(Full::Client));
        drop(held);
        assert!(seats.taken().is_empty());
    }

    #[test]
    fn addresses_of_one_host_of_ipv6_are_one_client() {
        let seats = Seats::default();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let _held: Vec<Seat> = (0..SHARE)
            .map(|n| seats.take(at(&format!("2001:db8::{n:x}"))).unwrap())
            .collect();
        assert_eq!(seats.take(at("2001:db8::ffff:1")).err(), Some(Full::Client));
        assert!(seats.take(at("2001:db8:0:1::1")).is_ok());
    }
}

//! Peers that a node is to have and has not: they are dialled again.
//!
//! CometBFT dials a peer again when dialling failed or a connection broke, and not when a connection was made and given up
//! before it counted (`addOutboundPeerWithConfig` in `p2p/switch.go`). That happens where two nodes dial each other at the same
//! moment: each gives up the connection of the other as a second one, and both may be left with none.

use std::time::{Duration, Instant};

/// How long CometBFT has for it before it is asked.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time between two attempts: a node that was down comes to its peers by itself, one that was cut off may not.
const LONGEST: Duration = Duration::from_mins(1);

/// When missing peers are dialled next.
#[derive(Debug, Default)]
pub(super) struct Seeking {
    due: Option<Instant>,
    pause: Duration,
}

impl Seeking {
    /// Takes the peers that are wanted and not connected, each `<node id>@<host>:<port>`; whether it is time to dial them.
    pub(super) fn look(&mut self, missing: &[&str], now: Instant) -> bool {
        if missing.is_empty() {
            *self = Self::default();
            return false;
        }
        let due = *self.due.get_or_insert_with(|| now + PATIENCE);
        if now < due {
            return false;
        }
        self.pause = self.pause.saturating_mul(2).clamp(PATIENCE, LONGEST);
        self.due = Some(now + self.pause);
        true
    }
}

/// Those of the wanted peers that are not among the connected ones.
pub(super) fn missing<'a>(wanted: &'a [String], connected: &[String]) -> Vec<&'a str> {
    let is_missing = |peer: &&str| {
        let id = peer.split_once('@').map_or(*peer, |(id, _)| id);
        !connected.iter().any(|connected| connected == id)
    };
    wanted
        .iter()
        .map(String::as_str)
        .filter(is_missing)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_peers_that_are_not_connected() {
        let [a, b] = ["a@host:1", "b@host:2"].map(str::to_owned);
        let wanted = [a, b];
        assert_eq!(missing(&wanted, &["a".to_owned()]), ["b@host:2"]);
        assert_eq!(missing(&wanted, &[]).len(), 2);
    }

    #[test]
    fn dials_after_a_while_and_then_more_and_more_rarely_until_none_is_missing() {
        let (start, mut seeking) = (Instant::now(), Seeking::default());
        let dialled: Vec<u64> = (0..200)
            .filter(|second| seeking.look(&["a@host:1"], start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(dialled, [10, 20, 40, 80, 140]);
        let later = start + Duration::from_secs(2_000);
        assert!(!seeking.look(&[], later));
        assert!(!seeking.look(&["a@host:1"], later));
        assert!(seeking.look(&["a@host:1"], later + PATIENCE));
    }
}

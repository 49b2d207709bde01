//! When CometBFT is started again to let go of a peer: it has no way to end one connection.

use std::time::{Duration, Instant};

/// How far apart the validators start CometBFT again, one after the other, so that the others go on.
const TURN: Duration = Duration::from_secs(3);
/// How long CometBFT runs at least before it is started again for the next peer.
const REST: Duration = Duration::from_mins(1);

/// When this node lets go of peers.
#[derive(Debug, Default)]
pub(super) struct Parting {
    /// When it is this node's turn.
    due: Option<Instant>,
    /// When it last was.
    last: Option<Instant>,
}

impl Parting {
    /// Takes what was found among the connected peers, if CometBFT told them: the node to let go of. Gives that one back
    /// when it is time, by this node's place among the validators.
    ///
    /// Without an answer nothing changes: it does not say that the peer has left.
    pub(super) fn look<E>(
        &mut self,
        found: Result<Option<String>, E>,
        now: Instant,
        place: impl FnOnce() -> u32,
    ) -> Option<String> {
        let Some(id) = found.ok()? else {
            self.due = None;
            return None;
        };
        let rested = self.last.map_or(now, |last| last + REST);
        let due = *self
            .due
            .get_or_insert_with(|| rested.max(now + TURN.saturating_mul(place())));
        if now < due {
            return None;
        }
        (self.due, self.last) = (None, Some(now));
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the peer connected.
    fn look(parting: &mut Parting, now: Instant, place: u32) -> Option<String> {
        parting.look(Ok::<_, ()>(Some("a".to_owned())), now, || place)
    }

    /// The second after `start` at which a node of this place lets go of a peer that stays connected.
    fn second(parting: &mut Parting, start: Instant, place: u32) -> Option<u64> {
        (0..100).find(|second| {
            let now = start + Duration::from_secs(*second);
            look(parting, now, place).is_some()
        })
    }

    #[test]
    fn validators_let_go_one_after_the_other() {
        let start = Instant::now();
        let seconds = [0, 1, 2, 3].map(|place| second(&mut Parting::default(), start, place));
        assert_eq!(seconds, [Some(0), Some(3), Some(6), Some(9)]);
    }

    #[test]
    fn rests_a_minute_before_it_lets_go_of_the_next() {
        let (start, mut parting) = (Instant::now(), Parting::default());
        assert_eq!(second(&mut parting, start, 1), Some(3));
        assert_eq!(second(&mut parting, start, 1), Some(63));
    }

    #[test]
    fn only_an_answer_without_the_peer_takes_its_turn_away() {
        let (start, mut parting) = (Instant::now(), Parting::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(look(&mut parting, at(0), 1), None);
        assert_eq!(parting.look(Err(()), at(1), || 1), None);
        assert_eq!(look(&mut parting, at(3), 1), Some("a".to_owned()));
        let mut parting = Parting::default();
        assert_eq!(look(&mut parting, at(0), 1), None);
        assert_eq!(parting.look(Ok::<_, ()>(None), at(1), || 1), None);
        assert_eq!(look(&mut parting, at(3), 1), None);
    }
}

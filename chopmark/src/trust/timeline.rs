//! What an accreditation was worth, from when to when.

use super::facts::LeftOut;
use chop_integrity::Timestamp;
use chop_protocol::{Accreditation, Standing};
use std::collections::BTreeSet;

/// An accreditation with its ancestors, nearest first, up to the root.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    /// The accreditation.
    pub(crate) record: Accreditation,
    /// Its chain of parents.
    pub(crate) ancestors: Vec<Accreditation>,
}

/// A stretch of time over which a standing held; it ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its beginning.
    pub(crate) from: Timestamp,
    /// What the accreditation and its ancestors say over it.
    pub(crate) standing: Standing,
}

impl Grant {
    /// What the accreditation and its ancestors say about a moment.
    pub(crate) fn standing_at(&self, at: Timestamp) -> Standing {
        self.record.liveness_at(at, &self.ancestors).standing
    }

    /// The standings from the beginning of validity to `until`, oldest first; empty when validity begins later.
    pub(crate) fn timeline(&self, until: Timestamp) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for from in self.instants() {
            if from < self.record.valid_from || from > until {
                continue;
            }
            let standing = self.standing_at(from);
            if segments.last().map(|last| last.standing) != Some(standing) {
                segments.push(Segment { from, standing });
            }
        }
        segments
    }

    /// The first moment after `after` at which the standing will be another one, by all that is decided already.
    pub(crate) fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let now = self.standing_at(after);
        self.instants()
            .into_iter()
            .find(|instant| *instant > after && self.standing_at(*instant) != now)
    }

    /// Names it as left out.
    pub(crate) fn left_out(&self, reason: &str) -> LeftOut {
        LeftOut {
            subject: self.record.subject,
            accreditation: self.record.id,
            reason: reason.to_owned(),
        }
    }

    /// Every moment at which the standing may change.
    fn instants(&self) -> BTreeSet<Timestamp> {
        let mut instants = BTreeSet::new();
        for link in std::iter::once(&self.record).chain(&self.ancestors) {
            instants.insert(link.valid_from);
            instants.extend(link.valid_until);
            instants.extend(link.events.iter().map(|event| event.effective));
        }
        instants
    }
}

/// The name of a standing, as the registry's lists write it.
pub(crate) fn name(standing: Standing) -> &'static str {
    match standing {
        Standing::Live => "live",
        Standing::NotYet => "not-yet",
        Standing::Expired => "expired",
        Standing::Suspended => "suspended",
        Standing::Revoked => "revoked",
        Standing::Voided => "voided",
        _ => "broken-chain",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use chop_did::ChopDid;
    use chop_integrity::Hash;
    use chop_protocol::{AccreditationEvent, CredentialType, EventKind, RevocationReason};

    const DID: &str =
        "did:chop:hu2hp6ct7xnyiujh:a2fv2l37iku35mcbb43ec57en6l7bvk7hq6kceaujyyubpwbxnsdq";

    /// So many seconds after a moment.
    pub(in crate::trust) fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000 + second * 1000)
    }

    /// An accreditation at the root.
    pub(in crate::trust) fn record(id: &str, from: i64, until: Option<i64>) -> Accreditation {
        let did = ChopDid::parse(DID).unwrap();
        Accreditation {
            id: Hash::of("test", id.as_bytes()),
            accreditor: did,
            subject: did,
            credential_type: CredentialType::parse("Inspection").unwrap(),
            jurisdiction: None,
            valid_from: at(from),
            valid_until: until.map(at),
            depth: 0,
            parent: None,
            time: at(from),
            height: 1,
            events: Vec::new(),
        }
    }

    /// Something that was decided, and took effect, so many seconds after that moment.
    pub(in crate::trust) fn event(kind: EventKind, second: i64) -> AccreditationEvent {
        AccreditationEvent {
            kind,
            effective: at(second),
            time: at(second),
            height: 2,
            reason: (kind == EventKind::Revoked).then_some(RevocationReason::Forward),
        }
    }

    fn grant(record: Accreditation) -> Grant {
        Grant {
            record,
            ancestors: Vec::new(),
        }
    }

    fn told(grant: &Grant, until: i64) -> Vec<(i64, Standing)> {
        let from = |segment: &Segment| (segment.from.unix_ms() - at(0).unix_ms()) / 1000;
        let segments = grant.timeline(at(until));
        segments.iter().map(|s| (from(s), s.standing)).collect()
    }

    #[test]
    fn suspensions_and_their_ends_stand_in_the_order_in_which_they_held() {
        let mut inspected = record("a", 0, Some(100));
        inspected.events = vec![
            event(EventKind::Suspended, 10),
            event(EventKind::Reinstated, 20),
        ];
        let held = grant(inspected);
        let live = Standing::Live;
        let history = [
            (0, live),
            (10, Standing::Suspended),
            (20, live),
            (100, Standing::Expired),
        ];
        assert_eq!(told(&held, 200), history);
        assert_eq!(told(&held, 50), history[..3]);
        assert_eq!(told(&held, -1), []);
        assert_eq!(held.next_change(at(10)), Some(at(20)));
        assert_eq!(held.next_change(at(100)), None);
    }

    #[test]
    fn a_parent_that_lapses_takes_its_child_along_and_gives_it_back() {
        let mut parent = record("parent", 0, None);
        parent.events = vec![
            event(EventKind::Suspended, 5),
            event(EventKind::Reinstated, 9),
        ];
        let mut child = record("child", 1, None);
        child.parent = Some(parent.id);
        let held = Grant {
            record: child,
            ancestors: vec![parent],
        };
        let live = Standing::Live;
        assert_eq!(
            told(&held, 20),
            [(1, live), (5, Standing::Suspended), (9, live)]
        );
    }

    #[test]
    fn what_was_revoked_from_its_beginning_never_counted() {
        let mut void = record("void", 0, None);
        void.events = vec![event(EventKind::Suspended, 3), {
            let mut revoked = event(EventKind::Revoked, 0);
            revoked.reason = Some(RevocationReason::AbInitio);
            revoked
        }];
        assert_eq!(told(&grant(void), 20), [(0, Standing::Voided)]);
    }
}

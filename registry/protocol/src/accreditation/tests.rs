use super::*;
use chop_did::{LedgerId, Scid};
use proptest::prelude::*;

/// Moments of the model's world; times are small integers.
const END: usize = 40;

fn at(moment: usize) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(moment).unwrap())
}

fn blank(name: &str, parent: Option<Hash>, from: usize, until: Option<usize>) -> Accreditation {
    let did = ChopDid::new(
        LedgerId::new(Hash::of("test", b"ledger")).short(),
        Scid::of_genesis(Hash::of("test", name.as_bytes())),
    );
    Accreditation {
        id: Hash::of("test", name.as_bytes()),
        accreditor: did,
        subject: did,
        credential_type: CredentialType::parse("QualityInspection").unwrap(),
        jurisdiction: None,
        valid_from: at(from),
        valid_until: until.map(at),
        depth: 0,
        parent,
        time: at(0),
        height: 1,
        events: vec![],
    }
}

/// An accreditation beside a calendar in which every moment is painted by hand.
struct Model {
    record: Accreditation,
    calendar: Vec<Standing>,
    suspended: Vec<bool>,
}

impl Model {
    fn new(mut record: Accreditation, acts: &[(u8, usize, usize)]) -> Self {
        let mut suspended = vec![false; END];
        let mut revoked = [false; END];
        let mut voided = false;
        let mut now = 0;
        for (kind, wait, ahead) in acts {
            now += wait;
            let effective = now + ahead;
            let (event, reason) = match kind {
                0 => (EventKind::Suspended, None),
                1 => (EventKind::Reinstated, None),
                2 => (EventKind::Revoked, Some(RevocationReason::Forward)),
                _ => (EventKind::Revoked, Some(RevocationReason::AbInitio)),
            };
            for moment in effective.min(END)..END {
                match kind {
                    0 => suspended[moment] = true,
                    1 => suspended[moment] = false,
                    2 => revoked[moment] = true,
                    _ => {}
                }
            }
            voided |= *kind > 2;
            let effective = if *kind > 2 {
                record.valid_from
            } else {
                at(effective)
            };
            record.events.push(AccreditationEvent {
                kind: event,
                effective,
                time: at(now),
                height: 1,
                reason,
            });
        }
        let calendar = (0..END)
            .map(|moment| {
                if voided {
                    Standing::Voided
                } else if revoked[moment] {
                    Standing::Revoked
                } else if at(moment) < record.valid_from {
                    Standing::NotYet
                } else if record.valid_until.is_some_and(|until| at(moment) >= until) {
                    Standing::Expired
                } else if suspended[moment] {
                    Standing::Suspended
                } else {
                    Standing::Live
                }
            })
            .collect();
        Self {
            record,
            calendar,
            suspended,
        }
    }
}

/// Acts as (kind, milliseconds since the act before, how far ahead it takes effect).
fn acts() -> impl Strategy<Value = Vec<(u8, usize, usize)>> {
    let kind = prop_oneof![4 => Just(0_u8), 4 => Just(1), 1 => Just(2), 1 => Just(3)];
    proptest::collection::vec((kind, 0..6_usize, 0..8_usize), 0..8)
}

fn link() -> impl Strategy<Value = (usize, Option<usize>, Vec<(u8, usize, usize)>)> {
    (0..10_usize, proptest::option::of(10..END), acts())
}

proptest! {
    #[test]
    fn the_standing_at_every_moment_is_that_of_a_calendar_painted_by_hand(
        (from, until, acts) in link(),
    ) {
        let model = Model::new(blank("a", None, from, until), &acts);
        for moment in 0..END {
            prop_assert_eq!(model.record.own_standing_at(at(moment)), model.calendar[moment]);
            prop_assert_eq!(model.record.suspended_at(at(moment)), model.suspended[moment]);
        }
    }

    #[test]
    fn a_chain_is_live_exactly_when_every_link_is(links in proptest::collection::vec(link(), 1..5)) {
        let mut chain: Vec<Model> = vec![];
        for (index, (from, until, acts)) in links.iter().enumerate() {
            let parent = chain.last().map(|parent| parent.record.id);
            chain.push(Model::new(blank(&index.to_string(), parent, *from, *until), acts));
        }
        chain.reverse();
        let records: Vec<_> = chain.iter().map(|model| model.record.clone()).collect();
        let (leaf, ancestors) = records.split_first().unwrap();
        for moment in 0..END {
            let live = chain.iter().all(|model| model.calendar[moment] == Standing::Live);
            prop_assert_eq!(leaf.live_at(at(moment), ancestors), live);
            let decided = leaf.liveness_at(at(moment), ancestors);
            let link = records.iter().find(|record| record.id == decided.link).unwrap();
            prop_assert_eq!(link.own_standing_at(at(moment)), decided.standing);
            if !ancestors.is_empty() {
                prop_assert_eq!(leaf.liveness_at(at(moment), &ancestors[1..]).standing, Standing::BrokenChain);
                prop_assert_eq!(leaf.liveness_at(at(moment), &[]).standing, Standing::BrokenChain);
            }
        }
    }

    #[test]
    fn a_later_act_changes_nothing_before_it_unless_it_voids(acts in acts(), kept in 0..8_usize) {
        let kept = kept.min(acts.len());
        let now: usize = acts.iter().take(kept + 1).map(|(_, wait, _)| wait).sum();
        let before = Model::new(blank("a", None, 0, None), &acts[..kept]);
        let after = Model::new(blank("a", None, 0, None), &acts);
        for moment in 0..now.min(END) {
            let (was, is) = (before.record.own_standing_at(at(moment)), after.record.own_standing_at(at(moment)));
            prop_assert!(was == is || is == Standing::Voided);
        }
    }
}

#[test]
fn a_voided_link_is_named_before_a_nearer_one_that_is_only_suspended() {
    let root = Model::new(blank("root", None, 0, None), &[(3, 1, 0)]).record;
    let leaf = Model::new(blank("leaf", Some(root.id), 0, None), &[(0, 1, 0)]).record;
    let decided = leaf.liveness_at(at(5), std::slice::from_ref(&root));
    assert_eq!(
        decided,
        Liveness {
            standing: Standing::Voided,
            link: root.id
        }
    );
}

#[test]
fn an_accreditation_covers_its_type_in_its_place() {
    let code = |text| Jurisdiction::parse(text).unwrap();
    let inspection = CredentialType::parse("QualityInspection").unwrap();
    let organic = CredentialType::parse("Organic").unwrap();
    let everywhere = blank("a", None, 0, None);
    let china = Accreditation {
        jurisdiction: Some(code("CN")),
        ..everywhere.clone()
    };
    assert!(everywhere.covers(&inspection, Some(&code("NZ"))));
    assert!(everywhere.covers(&inspection, None));
    assert!(!everywhere.covers(&organic, None));
    assert!(china.covers(&inspection, Some(&code("CN-SN"))));
    assert!(!china.covers(&inspection, Some(&code("NZ"))));
    assert!(!china.covers(&inspection, None));
}

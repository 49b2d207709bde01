use super::world::{Party, World};
use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use chop_protocol::{
    Accredit, Accreditation, Action, CredentialType, Jurisdiction, ReinstateAccreditation,
    RevocationReason, RevokeAccreditation, Standing, SuspendAccreditation, accreditation_id, keys,
};

pub(crate) fn inspection() -> CredentialType {
    CredentialType::parse("QualityInspection").unwrap()
}

pub(crate) fn grant(subject: ChopDid, depth: u8, parent: Option<Hash>) -> Accredit {
    Accredit {
        subject,
        credential_type: inspection(),
        jurisdiction: None,
        valid_from: None,
        valid_until: None,
        depth,
        parent,
    }
}

/// The founder accredits the party with depth 2.
pub(crate) fn rooted() -> (World, Hash) {
    let mut world = World::new();
    let body = grant(world.party.did, 2, None);
    let id = founder_grants(&mut world, body);
    (world, id)
}

pub(crate) fn founder_grants(world: &mut World, body: Accredit) -> Hash {
    let envelope = world.by_founder(vec![Action::Accredit(body)]);
    let id = accreditation_id(&envelope.hash(), 0);
    world.commit(&[envelope]);
    id
}

pub(crate) fn stored(world: &World, id: &Hash) -> Accreditation {
    world.read(&keys::accreditation(id)).unwrap()
}

pub(crate) fn suspend(accreditation: Hash, effective: Option<Timestamp>) -> Action {
    Action::SuspendAccreditation(SuspendAccreditation {
        accreditation,
        effective,
    })
}

pub(crate) fn reinstate(accreditation: Hash, effective: Option<Timestamp>) -> Action {
    Action::ReinstateAccreditation(ReinstateAccreditation {
        accreditation,
        effective,
    })
}

pub(crate) fn revoke(accreditation: Hash, effective: Option<Timestamp>) -> Action {
    let reason = RevocationReason::Forward;
    Action::RevokeAccreditation(RevokeAccreditation {
        accreditation,
        effective,
        reason,
    })
}

pub(crate) fn void(accreditation: Hash) -> Action {
    let reason = RevocationReason::AbInitio;
    Action::RevokeAccreditation(RevokeAccreditation {
        accreditation,
        effective: None,
        reason,
    })
}

pub(crate) fn founder_does(world: &mut World, action: Action) {
    let envelope = world.by_founder(vec![action]);
    world.commit(&[envelope]);
}

pub(crate) fn founder_refused(world: &mut World, action: Action) -> String {
    let envelope = world.by_founder(vec![action]);
    world.refusal(&envelope)
}

pub(crate) fn party_refused(world: &mut World, action: Action) -> String {
    let envelope = world.by_party(vec![action]);
    world.refusal(&envelope)
}

#[test]
fn a_member_accredits_at_the_root_and_the_list_says_so() {
    let (world, id) = rooted();
    let granted = stored(&world, &id);
    assert_eq!(
        (granted.accreditor, granted.subject),
        (world.founder.did, world.party.did)
    );
    assert_eq!(
        (granted.valid_from, granted.time, granted.height),
        (world.time, world.time, world.height)
    );
    let list: Vec<Hash> = world
        .read(&keys::accredited(&world.party.did, &inspection()))
        .unwrap();
    assert_eq!(list, [id]);
    assert!(granted.live_at(world.time, &[]));
    assert!(!granted.live_at(world.time.minus_ms(1), &[]));
}

#[test]
fn refuses_a_root_accreditation_by_one_that_is_no_member() {
    let mut world = World::new();
    let body = grant(world.founder.did, 0, None);
    assert_eq!(
        party_refused(&mut world, Action::Accredit(body)),
        "accreditation.not-member"
    );
}

#[test]
fn an_accredited_party_accredits_below_itself() {
    let (mut world, root) = rooted();
    let lab = world.add(9);
    let envelope = world.by_party(vec![Action::Accredit(grant(lab.did, 1, Some(root)))]);
    let child = accreditation_id(&envelope.hash(), 0);
    world.commit(&[envelope]);
    let chain = [stored(&world, &root)];
    assert!(stored(&world, &child).live_at(world.time, &chain));
    // Without its chain it is not live, nor with another chain.
    assert!(!stored(&world, &child).live_at(world.time, &[]));
    let orphan = stored(&world, &child);
    assert_eq!(
        orphan
            .liveness_at(world.time, std::slice::from_ref(&orphan))
            .standing,
        Standing::BrokenChain
    );
    founder_does(&mut world, suspend(root, None));
    assert!(!stored(&world, &child).live_at(world.time, &[stored(&world, &root)]));
}

#[test]
fn refuses_a_grant_below_what_somebody_else_holds() {
    let (mut world, root) = rooted();
    let lab = world.add(9);
    let body = grant(lab.did, 0, Some(root));
    assert_eq!(
        founder_refused(&mut world, Action::Accredit(body)),
        "accreditation.not-holder"
    );
}

#[test]
fn refuses_a_grant_below_nothing() {
    let (mut world, _) = rooted();
    let lab = world.add(9);
    let body = grant(lab.did, 0, Some(chop_protocol::anchor_digest(b"nothing")));
    assert_eq!(
        party_refused(&mut world, Action::Accredit(body)),
        "accreditation.unknown"
    );
}

#[test]
fn refuses_every_scope_wider_than_its_parents() {
    let mut world = World::new();
    let lab = world.add(9);
    let (from, until) = (world.now().plus_ms(600_000), world.now().plus_ms(1_000_000));
    let code = |text| Some(Jurisdiction::parse(text).unwrap());
    let parent = Accredit {
        jurisdiction: code("CN"),
        valid_from: None,
        valid_until: Some(until),
        ..grant(world.party.did, 1, None)
    };
    let root = founder_grants(&mut world, parent);
    let within = Accredit {
        jurisdiction: code("CN-SN"),
        valid_from: Some(from),
        valid_until: Some(until),
        ..grant(lab.did, 0, Some(root))
    };
    let wider = [
        Accredit {
            credential_type: CredentialType::parse("Organic").unwrap(),
            ..within.clone()
        },
        Accredit {
            jurisdiction: None,
            ..within.clone()
        },
        Accredit {
            jurisdiction: code("NZ"),
            ..within.clone()
        },
        Accredit {
            valid_until: None,
            ..within.clone()
        },
        Accredit {
            valid_until: Some(until.plus_ms(1)),
            ..within.clone()
        },
        Accredit {
            depth: 1,
            ..within.clone()
        },
        Accredit {
            depth: 8,
            ..within.clone()
        },
    ];
    for body in wider {
        assert_eq!(
            party_refused(&mut world, Action::Accredit(body.clone())),
            "accreditation.scope",
            "{body:?}"
        );
    }
    let envelope = world.by_party(vec![Action::Accredit(within)]);
    world.commit(&[envelope]);
}

#[test]
fn refuses_a_beginning_before_its_parents() {
    let mut world = World::new();
    let lab = world.add(9);
    let from = world.now().plus_ms(30_000);
    let body = Accredit {
        valid_from: Some(from),
        ..grant(world.party.did, 1, None)
    };
    let root = founder_grants(&mut world, body);
    // The parent is not live yet, so nothing is granted below it at all.
    let early = grant(lab.did, 0, Some(root));
    assert_eq!(
        party_refused(&mut world, Action::Accredit(early.clone())),
        "accreditation.parent-not-live"
    );
    world.time = from;
    let envelope = world.by_party(vec![Action::Accredit(early)]);
    world.commit(&[envelope]);
}

#[test]
fn refuses_a_grant_below_a_chain_that_is_not_live() {
    let (mut world, root) = rooted();
    let (middle, lab) = (world.add(9), world.add(10));
    let envelope = world.by_party(vec![Action::Accredit(grant(middle.did, 1, Some(root)))]);
    let child = accreditation_id(&envelope.hash(), 0);
    world.commit(&[envelope]);
    founder_does(&mut world, suspend(root, None));
    let envelope = world.by(
        &middle,
        vec![Action::Accredit(grant(lab.did, 0, Some(child)))],
    );
    assert_eq!(world.refusal(&envelope), "accreditation.parent-not-live");
    founder_does(&mut world, reinstate(root, None));
    let envelope = world.by(
        &middle,
        vec![Action::Accredit(grant(lab.did, 0, Some(child)))],
    );
    world.commit(&[envelope]);
}

#[test]
fn refuses_a_depth_beyond_any_chain() {
    let mut world = World::new();
    let body = grant(world.party.did, 9, None);
    assert_eq!(
        founder_refused(&mut world, Action::Accredit(body)),
        "accreditation.depth"
    );
}

#[test]
fn refuses_a_subject_that_is_not_on_the_ledger() {
    let mut world = World::new();
    let body = grant(Party::new(9, &world.ledger()).did, 0, None);
    assert_eq!(
        founder_refused(&mut world, Action::Accredit(body)),
        "accreditation.subject-unknown"
    );
}

#[test]
fn refuses_a_validity_that_ends_before_it_begins() {
    let mut world = World::new();
    let at = world.now().plus_ms(60_000);
    let body = Accredit {
        valid_from: Some(at),
        valid_until: Some(at),
        ..grant(world.party.did, 0, None)
    };
    assert_eq!(
        founder_refused(&mut world, Action::Accredit(body)),
        "accreditation.validity"
    );
}

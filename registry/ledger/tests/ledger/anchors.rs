use super::world::{Party, World};
use chop_protocol::anchor::MAX_STATUS_EVENTS;
use chop_protocol::{
    Action, Anchor, AnchorCredential, AnchorStatus, CredentialType, SetStatus, anchor_digest, keys,
};

fn anchor(world: &World) -> AnchorCredential {
    AnchorCredential {
        digest: anchor_digest(b"credential"),
        credential_type: Some(CredentialType::parse("QualityInspection").unwrap()),
        subject: Some(world.founder.did),
    }
}

fn set(status: AnchorStatus) -> Action {
    Action::SetStatus(SetStatus {
        digest: anchor_digest(b"credential"),
        status,
    })
}

fn anchored() -> World {
    let mut world = World::new();
    let body = anchor(&world);
    let envelope = world.by_party(vec![Action::Anchor(body)]);
    world.commit(&[envelope]);
    world
}

fn stored(world: &World) -> Anchor {
    world
        .read(&keys::anchor(&anchor_digest(b"credential")))
        .unwrap()
}

#[test]
fn an_anchor_says_who_when_and_what_it_chose_to_say() {
    let world = anchored();
    let anchor = stored(&world);
    assert_eq!(anchor.issuer, world.party.did);
    assert_eq!((anchor.time, anchor.height), (world.time, world.height));
    assert_eq!(anchor.subject, Some(world.founder.did));
    assert_eq!(anchor.status(), AnchorStatus::Live);
}

#[test]
fn refuses_a_digest_that_is_anchored_whoever_asks() {
    let mut world = anchored();
    let body = anchor(&world);
    let again = world.by_founder(vec![Action::Anchor(body)]);
    assert_eq!(world.refusal(&again), "anchor.exists");
}

#[test]
fn refuses_a_subject_that_is_not_on_the_ledger() {
    let mut world = World::new();
    let nobody = Party::new(9, &world.ledger()).did;
    let body = AnchorCredential {
        subject: Some(nobody),
        ..anchor(&world)
    };
    let envelope = world.by_party(vec![Action::Anchor(body)]);
    assert_eq!(world.refusal(&envelope), "anchor.subject-unknown");
}

#[test]
fn the_status_at_a_time_is_what_was_set_by_then() {
    let mut world = anchored();
    let anchored_at = world.time;
    let mut set_at = vec![];
    for status in [
        AnchorStatus::Suspended,
        AnchorStatus::Live,
        AnchorStatus::Revoked,
    ] {
        let envelope = world.by_party(vec![set(status)]);
        world.commit(&[envelope]);
        set_at.push((world.time, status));
    }
    let anchor = stored(&world);
    assert_eq!(anchor.status_at(anchored_at.minus_ms(1)), None);
    assert_eq!(anchor.status_at(anchored_at), Some(AnchorStatus::Live));
    for (time, status) in set_at {
        assert_eq!(anchor.status_at(time), Some(status));
        assert_ne!(anchor.status_at(time.minus_ms(1)), Some(status));
    }
}

#[test]
fn only_the_issuer_sets_the_status() {
    let mut world = anchored();
    let envelope = world.by_founder(vec![set(AnchorStatus::Revoked)]);
    assert_eq!(world.refusal(&envelope), "anchor.not-issuer");
}

#[test]
fn refuses_the_status_of_what_was_never_anchored() {
    let mut world = World::new();
    let envelope = world.by_party(vec![set(AnchorStatus::Revoked)]);
    assert_eq!(world.refusal(&envelope), "anchor.unknown");
}

#[test]
fn refuses_a_status_that_it_has_already() {
    let mut world = anchored();
    let envelope = world.by_party(vec![set(AnchorStatus::Live)]);
    assert_eq!(world.refusal(&envelope), "anchor.standing");
}

#[test]
fn revocation_is_final() {
    let mut world = anchored();
    let envelope = world.by_party(vec![set(AnchorStatus::Revoked)]);
    world.commit(&[envelope]);
    for status in [
        AnchorStatus::Live,
        AnchorStatus::Suspended,
        AnchorStatus::Revoked,
    ] {
        let envelope = world.by_party(vec![set(status)]);
        assert_eq!(world.refusal(&envelope), "anchor.revoked");
    }
}

#[test]
fn a_full_history_leaves_room_for_a_revocation() {
    let mut world = anchored();
    for n in 0..MAX_STATUS_EVENTS - 1 {
        let status = if n % 2 == 0 {
            AnchorStatus::Suspended
        } else {
            AnchorStatus::Live
        };
        let envelope = world.by_party(vec![set(status)]);
        world.commit(&[envelope]);
    }
    let more = world.by_party(vec![set(AnchorStatus::Live)]);
    assert_eq!(world.refusal(&more), "anchor.history-full");
    let last = world.by_party(vec![set(AnchorStatus::Revoked)]);
    world.commit(&[last]);
    assert_eq!(stored(&world).events.len(), MAX_STATUS_EVENTS);
}

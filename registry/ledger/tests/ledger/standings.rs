//! How the standing of an accreditation changes, and how it does not.

use super::accreditations::{
    founder_does, founder_refused, grant, party_refused, reinstate, revoke, rooted, stored,
    suspend, void,
};
use super::world::World;
use chop_protocol::accreditation::MAX_EVENTS;
use chop_protocol::{
    Accredit, Action, RevocationReason, RevokeAccreditation, Standing, accreditation_id,
};

#[test]
fn refuses_to_write_into_the_past() {
    let (mut world, root) = rooted();
    let past = Some(world.time);
    let body = Accredit {
        valid_from: past,
        ..grant(world.party.did, 0, None)
    };
    for action in [
        Action::Accredit(body),
        suspend(root, past),
        revoke(root, past),
    ] {
        assert_eq!(
            founder_refused(&mut world, action),
            "accreditation.backdated"
        );
    }
    founder_does(&mut world, suspend(root, None));
    let past = Some(world.time);
    assert_eq!(
        founder_refused(&mut world, reinstate(root, past)),
        "accreditation.backdated"
    );
}

#[test]
fn only_the_accreditor_changes_an_accreditation() {
    let (mut world, root) = rooted();
    for action in [
        suspend(root, None),
        reinstate(root, None),
        revoke(root, None),
        void(root),
    ] {
        assert_eq!(
            party_refused(&mut world, action),
            "accreditation.not-accreditor"
        );
    }
    let nothing = chop_protocol::anchor_digest(b"nothing");
    assert_eq!(
        founder_refused(&mut world, suspend(nothing, None)),
        "accreditation.unknown"
    );
}

#[test]
fn a_suspension_leaves_earlier_acts_alone_and_ends_with_a_reinstatement() {
    let (mut world, root) = rooted();
    let before = world.time;
    founder_does(&mut world, suspend(root, None));
    let suspended = world.time;
    founder_does(&mut world, reinstate(root, None));
    let restored = world.time;
    let granted = stored(&world, &root);
    assert_eq!(granted.own_standing_at(before), Standing::Live);
    assert_eq!(
        granted.own_standing_at(suspended.minus_ms(1)),
        Standing::Live
    );
    assert_eq!(granted.own_standing_at(suspended), Standing::Suspended);
    assert_eq!(
        granted.own_standing_at(restored.minus_ms(1)),
        Standing::Suspended
    );
    assert_eq!(granted.own_standing_at(restored), Standing::Live);
}

#[test]
fn refuses_to_suspend_twice_or_to_reinstate_what_is_not_suspended() {
    let (mut world, root) = rooted();
    assert_eq!(
        founder_refused(&mut world, reinstate(root, None)),
        "accreditation.standing"
    );
    founder_does(&mut world, suspend(root, None));
    assert_eq!(
        founder_refused(&mut world, suspend(root, None)),
        "accreditation.standing"
    );
}

#[test]
fn a_later_act_supersedes_a_suspension_that_still_lies_ahead() {
    let (mut world, root) = rooted();
    let ahead = world.now().plus_ms(100_000);
    founder_does(&mut world, suspend(root, Some(ahead)));
    founder_does(&mut world, suspend(root, None));
    let now = world.time;
    founder_does(&mut world, reinstate(root, None));
    let granted = stored(&world, &root);
    assert_eq!(granted.own_standing_at(now), Standing::Suspended);
    assert_eq!(granted.own_standing_at(world.time), Standing::Live);
    assert_eq!(granted.own_standing_at(ahead), Standing::Live);
}

#[test]
fn one_whose_own_accreditation_is_gone_may_take_away_but_not_restore() {
    let (mut world, root) = rooted();
    let lab = world.add(9);
    let envelope = world.by_party(vec![Action::Accredit(grant(lab.did, 0, Some(root)))]);
    let child = accreditation_id(&envelope.hash(), 0);
    world.commit(&[envelope]);
    founder_does(&mut world, revoke(root, None));
    let envelope = world.by_party(vec![suspend(child, None)]);
    world.commit(&[envelope]);
    assert_eq!(
        party_refused(&mut world, reinstate(child, None)),
        "accreditation.parent-not-live"
    );
    let envelope = world.by_party(vec![revoke(child, None)]);
    world.commit(&[envelope]);
}

#[test]
fn a_revocation_is_final_may_be_brought_forward_and_may_reach_back() {
    let (mut world, root) = rooted();
    let granted_at = world.time;
    let ahead = world.now().plus_ms(100_000);
    founder_does(&mut world, revoke(root, Some(ahead)));
    assert_eq!(
        stored(&world, &root).own_standing_at(ahead.minus_ms(1)),
        Standing::Live
    );
    assert_eq!(
        founder_refused(&mut world, revoke(root, Some(ahead))),
        "accreditation.revoked"
    );
    assert_eq!(
        founder_refused(&mut world, suspend(root, Some(ahead))),
        "accreditation.revoked"
    );
    founder_does(&mut world, revoke(root, None));
    assert_eq!(
        stored(&world, &root).own_standing_at(world.time),
        Standing::Revoked
    );
    assert_eq!(
        stored(&world, &root).own_standing_at(granted_at),
        Standing::Live
    );
    assert_eq!(
        founder_refused(&mut world, reinstate(root, None)),
        "accreditation.revoked"
    );
    founder_does(&mut world, void(root));
    assert_eq!(
        stored(&world, &root).own_standing_at(granted_at),
        Standing::Voided
    );
    assert_eq!(
        founder_refused(&mut world, void(root)),
        "accreditation.revoked"
    );
    assert_eq!(
        founder_refused(&mut world, revoke(root, None)),
        "accreditation.revoked"
    );
}

#[test]
fn refuses_a_revocation_ab_initio_that_names_a_time() {
    let (mut world, root) = rooted();
    let reason = RevocationReason::AbInitio;
    let effective = Some(world.now());
    let action = Action::RevokeAccreditation(RevokeAccreditation {
        accreditation: root,
        effective,
        reason,
    });
    assert_eq!(
        founder_refused(&mut world, action),
        "accreditation.ab-initio-effective"
    );
}

#[test]
fn a_full_history_leaves_room_for_revocations() {
    let (mut world, root) = rooted();
    for n in 0..MAX_EVENTS - 2 {
        let action = if n % 2 == 0 {
            suspend(root, None)
        } else {
            reinstate(root, None)
        };
        founder_does(&mut world, action);
    }
    assert_eq!(
        founder_refused(&mut world, suspend(root, None)),
        "accreditation.history-full"
    );
    let ahead = world.now().plus_ms(100_000);
    founder_does(&mut world, revoke(root, Some(ahead)));
    assert_eq!(
        founder_refused(&mut world, revoke(root, None)),
        "accreditation.history-full"
    );
    founder_does(&mut world, void(root));
    assert_eq!(stored(&world, &root).events.len(), MAX_EVENTS);
}

#[test]
fn no_single_accreditor_fills_a_subjects_list() {
    let mut world = World::new();
    let body = grant(world.party.did, 0, None);
    let many = vec![Action::Accredit(body.clone()); 16];
    let envelope = world.by_founder(many);
    world.commit(&[envelope]);
    assert_eq!(
        founder_refused(&mut world, Action::Accredit(body)),
        "accreditation.too-many"
    );
}

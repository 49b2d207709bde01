//! Resolution of did:chop from ledger values and the log.

use crate::common::{World, key, sign, update_keys};
use chop_did::build;
use chop_did::resolution::{ErrorKind, Version, resolve_chop, resolve_chop_version, version_at};
use chop_did::{ChopDid, VersionRecord};

fn world_with_three_versions() -> (World, ChopDid) {
    let mut world = World::new();
    let did = world.organisation(10);
    let wider = world
        .state(&did)
        .document()
        .with_service("#site", "LinkedDomains", "https://example.com/")
        .unwrap();
    world
        .act(&sign(build::update(world.state(&did), &wider), &[key(10)]))
        .unwrap();
    world
        .act(&sign(
            build::rotate(world.state(&did), &wider, &update_keys(11, Some(20))),
            &[key(11)],
        ))
        .unwrap();
    (world, did)
}

fn records(world: &World, did: &ChopDid) -> Vec<VersionRecord> {
    (0..=world.state(did).seq())
        .map(|seq| world.records[&(*did, seq)])
        .collect()
}

#[test]
fn the_current_version_says_when_and_what_it_is() {
    let (world, did) = world_with_three_versions();
    let result = resolve_chop(world.state(&did)).to_result();
    let metadata = &result["didDocumentMetadata"];
    assert_eq!(metadata["created"], "2026-11-01T01:00:00Z");
    assert_eq!(metadata["updated"], "2026-11-01T03:00:00Z");
    assert_eq!(metadata["deactivated"], false);
    assert_eq!(
        metadata["versionId"],
        world.state(&did).version_id().to_string()
    );
    assert_eq!(result["didDocument"]["id"], did.to_string());
}

#[test]
fn an_earlier_version_names_the_next() {
    let (world, did) = world_with_three_versions();
    let records = records(&world, &did);
    let version = Version {
        seq: 0,
        record: &records[0],
        operation: world.log[0].1.operation(),
        next: Some(&records[1]),
        controller: None,
    };
    let result = resolve_chop_version(world.state(&did), &version)
        .unwrap()
        .to_result();
    let metadata = &result["didDocumentMetadata"];
    assert_eq!(metadata["nextUpdate"], "2026-11-01T02:00:00Z");
    assert_eq!(
        metadata["nextVersionId"],
        format!("1-{}", records[1].operation)
    );
    assert!(
        metadata.get("updated").is_none(),
        "the first version is no update"
    );
    assert!(result["didDocument"].get("service").is_none());
}

#[test]
fn a_log_that_differs_from_the_record_is_not_believed() {
    let (world, did) = world_with_three_versions();
    let records = records(&world, &did);
    let forged = Version {
        seq: 0,
        record: &records[0],
        operation: world.log[1].1.operation(),
        next: None,
        controller: None,
    };
    let error = resolve_chop_version(world.state(&did), &forged).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDidDocument);
}

#[test]
fn a_time_selects_the_version_in_force() {
    let (world, did) = world_with_three_versions();
    let records = records(&world, &did);
    assert_eq!(version_at(&records, records[0].time.minus_ms(1)), None);
    assert_eq!(version_at(&records, records[0].time), Some(0));
    assert_eq!(version_at(&records, records[1].time.minus_ms(1)), Some(0));
    assert_eq!(version_at(&records, records[2].time.plus_ms(1)), Some(2));
}

#[test]
fn history_outlives_deactivation() {
    let (mut world, did) = world_with_three_versions();
    world
        .act(&sign(build::deactivate(world.state(&did)), &[key(11)]))
        .unwrap();
    assert_eq!(resolve_chop(world.state(&did)).status(), 410);
    let records = records(&world, &did);
    let version = Version {
        seq: 1,
        record: &records[1],
        operation: world.log[1].1.operation(),
        next: Some(&records[2]),
        controller: None,
    };
    let earlier = resolve_chop_version(world.state(&did), &version).unwrap();
    assert_eq!(earlier.status(), 200);
    assert!(
        earlier.to_result()["didDocumentMetadata"]["chop"]
            .get("deactivatedAt")
            .is_some()
    );
}

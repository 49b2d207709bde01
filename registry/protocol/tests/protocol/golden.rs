//! Bytes that are hashed or stored: changing one of these needs an ADR, for it forks every ledger.

mod governance;
mod items;

use chop_did::{ChopDid, LedgerId, Scid};
use chop_integrity::{Hash, Timestamp, canonicalize};
use chop_protocol::{
    Accreditation, AccreditationEvent, Anchor, AnchorStatus, CredentialType, Deprecation,
    DeprecationReason, EventKind, Jurisdiction, LedgerRecord, Member, Nonce, Parameters, Quota,
    ReplayMark, RevocationReason, Schema, SchemaKind, SchemaName, SchemaRef, SchemaVersion, SemVer,
    StatusEvent, accreditation_id, anchor_digest, keys,
};
use serde::Serialize;

fn text(value: &impl Serialize) -> String {
    String::from_utf8(canonicalize(value).unwrap()).unwrap()
}

fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

fn did(byte: u8) -> ChopDid {
    ChopDid::new(LedgerId::new(hash(0)).short(), Scid::of_genesis(hash(byte)))
}

fn time() -> Timestamp {
    Timestamp::from_unix_ms(1_793_606_400_000)
}

const ZEROS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ONES: &str = "aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq";
const TWOS: &str = "aibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaiba";

#[test]
fn hashes_of_known_bytes_stay() {
    assert_eq!(hash(1).to_string(), ONES);
    assert_eq!(hash(2).to_string(), TWOS);
    // SHA-256("chop/anchor/v1" ‖ "credential") and SHA-256("chop/accreditation/v1" ‖ 32 × 01 ‖ 0007).
    assert_eq!(
        anchor_digest(b"credential").to_string(),
        "tlkptmef4fu5ce5qzeqmpy6auqjlrzwglt3dz3mffy4av5z7kf2q"
    );
    assert_eq!(
        accreditation_id(&hash(1), 7).to_string(),
        "wmh3y5yl4l5ka7rhak33dx4flyeqbsnvhp3bp2hhgz6kzyaijtaq"
    );
}

#[test]
fn state_keys_stay() {
    let scid = did(1).scid();
    let inspection = CredentialType::parse("QualityInspection").unwrap();
    let nonce = Nonce::new([0xab; 16]);
    assert_eq!(keys::did(&scid), format!("did/a{ONES}"));
    assert_eq!(keys::did_version(&scid, 12), format!("did/a{ONES}/12"));
    assert_eq!(keys::member(&scid), format!("member/a{ONES}"));
    assert_eq!(
        keys::accreditation(&hash(2)),
        format!("accreditation/{TWOS}")
    );
    assert_eq!(
        keys::accredited(&did(1), &inspection),
        format!("accredited/a{ONES}/QualityInspection")
    );
    assert_eq!(keys::anchor(&hash(2)), format!("anchor/{TWOS}"));
    let (name, version) = (
        SchemaName::parse("inspection").unwrap(),
        SemVer::parse("1.2.3").unwrap(),
    );
    assert_eq!(keys::schema(&name), "schema/inspection");
    assert_eq!(
        keys::schema_version(&name, &version),
        "schema-version/inspection/1.2.3"
    );
    assert_eq!(keys::schema_body(&hash(2)), format!("schema-body/{TWOS}"));
    assert_eq!(keys::schema_uses(&hash(2)), format!("schema-uses/{TWOS}"));
    assert_eq!(keys::batch(&hash(2)), format!("batch/{TWOS}"));
    assert_eq!(
        keys::batch_template(&hash(2)),
        format!("batch-template/{TWOS}")
    );
    assert_eq!(keys::segment(&hash(2), 42), format!("code/{TWOS}/0000042"));
    assert_eq!(keys::claim(&scid), format!("claim/a{ONES}"));
    assert_eq!(
        keys::nonce(time(), &scid, &nonce),
        format!("nonce/1793606400000/a{ONES}/abababababababababababababababab")
    );
    assert_eq!(
        keys::quota(keys::day(time()), &scid),
        format!("quota/020759/a{ONES}")
    );
}

#[test]
fn keys_of_marks_and_quotas_sort_by_time() {
    let scid = did(1).scid();
    let nonce = Nonce::new([0xff; 16]);
    let mark = |ms| keys::nonce(Timestamp::from_unix_ms(ms), &scid, &nonce);
    for (earlier, later) in [
        (0, 1),
        (9, 10),
        (999, 1_000),
        (1_793_606_399_999, 1_793_606_400_000),
    ] {
        assert!(mark(earlier) < keys::nonces_from(Timestamp::from_unix_ms(later)));
        assert!(keys::nonces_from(Timestamp::from_unix_ms(later)) <= mark(later));
    }
    assert!(keys::quota(9_999, &scid) < keys::quotas_from(10_000));
    assert!(keys::quotas_from(10_000) <= keys::quota(10_000, &scid));
}

#[test]
fn state_values_stay() {
    let record = LedgerRecord {
        id: LedgerId::new(hash(0)),
        chain_version: 1,
        founded: time(),
    };
    assert_eq!(
        text(&record),
        format!(r#"{{"chainVersion":1,"founded":"2026-11-02T08:00:00.000Z","id":"{ZEROS}"}}"#)
    );
    let mut member = Member::founder(did(1), time());
    member.height = 7;
    assert_eq!(
        text(&member),
        format!(
            r#"{{"did":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","height":7,"since":"2026-11-02T08:00:00.000Z"}}"#
        )
    );
    assert_eq!(
        text(&Parameters::default()),
        r#"{"blockEnvelopes":8192,"blockWork":65536,"heartbeatMs":60000,"maxEnvelopeLifeMs":86400000,"recoveryDelayMs":259200000,"sponsorBlockWork":65536,"sponsorDayWork":100000000}"#
    );
    assert_eq!(
        text(&Quota {
            work: 5,
            envelopes: 1
        }),
        r#"{"envelopes":1,"work":5}"#
    );
    assert_eq!(
        text(&ReplayMark {
            envelope: hash(2),
            height: 7
        }),
        format!(r#"{{"envelope":"{TWOS}","height":7}}"#)
    );
}

#[test]
fn schemas_stay() {
    let name = SchemaName::parse("inspection").unwrap();
    let version = SemVer::parse("1.2.3").unwrap();
    let schema = Schema {
        name: name.clone(),
        kind: SchemaKind::JsonLdContext,
        owner: did(1),
        time: time(),
        height: 7,
        versions: vec![version],
    };
    assert_eq!(
        text(&schema),
        format!(
            r#"{{"height":7,"kind":"json-ld-context","name":"inspection","owner":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","time":"2026-11-02T08:00:00.000Z","versions":["1.2.3"]}}"#
        )
    );
    let record = SchemaVersion {
        name: name.clone(),
        version,
        kind: SchemaKind::JsonSchema,
        owner: did(1),
        digest: hash(2),
        size: 99,
        time: time(),
        height: 7,
        deprecated: Some(Deprecation {
            time: time(),
            height: 8,
            reason: Some(DeprecationReason::parse("renamed").unwrap()),
            replaced_by: Some(SchemaRef { name, version }),
        }),
    };
    assert_eq!(
        text(&record),
        format!(
            r#"{{"deprecated":{{"height":8,"reason":"renamed","replacedBy":{{"name":"inspection","version":"1.2.3"}},"time":"2026-11-02T08:00:00.000Z"}},"digest":"{TWOS}","height":7,"kind":"json-schema","name":"inspection","owner":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","size":99,"time":"2026-11-02T08:00:00.000Z","version":"1.2.3"}}"#
        )
    );
}

#[test]
fn accreditations_and_anchors_stay() {
    let granted = Accreditation {
        id: hash(2),
        accreditor: did(1),
        subject: did(2),
        credential_type: CredentialType::parse("QualityInspection").unwrap(),
        jurisdiction: Some(Jurisdiction::parse("CN-SN").unwrap()),
        valid_from: time(),
        valid_until: Some(time().plus_ms(1)),
        depth: 3,
        parent: Some(hash(1)),
        time: time(),
        height: 7,
        events: vec![AccreditationEvent {
            kind: EventKind::Revoked,
            effective: time(),
            time: time(),
            height: 8,
            reason: Some(RevocationReason::AbInitio),
        }],
    };
    let t = "2026-11-02T08:00:00.000Z";
    assert_eq!(
        text(&granted),
        format!(
            r#"{{"accreditor":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","credentialType":"QualityInspection","depth":3,"events":[{{"effective":"{t}","height":8,"kind":"revoked","reason":"ab-initio","time":"{t}"}}],"height":7,"id":"{TWOS}","jurisdiction":"CN-SN","parent":"{ONES}","subject":"did:chop:aaaaaaaaaaaaaaaa:a{TWOS}","time":"{t}","validFrom":"{t}","validUntil":"2026-11-02T08:00:00.001Z"}}"#
        )
    );
    let anchor = Anchor {
        digest: hash(2),
        issuer: did(1),
        credential_type: None,
        subject: Some(did(2)),
        time: time(),
        height: 7,
        events: vec![StatusEvent {
            status: AnchorStatus::Suspended,
            time: time(),
            height: 8,
        }],
    };
    assert_eq!(
        text(&anchor),
        format!(
            r#"{{"digest":"{TWOS}","events":[{{"height":8,"status":"suspended","time":"{t}"}}],"height":7,"issuer":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","subject":"did:chop:aaaaaaaaaaaaaaaa:a{TWOS}","time":"{t}"}}"#
        )
    );
}

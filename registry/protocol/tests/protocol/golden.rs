//! Bytes that are hashed or stored: changing one of these needs an ADR, for it forks every ledger.

use chop_did::{ChopDid, LedgerId, Scid};
use chop_integrity::{Hash, Timestamp, canonicalize};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::governance::{MemberChange, RulesRecord, possession_input};
use chop_protocol::{
    Accreditation, AccreditationEvent, Anchor, AnchorStatus, Ballot, Batch, BatchTerms, Binding,
    BindingEnd, BindingTerms, Change, Choice, Claim, ClaimTerms, CodeStanding, CredentialType,
    Decision, DecisionKind, Deprecation, DeprecationReason, EventKind, Governance, Jurisdiction,
    LedgerRecord, Lot, Member, MemberEvent, MemberEventKind, MemberName, MemberQuota, Nonce, Note,
    Parameters, PromotionRecord, Proposal, Quota, ReplayMark, RevocationReason, Role, Schema,
    SchemaKind, SchemaName, SchemaRef, SchemaVersion, Segment, SemVer, StatusEvent, Tally,
    Validator, ValidatorSet, Vote, accreditation_id, anchor_digest, keys, spki_hash,
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
fn batches_stay() {
    let terms = BatchTerms {
        ledger: LedgerId::new(hash(0)),
        controller: did(1),
        nonce: Nonce::new([0xab; 16]),
        template: hash(1),
        count: 1_000_000,
        root: hash(2),
        leaves: hash(0),
        activation: CredentialType::parse("BatchRelease").ok(),
    };
    let batch = Batch {
        terms: terms.clone(),
        time: time(),
        height: 7,
    };
    let written = format!(
        r#"{{"activation":"BatchRelease","controller":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","count":1000000,"leaves":"{ZEROS}","ledger":"{ZEROS}","nonce":"abababababababababababababababab","root":"{TWOS}","template":"{ONES}"}}"#
    );
    assert_eq!(
        text(&batch),
        format!(r#"{{"height":7,"terms":{written},"time":"2026-11-02T08:00:00.000Z"}}"#)
    );
    assert_eq!(
        terms.hash().unwrap(),
        Hash::of("chop/batch-terms/v1", written.as_bytes())
    );
    let input = terms.receipt_input().unwrap();
    let hash = terms.hash().unwrap();
    let signed = [
        b"chop/batch-receipt/v1".as_slice(),
        &[0; 32],
        hash.as_bytes(),
    ];
    assert_eq!(input.as_bytes(), signed.concat());
    let segment = Segment {
        from: 3,
        to: 42,
        standing: CodeStanding::Void,
        lot: Lot::parse("L-7").ok(),
        reason: Note::parse("torn").ok(),
        time: time(),
        height: 7,
    };
    assert_eq!(
        text(&segment),
        r#"{"from":3,"height":7,"lot":"L-7","reason":"torn","standing":"void","time":"2026-11-02T08:00:00.000Z","to":42}"#
    );
    let claim = Claim {
        time: time(),
        height: 7,
        holder: None,
        bound: None,
    };
    assert_eq!(
        text(&claim),
        r#"{"height":7,"time":"2026-11-02T08:00:00.000Z"}"#
    );
}

#[test]
fn what_a_claim_signs_stays() {
    let terms = ClaimTerms {
        ledger: LedgerId::new(hash(0)),
        item: did(2),
        actor: did(1),
        nonce: Nonce::new([0xab; 16]),
        valid_until: time(),
        holder: None,
    };
    let written = format!(
        r#"{{"actor":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","item":"did:chop:aaaaaaaaaaaaaaaa:a{TWOS}","ledger":"{ZEROS}","nonce":"abababababababababababababababab","validUntil":"2026-11-02T08:00:00.000Z"}}"#
    );
    let hash = Hash::of("chop/code-claim-terms/v1", written.as_bytes());
    let signed = [b"chop/code-claim/v1".as_slice(), hash.as_bytes()].concat();
    assert_eq!(terms.input().unwrap().as_bytes(), signed);
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
fn members_and_validators_stay() {
    let t = "2026-11-02T08:00:00.000Z";
    let d = format!("did:chop:aaaaaaaaaaaaaaaa:a{ONES}");
    let member = Member {
        name: Some(MemberName::parse("Fruit Co").unwrap()),
        role: Role::Supervisor,
        quota: Some(MemberQuota {
            block_work: 4_096,
            day_work: 5_000,
        }),
        events: vec![MemberEvent {
            kind: MemberEventKind::Suspended,
            time: time(),
            height: 8,
            proposal: hash(2),
        }],
        ..Member::founder(did(1), time())
    };
    assert_eq!(
        text(&member),
        format!(
            r#"{{"did":"{d}","events":[{{"height":8,"kind":"suspended","proposal":"{TWOS}","time":"{t}"}}],"height":0,"name":"Fruit Co","quota":{{"blockWork":4096,"dayWork":5000}},"role":"supervisor","since":"{t}"}}"#
        )
    );
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
    let set = ValidatorSet::new([Validator {
        public_key: key.public_key().clone(),
        power: 10,
        member: did(1),
    }]);
    assert_eq!(
        text(&set),
        format!(
            r#"[{{"member":"{d}","power":10,"publicKey":"{}"}}]"#,
            key.public_key().multikey()
        )
    );
}

#[test]
fn proposals_and_votes_stay() {
    let t = "2026-11-02T08:00:00.000Z";
    let d = format!("did:chop:aaaaaaaaaaaaaaaa:a{ONES}");
    assert_eq!(
        text(&Governance::default()),
        r#"{"admission":"all","ballotLifeMs":604800000,"membership":"two-thirds","parameters":"two-thirds","validators":"two-thirds"}"#
    );
    let proposal = Proposal {
        id: hash(2),
        proposer: did(1),
        change: Change::Suspend(MemberChange { member: did(1) }),
        time: time(),
        height: 7,
        expires: time(),
        decision: Some(Decision {
            kind: DecisionKind::Failed,
            time: time(),
            height: 8,
            tally: Tally {
                yes: 2,
                no: 1,
                voters: 4,
            },
            rule: Some("member.standing".to_owned()),
        }),
        signed: serde_json::json!({}),
    };
    assert_eq!(
        text(&proposal),
        format!(
            r#"{{"change":{{"suspend":{{"member":"{d}"}}}},"decision":{{"height":8,"kind":"failed","rule":"member.standing","tally":{{"no":1,"voters":4,"yes":2}},"time":"{t}"}},"expires":"{t}","height":7,"id":"{TWOS}","proposer":"{d}","signed":{{}},"time":"{t}"}}"#
        )
    );
    let vote = Vote {
        proposal: hash(2),
        voter: did(1),
        choice: Choice::No,
        time: time(),
        height: 7,
        signed: serde_json::json!({}),
    };
    assert_eq!(
        text(&vote),
        format!(
            r#"{{"choice":"no","height":7,"proposal":"{TWOS}","signed":{{}},"time":"{t}","voter":"{d}"}}"#
        )
    );
    let ballot = Ballot { proposer: did(1) };
    assert_eq!(text(&ballot), format!(r#"{{"proposer":"{d}"}}"#));
    assert_eq!(
        keys::ballot(time(), &hash(2)),
        format!("ballot/1793606400000/{TWOS}")
    );
    assert_eq!(
        keys::vote(&hash(2), &did(1).scid()),
        format!("vote/{TWOS}/a{ONES}")
    );
    assert_eq!(keys::proposal(&hash(2)), format!("proposal/{TWOS}"));
}

#[test]
fn bindings_of_tls_keys_stay() {
    let t = "2026-11-02T08:00:00.000Z";
    let d = format!("did:chop:aaaaaaaaaaaaaaaa:a{ONES}");
    assert_eq!(keys::binding(&hash(2)), format!("binding/{TWOS}"));
    assert_eq!(keys::bound(&did(1).scid()), format!("bound/a{ONES}"));
    let binding = Binding {
        member: did(1),
        time: time(),
        height: 7,
        ended: Some(BindingEnd {
            time: time(),
            height: 8,
        }),
        signed: serde_json::json!({}),
    };
    assert_eq!(
        text(&binding),
        format!(
            r#"{{"ended":{{"height":8,"time":"{t}"}},"height":7,"member":"{d}","signed":{{}},"time":"{t}"}}"#
        )
    );
    let spki = |key_type, seed: &[u8]| {
        let key = PrivateKey::from_seed(key_type, seed).unwrap();
        let key = key.public_key();
        (key.multikey(), spki_hash(key).unwrap().to_string())
    };
    let (p256, hash_p256) = spki(KeyType::P256, &[1; 32]);
    // Each is what `openssl pkey -pubin -outform DER | sha256sum` says of the key.
    assert_eq!(
        hash_p256,
        "7bl24tww4nhdg5q25is4vlxd7zkkcwla7ojnzvr2g5nlcio6wkuq"
    );
    assert_eq!(
        spki(KeyType::P384, &[1; 48]).1,
        "owyyelbg46klicxsg6ndnjqljn7rokadeaz4jrhvclnza2cdgltq"
    );
    assert_eq!(
        spki(KeyType::Ed25519, &[1; 32]).1,
        "7uiq2ma5f4dx3ykbjohzt5cbwfad7kzapmqff66sybs6j3uopxba"
    );
    let terms = BindingTerms {
        ledger: LedgerId::new(hash(0)),
        member: did(1),
        public_key: PrivateKey::from_seed(KeyType::P256, &[1; 32])
            .unwrap()
            .public_key()
            .clone(),
    };
    assert_eq!(
        text(&terms),
        format!(r#"{{"ledger":"{ZEROS}","member":"{d}","publicKey":"{p256}"}}"#)
    );
    // Ed25519 signs the same bytes alike, so the whole signed binding stays.
    let (tls, update) = (
        PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap(),
        PrivateKey::from_seed(KeyType::Ed25519, &[2; 32]).unwrap(),
    );
    let terms = BindingTerms {
        public_key: tls.public_key().clone(),
        ..terms
    };
    let signed = terms.signed_by(&tls, &[&update]).unwrap();
    assert_eq!(
        text(&Hash::of("test", text(&signed).as_bytes())),
        "\"nlv57okdyjpcpn6k3zqr4cyjcyax4ggjs3zoevbgnq7ljhsfbs5a\""
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

#[test]
fn the_record_of_a_promotion_and_what_a_validator_signs_stay() {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
    let record = PromotionRecord {
        height: 5,
        time: time(),
        proposal: hash(2),
        retires: key.public_key().clone(),
    };
    assert_eq!(keys::PROMOTION, "promotion");
    assert_eq!(
        text(&record),
        format!(
            r#"{{"height":5,"proposal":"{TWOS}","retires":"z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX","time":"2026-11-02T08:00:00.000Z"}}"#
        )
    );
    // "chop/possession/v1" ‖ SHA-256 of JCS({"ledger", "member", "publicKey"}).
    let ledger = LedgerId::new(hash(0));
    let input = possession_input(&ledger, &did(1), key.public_key()).unwrap();
    assert_eq!(&input.as_bytes()[..18], b"chop/possession/v1");
    assert_eq!(
        data_encoding::HEXLOWER.encode(&input.as_bytes()[18..]),
        "574e6562d7c6a26f388454bfff2826fc12ed5838a8b533548aaccbfe1c2957f2"
    );
}

#[test]
fn the_record_of_a_version_of_the_rules_stays() {
    let record = RulesRecord {
        version: 2,
        from: 1_000,
        proposal: hash(2),
    };
    assert_eq!(keys::RULES, "param/rules");
    assert_eq!(
        text(&record),
        format!(r#"{{"from":1000,"proposal":"{TWOS}","version":2}}"#)
    );
}

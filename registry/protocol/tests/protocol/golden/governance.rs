//! Members, proposals, bindings and what changes the ledger itself.

use chop_did::LedgerId;
use chop_integrity::Hash;
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::governance::{MemberChange, RulesRecord, possession_input};
use chop_protocol::{
    Ballot, Binding, BindingEnd, BindingTerms, Change, Choice, Decision, DecisionKind, Governance,
    Member, MemberEvent, MemberEventKind, MemberName, MemberQuota, PromotionRecord, Proposal, Role,
    Tally, Validator, ValidatorSet, Vote, keys, spki_hash,
};

use super::{ONES, TWOS, ZEROS, did, hash, text, time};

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

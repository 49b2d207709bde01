//! Writes the envelope vectors that are missing under `conformance/vectors`; existing files are left as they are.
//!
//! `cargo run -p chop-protocol --example envelope_vectors`
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a generator run by hand: stopping at the first surprise is right"
)]

use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, Genesis, KeySet, LedgerId, UpdateKeys};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::{
    Accredit, Action, AnchorCredential, AnchorStatus, CredentialType, Envelope, Jurisdiction,
    Nonce, ReinstateAccreditation, RevocationReason, RevokeAccreditation, SetStatus,
    SignedEnvelope, SuspendAccreditation, UnsignedEnvelope, anchor_digest,
};
use serde_json::{Value, json};
use std::path::Path;

fn main() {
    for (name, description, text) in valid() {
        let envelope = SignedEnvelope::try_from(text.as_bytes()).unwrap();
        let signers: Vec<_> = envelope
            .signers()
            .iter()
            .map(|key| key.multikey())
            .collect();
        let case = json!({"description": description, "text": text, "hash": envelope.hash(), "signers": signers});
        write("valid", name, &case);
    }
    for (name, description, bytes) in invalid() {
        let rule = SignedEnvelope::try_from(bytes.as_slice())
            .unwrap_err()
            .rule();
        let mut case = json!({"description": description, "rule": rule});
        match String::from_utf8(bytes) {
            Ok(text) => case["text"] = text.into(),
            Err(error) => case["hex"] = data_encoding::HEXLOWER.encode(error.as_bytes()).into(),
        }
        write("invalid", name, &case);
    }
}

fn write(kind: &str, name: &str, case: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(kind)
        .join("envelope");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.json"));
    if !path.exists() {
        std::fs::write(path, serde_json::to_string_pretty(case).unwrap() + "\n").unwrap();
    }
}

fn ledger() -> LedgerId {
    LedgerId::new(Hash::of("test", b"ledger"))
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn genesis(seed: u8) -> Genesis {
    let set = |seed| KeySet::new([key(seed).public_key().clone()], 1).unwrap();
    let keys = UpdateKeys {
        current: set(seed),
        next: Some(set(seed + 100).commitment()),
    };
    GenesisDraft::own_keys(Class::Organisation, keys, [seed; 16])
        .build(&ledger())
        .unwrap()
}

fn did(seed: u8) -> ChopDid {
    genesis(seed).did()
}

fn anchor() -> Action {
    let digest = anchor_digest(b"credential");
    Action::Anchor(AnchorCredential {
        digest,
        credential_type: None,
        subject: None,
    })
}

fn envelope(sponsor: u8, actions: Vec<Action>) -> Envelope {
    Envelope {
        ledger: ledger(),
        actor: did(1),
        sponsor: did(sponsor),
        nonce: Nonce::new([3; 16]),
        valid_until: Timestamp::parse("2026-11-02T08:00:00.000Z").unwrap(),
        actions,
    }
}

fn text(envelope: &Envelope, signers: &[&dyn Signer]) -> String {
    String::from_utf8(envelope.sign(signers).unwrap().bytes().to_vec()).unwrap()
}

fn product(nonce: u8) -> Action {
    let genesis = GenesisDraft::controlled(Class::Product, did(1), [nonce; 16])
        .build(&ledger())
        .unwrap();
    Action::Did(Box::new(
        build::create(&genesis).signed_by(&[&key(11)]).unwrap(),
    ))
}

fn accreditations() -> Vec<Action> {
    let accreditation = Hash::of("test", b"accreditation");
    let effective = Some(Timestamp::parse("2026-11-03T00:00:00.000Z").unwrap());
    let reason = RevocationReason::AbInitio;
    vec![
        Action::Accredit(Accredit {
            subject: did(2),
            credential_type: CredentialType::parse("QualityInspection").unwrap(),
            jurisdiction: Some(Jurisdiction::parse("CN-SN").unwrap()),
            valid_from: effective,
            valid_until: Some(Timestamp::parse("2027-11-03T00:00:00.000Z").unwrap()),
            depth: 1,
            parent: Some(accreditation),
        }),
        Action::SuspendAccreditation(SuspendAccreditation {
            accreditation,
            effective,
        }),
        Action::ReinstateAccreditation(ReinstateAccreditation {
            accreditation,
            effective: None,
        }),
        Action::RevokeAccreditation(RevokeAccreditation {
            accreditation,
            effective: None,
            reason,
        }),
        Action::SetStatus(SetStatus {
            digest: accreditation,
            status: AnchorStatus::Suspended,
        }),
    ]
}

fn valid() -> Vec<(&'static str, &'static str, String)> {
    let p256 = PrivateKey::from_seed(KeyType::P256, &[21; 32]).unwrap();
    let p384 = PrivateKey::from_seed(KeyType::P384, &[22; 48]).unwrap();
    let create = Action::Did(Box::new(
        build::create(&genesis(1)).signed_by(&[&key(1)]).unwrap(),
    ));
    let whole: Value =
        serde_json::from_str(&text(&envelope(1, vec![anchor()]), &[&key(11)])).unwrap();
    vec![
        (
            "self-sponsored",
            "one proof serves for actor and sponsor",
            text(&envelope(1, vec![anchor()]), &[&key(11)]),
        ),
        (
            "sponsored",
            "the actor's proof and the sponsor's",
            text(&envelope(2, vec![anchor()]), &[&key(11), &key(12)]),
        ),
        (
            "not-yet-countersigned",
            "only the actor's proof: a gateway adds the sponsor's",
            text(&envelope(2, vec![anchor()]), &[&key(11)]),
        ),
        (
            "create",
            "a new DID acts in the envelope that creates it",
            text(&envelope(2, vec![create]), &[&key(1), &key(12)]),
        ),
        (
            "controlled-creates",
            "three products of one controller",
            text(
                &envelope(2, (1..=3).map(product).collect()),
                &[&key(11), &key(12)],
            ),
        ),
        (
            "every-other-action",
            "every action that is no DID operation or anchor",
            text(&envelope(2, accreditations()), &[&key(11), &key(12)]),
        ),
        (
            "ecdsa",
            "proofs by P-256 and P-384 keys",
            text(&envelope(2, vec![anchor()]), &[&p256, &p384]),
        ),
        (
            "spaced-and-unsorted",
            "white space and the order of members carry no meaning",
            serde_json::to_string_pretty(&whole).unwrap(),
        ),
    ]
}

fn invalid() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = text(&envelope(2, vec![anchor()]), &[&key(11), &key(12)]);
    let whole: Value = serde_json::from_str(&text).unwrap();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut value = whole.clone();
        edit(&mut value);
        serde_json::to_vec(&value).unwrap()
    };
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let mut cases = shapes(&whole, &edited);
    cases.extend([
        (
            "duplicate-member",
            "a member stands twice, which parsers resolve differently",
            replaced(
                "{\"actions\"",
                "{\"nonce\":\"03030303030303030303030303030303\",\"actions\"",
            ),
        ),
        (
            "not-utf8",
            "a byte that no UTF-8 text has",
            [b"\xff".as_slice(), text.as_bytes()].concat(),
        ),
        (
            "lone-surrogate",
            "half of a surrogate pair",
            replaced("\"credential.anchor\"", "\"\\ud800\""),
        ),
        (
            "float",
            "a number that is no integer",
            replaced("\"credential.anchor\"", "1.5"),
        ),
        (
            "large-integer",
            "an integer beyond 2^53 − 1",
            replaced("\"credential.anchor\"", "9007199254740992"),
        ),
        (
            "trailing-data",
            "something after the JSON value",
            [text.as_bytes(), b"{}"].concat(),
        ),
        (
            "deep",
            "nested deeper than 32 levels",
            replaced("\"credential.anchor\"", &("[".repeat(40) + &"]".repeat(40))),
        ),
    ]);
    cases.extend(proofs(&whole, &edited));
    cases
}

type Cases = Vec<(&'static str, &'static str, Vec<u8>)>;
type Edit<'a> = dyn Fn(&dyn Fn(&mut Value)) -> Vec<u8> + 'a;

fn shapes(whole: &Value, edited: &Edit<'_>) -> Cases {
    let create: Value =
        serde_json::from_str(&text(&envelope(2, vec![product(1)]), &[&key(11), &key(12)])).unwrap();
    let create = |edit: &dyn Fn(&mut Value)| {
        let mut value = create.clone();
        edit(&mut value);
        serde_json::to_vec(&value).unwrap()
    };
    vec![
        (
            "not-an-object",
            "an array",
            serde_json::to_vec(&json!([whole])).unwrap(),
        ),
        (
            "unknown-member",
            "a member that no envelope has",
            edited(&|v| v["presentations"] = json!([])),
        ),
        (
            "null-member",
            "null instead of a value",
            edited(&|v| v["nonce"] = Value::Null),
        ),
        (
            "missing-nonce",
            "no nonce",
            edited(&|v| {
                v.as_object_mut().unwrap().remove("nonce");
            }),
        ),
        (
            "upper-case-nonce",
            "a second spelling of the nonce",
            edited(&|v| v["nonce"] = "0303030303030303030303030303030A".into()),
        ),
        (
            "time-without-milliseconds",
            "a second spelling of the time",
            edited(&|v| v["validUntil"] = "2026-11-02T08:00:00Z".into()),
        ),
        (
            "short-ledger",
            "the 16 characters instead of the full ledger id",
            edited(&|v| v["ledger"] = ledger().short().to_string().into()),
        ),
        (
            "other-method",
            "an actor of another DID method",
            edited(&|v| v["actor"] = "did:example:abc".into()),
        ),
        (
            "no-actions",
            "nothing to do",
            edited(&|v| v["actions"] = json!([])),
        ),
        (
            "too-many-actions",
            "65 actions",
            edited(&|v| v["actions"] = json!(vec![v["actions"][0].clone(); 65])),
        ),
        (
            "unknown-action",
            "an action that the protocol does not have",
            edited(&|v| v["actions"][0]["type"] = "credential.burn".into()),
        ),
        (
            "action-without-type",
            "an action without a type",
            edited(&|v| {
                v["actions"][0].as_object_mut().unwrap().remove("type");
            }),
        ),
        (
            "action-unknown-member",
            "an action with a member that it does not have",
            edited(&|v| v["actions"][0]["holder"] = "x".into()),
        ),
        (
            "action-null-member",
            "null where a member is left out",
            edited(&|v| v["actions"][0]["subject"] = Value::Null),
        ),
        (
            "long-digest",
            "a digest with trailing bits set",
            edited(&|v| v["actions"][0]["digest"] = format!("{}b", "a".repeat(51)).into()),
        ),
        (
            "kind-mismatch",
            "did.update around a create",
            create(&|v| v["actions"][0]["type"] = "did.update".into()),
        ),
        (
            "operation-tampered",
            "an operation altered after it was signed, so that it makes another DID than it names",
            create(&|v| {
                v["actions"][0]["operation"]["genesis"]["nonce"] =
                    "00000000000000000000000000000000".into()
            }),
        ),
        (
            "operation-unsigned",
            "an operation whose signature is that of another",
            create(&|v| {
                v["actions"][0]["operation"]["proof"][0]["proofValue"] =
                    v["proof"][0]["proofValue"].clone()
            }),
        ),
        (
            "foreign-actor",
            "an actor of another ledger than the envelope names: a replay across ledgers",
            edited(&|v| v["ledger"] = Hash::of("test", b"another ledger").to_string().into()),
        ),
    ]
}

fn proofs(whole: &Value, edited: &Edit<'_>) -> Cases {
    let other = UnsignedEnvelope::new(&envelope(2, vec![anchor(), anchor()])).unwrap();
    let mut stolen = other;
    let input = stolen.signing_input(key(11).public_key()).unwrap();
    stolen
        .attach(key(11).public_key(), key(11).sign_envelope(&input).unwrap())
        .unwrap();
    let stolen = stolen.finish().unwrap().to_value()["proof"][0].clone();
    let method = |key: &PrivateKey| Value::from(key.public_key().did_key_url());
    let same_twice = json!([whole["proof"][0], whole["proof"][0]]);
    let three = json!([whole["proof"][0], whole["proof"][1], whole["proof"][1]]);
    vec![
        (
            "no-proof",
            "no proof member",
            edited(&|v| {
                v.as_object_mut().unwrap().remove("proof");
            }),
        ),
        (
            "proof-object",
            "one proof that stands without its array",
            edited(&|v| v["proof"] = v["proof"][0].clone()),
        ),
        (
            "proof-empty",
            "an empty array of proofs",
            edited(&|v| v["proof"] = json!([])),
        ),
        (
            "three-proofs",
            "more proofs than there are parties",
            edited(&|v| v["proof"] = three.clone()),
        ),
        (
            "two-proofs-one-party",
            "two proofs although the actor is its own sponsor",
            edited(&|v| v["sponsor"] = v["actor"].clone()),
        ),
        (
            "repeated-proof",
            "the same key twice",
            edited(&|v| v["proof"] = same_twice.clone()),
        ),
        (
            "assertion-purpose",
            "the purpose of operations and credentials",
            edited(&|v| v["proof"][0]["proofPurpose"] = "assertionMethod".into()),
        ),
        (
            "wrong-suite",
            "the suite of another key type",
            edited(&|v| v["proof"][0]["cryptosuite"] = "ecdsa-jcs-2019".into()),
        ),
        (
            "rdfc-suite",
            "a suite that canonicalises as RDF",
            edited(&|v| v["proof"][0]["cryptosuite"] = "eddsa-rdfc-2022".into()),
        ),
        (
            "wrong-type",
            "another type of proof",
            edited(&|v| v["proof"][0]["type"] = "Ed25519Signature2020".into()),
        ),
        (
            "method-of-ledger-did",
            "a verification method that only a resolver could look up",
            edited(&|v| v["proof"][0]["verificationMethod"] = format!("{}#key-1", did(1)).into()),
        ),
        (
            "method-fragment",
            "a did:key URL whose fragment names another key",
            edited(&|v| {
                v["proof"][0]["verificationMethod"] = format!(
                    "{}#{}",
                    key(11).public_key().did_key(),
                    key(12).public_key().multikey()
                )
                .into()
            }),
        ),
        (
            "method-of-another-key",
            "the method of a key that did not sign",
            edited(&|v| v["proof"][0]["verificationMethod"] = method(&key(13))),
        ),
        (
            "proof-extra-member",
            "a member that nobody reads",
            edited(&|v| v["proof"][0]["domain"] = "example.org".into()),
        ),
        (
            "proof-not-an-object",
            "a string for a proof",
            edited(&|v| v["proof"][0] = "proof".into()),
        ),
        (
            "tampered-nonce",
            "a nonce altered after signing",
            edited(&|v| v["nonce"] = "00000000000000000000000000000000".into()),
        ),
        (
            "tampered-action",
            "a digest altered after signing",
            edited(&|v| v["actions"][0]["digest"] = Hash::of("test", b"x").to_string().into()),
        ),
        (
            "stolen-proof",
            "the actor's proof of another envelope",
            edited(&|v| v["proof"][0] = stolen.clone()),
        ),
        (
            "created-added",
            "a proof time that was not signed",
            edited(&|v| v["proof"][0]["created"] = "2026-11-02T08:00:00Z".into()),
        ),
        (
            "short-signature",
            "a signature cut short",
            edited(&|v| v["proof"][0]["proofValue"] = "z2".into()),
        ),
    ]
}

//! Writes the envelope vectors that are missing under `conformance/vectors`; existing files are left as they are.
//!
//! `cargo run -p chop-protocol --example envelope_vectors`
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a generator run by hand: stopping at the first surprise is right"
)]

mod invalid;

use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, Genesis, KeySet, LedgerId, UpdateKeys};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::governance::{Admission, ValidatorChange, ValidatorsChange};
use chop_protocol::{
    Accredit, Action, AnchorCredential, AnchorStatus, BindingTerms, CastVote, Change, Choice,
    CredentialType, Envelope, Jurisdiction, MemberName, MemberQuota, Nonce, Note, Propose,
    ReinstateAccreditation, RevocationReason, RevokeAccreditation, Role, SetStatus, SignedBinding,
    SignedEnvelope, SuspendAccreditation, UnbindCertificate, anchor_digest,
};
use serde_json::{Value, json};
use std::path::Path;

fn main() {
    for (name, description, text) in valid() {
        let envelope = SignedEnvelope::try_from(text.as_bytes()).unwrap();
        let signers: Vec<_> = envelope
            .signers()
            .iter()
            .map(chop_keys::PublicKey::multikey)
            .collect();
        let case = json!({"description": description, "text": text, "hash": envelope.hash(), "signers": signers});
        write("valid", name, &case);
    }
    for (name, description, bytes) in invalid::invalid() {
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

fn update_keys(seed: u8) -> UpdateKeys {
    let set = |seed| KeySet::new([key(seed).public_key().clone()], 1).unwrap();
    UpdateKeys {
        current: set(seed),
        next: Some(set(seed + 100).commitment()),
    }
}

fn genesis(seed: u8) -> Genesis {
    GenesisDraft::own_keys(Class::Organisation, update_keys(seed), [seed; 16])
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

fn propose(change: Change) -> Action {
    let note = Some(Note::parse("agreed in November").unwrap());
    Action::Propose(Box::new(Propose { change, note }))
}

fn admission() -> Action {
    propose(Change::Admit(Admission {
        did: did(2),
        name: MemberName::parse("Fruit Co").unwrap(),
        role: Role::Supervisor,
        quota: Some(MemberQuota {
            block_work: 4_096,
            day_work: 1_000_000,
        }),
    }))
}

fn validators() -> Action {
    let entry = |seed, power, member| ValidatorChange {
        public_key: key(seed).public_key().clone(),
        power,
        member,
    };
    let validators = vec![entry(31, 10, Some(did(2))), entry(32, 0, None)];
    propose(Change::SetValidators(ValidatorsChange { validators }))
}

fn vote() -> Action {
    Action::Vote(CastVote {
        proposal: Hash::of("test", b"proposal"),
        choice: Choice::Yes,
    })
}

fn binding() -> Value {
    let tls = PrivateKey::from_seed(KeyType::P256, &[23; 32]).unwrap();
    let terms = BindingTerms {
        ledger: ledger(),
        member: did(1),
        public_key: tls.public_key().clone(),
    };
    terms.signed_by(&tls, &[&key(1)]).unwrap()
}

fn bindings() -> Vec<Action> {
    vec![
        Action::Bind(Box::new(SignedBinding::try_from(binding()).unwrap())),
        Action::Unbind(UnbindCertificate {
            spki: Hash::of("test", b"spki"),
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
            "proposal-of-a-member",
            "a proposal is alone in its envelope",
            text(&envelope(1, vec![admission()]), &[&key(11)]),
        ),
        (
            "proposal-of-validators",
            "a new validator names its member, a known one does not",
            text(&envelope(1, vec![validators()]), &[&key(11)]),
        ),
        (
            "vote",
            "a vote is alone in its envelope",
            text(&envelope(1, vec![vote()]), &[&key(11)]),
        ),
        (
            "tls-keys",
            "a TLS key is bound, signed by itself and an update key, and another one unbound",
            text(&envelope(1, bindings()), &[&key(11)]),
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

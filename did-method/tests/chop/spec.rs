//! Keeps the values that SPEC.md prints true, and its rules complete.

use crate::common::{World, document, key, organisation, public, sign};
use chop_did::control::key_hash;
use chop_did::{ChopDid, build, verification_method};
use chop_integrity::{Hash, canonicalize};
use chop_keys::Signer;
use serde_json::Value;

const SPEC: &str = include_str!("../../SPEC.md");

/// The values of SPEC §11, computed.
fn values() -> Vec<(&'static str, String)> {
    let mut world = World::new();
    let genesis = organisation(10).build(&world.ledger).unwrap();
    let created = sign(build::create(&genesis), &[key(10)]);
    let state = world.act(&created).unwrap();
    let update = document(13)
        .with_service("#site", "LinkedDomains", "https://example.com/")
        .unwrap();
    let draft = build::update(&state, &update);
    let input = draft.signing_input(&public(10)).unwrap();
    let updated = sign(draft, &[key(10)]);
    let state = world.act(&updated).unwrap();
    let record = world.records[&(genesis.did(), 1)];
    let text = |value: &Value| String::from_utf8(canonicalize(value).unwrap()).unwrap();
    let proof = |value: &Value| value["proof"][0]["proofValue"].as_str().unwrap().to_owned();
    vec![
        ("ledger id", world.ledger.to_string()),
        ("ledger part", world.ledger.short().to_string()),
        ("update key", public(10).multikey()),
        (
            "key hash of the next key",
            key_hash(&public(11)).to_string(),
        ),
        (
            "key hash of the recovery key",
            key_hash(&public(12)).to_string(),
        ),
        ("genesis", text(&Value::Object(genesis.value().clone()))),
        ("scid", genesis.scid().to_string()),
        ("DID", genesis.did().to_string()),
        (
            "create operation hash",
            created.operation().hash().to_string(),
        ),
        ("create proofValue", proof(created.value())),
        (
            "create document hash",
            genesis.document().hash().unwrap().to_string(),
        ),
        ("update", text(updated.value())),
        (
            "update signing input",
            data_encoding::HEXLOWER.encode(input.as_bytes()),
        ),
        (
            "update operation hash",
            updated.operation().hash().to_string(),
        ),
        ("update proofValue", proof(updated.value())),
        ("update document hash", record.document.to_string()),
        ("versionId", state.version_id().to_string()),
        (
            "record",
            String::from_utf8(canonicalize(&record).unwrap()).unwrap(),
        ),
        (
            "state",
            String::from_utf8(canonicalize(&state).unwrap()).unwrap(),
        ),
        (
            "resolved",
            text(&state.document().absolute(state.did(), None)),
        ),
    ]
}

#[test]
fn the_specification_prints_what_the_code_computes() {
    let print = std::env::var_os("CHOP_PRINT_SPEC").is_some();
    let mut missing = Vec::new();
    for (name, value) in values() {
        if print {
            println!("{name}: {value}");
        }
        if !SPEC.contains(&value) {
            missing.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "SPEC.md does not print the computed {missing:?}"
    );
}

#[test]
fn the_specification_names_every_rule() {
    for rule in chop_did::RULES {
        assert!(
            SPEC.contains(&format!("`{rule}`")),
            "SPEC.md does not name {rule}"
        );
    }
}

#[test]
fn the_identifier_is_the_plain_hash_that_the_specification_describes() {
    let (_, genesis) = values()
        .into_iter()
        .find(|(name, _)| *name == "genesis")
        .unwrap();
    let (_, did) = values()
        .into_iter()
        .find(|(name, _)| *name == "DID")
        .unwrap();
    let digest = Hash::of("chop/genesis/v1", genesis.as_bytes());
    assert_eq!(
        ChopDid::parse(&did).unwrap().scid().to_string(),
        format!("a{digest}")
    );
}

#[test]
fn the_printed_document_verifies_signatures_of_its_key() {
    let (_, resolved) = values()
        .into_iter()
        .find(|(name, _)| *name == "resolved")
        .unwrap();
    let document: Value = serde_json::from_str(&resolved).unwrap();
    let url = document["verificationMethod"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let method = verification_method(&document, &url).unwrap();
    assert_eq!(method.key(), key(13).public_key());
}

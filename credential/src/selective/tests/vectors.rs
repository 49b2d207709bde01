//! The examples of vc-di-ecdsa and vc-di-bbs, byte for byte where nothing is drawn at random.

use super::super::statements::Statements;
use super::super::value;
use super::super::{Reveal, derive, ecdsa_sd::value as sd};
use super::*;
use crate::selective::labels::{hmac_labels, hmac_text, shuffled_labels, shuffled_text};
use data_encoding::HEXLOWER;
use std::path::Path;

fn each(try_one: impl Fn(&str, &Value, &Contexts)) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/vectors/valid/selective");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let vector: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let contexts = Contexts::embedded();
        for (url, context) in vector["contexts"].as_object().into_iter().flatten() {
            contexts.add(url, &context.to_string()).unwrap();
        }
        try_one(
            &path.file_stem().unwrap().to_string_lossy(),
            &vector,
            &contexts,
        );
        count += 1;
    }
    assert!(count >= 5, "only {count} vectors were found");
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

fn key(vector: &Value) -> PrivateKey {
    let key_type = match vector["suite"].as_str() {
        Some(ecdsa_sd::NAME) => KeyType::P256,
        _ => KeyType::Bls12381G2,
    };
    PrivateKey::from_seed(key_type, &bytes(&vector["secretKey"])).unwrap()
}

fn binding(vector: &Value) -> Option<Binding> {
    let holder = vector.get("holder")?;
    Some(Binding {
        secret: Zeroizing::new(bytes(&holder["secret"])),
        blind: Zeroizing::new(bytes(&holder["blind"]).try_into().unwrap()),
    })
}

#[test]
fn statements_are_those_of_the_examples() {
    each(|name, vector, contexts| {
        let statements = Statements::of(vector["document"].as_object().unwrap(), contexts).unwrap();
        let hmac_key: [u8; 32] = bytes(&vector["hmacKey"]).try_into().unwrap();
        let labels: Vec<String> = if vector["suite"] == ecdsa_sd::NAME {
            hmac_labels(&hmac_key, statements.nodes())
                .iter()
                .map(hmac_text)
                .collect()
        } else {
            shuffled_labels(&hmac_key, statements.nodes())
                .iter()
                .copied()
                .map(shuffled_text)
                .collect()
        };
        let signed = statements.labelled(&labels);
        let all = (0..signed.len()).collect();
        assert_eq!(
            signed.at(&all).collect::<Vec<_>>(),
            texts(&vector["statements"]),
            "{name}"
        );
    });
}

#[test]
fn base_proofs_are_those_of_the_examples() {
    each(|name, vector, contexts| {
        let document = vector["document"].as_object().unwrap();
        let proof = vector["proof"].as_object().unwrap();
        let mandatory = texts(&vector["mandatoryPointers"]);
        let (key, expected) = (
            key(vector),
            vector["base"]["proof"]["proofValue"].as_str().unwrap(),
        );
        let mut seed = [1; 64];
        seed[..32].copy_from_slice(&bytes(&vector["hmacKey"]));
        if vector["suite"] == ecdsa_sd::NAME {
            seed[32..].copy_from_slice(&bytes(&vector["statementKey"]));
            let seed = Seed::new(Zeroizing::new(seed));
            let made =
                ecdsa_sd::sign(document, contexts, proof, &mandatory, (&seed, &key)).unwrap();
            // ECDSA draws a nonce; everything else is the same.
            let (made, expected) = (
                sd::Base::parse(&made).unwrap(),
                sd::Base::parse(expected).unwrap(),
            );
            assert_eq!(made.statement_key, expected.statement_key, "{name}");
            assert_eq!(made.hmac_key, expected.hmac_key, "{name}");
            assert_eq!(
                made.mandatory_pointers, expected.mandatory_pointers,
                "{name}"
            );
            assert_eq!(made.signatures.len(), expected.signatures.len(), "{name}");
        } else {
            let commitment = vector
                .get("holder")
                .map(|holder| bytes(&holder["commitment"]));
            let seed = Seed::new(Zeroizing::new(seed));
            let made = bbs::sign(
                document,
                contexts,
                proof,
                &mandatory,
                (&seed, commitment.as_deref(), &key),
            );
            assert_eq!(made.unwrap(), expected, "{name}");
        }
    });
}

#[test]
fn what_is_derived_is_that_of_the_examples() {
    each(|name, vector, contexts| {
        let pointers = texts(&vector["selectivePointers"]);
        let header = vector
            .get("presentationHeader")
            .map(bytes)
            .unwrap_or_default();
        let binding = binding(vector);
        let reveal = Reveal {
            pointers: &pointers,
            presentation_header: &header,
            binding: binding.as_ref(),
        };
        let mut derived = derive(vector["base"].as_object().unwrap(), contexts, &reveal).unwrap();
        verify(&derived, contexts, key(vector).public_key()).unwrap();
        let mut expected = vector["derived"].clone();
        if vector["suite"] == bbs::NAME {
            // A BBS proof is drawn at random; what surrounds it is not.
            let parts = |proof: &Value| {
                let text = proof["proof"]["proofValue"].as_str().unwrap();
                let mut parsed = bbs::value::Derived::parse(text).unwrap();
                parsed.proof = vec![0; parsed.proof.len()];
                parsed
            };
            assert_eq!(parts(&derived), parts(&expected), "{name}");
            derived["proof"]["proofValue"] = Value::Null;
            expected["proof"]["proofValue"] = Value::Null;
        }
        assert_eq!(derived, expected, "{name}");
    });
}

#[test]
fn derived_proofs_of_the_examples_verify_and_their_base_proofs_do_not() {
    each(|name, vector, contexts| {
        let key = key(vector);
        assert!(
            verify(&vector["derived"], contexts, key.public_key()).is_ok(),
            "{name}"
        );
        let base = verify(&vector["base"], contexts, key.public_key());
        assert!(
            matches!(base, Err(SelectiveError::BaseProof)),
            "{name}: {base:?}"
        );
        let again = derive(
            vector["derived"].as_object().unwrap(),
            contexts,
            &Reveal::default(),
        );
        assert!(
            matches!(again, Err(SelectiveError::DerivedProof)),
            "{name}: {again:?}"
        );
    });
}

#[test]
fn pseudonyms_are_refused_by_name() {
    for (last, option) in [
        (6, "pseudonym"),
        (7, "pseudonym"),
        (8, "holder_binding_pseudonym"),
        (9, "holder_binding_pseudonym"),
    ] {
        let text = value::encode(super::super::cbor::Writer::new([0xd9, 0x5d, last]));
        let refused = |error: SelectiveError| {
            assert!(matches!(error, SelectiveError::Feature { option: found } if found == option));
        };
        refused(bbs::value::Derived::parse(&text).unwrap_err());
        refused(bbs::value::Base::parse(&text).err().unwrap());
    }
}

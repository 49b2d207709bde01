//! Tests: the rdfc vectors of vc-di-eddsa and vc-di-ecdsa, byte for byte.

use super::rdfc;
use crate::contexts::Contexts;
use crate::rdf::{Budget, RdfHash, canonicalize, to_rdf};
use crate::securing::suites::{Material, SignTerms, cryptosuite};
use chop_integrity::proof::{Proof, ProofOptions};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use serde_json::{Map, Value};
use std::path::Path;

struct Vector {
    file: String,
    json: Value,
    /// The document without its proof.
    document: Map<String, Value>,
    proofs: Vec<Map<String, Value>>,
}

fn vectors(with: &str) -> Vec<Vector> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/vectors/valid/data-integrity");
    let mut vectors: Vec<Vector> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let json: Value =
                serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            json.get(with)?;
            let mut document = json["document"].as_object().unwrap().clone();
            let proofs = match document.remove("proof").unwrap() {
                Value::Array(proofs) => proofs,
                one => vec![one],
            };
            Some(Vector {
                file: path.file_name().unwrap().to_string_lossy().into_owned(),
                json,
                document,
                proofs: proofs
                    .into_iter()
                    .map(|proof| proof.as_object().unwrap().clone())
                    .collect(),
            })
        })
        .collect();
    vectors.sort_by(|a, b| a.file.cmp(&b.file));
    vectors
}

impl Vector {
    fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap()
    }

    fn key(&self) -> PrivateKey {
        let public = PublicKey::from_multikey(self.text("publicKeyMultibase")).unwrap();
        private(self.text("secretKeyMultibase"), public.key_type())
    }

    /// Finds the proofs that a proof builds on.
    fn previous(&self, proof: &Map<String, Value>) -> Vec<&Map<String, Value>> {
        let named = Proof::parse(proof).unwrap().previous_proof();
        self.proofs
            .iter()
            .filter(|other| {
                let id = other.get("id").and_then(Value::as_str);
                id.is_some_and(|id| named.contains(&id))
            })
            .collect()
    }
}

fn private(multikey: &str, key_type: KeyType) -> PrivateKey {
    let secret = bs58::decode(&multikey[1..]).into_vec().unwrap();
    PrivateKey::from_seed(key_type, &secret[2..]).unwrap()
}

/// Makes the proof anew.
fn sign(
    vector: &Vector,
    proof: &Map<String, Value>,
    contexts: &Contexts,
    key: &PrivateKey,
) -> Map<String, Value> {
    let view = Proof::parse(proof).unwrap();
    let suite = cryptosuite(view.cryptosuite()).unwrap();
    let mut options =
        ProofOptions::new(suite.name, view.verification_method(), view.proof_purpose());
    options.created = proof["created"].as_str().map(str::to_owned);
    options.id = view.id().map(str::to_owned);
    options.previous_proof = view
        .previous_proof()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let previous = vector.previous(proof);
    let material = Material {
        document: (&vector.document).into(),
        previous: &previous,
        contexts,
    };
    let terms = SignTerms {
        options,
        mandatory_pointers: &[],
        seed: None,
        commitment: None,
    };
    suite.sign(&material, &terms, key).unwrap()
}

#[test]
fn canonical_forms_and_hashes_are_those_of_the_specifications() {
    let contexts = Contexts::embedded();
    let vectors = vectors("canonicalDocument");
    for vector in &vectors {
        let key_type = vector.key().public_key().key_type();
        let hash = match key_type {
            KeyType::P384 => RdfHash::Sha384,
            _ => RdfHash::Sha256,
        };
        let canonical = |document: &Map<String, Value>| {
            let dataset = to_rdf(document, &contexts).unwrap();
            canonicalize(&dataset, hash, Budget::CREDENTIAL)
                .unwrap()
                .nquads()
        };
        let mut configuration = vector.proofs[0].clone();
        configuration.remove("proofValue");
        configuration.insert("@context".to_owned(), vector.document["@context"].clone());
        assert_eq!(
            canonical(&vector.document),
            vector.text("canonicalDocument"),
            "{}",
            vector.file
        );
        assert_eq!(
            canonical(&configuration),
            vector.text("canonicalProof"),
            "{}",
            vector.file
        );
        let material = Material {
            document: (&vector.document).into(),
            previous: &[],
            contexts: &contexts,
        };
        let input = rdfc::signing_input(&material, &vector.proofs[0], key_type).unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(input.as_bytes()),
            vector.text("hashData"),
            "{}",
            vector.file
        );
    }
    assert_eq!(vectors.len(), 7);
}

#[test]
fn proofs_of_the_specifications_verify_and_are_made_alike() {
    let contexts = Contexts::embedded();
    for vector in &vectors("canonicalDocument") {
        let proof = &vector.proofs[0];
        let key = vector.key();
        let material = Material {
            document: (&vector.document).into(),
            previous: &[],
            contexts: &contexts,
        };
        let view = Proof::parse(proof).unwrap();
        let suite = cryptosuite(view.cryptosuite()).unwrap();
        suite.verify(&material, &view, key.public_key()).unwrap();

        let made = sign(vector, proof, &contexts, &key);
        if key.public_key().key_type() == KeyType::Ed25519 {
            assert_eq!(&made, proof, "{}", vector.file);
        } else {
            // An ECDSA signature is another one each time.
            let made = Proof::parse(&made).unwrap();
            suite.verify(&material, &made, key.public_key()).unwrap();
        }
    }
}

#[test]
fn sets_and_chains_of_the_specification_verify_and_are_made_alike() {
    let contexts = Contexts::embedded();
    let vectors = vectors("secretKeys");
    for vector in &vectors {
        for proof in &vector.proofs {
            let view = Proof::parse(proof).unwrap();
            let previous = vector.previous(proof);
            let material = Material {
                document: (&vector.document).into(),
                previous: &previous,
                contexts: &contexts,
            };
            let (_, public) = view.verification_method().split_once('#').unwrap();
            let secret = vector.json["secretKeys"][public].as_str().unwrap();
            let key = private(secret, KeyType::Ed25519);
            cryptosuite("eddsa-rdfc-2022")
                .unwrap()
                .verify(&material, &view, key.public_key())
                .unwrap();
            assert_eq!(
                &sign(vector, proof, &contexts, &key),
                proof,
                "{}",
                vector.file
            );
        }
    }
    assert_eq!(vectors.len(), 2);
}

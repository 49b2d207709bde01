//! The test vectors of vc-di-eddsa and vc-di-ecdsa, and golden bytes of our own.

use std::fs;
use std::path::Path;

use super::*;
use crate::json::{self, Limits};

struct Vector {
    file: String,
    members: Map<String, Value>,
}

impl Vector {
    fn text(&self, member: &str) -> &str {
        self.members[member].as_str().unwrap()
    }

    fn document(&self) -> &Map<String, Value> {
        self.members["document"].as_object().unwrap()
    }

    fn proof(&self) -> &Map<String, Value> {
        self.document()["proof"].as_object().unwrap()
    }

    fn key(&self) -> PublicKey {
        PublicKey::from_multikey(self.text("publicKeyMultibase")).unwrap()
    }
}

fn vectors() -> Vec<Vector> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors/valid/data-integrity");
    let mut vectors: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("-jcs-"))
        .map(|path| Vector {
            file: path.file_name().unwrap().to_string_lossy().into_owned(),
            members: object(json::parse(&fs::read(&path).unwrap(), &Limits::CREDENTIAL).unwrap()),
        })
        .collect();
    vectors.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(vectors.len() >= 3);
    vectors
}

#[test]
fn verifies_the_vectors_of_the_specifications() {
    for vector in vectors() {
        let verified = verify(
            vector.document(),
            vector.proof(),
            &vector.key(),
            Rule::Credential,
        );

        assert_eq!(verified, Ok(()), "{}", vector.file);
    }
}

#[test]
fn hashes_as_the_specifications_do() {
    for vector in vectors() {
        let input = signing_input(vector.document(), &[], vector.proof(), &vector.key()).unwrap();

        assert_eq!(
            data_encoding::HEXLOWER.encode(input.as_bytes()),
            vector.text("hashData"),
            "{}",
            vector.file
        );
    }
}

#[test]
fn signs_as_the_specifications_do() {
    for vector in vectors() {
        let secret = bs58::decode(&vector.text("secretKeyMultibase")[1..])
            .into_vec()
            .unwrap();
        let key = PrivateKey::from_seed(vector.key().key_type(), &secret[2..]).unwrap();
        assert_eq!(*key.public_key(), vector.key());
        let mut options = options(&key);
        options.created = Some(vector.proof()["created"].as_str().unwrap().to_owned());

        let mut proof = signed(vector.document(), &options, &key);

        assert_eq!(
            verify(vector.document(), &proof, key.public_key(), Rule::Ledger),
            Ok(())
        );
        if key.public_key().key_type() == KeyType::Ed25519 {
            assert_eq!(&proof, vector.proof());
        } else {
            // An ECDSA signature is another one each time.
            proof.insert(
                "proofValue".to_owned(),
                vector.proof()["proofValue"].clone(),
            );
            assert_eq!(&proof, vector.proof());
        }
    }
}

/// Changing this changes what every signature in the world is over.
#[test]
fn signs_the_golden_bytes() {
    let key = key(KeyType::Ed25519);
    let mut options = options(&key);
    options.created = Some("2026-11-21T08:00:00Z".to_owned());
    options.domain = vec!["https://verifier.example".to_owned()];
    options.challenge = Some("c".to_owned());

    let proof = signed(&credential(), &options, &key);

    let input = signing_input(&credential(), &[], &proof, key.public_key()).unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(input.as_bytes()),
        GOLDEN_INPUT
    );
    assert_eq!(proof["proofValue"], GOLDEN_VALUE);
}

/// Made by another program: SHA-256 of sorted JSON, and Ed25519 by OpenSSL.
const GOLDEN_INPUT: &str = "5503208014fded23e914fa9d8a129dbbee51598ad358c654116b6d89de5ab91825f09bdd5cb43c3b565ff85f39a5d60eb51c570461cd43fdf2c6b9e2a8c0618d";
const GOLDEN_VALUE: &str =
    "zUu18uomn9eonxzv3XfuQEeHPAvwdR2UxbJQLZotpcZ9A6Cd7Rykg8bQEvw479moe24Nj2Fc8XXxrVnEBznLH3tf";

//! The specifications' examples, and what holds for every document and choice of pointers.

mod properties;
mod vectors;

use super::{Binding, Seed, bbs, ecdsa_sd};
use crate::contexts::Contexts;
use crate::selective::SelectiveError;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// Which suite is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Suite {
    EcdsaSd,
    Bbs,
}

impl Suite {
    fn key(self) -> PrivateKey {
        let key_type = match self {
            Self::EcdsaSd => KeyType::P256,
            Self::Bbs => KeyType::Bls12381G2,
        };
        PrivateKey::from_seed(key_type, &[7; 32]).unwrap()
    }

    fn name(self) -> &'static str {
        match self {
            Self::EcdsaSd => ecdsa_sd::NAME,
            Self::Bbs => bbs::NAME,
        }
    }

    /// Signs; gives the credential with its base proof.
    fn issue(
        self,
        document: &Map<String, Value>,
        contexts: &Contexts,
        mandatory: &[String],
    ) -> Result<Map<String, Value>, SelectiveError> {
        let key = self.key();
        let mut proof = json!({
            "type": "DataIntegrityProof",
            "cryptosuite": self.name(),
            "created": "2026-11-01T00:00:00Z",
            "verificationMethod": key.public_key().did_key_url(),
            "proofPurpose": "assertionMethod",
        })
        .as_object()
        .unwrap()
        .clone();
        let seed = Seed::new(Zeroizing::new([42; 64]));
        let value = match self {
            Self::EcdsaSd => ecdsa_sd::sign(document, contexts, &proof, mandatory, (&seed, &key))?,
            Self::Bbs => bbs::sign(document, contexts, &proof, mandatory, (&seed, None, &key))?,
        };
        proof.insert("proofValue".to_owned(), Value::String(value));
        let mut credential = document.clone();
        credential.insert("proof".to_owned(), Value::Object(proof));
        Ok(credential)
    }
}

/// Verifies the one proof of a credential under a key.
fn verify(credential: &Value, contexts: &Contexts, key: &PublicKey) -> Result<(), SelectiveError> {
    let mut document = credential.as_object().unwrap().clone();
    let Some(Value::Object(proof)) = document.remove("proof") else {
        panic!("no proof");
    };
    match proof["cryptosuite"].as_str() {
        Some(ecdsa_sd::NAME) => ecdsa_sd::verify(&document, contexts, &proof, key),
        Some(bbs::NAME) => bbs::verify(&document, contexts, &proof, key),
        other => panic!("{other:?}"),
    }
}

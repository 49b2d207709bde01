//! A proof's configuration hashed once, for many documents that differ in all but their `@context`.

use chop_keys::{DataIntegrityInput, KeyType, PublicKey, SignError, Signature};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384};

use super::{ProofError, ProofOptions, base58, signing_input};
use crate::canonicalize;

/// Is a proof that lacks nothing but the document's hash and the signature.
#[derive(Clone, Debug)]
pub struct PreparedProof {
    /// The canonical configuration without its closing brace.
    text: Vec<u8>,
    /// The hash of the configuration.
    hash: Vec<u8>,
    key_type: KeyType,
}

impl PreparedProof {
    /// Hashes the configuration of a proof of documents with this `@context`.
    ///
    /// # Errors
    /// As [`sign`](super::sign) of such a document, and when the options name previous proofs.
    pub fn new(
        options: &ProofOptions,
        context: Option<&Value>,
        key: &PublicKey,
    ) -> Result<Self, ProofError> {
        let configuration = options.configuration(context);
        let document: Map<String, Value> = context
            .map(|context| ("@context".to_owned(), context.clone()))
            .into_iter()
            .collect();
        let input = signing_input(&document, &[], &configuration, key)?;
        let (hash, _) = input.as_bytes().split_at(input.as_bytes().len() / 2);
        let hash = hash.to_vec();
        let mut text = canonicalize(&configuration)?;
        text.pop();
        Ok(Self {
            text,
            hash,
            key_type: key.key_type(),
        })
    }

    /// Signs a document, given as canonical JSON without `proof` and with the `@context` that was prepared for, and gives the
    /// proof as JSON text.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign(
        &self,
        document: &[u8],
        sign: impl FnOnce(&DataIntegrityInput) -> Result<Signature, SignError>,
    ) -> Result<Vec<u8>, ProofError> {
        let input = if self.key_type == KeyType::P384 {
            DataIntegrityInput::new(&self.hash, &Sha384::digest(document))
        } else {
            DataIntegrityInput::new(&self.hash, &Sha256::digest(document))
        }?;
        let signature = sign(&input)?;
        let value = base58::encode(signature.as_bytes());
        Ok([
            self.text.as_slice(),
            b",\"proofValue\":\"z",
            value.as_bytes(),
            b"\"}",
        ]
        .concat())
    }
}

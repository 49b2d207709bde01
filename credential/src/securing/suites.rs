//! The cryptosuites: one line each; a new one is a line here and a file under `data_integrity`.

use super::SecuringError;
use super::data_integrity::jcs;
use crate::contexts::Contexts;
use chop_integrity::proof::{Proof, ProofOptions};
use chop_keys::{KeyType, PublicKey, Signer};
use serde_json::{Map, Value};

/// Is a Data Integrity cryptosuite that proofs are made and checked with.
#[derive(Clone, Copy, Debug)]
pub struct Cryptosuite {
    /// Its name in `cryptosuite`.
    pub name: &'static str,
    /// The types of the keys that it uses.
    pub key_types: &'static [KeyType],
    verify: Verify,
    sign: Sign,
}

/// Is what a proof is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Material<'a> {
    /// The document without `proof`.
    pub(crate) document: &'a Map<String, Value>,
    /// The proofs that the proof builds on, in the order of the document.
    pub(crate) previous: &'a [&'a Map<String, Value>],
    /// What the document's terms mean.
    #[expect(dead_code, reason = "the suites that canonicalise RDF read it")]
    pub(crate) contexts: &'a Contexts,
}

/// Is what a new proof says.
#[derive(Clone, Debug)]
pub(crate) struct SignTerms<'a> {
    /// The proof's members.
    pub(crate) options: ProofOptions,
    /// JSON pointers to what a holder cannot withhold; only selective suites have use for them.
    pub(crate) mandatory_pointers: &'a [String],
}

type Verify = fn(&Material<'_>, &Proof<'_>, &PublicKey) -> Result<(), SecuringError>;

/// Returns the whole proof.
type Sign =
    fn(&Material<'_>, &SignTerms<'_>, &dyn Signer) -> Result<Map<String, Value>, SecuringError>;

/// Lists the cryptosuites.
pub const CRYPTOSUITES: &[Cryptosuite] = &[
    Cryptosuite {
        name: "eddsa-jcs-2022",
        key_types: &[KeyType::Ed25519],
        verify: jcs::verify,
        sign: jcs::sign,
    },
    Cryptosuite {
        name: "ecdsa-jcs-2019",
        key_types: &[KeyType::P256, KeyType::P384],
        verify: jcs::verify,
        sign: jcs::sign,
    },
];

/// Finds a cryptosuite by its name.
pub fn cryptosuite(name: &str) -> Option<&'static Cryptosuite> {
    CRYPTOSUITES.iter().find(|suite| suite.name == name)
}

impl Cryptosuite {
    pub(super) fn verify(
        &self,
        material: &Material<'_>,
        proof: &Proof<'_>,
        key: &PublicKey,
    ) -> Result<(), SecuringError> {
        (self.verify)(material, proof, key)
    }

    pub(crate) fn sign(
        &self,
        material: &Material<'_>,
        terms: &SignTerms<'_>,
        signer: &dyn Signer,
    ) -> Result<Map<String, Value>, SecuringError> {
        (self.sign)(material, terms, signer)
    }
}

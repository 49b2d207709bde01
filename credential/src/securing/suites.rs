//! The cryptosuites: one line each; a new one is a line here and a file under `data_integrity`.

use super::SecuringError;
use super::data_integrity::{bbs, ecdsa_sd, ed25519_2020, jcs, rdfc};
use crate::contexts::Contexts;
use crate::model::Written;
use crate::selective::{self, Seed};
use chop_integrity::proof::{ED25519_SIGNATURE_2020, Proof, ProofOptions};
use chop_keys::{KeyType, PublicKey, Signer};
use serde_json::{Map, Value};

/// Is a Data Integrity cryptosuite that proofs are made and checked with.
#[derive(Clone, Copy, Debug)]
pub struct Cryptosuite {
    /// Its name in `cryptosuite`, or the proof's type where that stands for the suite.
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
    pub(crate) document: Body<'a>,
    /// The proofs that the proof builds on, in the order of the document.
    pub(crate) previous: &'a [&'a Map<String, Value>],
    /// What the document's terms mean.
    pub(crate) contexts: &'a Contexts,
}

/// Is a document without `proof`, as it is held.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// As values.
    Built(&'a Map<String, Value>),
    /// As the text in which it came.
    Written(&'a Written),
}

impl<'a> Body<'a> {
    /// Returns its members, which are built when they are not yet.
    pub(crate) fn json(self) -> &'a Map<String, Value> {
        match self {
            Self::Built(json) => json,
            Self::Written(written) => written.json(),
        }
    }
}

impl<'a> From<&'a Map<String, Value>> for Body<'a> {
    fn from(json: &'a Map<String, Value>) -> Self {
        Self::Built(json)
    }
}

/// Is what a new proof says.
#[derive(Clone, Debug)]
pub(crate) struct SignTerms<'a> {
    /// The proof's members.
    pub(crate) options: ProofOptions,
    /// JSON pointers to what a holder cannot withhold; only selective suites have use for them.
    pub(crate) mandatory_pointers: &'a [String],
    /// What was drawn for the proof; selective suites need it.
    pub(crate) seed: Option<&'a Seed>,
    /// A holder's commitment to a secret, for `bbs-2023`.
    pub(crate) commitment: Option<&'a [u8]>,
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
    Cryptosuite {
        name: "eddsa-rdfc-2022",
        key_types: &[KeyType::Ed25519],
        verify: rdfc::verify,
        sign: rdfc::sign,
    },
    Cryptosuite {
        name: "ecdsa-rdfc-2019",
        key_types: &[KeyType::P256, KeyType::P384],
        verify: rdfc::verify,
        sign: rdfc::sign,
    },
    Cryptosuite {
        name: ED25519_SIGNATURE_2020,
        key_types: &[KeyType::Ed25519],
        verify: ed25519_2020::verify,
        sign: ed25519_2020::sign,
    },
    Cryptosuite {
        name: selective::ecdsa_sd::NAME,
        key_types: &[KeyType::P256],
        verify: ecdsa_sd::verify,
        sign: ecdsa_sd::sign,
    },
    Cryptosuite {
        name: selective::bbs::NAME,
        key_types: &[KeyType::Bls12381G2],
        verify: bbs::verify,
        sign: bbs::sign,
    },
];

/// Finds a cryptosuite by its name.
pub fn cryptosuite(name: &str) -> Option<&'static Cryptosuite> {
    CRYPTOSUITES.iter().find(|suite| suite.name == name)
}

impl Cryptosuite {
    /// Returns the context that a document needs for the suite's proof beside its base context, if one is needed.
    pub(crate) fn context(&self) -> Option<&'static str> {
        (self.name == ED25519_SIGNATURE_2020).then_some(ed25519_2020::CONTEXT)
    }

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

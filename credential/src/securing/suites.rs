//! The one table of cryptosuites. A suite that is not here is refused by its name.

use super::SecuringError;
use chop_integrity::proof::{self, Proof, Rule};
use chop_keys::PublicKey;
use serde_json::{Map, Value};

/// Is a Data Integrity cryptosuite that proofs are checked with.
#[derive(Clone, Copy, Debug)]
pub struct Cryptosuite {
    /// Its name in `cryptosuite`.
    pub name: &'static str,
    verify: Verify,
}

/// Checks one proof over the document and the proofs that it builds on.
type Verify = fn(
    document: &Map<String, Value>,
    previous: &[&Map<String, Value>],
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), SecuringError>;

/// Lists the cryptosuites; a new one is a line here and a function that checks it.
pub const CRYPTOSUITES: &[Cryptosuite] = &[
    Cryptosuite {
        name: "eddsa-jcs-2022",
        verify: jcs,
    },
    Cryptosuite {
        name: "ecdsa-jcs-2019",
        verify: jcs,
    },
];

/// Finds a cryptosuite by its name.
pub fn cryptosuite(name: &str) -> Option<&'static Cryptosuite> {
    CRYPTOSUITES.iter().find(|suite| suite.name == name)
}

impl Cryptosuite {
    pub(super) fn verify(
        &self,
        document: &Map<String, Value>,
        previous: &[&Map<String, Value>],
        proof: &Proof<'_>,
        key: &PublicKey,
    ) -> Result<(), SecuringError> {
        (self.verify)(document, previous, proof, key)
    }
}

/// vc-di-eddsa §3.3.2, vc-di-ecdsa §3.3.2.
fn jcs(
    document: &Map<String, Value>,
    previous: &[&Map<String, Value>],
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), SecuringError> {
    proof::verify_after(document, previous, proof.members(), key, Rule::Credential)?;
    // The specification drops what the document's @context lists after the proof's; a reader would still see it, so it is
    // refused here.
    if proof::context_extends(document, proof.members()) {
        return Err(SecuringError::UnsignedContext);
    }
    Ok(())
}

//! What the maker of a proof says in it.

use serde_json::{Map, Value};

use super::PROOF_TYPE;

/// The members of a proof that its maker chooses (vc-data-integrity §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofOptions {
    /// The cryptosuite's name.
    pub cryptosuite: &'static str,
    /// URL of the verification method that verifies the proof.
    pub verification_method: String,
    /// Verification relationship, such as `assertionMethod`.
    pub proof_purpose: String,
    /// The proof's own id, by which later proofs refer to it.
    pub id: Option<String>,
    /// When the proof was made, as XML Schema `dateTimeStamp`.
    pub created: Option<String>,
    /// When the proof ends, as XML Schema `dateTimeStamp`.
    pub expires: Option<String>,
    /// Security domains; one is written as a string, several as an array.
    pub domain: Vec<String>,
    /// What the verifier asked to be signed.
    pub challenge: Option<String>,
    /// A value against replay and correlation.
    pub nonce: Option<String>,
    /// Ids of the previous proofs; one is written as a string, several as an array.
    pub previous_proof: Vec<String>,
}

impl ProofOptions {
    /// Begins with what every proof has.
    pub fn new(
        cryptosuite: &'static str,
        verification_method: impl Into<String>,
        proof_purpose: impl Into<String>,
    ) -> Self {
        Self {
            cryptosuite,
            verification_method: verification_method.into(),
            proof_purpose: proof_purpose.into(),
            id: None,
            created: None,
            expires: None,
            domain: Vec::new(),
            challenge: None,
            nonce: None,
            previous_proof: Vec::new(),
        }
    }

    /// Writes the proof without its `proofValue`, with the document's `@context` if it has one (vc-di-eddsa §3.3.1).
    pub fn configuration(&self, context: Option<&Value>) -> Map<String, Value> {
        let text = |value: &str| Some(Value::from(value));
        let optional = |value: &Option<String>| value.as_deref().map(Value::from);
        [
            ("@context", context.cloned()),
            ("type", text(PROOF_TYPE)),
            ("cryptosuite", text(self.cryptosuite)),
            ("verificationMethod", text(&self.verification_method)),
            ("proofPurpose", text(&self.proof_purpose)),
            ("id", optional(&self.id)),
            ("created", optional(&self.created)),
            ("expires", optional(&self.expires)),
            ("domain", one_or_many(&self.domain)),
            ("challenge", optional(&self.challenge)),
            ("nonce", optional(&self.nonce)),
            ("previousProof", one_or_many(&self.previous_proof)),
        ]
        .into_iter()
        .filter_map(|(member, value)| Some((member.to_owned(), value?)))
        .collect()
    }
}

fn one_or_many(values: &[String]) -> Option<Value> {
    match values {
        [] => None,
        [one] => Some(Value::from(one.as_str())),
        many => Some(Value::from(many)),
    }
}

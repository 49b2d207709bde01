//! Issuing and presenting with Data Integrity proofs (VC Data Integrity 1.0).

use super::{IssueError, check_either_version, check_presentation, is_of};
use crate::contexts::Contexts;
use crate::model::{Presentation, Version};
use crate::securing::{
    Cryptosuite, Material, SecuredCredential, Securing, SecuringError, SignTerms, cryptosuite,
};
use crate::selective::{self, Seed, SelectiveError};
use chop_integrity::Timestamp;
use chop_integrity::proof::{JcsSuite, ProofOptions};
use chop_keys::{KeyType, Signer};
use serde_json::{Map, Value};

/// Says how a Data Integrity proof is made.
#[derive(Clone, Debug)]
pub struct ProofRequest<'a> {
    /// The cryptosuite; none: the jcs suite that goes with the key.
    pub cryptosuite: Option<&'a str>,
    /// URL of the verification method whose key signs.
    pub verification_method: &'a str,
    /// When the proof is made; none: not named.
    pub created: Option<Timestamp>,
    /// When the proof ends.
    pub expires: Option<Timestamp>,
    /// The proof's own id, by which later proofs refer to it.
    pub id: Option<&'a str>,
    /// Security domains.
    pub domain: &'a [String],
    /// What the verifier asked to be signed.
    pub challenge: Option<&'a str>,
    /// Ids of proofs of the document that this one builds on.
    pub previous_proof: &'a [String],
    /// JSON pointers to what a holder cannot withhold, for selective suites.
    pub mandatory_pointers: &'a [String],
    /// What was drawn for this proof alone; selective suites need it.
    pub seed: Option<&'a Seed>,
    /// `bbs-2023`: the holder's commitment to a secret, to which the credential is bound ([`chop_keys::bbs::commit`]).
    pub commitment: Option<&'a [u8]>,
}

impl<'a> ProofRequest<'a> {
    /// Begins with what every proof has.
    pub fn new(verification_method: &'a str, created: Timestamp) -> Self {
        Self {
            cryptosuite: None,
            verification_method,
            created: Some(created),
            expires: None,
            id: None,
            domain: &[],
            challenge: None,
            previous_proof: &[],
            mandatory_pointers: &[],
            seed: None,
            commitment: None,
        }
    }
}

/// Issues a credential with a Data Integrity proof.
///
/// Proofs that the credential carries already are kept: the new one is added to the set, or to the chain that
/// `previous_proof` names.
///
/// # Errors
/// When the credential fails any validation, the method is not the issuer's, or signing fails.
pub fn issue(
    credential: Value,
    contexts: &Contexts,
    request: &ProofRequest<'_>,
    signer: &dyn Signer,
) -> Result<Value, IssueError> {
    let secured = SecuredCredential::from_value(credential)?;
    check_either_version(secured.credential(), contexts)?;
    let proofs = match secured.securing() {
        Securing::Unsecured => {
            is_of(request.verification_method, secured.credential().issuer())?;
            Vec::new()
        }
        // A further proof may be somebody else's: an endorsement.
        Securing::DataIntegrity(proofs) => proofs.clone(),
        Securing::Jose(_) | Securing::SdJwt(_) | Securing::Cose(_) => {
            return Err(IssueError::Secured {
                reason: "it is a token",
            });
        }
    };
    let json = secured.credential().json();
    let document = Unsigned {
        json: json.clone(),
        proofs,
        purpose: "assertionMethod",
    };
    document.sign(contexts, request, signer)
}

/// Presents: adds a Data Integrity proof for authentication to a presentation.
///
/// # Errors
/// When the presentation fails any validation, the method is not the holder's, or signing fails.
pub fn present(
    presentation: Value,
    contexts: &Contexts,
    request: &ProofRequest<'_>,
    signer: &dyn Signer,
) -> Result<Value, IssueError> {
    let presentation = Presentation::from_value(presentation)?;
    check_presentation(&presentation, contexts)?;
    if let Some(holder) = presentation.holder() {
        is_of(request.verification_method, holder)?;
    }
    let document = Unsigned {
        json: presentation.into_json(),
        proofs: Vec::new(),
        purpose: "authentication",
    };
    document.sign(contexts, request, signer)
}

/// Is a document that a proof is about to be added to.
struct Unsigned {
    /// Without `proof`.
    json: Map<String, Value>,
    /// The proofs that it carries already.
    proofs: Vec<Map<String, Value>>,
    purpose: &'static str,
}

impl Unsigned {
    fn sign(
        self,
        contexts: &Contexts,
        request: &ProofRequest<'_>,
        signer: &dyn Signer,
    ) -> Result<Value, IssueError> {
        let Self {
            mut json,
            proofs,
            purpose,
        } = self;
        let suite = suite(request, signer.public_key().key_type())?;
        // A proof that stands there already has the contexts as they are.
        if proofs.is_empty() {
            inject_context(&mut json, suite);
        }
        let options = options(suite, purpose, request);
        let previous: Vec<&Map<String, Value>> = proofs
            .iter()
            .filter(|proof| {
                let id = proof.get("id").and_then(Value::as_str);
                id.is_some_and(|id| request.previous_proof.iter().any(|named| named == id))
            })
            .collect();
        let material = Material {
            document: (&json).into(),
            previous: &previous,
            contexts,
        };
        let terms = SignTerms {
            options,
            mandatory_pointers: request.mandatory_pointers,
            seed: request.seed,
            commitment: request.commitment,
        };
        let proof = suite.sign(&material, &terms, signer)?;
        let secured = if proofs.is_empty() {
            Value::Object(proof)
        } else {
            let all = proofs.into_iter().chain([proof]);
            Value::Array(all.map(Value::Object).collect())
        };
        json.insert("proof".to_owned(), secured);
        Ok(Value::Object(json))
    }
}

/// Lists the context that defines the proof's terms last, unless the document names one that does (VC Data Integrity 1.0
/// §2.4.2).
fn inject_context(document: &mut Map<String, Value>, suite: &Cryptosuite) {
    let Some(Value::Array(contexts)) = document.get_mut("@context") else {
        return;
    };
    let names = |url: &str| contexts.iter().any(|context| context == url);
    let wanted = match suite.context() {
        Some(context) => Some(context).filter(|context| !names(context)),
        // Version 2.0 of the data model defines a DataIntegrityProof, version 1.1 does not.
        None if names(Version::V2.base_context()) => None,
        None => DATA_INTEGRITY
            .last()
            .copied()
            .filter(|_| !DATA_INTEGRITY.iter().any(|url| names(url))),
    };
    contexts.extend(wanted.map(Value::from));
}

/// The contexts that define a `DataIntegrityProof`.
const DATA_INTEGRITY: [&str; 2] = [
    "https://w3id.org/security/data-integrity/v1",
    "https://w3id.org/security/data-integrity/v2",
];

/// Finds the suite that is asked for, or the jcs suite of the key.
pub(super) fn suite(
    request: &ProofRequest<'_>,
    key_type: KeyType,
) -> Result<&'static Cryptosuite, IssueError> {
    let name = match request.cryptosuite {
        Some(name) => name,
        None => JcsSuite::for_key(key_type)
            .ok_or(IssueError::KeyType(key_type))?
            .name(),
    };
    let suite = cryptosuite(name).ok_or_else(|| IssueError::Suite {
        found: name.to_owned(),
    })?;
    if request.commitment.is_some() && suite.name != selective::bbs::NAME {
        return Err(SecuringError::from(SelectiveError::HolderSecret(
            "only bbs-2023 binds a credential to a holder's secret",
        ))
        .into());
    }
    if suite.key_types.contains(&key_type) {
        Ok(suite)
    } else {
        Err(IssueError::SuiteKey {
            suite: suite.name,
            key_type,
        })
    }
}

/// Says what a proof says.
pub(super) fn options(
    suite: &Cryptosuite,
    purpose: &str,
    request: &ProofRequest<'_>,
) -> ProofOptions {
    let mut options = ProofOptions::new(suite.name, request.verification_method, purpose);
    options.id = request.id.map(str::to_owned);
    options.created = request.created.map(Timestamp::to_seconds_text);
    options.expires = request.expires.map(Timestamp::to_seconds_text);
    options.domain = request.domain.to_vec();
    options.challenge = request.challenge.map(str::to_owned);
    options.previous_proof = request.previous_proof.to_vec();
    options
}

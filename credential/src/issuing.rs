//! Issuing: every validation first, then the signature.

pub mod batch;
mod cose;
mod sd_jwt;
mod sd_jwt_vc;
mod signatory;
#[cfg(test)]
mod tests;
mod token;

pub use sd_jwt::{BindingTerms, SdJwtRequest, bind_key, issue_sd_jwt, present_sd_jwt};
pub use sd_jwt_vc::{SdJwtVcRequest, issue_sd_jwt_vc};

pub use crate::securing::SigningKey;
pub use cose::{
    enveloped_cose_credential, enveloped_cose_presentation, issue_cose, issue_cose_with_status,
    present_cose,
};
pub use signatory::Signatory;

use crate::contexts::{ContextError, Contexts};
use crate::model::{Credential, ModelError, Presentation, Version, is_url};
use crate::sd_jwt_vc::SdJwtVcError;
use crate::securing::cose::CoseError;
use crate::securing::jose::{JoseError, TokenKind};
use crate::securing::sd_jwt::{ConcealError, SdJwt};
use crate::securing::x5c::X5cError;
use crate::securing::{
    Cryptosuite, Material, ParseError, SecuredCredential, Securing, SecuringError, SignTerms,
    cryptosuite,
};
use crate::selective::{self, Seed, SelectiveError};
use crate::status::{StatusError, TokenEntry};
use chop_integrity::proof::{JcsSuite, ProofError, ProofOptions};
use chop_integrity::{JcsError, Timestamp};
use chop_keys::{InputError, KeyType, SignError, Signer};
use serde_json::{Map, Value, json};
use token::token;
pub(crate) use token::token_under;

/// Says why nothing was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The document breaks the data model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The document uses terms that no context defines, or contexts that are not known here.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The document follows version 1.1 of the data model, which VC-JOSE-COSE does not secure.
    #[error("tokens hold credentials of version 2.0 of the data model, this one names 1.1")]
    Version,
    /// A status entry is not one that the issuer can answer for.
    #[error("credentialStatus: {reason}")]
    Status {
        /// What is wrong.
        reason: &'static str,
    },
    /// The verification method is not the issuer's, or the holder's.
    #[error("verification method {method} is not one of {signer}")]
    Method {
        /// The verification method.
        method: String,
        /// The issuer, or holder.
        signer: String,
    },
    /// No suite has this name.
    #[error("cryptosuite {found:?} is not issued here")]
    Suite {
        /// The name that was asked for.
        found: String,
    },
    /// The suite does not sign with the key.
    #[error("cryptosuite {suite} does not use {key_type} keys")]
    SuiteKey {
        /// The suite that was asked for.
        suite: &'static str,
        /// The key's type.
        key_type: KeyType,
    },
    /// No suite signs with the key.
    #[error("no suite is issued with {0} keys")]
    KeyType(KeyType),
    /// The document already carries a proof that cannot be kept beside the new one.
    #[error("document is secured already: {reason}")]
    Secured {
        /// What stands in the way.
        reason: &'static str,
    },
    /// The document's own proofs are malformed.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The proof was not made.
    #[error(transparent)]
    Securing(#[from] SecuringError),
    /// The status list was not written.
    #[error(transparent)]
    List(#[from] StatusError),
    /// The token was not made.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The COSE message was not made.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// Claims cannot be made selectively disclosable.
    #[error(transparent)]
    Conceal(#[from] ConcealError),
    /// The certificates are not for the key, or not for the issuer.
    #[error(transparent)]
    Chain(#[from] X5cError),
    /// The claims are no SD-JWT VC.
    #[error(transparent)]
    SdJwtVc(#[from] SdJwtVcError),
    /// The payload has no JSON text.
    #[error(transparent)]
    Canonical(#[from] JcsError),
    /// The token's parts do not fit together.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl IssueError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Model(error) => error.rule(),
            Self::Context(error) => error.rule(),
            Self::Version => "issue.version",
            Self::Status { .. } => "issue.status",
            Self::Method { .. } => "issue.method",
            Self::Suite { .. } => "issue.suite",
            Self::KeyType(_) | Self::SuiteKey { .. } => "issue.key-type",
            Self::Secured { .. } => "issue.secured",
            Self::Parse(error) => error.rule(),
            Self::Jose(error) => error.rule(),
            Self::Cose(error) => error.rule(),
            Self::List(error) => error.rule(),
            Self::Securing(SecuringError::Proof(_))
            | Self::Canonical(_)
            | Self::Input(_)
            | Self::Sign(_) => "issue.signing",
            Self::Securing(error) => error.rule(),
            Self::Chain(error) => error.rule(),
            Self::Conceal(_) => "issue.disclosable",
            Self::SdJwtVc(error) => error.rule(),
        }
    }

    /// Says whether the document is at fault, rather than the issuer.
    pub fn is_clients(&self) -> bool {
        !matches!(
            self,
            Self::Sign(_)
                | Self::Input(_)
                | Self::Securing(
                    SecuringError::Proof(ProofError::Sign(_))
                        | SecuringError::Selective(SelectiveError::Sign(_))
                        | SecuringError::NoSeed
                )
        )
    }
}

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

/// Checks everything that issuing a credential as a token checks, short of signing it.
///
/// # Errors
/// When the credential breaks the data model of version 2.0, or uses terms that no context defines.
pub fn check_credential(credential: &Credential, contexts: &Contexts) -> Result<(), IssueError> {
    if credential.version() != Version::V2 {
        return Err(IssueError::Version);
    }
    check_either_version(credential, contexts)
}

/// Checks what holds for both versions of the data model: Data Integrity secures either (VC Data Integrity 1.0 §2.6), while
/// VC-JOSE-COSE knows version 2.0 only (§3).
fn check_either_version(credential: &Credential, contexts: &Contexts) -> Result<(), IssueError> {
    for entry in credential.status_entries()? {
        if let crate::status::StatusEntry::Bitstring(entry) = entry
            && !is_url(entry.list)
        {
            return Err(IssueError::Status {
                reason: "statusListCredential is no URL",
            });
        }
    }
    contexts.check(credential)?;
    Ok(())
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

/// Issues a credential as a compact `vc+jwt`.
///
/// # Errors
/// When the credential fails any validation or carries a proof, the method is not the issuer's, or signing fails.
pub fn issue_jwt<'a>(
    credential: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    issue_jwt_with_status(credential, contexts, None, verification_method, signer)
}

/// Issues a credential as a compact `vc+jwt` whose `status` claim names an entry of a Token Status List
/// (draft-ietf-oauth-status-list-20 §6.2).
///
/// # Errors
/// As [`issue_jwt`] says; and when the credential has a property `status` of its own.
pub fn issue_jwt_with_status<'a>(
    credential: Value,
    contexts: &Contexts,
    status: Option<&TokenEntry>,
    verification_method: impl Into<Signatory<'a>>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let credential = Credential::from_value(credential)?;
    check_credential(&credential, contexts)?;
    let method = verification_method.into().checked(credential.issuer())?;
    let mut payload = credential.into_json();
    if payload.contains_key("status") {
        return Err(IssueError::Status {
            reason: "a property of this name would be taken for the token's status claim",
        });
    }
    if let Some(entry) = status {
        payload.insert("status".to_owned(), Value::Object(entry.to_claim()));
    }
    token(&payload, TokenKind::Credential, Some(method), signer)
}

/// Presents as a compact `vp+jwt`, for an audience and with a nonce.
///
/// # Errors
/// When the presentation fails any validation, the method is not the holder's, or signing fails.
pub fn present_jwt<'a>(
    presentation: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    for_verifier: &TokenTerms<'_>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let signatory = verification_method.into();
    let payload = presented(presentation, contexts, signatory, for_verifier)?;
    let method = signatory.method();
    token(&payload, TokenKind::Presentation, Some(method), signer)
}

/// Checks a presentation and writes the payload of its token.
fn presented(
    presentation: Value,
    contexts: &Contexts,
    signatory: Signatory<'_>,
    for_verifier: &TokenTerms<'_>,
) -> Result<Map<String, Value>, IssueError> {
    let presentation = Presentation::from_value(presentation)?;
    check_presentation(&presentation, contexts)?;
    if let Some(holder) = presentation.holder() {
        signatory.checked(holder)?;
    }
    let mut payload = presentation.into_json();
    for (claim, value) in [
        ("aud", for_verifier.audience),
        ("nonce", for_verifier.nonce),
    ] {
        if let Some(value) = value {
            payload.insert(claim.to_owned(), Value::from(value));
        }
    }
    Ok(payload)
}

/// Says for whom a token is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenTerms<'a> {
    /// `aud`.
    pub audience: Option<&'a str>,
    /// `nonce`.
    pub nonce: Option<&'a str>,
}

/// Wraps a compact `vc+jwt` or `vc+sd-jwt` as an `EnvelopedVerifiableCredential` (VC Data Model 2.0 §4.13.1).
pub fn enveloped_credential(token: &str) -> Value {
    let kind = if SdJwt::is_meant(token) {
        TokenKind::SdCredential
    } else {
        TokenKind::Credential
    };
    envelope(token, kind, "EnvelopedVerifiableCredential")
}

/// Wraps a compact `vp+jwt` or `vp+sd-jwt` as an `EnvelopedVerifiablePresentation` (VC Data Model 2.0 §4.13.2).
pub fn enveloped_presentation(token: &str) -> Value {
    let kind = if SdJwt::is_meant(token) {
        TokenKind::SdPresentation
    } else {
        TokenKind::Presentation
    };
    envelope(token, kind, "EnvelopedVerifiablePresentation")
}

fn envelope(token: &str, kind: TokenKind, name: &str) -> Value {
    json!({
        "@context": [Version::V2.base_context()],
        "id": format!("data:{},{token}", kind.media_type()),
        "type": name,
    })
}

fn check_presentation(presentation: &Presentation, contexts: &Contexts) -> Result<(), IssueError> {
    if presentation.version() != Version::V2 {
        return Err(IssueError::Version);
    }
    let own: Map<String, Value> = presentation
        .json()
        .iter()
        .filter(|(name, _)| *name != "verifiableCredential")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    contexts.check_document(&own)?;
    Ok(())
}

/// Checks that a verification method is in the signer's own document.
fn is_of(method: &str, signer: &str) -> Result<(), IssueError> {
    match method.split_once('#') {
        Some((holder, fragment)) if holder == signer && !fragment.is_empty() => Ok(()),
        _ => Err(IssueError::Method {
            method: method.to_owned(),
            signer: signer.to_owned(),
        }),
    }
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
            document: &json,
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
fn suite(
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
fn options(suite: &Cryptosuite, purpose: &str, request: &ProofRequest<'_>) -> ProofOptions {
    let mut options = ProofOptions::new(suite.name, request.verification_method, purpose);
    options.id = request.id.map(str::to_owned);
    options.created = request.created.map(Timestamp::to_seconds_text);
    options.expires = request.expires.map(Timestamp::to_seconds_text);
    options.domain = request.domain.to_vec();
    options.challenge = request.challenge.map(str::to_owned);
    options.previous_proof = request.previous_proof.to_vec();
    options
}

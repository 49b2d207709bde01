//! Issuing and presenting as SD-JWT (VC-JOSE-COSE §3.2, RFC 9901).

use super::jwt::presented;
use super::token::token;
use super::{IssueError, Signatory, TokenTerms, check_credential, is_of};
use crate::contexts::Contexts;
use crate::model::Credential;
use crate::securing::ParseError;
use crate::securing::confirmation::Confirmation;
use crate::securing::jose::TokenKind;
use crate::securing::sd_jwt::{ConcealError, HashAlgorithm, Randomness, conceal, undisclosed};
use crate::status::TokenEntry;
use chop_integrity::Timestamp;
use chop_keys::{PublicKey, Signer};
use serde_json::{Map, Value};

/// Members of a credential that a verifier needs whatever the holder discloses (VC-JOSE-COSE §3.2.1).
const PLAIN: [&str; 8] = [
    "@context",
    "type",
    "issuer",
    "validFrom",
    "validUntil",
    "credentialStatus",
    "credentialSchema",
    "relatedResource",
];

/// Says how a credential becomes an SD-JWT.
#[derive(Clone, Copy, Debug)]
pub struct SdJwtRequest<'a> {
    /// URL of the verification method whose key signs.
    pub verification_method: &'a str,
    /// JSON pointers (RFC 6901) to the claims that the holder may disclose one by one.
    pub disclosable: &'a [String],
    /// How many digests of nothing are added wherever claims are concealed.
    pub decoys: usize,
    /// The holder's key, by which presentations will be bound (`cnf`).
    pub holder: Option<&'a PublicKey>,
    /// The entry of a Token Status List that the `status` claim names.
    pub status: Option<&'a TokenEntry>,
}

/// Issues a credential as a `vc+sd-jwt` with all its disclosures.
///
/// # Errors
/// When the credential fails any validation or carries a proof, a pointer leads nowhere or to what must stay plain, the method
/// is not the issuer's, or signing fails.
pub fn issue_sd_jwt(
    credential: Value,
    contexts: &Contexts,
    request: &SdJwtRequest<'_>,
    randomness: Randomness<'_>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let credential = Credential::from_value(credential)?;
    check_credential(&credential, contexts)?;
    is_of(request.verification_method, credential.issuer())?;
    check_disclosable(request.disclosable)?;
    let mut concealed = conceal(
        credential.json(),
        request.disclosable,
        request.decoys,
        randomness,
    )?;
    // The least that a holder can show must still be a credential.
    Credential::from_map(undisclosed(&concealed.payload).map_err(ParseError::from)?)?;
    if let Some(holder) = request.holder {
        let confirmation = Confirmation::of_key(holder);
        concealed.payload.insert("cnf".to_owned(), confirmation);
    }
    if let Some(status) = request.status {
        let claim = Value::Object(status.to_claim());
        concealed.payload.insert("status".to_owned(), claim);
    }
    let jwt = token(
        &concealed.payload,
        TokenKind::SdCredential,
        Some(request.verification_method),
        signer,
    )?;
    Ok(concealed.serialize(&jwt))
}

/// Presents as a `vp+sd-jwt`, for an audience and with a nonce; nothing in it is selectively disclosable.
///
/// # Errors
/// When the presentation fails any validation, the method is not the holder's, or signing fails.
pub fn present_sd_jwt<'a>(
    presentation: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    for_verifier: &TokenTerms<'_>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let signatory = verification_method.into();
    let payload = presented(presentation, contexts, signatory, for_verifier)?;
    let method = signatory.method();
    let jwt = token(&payload, TokenKind::SdPresentation, Some(method), signer)?;
    Ok(format!("{jwt}~"))
}

/// Says for whom, and when, a key binding JWT is made.
#[derive(Clone, Copy, Debug)]
pub struct BindingTerms<'a> {
    /// `aud`.
    pub audience: &'a str,
    /// `nonce`, as the verifier gave it out.
    pub nonce: &'a str,
    /// `iat`; whole seconds count.
    pub issued_at: Timestamp,
}

/// Signs an SD-JWT, which ends with `~`, for a verifier: the result is an SD-JWT+KB (RFC 9901 §4.3).
///
/// # Errors
/// When signing fails.
pub fn bind_key(
    disclosed: &str,
    hash: HashAlgorithm,
    terms: &BindingTerms<'_>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let claims = [
        ("aud", Value::from(terms.audience)),
        (
            "iat",
            Value::from(terms.issued_at.unix_ms().div_euclid(1_000)),
        ),
        ("nonce", Value::from(terms.nonce)),
        ("sd_hash", Value::from(hash.digest(disclosed))),
    ];
    let payload: Map<String, Value> = claims
        .into_iter()
        .map(|(claim, value)| (claim.to_owned(), value))
        .collect();
    let jwt = token(&payload, TokenKind::KeyBinding, None, signer)?;
    Ok(format!("{disclosed}{jwt}"))
}

fn check_disclosable(pointers: &[String]) -> Result<(), ConcealError> {
    let plain = |pointer: &&String| {
        let mut tokens = pointer.split('/').skip(1);
        let top = tokens.next().unwrap_or_default();
        PLAIN.contains(&top) || tokens.any(|token| token == "@context")
    };
    match pointers.iter().find(plain) {
        Some(pointer) => Err(ConcealError::Plain {
            pointer: pointer.clone(),
        }),
        None => Ok(()),
    }
}

//! Credentials and presentations of version 1.1 in a JWT: the document stands in the claim `vc` or `vp`, and registered
//! claims stand for some of its properties (VC Data Model 1.1 §6.3.1).
//!
//! Version 2.0 has no such claims (VC-JOSE-COSE §1.1.2.1), so the two are told apart by what the header says and by where the
//! document stands, and nothing is both.

use super::jose::{Header, JoseError, TokenKind};
use super::{Claims, secured_claims};
use chop_integrity::Timestamp;
use serde_json::{Map, Value, json};

/// What belongs to the document, and beside the claim that holds it would be a second one.
const DOCUMENT_MEMBERS: [&str; 8] = [
    "@context",
    "type",
    "issuer",
    "holder",
    "credentialSubject",
    "credentialStatus",
    "verifiableCredential",
    "proof",
];

/// Names the claim that holds a document of this kind.
pub(super) const fn wrapper(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Presentation => "vp",
        _ => "vc",
    }
}

/// Says whether a token is one of version 1.1: its `typ` is `JWT` or absent, and the claim is there.
pub(super) fn is_wrapped(header: &Header, payload: &Map<String, Value>, kind: TokenKind) -> bool {
    may_wrap(header) && payload.contains_key(wrapper(kind))
}

/// Says whether a header is one of a token of version 1.1.
pub(super) fn may_wrap(header: &Header) -> bool {
    let typ = header.typ.as_deref();
    typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
}

/// Decodes a payload into its claims and the document that they complete (VC Data Model 1.1 §6.3.1, JWT Decoding).
///
/// A claim and a property that say different things are refused: two readers would see two credentials.
///
/// # Errors
/// When the claim holds no object, document members stand beside it, or a claim and its property conflict.
pub(super) fn decode(
    mut payload: Map<String, Value>,
    kind: TokenKind,
) -> Result<(Claims, Map<String, Value>), JoseError> {
    let claim = wrapper(kind);
    let Some(Value::Object(mut document)) = payload.remove(claim) else {
        return Err(wrong(claim, "it is not an object"));
    };
    if let Some(member) = DOCUMENT_MEMBERS
        .into_iter()
        .find(|member| payload.contains_key(*member))
    {
        return Err(wrong(member, "it stands beside the document's claim"));
    }
    let text = |claim: &str| {
        payload
            .get(claim)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let (subject, id) = (text("sub"), text("jti"));
    let (claims, _) = secured_claims(payload)?;
    if let Some(id) = id {
        agree(&mut document, "id", id, "jti")?;
    }
    if kind == TokenKind::Presentation {
        if let Some(holder) = &claims.issuer {
            identify(&mut document, "holder", holder, "iss")?;
        }
        return Ok((claims, document));
    }
    if let Some(issuer) = &claims.issuer {
        identify(&mut document, "issuer", issuer, "iss")?;
    }
    if let Some(subject) = subject {
        subject_is(&mut document, &subject)?;
    }
    if let Some(from) = claims.not_before {
        time_is(&mut document, "issuanceDate", from, "nbf")?;
    }
    if let Some(until) = claims.expires {
        time_is(&mut document, "expirationDate", until, "exp")?;
    }
    Ok((claims, document))
}

/// Sets a text property, or checks that it is this text already.
fn agree(
    object: &mut Map<String, Value>,
    property: &str,
    value: String,
    claim: &'static str,
) -> Result<(), JoseError> {
    match object.get(property) {
        None => {
            object.insert(property.to_owned(), Value::String(value));
            Ok(())
        }
        Some(Value::String(found)) if *found == value => Ok(()),
        Some(_) => Err(conflict(claim)),
    }
}

/// Sets who issues or holds: a URL, or an object with `id`.
fn identify(
    document: &mut Map<String, Value>,
    property: &str,
    who: &str,
    claim: &'static str,
) -> Result<(), JoseError> {
    match document.get_mut(property) {
        Some(Value::Object(described)) => agree(described, "id", who.to_owned(), claim),
        _ => agree(document, property, who.to_owned(), claim),
    }
}

/// Sets the one subject's `id`; a JWT cannot speak of several (VC Data Model 1.1 §6.3.1).
fn subject_is(document: &mut Map<String, Value>, subject: &str) -> Result<(), JoseError> {
    let only = match document
        .entry("credentialSubject")
        .or_insert_with(|| json!({}))
    {
        Value::Object(only) => only,
        Value::Array(subjects) => match subjects.as_mut_slice() {
            [Value::Object(only)] => only,
            _ => return Err(wrong("sub", "the credential has not one subject")),
        },
        _ => return Err(wrong("sub", "the credential has not one subject")),
    };
    agree(only, "id", subject.to_owned(), "sub")
}

/// Sets a time, or checks that the property names this second already.
fn time_is(
    document: &mut Map<String, Value>,
    property: &str,
    time: Timestamp,
    claim: &'static str,
) -> Result<(), JoseError> {
    let second = |time: Timestamp| time.unix_ms().div_euclid(1_000);
    match document.get(property) {
        None => {
            document.insert(property.to_owned(), json!(time.to_seconds_text()));
            Ok(())
        }
        Some(Value::String(text))
            if Timestamp::parse_xml(text).is_ok_and(|found| second(found) == second(time)) =>
        {
            Ok(())
        }
        Some(_) => Err(conflict(claim)),
    }
}

fn wrong(claim: &'static str, reason: &'static str) -> JoseError {
    JoseError::Claim { claim, reason }
}

fn conflict(claim: &'static str) -> JoseError {
    wrong(claim, "it is not what the property says that it stands for")
}

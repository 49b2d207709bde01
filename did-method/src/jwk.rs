//! did:jwk: a JWK as an identifier (did:jwk method specification).

#[cfg(test)]
mod tests;

use crate::did::Did;
use crate::document::{DID_V1, JWK_V1};
use crate::resolution::{ErrorKind, ResolutionError, Resolved};
use chop_integrity::json::{self as strict, Limits};
use chop_keys::{Jwk, PublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

/// Expands a did:jwk into its document.
///
/// # Errors
/// Returns `INVALID_DID` when the identifier is not the base64url of a public JWK, `unsupportedPublicKeyType` when the JWK is of a
/// type that is not known here.
pub fn resolve(did: &Did) -> Result<Resolved, ResolutionError> {
    if did.method() != "jwk" {
        return Err(error(ErrorKind::MethodNotSupported, "this is no did:jwk"));
    }
    let bytes = BASE64URL_NOPAD.decode(did.id().as_bytes()).map_err(|_| {
        error(
            ErrorKind::InvalidDid,
            "the identifier is not canonical unpadded base64url",
        )
    })?;
    let jwk = strict::parse(&bytes, &Limits::OPERATION)
        .map_err(|e| error(ErrorKind::InvalidDid, e.to_string()))?;
    let members = jwk
        .as_object()
        .ok_or_else(|| error(ErrorKind::InvalidDid, "the identifier holds no JWK"))?;
    let purpose = purpose(members)?;
    let id = format!("{did}#0");
    let mut document = Map::new();
    document.insert("@context".to_owned(), json!([DID_V1, JWK_V1]));
    document.insert("id".to_owned(), json!(did));
    document.insert(
        "verificationMethod".to_owned(),
        json!([{"id": id, "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk}]),
    );
    if purpose.signs {
        for name in [
            "assertionMethod",
            "authentication",
            "capabilityInvocation",
            "capabilityDelegation",
        ] {
            document.insert(name.to_owned(), json!([id]));
        }
    }
    if purpose.agrees {
        document.insert("keyAgreement".to_owned(), json!([id]));
    }
    Ok(Resolved::of_document(Value::Object(document)))
}

/// Makes the did:jwk of a key.
pub fn of_key(key: &PublicKey) -> Option<Did> {
    let bytes = chop_integrity::canonicalize(&key.jwk()?).ok()?;
    Did::parse(&format!("did:jwk:{}", BASE64URL_NOPAD.encode(&bytes))).ok()
}

struct Purpose {
    signs: bool,
    agrees: bool,
}

/// Decides the relationships from curve and `use`: `sig` excludes key agreement, `enc` excludes the rest.
fn purpose(members: &Map<String, Value>) -> Result<Purpose, ResolutionError> {
    const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];
    if members.keys().any(|name| PRIVATE.contains(&name.as_str())) {
        return Err(error(ErrorKind::InvalidDid, "the JWK holds a private key"));
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let stated = text("use");
    let (can_sign, can_agree) = match (text("kty"), text("crv")) {
        (Some("OKP"), Some("Ed25519")) => (true, false),
        (Some("EC"), Some("P-256" | "P-384" | "P-521")) => (true, true),
        (Some("OKP"), Some("X25519")) => (false, true),
        _ => {
            return Err(error(
                ErrorKind::UnsupportedPublicKeyType,
                "the JWK is none of Ed25519, X25519, P-256, P-384, P-521",
            ));
        }
    };
    if can_sign {
        // The point is checked even where `use` or `alg` bind the key to encryption.
        let point = |name: &str| members.get(name).cloned().unwrap_or(Value::Null);
        let mut bare = json!({"kty": point("kty"), "crv": point("crv"), "x": point("x")});
        if let (Some(y), Some(bare)) = (members.get("y"), bare.as_object_mut()) {
            bare.insert("y".to_owned(), y.clone());
        }
        let jwk: Jwk = serde_json::from_value(bare)
            .map_err(|_| error(ErrorKind::InvalidDid, "the JWK is malformed"))?;
        PublicKey::from_jwk(&jwk).map_err(|e| error(ErrorKind::InvalidDid, e.to_string()))?;
    } else {
        let whole = text("x")
            .and_then(|x| BASE64URL_NOPAD.decode(x.as_bytes()).ok())
            .is_some_and(|bytes| bytes.len() == 32);
        if !whole {
            return Err(error(ErrorKind::InvalidDid, "an X25519 key has 32 bytes"));
        }
    }
    Ok(Purpose {
        signs: can_sign && stated != Some("enc"),
        agrees: can_agree && stated != Some("sig"),
    })
}

fn error(kind: ErrorKind, detail: impl Into<String>) -> ResolutionError {
    ResolutionError::new(kind, detail)
}

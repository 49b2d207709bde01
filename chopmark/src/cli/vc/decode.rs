//! Taking a secured document apart to show it; nothing is verified here.

use anyhow::{Context as _, anyhow};
use chop_credential::securing::cose::{CoseKind, Sign1};
use chop_credential::securing::sd_jwt::SdJwt;
use chop_integrity::json::{self, Limits};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use serde_json::{Map, Value};

/// A document as it lies on disk, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Decoded {
    /// The credential or presentation.
    pub(super) document: Map<String, Value>,
    /// How it is secured.
    pub(super) securing: Securing,
}

/// How a document is secured, as far as it says itself.
#[derive(Debug, PartialEq)]
pub(super) enum Securing {
    /// Not at all.
    None,
    /// Embedded proofs.
    Proofs(Vec<Value>),
    /// A compact JWT with this header.
    Jwt(Map<String, Value>),
    /// A COSE message with this key id and algorithm.
    Cose {
        /// The algorithm's name.
        alg: &'static str,
        /// The key id.
        kid: Option<String>,
    },
}

const MESSAGES: [(&str, CoseKind); 2] = [
    ("data:application/vc+cose;base64,", CoseKind::Credential),
    ("data:application/vp+cose;base64,", CoseKind::Presentation),
];

const ENVELOPES: [&str; 6] = [
    "data:application/vc+sd-jwt,",
    "data:application/vp+sd-jwt,",
    "data:application/vc+jwt,",
    "data:application/vp+jwt,",
    "data:application/vc-ld+jwt,",
    "data:application/vp-ld+jwt,",
];

/// Takes apart JSON with or without proofs, a compact JWT, or a JWT inside an enveloped credential.
pub(super) fn decode(bytes: &[u8]) -> anyhow::Result<Decoded> {
    if matches!(bytes, [0x84 | 0xd2, ..]) {
        return from_cose(bytes, CoseKind::Credential)
            .or_else(|_| from_cose(bytes, CoseKind::Presentation));
    }
    let text = std::str::from_utf8(bytes).context("it is not text")?.trim();
    if text.starts_with('{') {
        return from_object(object(text.as_bytes())?);
    }
    // A JSON string around a JWT is how some APIs hand it out.
    from_jwt(text.trim_matches('"'))
}

fn from_object(mut document: Map<String, Value>) -> anyhow::Result<Decoded> {
    // An answer of an issuing service, saved as it came.
    for wrapper in ["verifiableCredential", "verifiablePresentation"] {
        if !document.contains_key("@context") {
            match document.remove(wrapper) {
                Some(Value::Object(inner)) => return from_object(inner),
                Some(Value::String(token)) => return from_jwt(&token),
                _ => {}
            }
        }
    }
    let id = document.get("id").and_then(Value::as_str);
    let message = MESSAGES
        .iter()
        .find_map(|(prefix, kind)| Some((id?.strip_prefix(prefix)?, *kind)));
    if let Some((text, kind)) = message {
        let bytes = BASE64_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .context("the COSE message in the envelope is not base64")?;
        return from_cose(&bytes, kind);
    }
    let envelope = id.and_then(|id| ENVELOPES.iter().find_map(|prefix| id.strip_prefix(prefix)));
    if let Some(token) = envelope {
        return from_jwt(token);
    }
    let securing = match document.remove("proof") {
        None => Securing::None,
        Some(Value::Array(proofs)) => Securing::Proofs(proofs),
        Some(proof) => Securing::Proofs(vec![proof]),
    };
    Ok(Decoded { document, securing })
}

fn from_cose(bytes: &[u8], kind: CoseKind) -> anyhow::Result<Decoded> {
    let (message, claims, mut document) = Sign1::parse(bytes, kind)?;
    // The claims of a JWT stand in its payload; a message has them in its header.
    if let Some(entry) = claims.status.and_then(|claim| claim.list) {
        document.insert("status".to_owned(), Value::Object(entry.to_claim()));
    }
    let header = message.header();
    let securing = Securing::Cose {
        alg: header.algorithm.name(),
        kid: header.kid.clone(),
    };
    Ok(Decoded { document, securing })
}

fn from_jwt(token: &str) -> anyhow::Result<Decoded> {
    if let Some((jwt, _)) = token.split_once('~') {
        let (_, claims) = SdJwt::parse(token)?;
        return Ok(Decoded {
            document: claims,
            ..from_jwt(jwt)?
        });
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, _signature] = parts.as_slice() else {
        return Err(anyhow!("it is neither JSON nor a compact JWT"));
    };
    let part = |name: &str, text: &str| {
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .with_context(|| format!("the JWT's {name} is not base64url"))?;
        object(&bytes).with_context(|| format!("in the JWT's {name}"))
    };
    let (header, mut claims) = (part("header", header)?, part("payload", payload)?);
    // VCDM 1.1 put the credential into a claim of its own.
    let document = ["vc", "vp"]
        .into_iter()
        .find_map(|claim| match claims.get_mut(claim) {
            Some(Value::Object(inner)) => Some(std::mem::take(inner)),
            _ => None,
        });
    Ok(Decoded {
        document: document.unwrap_or(claims),
        securing: Securing::Jwt(header),
    })
}

fn object(bytes: &[u8]) -> anyhow::Result<Map<String, Value>> {
    match json::parse(bytes, &Limits::CREDENTIAL)? {
        Value::Object(members) => Ok(members),
        _ => Err(anyhow!("not a JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token() -> String {
        let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        format!(
            "{}.{}.AAAA",
            part(json!({"alg": "EdDSA", "kid": "did:key:z#z"})),
            part(json!({"issuer": "did:key:z"}))
        )
    }

    #[test]
    fn a_jwt_is_found_bare_quoted_and_enveloped() {
        let bare = decode(token().as_bytes()).unwrap();
        assert_eq!(bare.document["issuer"], "did:key:z");
        assert!(matches!(&bare.securing, Securing::Jwt(header) if header["alg"] == "EdDSA"));
        let quoted = format!("\"{}\"\n", token());
        let enveloped = json!({"@context": "x", "type": "EnvelopedVerifiableCredential", "id": format!("data:application/vc+jwt,{}", token())});
        let answered = json!({"verifiableCredential": enveloped});
        for text in [quoted, enveloped.to_string(), answered.to_string()] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bare, "{text}");
        }
    }

    #[test]
    fn proofs_are_taken_off_the_document() {
        let decoded = decode(br#"{"@context":[],"proof":{"type":"DataIntegrityProof"}}"#).unwrap();
        assert!(!decoded.document.contains_key("proof"));
        assert_eq!(
            decoded.securing,
            Securing::Proofs(vec![json!({"type": "DataIntegrityProof"})])
        );
    }

    #[test]
    fn what_is_neither_json_nor_jwt_is_refused() {
        for bytes in [&b"hello"[..], b"a.b", b"{", b"[]", b"\xff", b"!.!.!"] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}

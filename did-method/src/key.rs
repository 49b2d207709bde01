//! did:key: a public key expanded into a document (did:key specification, §3).

#[cfg(test)]
mod tests;

use crate::did::Did;
use crate::document::{DID_V1, JWK_V1, MULTIKEY_V1};
use crate::resolution::{ErrorKind, ResolutionError, Resolved};
use chop_keys::{KeyError, KeyType, PublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

/// The context of the Ed25519 2020 suite.
const ED25519_2020_V1: &str = "https://w3id.org/security/suites/ed25519-2020/v1";

/// The options of the did:key specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyOptions {
    /// The format of verification methods: `Multikey` when absent, `JsonWebKey` or `Ed25519VerificationKey2020`.
    pub public_key_format: Option<String>,
    /// Whether to derive an X25519 key from an Ed25519 key.
    pub enable_encryption_key_derivation: bool,
}

/// A decoded did:key.
enum Material {
    Signing(PublicKey),
    /// X25519, 32 bytes.
    Agreement(Vec<u8>),
    /// BLS12-381 G2, 96 bytes: verifies selective disclosures.
    Bls,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Multikey,
    JsonWebKey,
    Ed25519VerificationKey2020,
}

/// Expands a did:key into its document.
///
/// # Errors
/// Returns `invalidDid`, `invalidPublicKeyLength`, `invalidPublicKey`, `unsupportedPublicKeyType` or `invalidPublicKeyType` as the
/// did:key specification assigns them.
pub fn resolve(did: &Did, options: &KeyOptions) -> Result<Resolved, ResolutionError> {
    let multibase = multibase_value(did)?;
    let material = decode(multibase)?;
    let format = Format::parse(options.public_key_format.as_deref())?;
    let id = format!("{did}#{multibase}");
    let mut contexts = vec![json!(DID_V1)];
    let mut methods = Vec::new();
    let mut document = Map::new();
    let mut relate = |names: &[&str], id: &str| {
        for name in names {
            document.insert((*name).to_owned(), json!([id]));
        }
    };
    match &material {
        Material::Signing(key) => {
            methods.push(signing_method(did, &id, key, format)?);
            relate(
                &[
                    "authentication",
                    "assertionMethod",
                    "capabilityInvocation",
                    "capabilityDelegation",
                ],
                &id,
            );
            if options.enable_encryption_key_derivation && key.key_type() == KeyType::Ed25519 {
                let derived = derive_x25519(key)?;
                let text = x25519_multibase(&derived);
                let id = format!("{did}#{text}");
                methods.push(agreement_method(did, &id, &derived, format));
                relate(&["keyAgreement"], &id);
            }
        }
        Material::Agreement(bytes) => {
            methods.push(agreement_method(did, &id, bytes, format));
            relate(&["keyAgreement"], &id);
        }
        Material::Bls if format == Format::Multikey => {
            methods.push(json!({"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": multibase}));
            relate(
                &[
                    "authentication",
                    "assertionMethod",
                    "capabilityInvocation",
                    "capabilityDelegation",
                ],
                &id,
            );
        }
        Material::Bls => {
            return Err(error(
                ErrorKind::InvalidPublicKeyType,
                "a BLS12-381 key has no other format than Multikey",
            ));
        }
    }
    contexts.push(json!(format.context()));
    document.insert("@context".to_owned(), Value::Array(contexts));
    document.insert("id".to_owned(), json!(did));
    document.insert("verificationMethod".to_owned(), Value::Array(methods));
    Ok(Resolved::of_document(Value::Object(document)))
}

/// Returns the multibase part; a version number may stand before it.
fn multibase_value(did: &Did) -> Result<&str, ResolutionError> {
    if did.method() != "key" {
        return Err(error(ErrorKind::MethodNotSupported, "this is no did:key"));
    }
    let text = match did.id().split_once(':') {
        None => did.id(),
        Some((version, text)) if version.parse::<u32>().is_ok_and(|version| version > 0) => text,
        Some(_) => {
            return Err(error(
                ErrorKind::InvalidDid,
                "the version of a did:key is a positive integer",
            ));
        }
    };
    // A key of the longest kind has 135 characters; base58 decoding is quadratic.
    if !text.starts_with('z') || text.contains(':') || text.len() > 256 {
        return Err(error(
            ErrorKind::InvalidDid,
            "a did:key names a key in base58btc multibase",
        ));
    }
    Ok(text)
}

/// Decodes multibase and multicodec.
fn decode(multibase: &str) -> Result<Material, ResolutionError> {
    let bytes = multibase
        .strip_prefix('z')
        .and_then(|text| bs58::decode(text).into_vec().ok())
        .ok_or_else(|| error(ErrorKind::InvalidDid, "the key is not base58btc"))?;
    let exact = |key: &[u8], length: usize| {
        if key.len() == length {
            Ok(())
        } else {
            Err(error(
                ErrorKind::InvalidPublicKeyLength,
                format!("the key has {} bytes, its type has {length}", key.len()),
            ))
        }
    };
    match bytes.as_slice() {
        [0xed, 0x01, key @ ..] => exact(key, 32)?,
        [0x80, 0x24, key @ ..] => exact(key, 33)?,
        [0x81, 0x24, key @ ..] => exact(key, 49)?,
        [0xec, 0x01, key @ ..] => {
            exact(key, 32)?;
            return Ok(Material::Agreement(key.to_vec()));
        }
        [0xeb, 0x01, key @ ..] => {
            exact(key, 96)?;
            return match PublicKey::from_multikey(multibase) {
                Ok(_) => Ok(Material::Bls),
                Err(e) => Err(error(ErrorKind::InvalidPublicKey, e.to_string())),
            };
        }
        _ => {
            return Err(error(
                ErrorKind::UnsupportedPublicKeyType,
                "the key is none of Ed25519, X25519, P-256, P-384, BLS12-381 G2",
            ));
        }
    }
    PublicKey::from_multikey(multibase)
        .map(Material::Signing)
        .map_err(|e| match e {
            KeyError::Length { .. } => error(ErrorKind::InvalidPublicKeyLength, e.to_string()),
            _ => error(ErrorKind::InvalidPublicKey, e.to_string()),
        })
}

fn signing_method(
    did: &Did,
    id: &str,
    key: &PublicKey,
    format: Format,
) -> Result<Value, ResolutionError> {
    let kind = format.name();
    match format {
        Format::JsonWebKey => {
            Ok(json!({"id": id, "type": kind, "controller": did, "publicKeyJwk": key.jwk()}))
        }
        Format::Ed25519VerificationKey2020 if key.key_type() != KeyType::Ed25519 => Err(error(
            ErrorKind::InvalidPublicKeyType,
            format!("a {} key is no {kind}", key.key_type()),
        )),
        _ => Ok(
            json!({"id": id, "type": kind, "controller": did, "publicKeyMultibase": key.multikey()}),
        ),
    }
}

fn agreement_method(did: &Did, id: &str, bytes: &[u8], format: Format) -> Value {
    if format == Format::JsonWebKey {
        let jwk = json!({"kty": "OKP", "crv": "X25519", "x": BASE64URL_NOPAD.encode(bytes)});
        return json!({"id": id, "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk});
    }
    json!({"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": x25519_multibase(bytes)})
}

/// Maps an Ed25519 point to the Montgomery curve (did:key specification, Derive Encryption Key Algorithm).
fn derive_x25519(key: &PublicKey) -> Result<[u8; 32], ResolutionError> {
    let bytes: [u8; 32] = key.raw().try_into().map_err(|_| {
        error(
            ErrorKind::InvalidPublicKeyLength,
            "an Ed25519 key has 32 bytes",
        )
    })?;
    ed25519_dalek::VerifyingKey::from_bytes(&bytes)
        .map(|key| key.to_montgomery().to_bytes())
        .map_err(|_| {
            error(
                ErrorKind::InvalidPublicKey,
                "the key is no point of the curve",
            )
        })
}

fn x25519_multibase(bytes: &[u8]) -> String {
    let prefixed: Vec<u8> = [0xec, 0x01].iter().chain(bytes).copied().collect();
    format!("z{}", bs58::encode(prefixed).into_string())
}

impl Format {
    fn parse(name: Option<&str>) -> Result<Self, ResolutionError> {
        match name {
            None | Some("Multikey") => Ok(Self::Multikey),
            Some("JsonWebKey") => Ok(Self::JsonWebKey),
            Some("Ed25519VerificationKey2020") => Ok(Self::Ed25519VerificationKey2020),
            Some(
                name @ ("JsonWebKey2020"
                | "Ed25519VerificationKey2018"
                | "X25519KeyAgreementKey2020"),
            ) => Err(error(
                ErrorKind::InvalidPublicKeyType,
                format!("{name} is an experimental format here"),
            )),
            Some(name) => Err(error(
                ErrorKind::UnsupportedPublicKeyType,
                format!("{name} is no known public key format"),
            )),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Multikey => "Multikey",
            Self::JsonWebKey => "JsonWebKey",
            Self::Ed25519VerificationKey2020 => "Ed25519VerificationKey2020",
        }
    }

    const fn context(self) -> &'static str {
        match self {
            Self::Multikey => MULTIKEY_V1,
            Self::JsonWebKey => JWK_V1,
            Self::Ed25519VerificationKey2020 => ED25519_2020_V1,
        }
    }
}

fn error(kind: ErrorKind, detail: impl Into<String>) -> ResolutionError {
    ResolutionError::new(kind, detail)
}

//! JSON Web Keys (RFC 7517, RFC 7518 §6.2, RFC 8037 §2) of the key types known here.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{KeyError, KeyType, PrivateKey, PublicKey, Signer};

/// A public JSON Web Key as JSON carries it; members that RFC 7517 lets readers ignore are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members")]
pub struct Jwk {
    /// Key type: `OKP` or `EC`.
    pub kty: String,
    /// Curve: `Ed25519`, `P-256`, `P-384` or `P-521`.
    pub crv: String,
    /// The public key, or the point's x coordinate, in base64url.
    pub x: String,
    /// The point's y coordinate in base64url; `EC` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// JWS algorithm, if the key is bound to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// Key id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Public key use; only `sig` verifies signatures.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// Key operations; must hold `verify` to verify signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
}

/// A private JSON Web Key: the public members and `d`, wiped when dropped.
#[derive(Deserialize)]
pub struct PrivateJwk {
    kty: String,
    crv: String,
    x: String,
    #[serde(default)]
    y: Option<String>,
    #[serde(deserialize_with = "wiped")]
    d: Zeroizing<String>,
}

/// Says why a JSON Web Key is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// A member of a private or symmetric key stands in a public one.
    #[error("holds the private member {member:?}")]
    PrivateMember {
        /// The member's name.
        member: &'static str,
    },
    /// Type and curve are none of those known here.
    #[error("kty {kty:?} with crv {crv:?} is not supported")]
    Unsupported {
        /// The key type found.
        kty: String,
        /// The curve found.
        crv: String,
    },
    /// A coordinate is missing, superfluous, of the wrong length or not canonical base64url.
    #[error("member {member:?} is not what {key_type} needs")]
    Coordinate {
        /// The member's name.
        member: &'static str,
        /// The key type.
        key_type: KeyType,
    },
    /// The member `alg` names an algorithm of another key type.
    #[error("alg {alg:?} does not belong to {key_type}")]
    Algorithm {
        /// The algorithm found.
        alg: String,
        /// The key type.
        key_type: KeyType,
    },
    /// The members `use` or `key_ops` do not let the key verify signatures, or contradict themselves.
    #[error("member {member:?} does not let the key verify signatures")]
    NotForSignatures {
        /// The member's name.
        member: &'static str,
    },
    /// The secret `d` belongs to another public key than `x` and `y`.
    #[error("d and x are of different keys")]
    Inconsistent,
}

impl Jwk {
    /// Computes the thumbprint: SHA-256 over the required members, in base64url (RFC 7638 §3, RFC 8037 §2).
    pub fn thumbprint(&self) -> String {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let (crv, kty, x) = (text(&self.crv), text(&self.kty), text(&self.x));
        let members = match &self.y {
            Some(y) => format!(r#"{{"crv":{crv},"kty":{kty},"x":{x},"y":{}}}"#, text(y)),
            None => format!(r#"{{"crv":{crv},"kty":{kty},"x":{x}}}"#),
        };
        BASE64URL_NOPAD.encode(&Sha256::digest(members))
    }
}

impl PublicKey {
    /// Reads a public JSON Web Key.
    ///
    /// # Errors
    /// When type and curve are unknown, a coordinate is not canonical or not on the curve, or `alg`, `use` or
    /// `key_ops` say that the key does not verify signatures of its type.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let key_type = key_type(&jwk.kty, &jwk.crv)?;
        check_purpose(jwk, key_type)?;
        from_members(key_type, &jwk.x, jwk.y.as_deref())
    }

    /// Gives the public JSON Web Key with its required members only; none for BLS12-381, whose JWK form is not settled.
    pub fn jwk(&self) -> Option<Jwk> {
        let key_type = self.key_type();
        let (kty, x) = match key_type {
            KeyType::Ed25519 => ("OKP", self.raw()),
            KeyType::P256 | KeyType::P384 | KeyType::P521 => {
                ("EC", self.raw().get(1..).unwrap_or_default())
            }
            KeyType::Bls12381G2 => return None,
        };
        Some(Jwk {
            kty: kty.to_owned(),
            crv: key_type.curve().to_owned(),
            x: BASE64URL_NOPAD.encode(x),
            y: self.y().map(|y| BASE64URL_NOPAD.encode(&y)),
            alg: None,
            kid: None,
            key_use: None,
            key_ops: None,
        })
    }
}

impl PrivateKey {
    /// Reads a private JSON Web Key, for import.
    ///
    /// # Errors
    /// When a member is not usable or `d` belongs to another public key.
    pub fn from_jwk(jwk: &PrivateJwk) -> Result<Self, KeyError> {
        let key_type = key_type(&jwk.kty, &jwk.crv)?;
        let public_key = from_members(key_type, &jwk.x, jwk.y.as_deref())?;
        let secret = Zeroizing::new(coordinate("d", key_type, key_type.secret_len(), &jwk.d)?);
        let key = Self::from_seed(key_type, &secret)?;
        if *key.public_key() != public_key {
            return Err(JwkError::Inconsistent.into());
        }
        Ok(key)
    }

    /// Writes the private JSON Web Key as JSON text, for export; none for BLS12-381.
    pub fn jwk(&self) -> Option<Zeroizing<String>> {
        let public = self.public_key().jwk()?;
        let d = Zeroizing::new(BASE64URL_NOPAD.encode(&self.secret_bytes()));
        let y = public
            .y
            .map(|y| format!(r#","y":"{y}""#))
            .unwrap_or_default();
        Some(Zeroizing::new(format!(
            r#"{{"kty":"{}","crv":"{}","x":"{}"{y},"d":"{}"}}"#,
            public.kty,
            public.crv,
            public.x,
            d.as_str()
        )))
    }
}

fn key_type(kty: &str, crv: &str) -> Result<KeyType, JwkError> {
    match (kty, crv) {
        ("OKP", "Ed25519") => Ok(KeyType::Ed25519),
        ("EC", "P-256") => Ok(KeyType::P256),
        ("EC", "P-384") => Ok(KeyType::P384),
        ("EC", "P-521") => Ok(KeyType::P521),
        _ => Err(JwkError::Unsupported {
            kty: kty.to_owned(),
            crv: crv.to_owned(),
        }),
    }
}

fn check_purpose(jwk: &Jwk, key_type: KeyType) -> Result<(), JwkError> {
    if let Some(alg) = &jwk.alg {
        // RFC 9864 §2.2 registers `Ed25519` as the fully specified name of EdDSA with this curve.
        let fully_specified = key_type == KeyType::Ed25519 && alg == "Ed25519";
        if Some(alg.as_str()) != key_type.algorithm() && !fully_specified {
            return Err(JwkError::Algorithm {
                alg: alg.clone(),
                key_type,
            });
        }
    }
    if jwk.key_use.as_ref().is_some_and(|value| value != "sig") {
        return Err(JwkError::NotForSignatures { member: "use" });
    }
    if let Some(operations) = &jwk.key_ops {
        // RFC 7517 §4.3: no value twice.
        let repeated = operations
            .iter()
            .enumerate()
            .any(|(at, value)| operations.iter().take(at).any(|earlier| earlier == value));
        if repeated || !operations.iter().any(|value| value == "verify") {
            return Err(JwkError::NotForSignatures { member: "key_ops" });
        }
    }
    Ok(())
}

fn from_members(key_type: KeyType, x: &str, y: Option<&str>) -> Result<PublicKey, KeyError> {
    let length = key_type.secret_len();
    let x = coordinate("x", key_type, length, x)?;
    match (key_type, y) {
        (KeyType::Ed25519, None) => PublicKey::from_raw(key_type, &x),
        (KeyType::P256 | KeyType::P384 | KeyType::P521, Some(y)) => {
            let y = coordinate("y", key_type, length, y)?;
            PublicKey::from_coordinates(key_type, &x, &y)
        }
        _ => Err(JwkError::Coordinate {
            member: "y",
            key_type,
        }
        .into()),
    }
}

/// Decodes a coordinate of full length; the decoder refuses padding and trailing bits (RFC 7518 §6.2.1.2).
fn coordinate(
    member: &'static str,
    key_type: KeyType,
    length: usize,
    text: &str,
) -> Result<Vec<u8>, JwkError> {
    // The length is checked first, so that nothing long is decoded.
    if text.len() == (length * 8).div_ceil(6)
        && let Ok(bytes) = BASE64URL_NOPAD.decode(text.as_bytes())
    {
        return Ok(bytes);
    }
    Err(JwkError::Coordinate { member, key_type })
}

fn wiped<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// Every member that matters, private ones included, so that they can be refused.
#[derive(Deserialize)]
struct Members {
    kty: String,
    crv: String,
    x: String,
    y: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    d: Present,
    #[serde(default)]
    p: Present,
    #[serde(default)]
    q: Present,
    #[serde(default)]
    dp: Present,
    #[serde(default)]
    dq: Present,
    #[serde(default)]
    qi: Present,
    #[serde(default)]
    oth: Present,
    #[serde(default)]
    k: Present,
    #[serde(rename = "priv", default)]
    private: Present,
}

/// Whether a member stands in the object, whatever its value.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

impl TryFrom<Members> for Jwk {
    type Error = JwkError;

    fn try_from(members: Members) -> Result<Self, JwkError> {
        // RFC 7518 §6.2.2, §6.3.2, §6.4.1; `priv` is that of post-quantum keys.
        let private = [
            ("d", members.d),
            ("p", members.p),
            ("q", members.q),
            ("dp", members.dp),
            ("dq", members.dq),
            ("qi", members.qi),
            ("oth", members.oth),
            ("k", members.k),
            ("priv", members.private),
        ];
        if let Some((member, _)) = private.into_iter().find(|(_, present)| present.0) {
            return Err(JwkError::PrivateMember { member });
        }
        Ok(Self {
            kty: members.kty,
            crv: members.crv,
            x: members.x,
            y: members.y,
            alg: members.alg,
            kid: members.kid,
            key_use: members.key_use,
            key_ops: members.key_ops,
        })
    }
}

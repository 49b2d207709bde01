//! The fixed keys of the exchange, each its own did:key. They are for tests and protect nothing.

use super::InteropError;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::{Value, json};

/// Is one key as the peers take it, and as we do.
#[derive(Debug, Serialize)]
pub struct Key {
    /// The verification method: `did:key:…#…`.
    pub id: String,
    /// The private JSON Web Key.
    pub jwk: Value,
    /// What signs with it here.
    #[serde(skip)]
    pub signer: PrivateKey,
}

impl Key {
    /// Makes the key of a type whose seed begins with the byte.
    ///
    /// # Errors
    /// When the seed makes no key, which no byte does.
    pub fn fixed(key_type: KeyType, byte: u8) -> Result<Self, InteropError> {
        let seed: Vec<u8> = (0..u8::MAX)
            .map(|place| byte.wrapping_add(place))
            .take(key_type.secret_len())
            .collect();
        let signer = PrivateKey::from_seed(key_type, &seed)?;
        let public = signer.public_key();
        let mut jwk = match public.jwk() {
            Some(jwk) => serde_json::to_value(jwk)?,
            // The form that peers use for BLS12-381.
            None => json!({
                "kty": "OKP",
                "crv": "Bls12381G2",
                "x": BASE64URL_NOPAD.encode(public.raw()),
            }),
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("d".to_owned(), Value::from(BASE64URL_NOPAD.encode(&seed)));
        }
        Ok(Self {
            id: signer.public_key().did_key_url(),
            jwk,
            signer,
        })
    }

    /// Returns the DID that controls the key.
    pub fn did(&self) -> String {
        self.signer.public_key().did_key()
    }

    /// Returns the key as a verifier is given it: the same, without the secret.
    pub fn public(&self) -> Value {
        json!({"id": self.id, "jwk": self.public_jwk()})
    }

    /// Returns the public JSON Web Key.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        if let Some(members) = jwk.as_object_mut() {
            members.remove("d");
        }
        jwk
    }
}

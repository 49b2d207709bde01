//! Selective disclosure: one proof of many statements, of which a holder shows some (vc-di-ecdsa §3.4, vc-di-bbs §3.2).
//!
//! The issuer's *base* proof is for the holder; [`derive()`] makes of it the *derived* proof that a verifier sees. Both suites
//! share what statements are and how pointers select them; they differ in how statements are signed.

pub(crate) mod bbs;
mod cbor;
pub(crate) mod ecdsa_sd;
mod error;
mod labels;
mod pointer;
mod selection;
mod statements;
#[cfg(test)]
mod tests;
mod value;

pub use cbor::CborError;
pub use error::{SelectiveError, ValueError};

use crate::contexts::Contexts;
use chop_keys::bbs::HolderSecret;
use serde_json::{Map, Value};
use std::fmt;
use zeroize::Zeroizing;

/// The longest presentation header, in bytes.
const MAX_PRESENTATION_HEADER: usize = 1_024;

/// Is what a base proof draws at random: the HMAC key that hides labels, and the key that signs statements.
pub struct Seed(Zeroizing<[u8; 64]>);

impl Seed {
    /// Takes 64 bytes that were drawn for this one proof.
    ///
    /// ```text
    /// | HMAC key 32 | P-256 scalar 32 |
    /// ```
    pub fn new(bytes: Zeroizing<[u8; 64]>) -> Self {
        Self(bytes)
    }

    fn hmac_key(&self) -> Zeroizing<[u8; 32]> {
        self.half(0)
    }

    fn statement_key(&self) -> Zeroizing<[u8; 32]> {
        self.half(32)
    }

    fn half(&self, from: usize) -> Zeroizing<[u8; 32]> {
        let mut half = Zeroizing::new([0; 32]);
        for (to, byte) in half.iter_mut().zip(self.0.iter().skip(from)) {
            *to = *byte;
        }
        half
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// Is the secret that a holder committed to before a `bbs-2023` credential was issued (vc-di-bbs §4.1).
pub struct Binding {
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
    /// The blinding factor of the commitment.
    pub blind: Zeroizing<[u8; 32]>,
}

impl Binding {
    fn holder(&self) -> HolderSecret<'_> {
        HolderSecret {
            secret: &self.secret,
            blind: &self.blind,
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding")
    }
}

/// Says what a holder shows of a credential, and to whom.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reveal<'a> {
    /// JSON Pointers to what is shown beside what the issuer made mandatory.
    pub pointers: &'a [String],
    /// `bbs-2023`: what the derived proof covers beside, such as a verifier's nonce.
    pub presentation_header: &'a [u8],
    /// `bbs-2023`: the holder's secret, where the credential is bound to one.
    pub binding: Option<&'a Binding>,
}

/// Derives from a credential with a base proof the credential that is shown. `bbs-2023` draws the library's own randomness.
///
/// # Errors
/// When there is not exactly one base proof, a pointer points to nothing or cuts through a statement, nothing is selected, or
/// the proof value is malformed.
pub fn derive(
    credential: &Map<String, Value>,
    contexts: &Contexts,
    reveal: &Reveal<'_>,
) -> Result<Value, SelectiveError> {
    let mut document = credential.clone();
    let proof = base_proof(document.remove("proof"))?;
    let bytes = reveal.presentation_header;
    let value = proof_value(&proof)?;
    let (mut shown, derived) =
        if proof.get("cryptosuite").and_then(Value::as_str) == Some(bbs::NAME) {
            if bytes.len() > MAX_PRESENTATION_HEADER {
                return Err(ValueError::Length {
                    what: "presentation header",
                    expected: MAX_PRESENTATION_HEADER,
                    found: bytes.len(),
                }
                .into());
            }
            bbs::derive(
                &document,
                contexts,
                value,
                reveal.pointers,
                (bytes, reveal.binding),
            )?
        } else {
            if !bytes.is_empty() || reveal.binding.is_some() {
                return Err(SelectiveError::HolderSecret(
                    "ecdsa-sd-2023 has neither presentation header nor holder's secret",
                ));
            }
            ecdsa_sd::derive(&document, contexts, value, reveal.pointers)?
        };
    let mut proof = proof;
    proof.insert("proofValue".to_owned(), Value::String(derived));
    shown.insert("proof".to_owned(), Value::Object(proof));
    Ok(Value::Object(shown))
}

/// Says whether a suite discloses selectively.
pub fn is_selective(cryptosuite: &str) -> bool {
    [bbs::NAME, ecdsa_sd::NAME].contains(&cryptosuite)
}

/// Counts what a derived proof discloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// The statements that the issuer made mandatory.
    pub mandatory: usize,
    /// The statements that the holder chose to show.
    pub chosen: usize,
    /// Whether deriving it took a holder's secret.
    pub bound: bool,
}

/// Counts what a derived proof says that it discloses; none for anything else.
pub fn disclosed(proof: &Map<String, Value>) -> Option<Disclosed> {
    let value = proof_value(proof).ok()?;
    match proof.get("cryptosuite").and_then(Value::as_str)? {
        ecdsa_sd::NAME => {
            let derived = ecdsa_sd::value::Derived::parse(value).ok()?;
            Some(Disclosed {
                mandatory: derived.mandatory.len(),
                chosen: derived.signatures.len(),
                bound: false,
            })
        }
        bbs::NAME => {
            let derived = bbs::value::Derived::parse(value).ok()?;
            Some(Disclosed {
                mandatory: derived.mandatory.len(),
                chosen: derived.selective.len(),
                bound: derived.bound.is_some(),
            })
        }
        _ => None,
    }
}

/// Finds the one proof that can be derived from.
fn base_proof(proof: Option<Value>) -> Result<Map<String, Value>, SelectiveError> {
    let proofs = match proof {
        Some(Value::Array(proofs)) => proofs,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let mut selective = proofs.into_iter().filter_map(|proof| match proof {
        Value::Object(proof) => {
            let suite = proof.get("cryptosuite").and_then(Value::as_str);
            suite.is_some_and(is_selective).then_some(proof)
        }
        _ => None,
    });
    match (selective.next(), selective.count()) {
        (Some(one), 0) => Ok(one),
        (first, more) => Err(SelectiveError::Proofs {
            found: usize::from(first.is_some()) + more,
        }),
    }
}

fn proof_value(proof: &Map<String, Value>) -> Result<&str, SelectiveError> {
    let value = proof.get("proofValue").and_then(Value::as_str);
    Ok(value.ok_or(ValueError::Missing)?)
}

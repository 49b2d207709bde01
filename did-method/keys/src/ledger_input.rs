//! What validators and holders of codes sign beside votes and envelopes: bytes that begin with a text of their own.

use crate::KeyType;
use crate::signer::SignError;

/// What a validator signs to say that it fetched, recomputed and stores the leaves of a batch.
///
/// ```text
/// "chop/batch-receipt/v1" ‖ ledger id (32) ‖ hash of the batch's terms (32)      85 bytes
/// ```
///
/// A canonical vote begins with its own length and then the byte 08; these bytes begin with `c` and then `h`, so that no
/// receipt is a vote, nor the 64 or 96 bytes of a proof, nor a JWS, which begins with `e`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptInput([u8; 85]);

/// What the key in a code signs to claim it.
///
/// ```text
/// "chop/code-claim/v1" ‖ hash of the claim's terms (32)      50 bytes
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimInput([u8; 50]);

impl ReceiptInput {
    /// The domain tag.
    pub const TAG: &'static str = "chop/batch-receipt/v1";

    /// Joins the ledger's id and the hash of the terms.
    pub fn new(ledger: &[u8; 32], terms: &[u8; 32]) -> Self {
        Self(joined(Self::TAG.bytes().chain(*ledger).chain(*terms)))
    }

    /// Gives the bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl ClaimInput {
    /// The domain tag.
    pub const TAG: &'static str = "chop/code-claim/v1";

    /// Takes the hash of the terms.
    pub fn new(terms: &[u8; 32]) -> Self {
        Self(joined(Self::TAG.bytes().chain(*terms)))
    }

    /// Gives the bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn joined<const N: usize>(parts: impl Iterator<Item = u8>) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(parts) {
        *to = from;
    }
    bytes
}

/// Refuses keys that are not Ed25519, the only ones that validators and codes have.
pub(crate) fn need_ed25519(found: KeyType, purpose: &'static str) -> Result<(), SignError> {
    if found == KeyType::Ed25519 {
        return Ok(());
    }
    Err(SignError::KeyType {
        purpose,
        needed: KeyType::Ed25519,
        found,
    })
}

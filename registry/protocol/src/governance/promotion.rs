//! From a solo ledger to a consortium's: who takes over, and the record that remains (ADR 0010).

use chop_did::{ChopDid, LedgerId};
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_keys::{PossessionInput, PublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::change::Admission;

/// Fewest validators of a promotion that does not say that it means fewer: one of four may fail.
pub const LEAST_VALIDATORS: usize = 4;

/// Who takes a solo ledger over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Promotion {
    /// The key of the solo ledger, which signs no header after the promotion.
    pub retires: PublicKey,
    /// The validators, 1 to [`super::MAX_VALIDATORS`], each with another key.
    pub validators: Vec<PromotedValidator>,
    /// Who is taken in as a member with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admit: Vec<Admission>,
    /// Whether fewer than [`LEAST_VALIDATORS`] are meant.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fewer: bool,
}

/// A validator of the consortium, and the proof that somebody holds its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromotedValidator {
    /// The Ed25519 key that signs headers, as Multikey.
    pub public_key: PublicKey,
    /// Voting power, from 1.
    pub power: u64,
    /// The member that runs it.
    pub member: ChopDid,
    /// The key's signature under [`possession_input`].
    pub possession: PossessionProof,
}

/// A signature of 64 bytes, in base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PossessionProof([u8; 64]);

/// The record of a promotion, as stored under [`crate::keys::PROMOTION`]; it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromotionRecord {
    /// Height of the block that promoted; the empty one after it has the last header of the solo ledger.
    pub height: u64,
    /// Header time of that block.
    pub time: Timestamp,
    /// The proposal that decided it.
    pub proposal: Hash,
    /// The key that signs no header above `height + 1`.
    pub retires: PublicKey,
}

/// Says that a text is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proof of possession is 64 bytes in base64url without padding")]
pub struct PossessionError;

/// Returns what a validator's key signs: `{"ledger", "member", "publicKey"}`, hashed in canonical form.
///
/// # Errors
/// Returns [`JcsError`] when the statement has no canonical form, which it always has.
pub fn possession_input(
    ledger: &LedgerId,
    member: &ChopDid,
    key: &PublicKey,
) -> Result<PossessionInput, JcsError> {
    let statement = canonicalize(&json!({"ledger": ledger, "member": member, "publicKey": key}))?;
    Ok(PossessionInput::new(&Sha256::digest(&statement).into()))
}

impl PossessionProof {
    /// Wraps the bytes of a signature.
    ///
    /// # Errors
    /// Returns [`PossessionError`] when they are not 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PossessionError> {
        bytes.try_into().map(Self).map_err(|_| PossessionError)
    }
}

impl PromotedValidator {
    /// Says whether the key's holder agreed to be this member's validator on this ledger.
    pub fn is_possessed(&self, ledger: &LedgerId) -> bool {
        possession_input(ledger, &self.member, &self.public_key).is_ok_and(|input| {
            self.public_key
                .verify_strict(input.as_bytes(), &self.possession.0)
                .is_ok()
        })
    }
}

impl TryFrom<String> for PossessionProof {
    type Error = PossessionError;

    fn try_from(text: String) -> Result<Self, PossessionError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        Self::from_bytes(&bytes.map_err(|_| PossessionError)?)
    }
}

impl From<PossessionProof> for String {
    fn from(proof: PossessionProof) -> Self {
        BASE64URL_NOPAD.encode(&proof.0)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the member by reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

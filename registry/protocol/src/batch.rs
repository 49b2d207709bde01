//! Batches: many items in one transaction, and the life of their codes (SPEC §13).

pub mod leaves;
mod proof;
mod records;
mod resolve;

pub use leaves::{LeafCheck, LeafError};
pub use proof::{ItemAbsence, ItemProof, ItemProofError, Neighbour};
pub use records::{Batch, Claim, CodeStanding, Segment};
pub use resolve::{ItemRecords, ItemResolveError};

use chop_did::{ChopDid, LedgerId, Template, batch_id};
use chop_integrity::{Hash, JcsError, Timestamp};
use chop_keys::{ClaimInput, PublicKey, ReceiptInput, SignError, Signature, Signer};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::terms::{CredentialType, Lot, Nonce, Note};

/// Most receipts of a batch: as many as there can be validators.
pub const MAX_RECEIPTS: usize = 64;
/// Most segments that one act changes.
pub const MAX_SEGMENTS: usize = 8;
/// The domain tag of what receipts sign.
const TERMS_TAG: &str = "chop/batch-terms/v1";
/// The domain tag of what claims sign.
const CLAIM_TAG: &str = "chop/code-claim-terms/v1";

/// Registers the items of a batch; alone in its envelope, whose actor controls them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBatch {
    /// Makes the controller's batch unique.
    pub nonce: Nonce,
    /// What all items share.
    pub template: Template,
    /// How many items there are, 1 to [`chop_proof::leaves::MAX_LEAVES`].
    #[serde(deserialize_with = "count")]
    pub count: u32,
    /// The root of the tree over them.
    pub root: Hash,
    /// See [`leaves::digest`].
    pub leaves: Hash,
    /// The credential type that whoever activates codes must be accredited for; nobody needs to be when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<CredentialType>,
    /// Which validators say that they hold the leaves, 1 to [`MAX_RECEIPTS`].
    #[serde(deserialize_with = "receipts")]
    pub receipts: Vec<Receipt>,
}

/// A validator's word that it fetched, recomputed and stores the leaves of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// The Ed25519 key that signs headers.
    pub validator: PublicKey,
    /// Over [`BatchTerms::receipt_input`].
    pub signature: Signed,
}

/// What a batch is, and what a receipt is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchTerms {
    /// The ledger.
    pub ledger: LedgerId,
    /// Whose keys act for the items.
    pub controller: ChopDid,
    /// Makes the controller's batch unique.
    pub nonce: Nonce,
    /// The template's digest.
    pub template: Hash,
    /// How many items there are.
    #[serde(deserialize_with = "count")]
    pub count: u32,
    /// The root of the tree over them.
    pub root: Hash,
    /// See [`leaves::digest`].
    pub leaves: Hash,
    /// The credential type that activating takes an accreditation for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<CredentialType>,
}

/// Puts codes that are reserved into use, and binds them to a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivateCodes {
    /// The batch's id.
    pub batch: Hash,
    /// The first ordinal.
    pub from: u32,
    /// The ordinal after the last.
    pub to: u32,
    /// The lot.
    pub lot: Lot,
}

/// Takes codes out of use, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VoidCodes {
    /// The batch's id.
    pub batch: Hash,
    /// The first ordinal.
    pub from: u32,
    /// The ordinal after the last.
    pub to: u32,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

/// Gives an item a state of its own, so that operations can follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaterialiseItem {
    /// That the item is of its batch.
    pub proof: ItemProof,
}

/// Says that somebody has the secret of a code; optionally binds the item to a key of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimCode {
    /// That the item is of its batch.
    pub proof: ItemProof,
    /// The key that the item is bound to from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PublicKey>,
    /// By the item's key, over [`ClaimTerms::input`].
    pub signature: Signed,
}

/// What a claim signs: the item, the holder, and the envelope that carries it, so that no claim is used twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimTerms {
    /// The ledger.
    pub ledger: LedgerId,
    /// The item.
    pub item: ChopDid,
    /// Actor of the envelope.
    pub actor: ChopDid,
    /// Nonce of the envelope.
    pub nonce: Nonce,
    /// Last header time at which the envelope may be executed.
    pub valid_until: Timestamp,
    /// The key that the item shall be bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PublicKey>,
}

/// An Ed25519 signature as 86 characters of unpadded base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signed([u8; 64]);

/// Says that text is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 86 characters of unpadded base64url")]
pub struct SignedError;

impl CreateBatch {
    /// Returns the terms under which an actor creates it on a ledger.
    pub fn terms(&self, ledger: LedgerId, controller: ChopDid) -> BatchTerms {
        BatchTerms {
            ledger,
            controller,
            nonce: self.nonce,
            template: self.template.digest(),
            count: self.count,
            root: self.root,
            leaves: self.leaves,
            activation: self.activation.clone(),
        }
    }
}

impl BatchTerms {
    /// Names the batch: ledger, controller and nonce decide.
    ///
    /// # Errors
    /// Returns the JCS error; such terms have none.
    pub fn id(&self) -> Result<Hash, JcsError> {
        batch_id(&self.ledger, &self.controller, &self.nonce.to_string())
    }

    /// Hashes all terms: `H("chop/batch-terms/v1", JCS(terms))`.
    ///
    /// # Errors
    /// Returns the JCS error; such terms have none.
    pub fn hash(&self) -> Result<Hash, JcsError> {
        Hash::of_json(TERMS_TAG, self)
    }

    /// Returns what a receipt signs.
    ///
    /// # Errors
    /// Returns the JCS error; such terms have none.
    pub fn receipt_input(&self) -> Result<ReceiptInput, JcsError> {
        Ok(ReceiptInput::new(
            self.ledger.hash().as_bytes(),
            self.hash()?.as_bytes(),
        ))
    }
}

impl Receipt {
    /// Signs a receipt.
    ///
    /// # Errors
    /// Returns [`SignError`] when the key does not sign.
    pub fn sign(terms: &BatchTerms, signer: &dyn Signer) -> Result<Self, SignError> {
        let failed = |reason: String| SignError::Holder { reason };
        let input = terms.receipt_input().map_err(|e| failed(e.to_string()))?;
        let signature = signer.sign_receipt(&input)?;
        Ok(Self {
            validator: signer.public_key().clone(),
            signature: Signed::try_from(&signature).map_err(|e| failed(e.to_string()))?,
        })
    }

    /// Says whether its validator signed these terms.
    pub fn is_for(&self, terms: &BatchTerms) -> bool {
        terms.receipt_input().is_ok_and(|input| {
            let signed = self
                .validator
                .verify_strict(input.as_bytes(), &self.signature.0);
            signed.is_ok()
        })
    }
}

impl ClaimTerms {
    /// Returns what the item's key signs.
    ///
    /// # Errors
    /// Returns the JCS error; such terms have none.
    pub fn input(&self) -> Result<ClaimInput, JcsError> {
        Ok(ClaimInput::new(Hash::of_json(CLAIM_TAG, self)?.as_bytes()))
    }

    /// Says whether a key signed these terms.
    pub fn is_signed(&self, key: &PublicKey, signature: &Signed) -> bool {
        self.input()
            .is_ok_and(|input| key.verify_strict(input.as_bytes(), &signature.0).is_ok())
    }
}

impl Signed {
    /// Parses the 86 characters.
    ///
    /// # Errors
    /// Returns [`SignedError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SignedError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| SignedError)?;
        bytes.try_into().map(Self).map_err(|_| SignedError)
    }
}

impl TryFrom<&Signature> for Signed {
    type Error = SignedError;

    fn try_from(signature: &Signature) -> Result<Self, SignedError> {
        let bytes = signature.as_bytes().try_into();
        bytes.map(Self).map_err(|_| SignedError)
    }
}

impl TryFrom<String> for Signed {
    type Error = SignedError;

    fn try_from(text: String) -> Result<Self, SignedError> {
        Self::parse(&text)
    }
}

impl From<Signed> for String {
    fn from(signed: Signed) -> Self {
        BASE64URL_NOPAD.encode(&signed.0)
    }
}

fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let count = u32::deserialize(deserializer)?;
    let most = chop_proof::leaves::MAX_LEAVES;
    if (1..=most).contains(&count) {
        return Ok(count);
    }
    let reason = format!("a batch has 1 to {most} items, this one has {count}");
    Err(serde::de::Error::custom(reason))
}

fn receipts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Receipt>, D::Error> {
    let receipts = Vec::<Receipt>::deserialize(deserializer)?;
    if (1..=MAX_RECEIPTS).contains(&receipts.len()) {
        return Ok(receipts);
    }
    let found = receipts.len();
    let reason = format!("a batch has 1 to {MAX_RECEIPTS} receipts, this one has {found}");
    Err(serde::de::Error::custom(reason))
}

//! Refusals of batches, their codes, items and claims (SPEC §13).

use chop_did::{ChopDid, ItemError};
use chop_integrity::Hash;
use chop_protocol::{CodeStanding, CredentialType, ItemProofError};

/// Says why an act on a batch, a code or an item took no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchRefusal {
    /// The controller has a batch of this nonce.
    #[error("batch {batch} exists: its controller used the nonce before")]
    Exists {
        /// The batch's id.
        batch: Hash,
    },
    /// The actor is controlled by another DID, so that its items would have nobody's keys.
    #[error("{actor} has no keys of its own, so it controls no items")]
    Controlled {
        /// The actor.
        actor: ChopDid,
    },
    /// A receipt is by no validator, by one that has another in the list, or not for these terms.
    #[error("receipt {index} {reason}")]
    Receipt {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The receipts are of too little power.
    #[error("validators with {signed} of {total} power hold the leaves, more than two thirds must")]
    Power {
        /// The power of the receipts.
        signed: u64,
        /// The power of all validators.
        total: u64,
    },
    /// No batch has this id.
    #[error("there is no batch {batch}")]
    Unknown {
        /// The id.
        batch: Hash,
    },
    /// The actor does not control the batch's items.
    #[error("only {controller}, who controls batch {batch}, may do this")]
    NotController {
        /// The batch's id.
        batch: Hash,
        /// Its controller.
        controller: ChopDid,
    },
    /// The actor is not accredited for what the batch asks for.
    #[error("activating codes of this batch takes a live accreditation for {credential_type}")]
    Accreditation {
        /// What the batch asks for.
        credential_type: CredentialType,
    },
    /// The range is empty, inverted or not within the batch.
    #[error("ordinals {from} up to {to} are no range within a batch of {count}")]
    Range {
        /// The first ordinal.
        from: u32,
        /// The ordinal after the last.
        to: u32,
        /// How many items the batch has.
        count: u32,
    },
    /// A code of the range stands where the act is not possible.
    #[error("code {ordinal} is {}", standing.as_str())]
    Standing {
        /// The first such ordinal.
        ordinal: u32,
        /// Where it stands.
        standing: CodeStanding,
    },
    /// The range reaches over too many segments.
    #[error("the range reaches over more than {most} segments; split it")]
    Segments {
        /// How many it may reach over.
        most: usize,
    },
    /// The item is not shown to be of the batch.
    #[error("the item is not of its batch: {0}")]
    Proof(#[from] ItemProofError),
    /// The item is none of the batch's template.
    #[error("the item is not one of its batch's template: {0}")]
    Item(#[from] ItemError),
    /// The item has a state of its own.
    #[error("{item} has a state of its own already")]
    Materialised {
        /// The item.
        item: ChopDid,
    },
    /// The item has no key.
    #[error("{item} has no secret, so nobody claims its code")]
    NoKey {
        /// The item.
        item: ChopDid,
    },
    /// The item's key did not sign this claim in this envelope.
    #[error("the signature is not by the key of {item} over this claim in this envelope")]
    ClaimSignature {
        /// The item.
        item: ChopDid,
    },
    /// The code is claimed, and the claim adds nothing or the item is bound.
    #[error("the code of {item} was claimed before")]
    Claimed {
        /// The item.
        item: ChopDid,
    },
}

impl BatchRefusal {
    /// Returns the stable code of the rule, listed in RULES.md.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "batch.exists",
            Self::Controlled { .. } => "batch.controlled",
            Self::Receipt { .. } => "batch.receipt",
            Self::Power { .. } => "batch.power",
            Self::Unknown { .. } => "batch.unknown",
            Self::NotController { .. } => "batch.not-controller",
            Self::Accreditation { .. } => "code.accreditation",
            Self::Range { .. } => "code.range",
            Self::Standing { .. } => "code.standing",
            Self::Segments { .. } => "code.segments",
            Self::Proof(_) | Self::Item(_) => "item.proof",
            Self::Materialised { .. } => "item.exists",
            Self::NoKey { .. } => "claim.no-key",
            Self::ClaimSignature { .. } => "claim.signature",
            Self::Claimed { .. } => "claim.exists",
        }
    }
}

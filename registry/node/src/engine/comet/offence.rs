//! What CometBFT convicts validators of.

use chop_keys::PublicKey;
use data_encoding::HEXUPPER;
use tendermint_proto::v0_38::abci::Misbehavior;

use super::home::address;

/// An act that only a validator's key can do and no honest one does, such as two votes for different blocks at one height.
///
/// The evidence, with both signatures, stands in the block that reports it, under the header's `evidence_hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// The validator's address: the first 20 bytes of its key's SHA-256.
    pub address: [u8; 20],
    /// The height at which it happened.
    pub height: u64,
    /// The height of the block that reports it.
    pub reported: u64,
}

impl Offence {
    /// Reads what a decided block reports; `None` for what names no validator or no height.
    pub(super) fn reported(evidence: &Misbehavior, reported: u64) -> Option<Self> {
        let validator = evidence.validator.as_ref()?;
        Some(Self {
            address: validator.address.as_ref().try_into().ok()?,
            height: evidence.height.try_into().ok()?,
            reported,
        })
    }

    /// Says whether a key is the offender's.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        address(key) == self.address
    }

    /// The offender's address as CometBFT writes it.
    pub fn address_text(&self) -> String {
        HEXUPPER.encode(&self.address)
    }
}

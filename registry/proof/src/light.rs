//! Following a ledger whose validators change: from one trusted header to a later one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tendermint::block::signed_header::SignedHeader;
use tendermint::{Hash, Time, block, validator};
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{
    TrustThreshold, TrustedBlockState, UntrustedBlockState,
};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

use crate::build::hash_bytes;
use crate::commit::check_commit;
use crate::handover::{self, is_last_of_solo};
use crate::state_proof::{
    decode_signed_header, decode_validators, encode_signed_header, encode_validators,
};
use crate::verify::{check_chain, time_ms_of};
use crate::{Freshness, ProofError, TrustRoot, base64};

/// A signed header with the validators that signed it and those that sign the next one; unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LightBlock {
    /// Header and commit.
    pub signed_header: SignedHeader,
    /// Validators at this height.
    pub validators: validator::Set,
    /// Validators at the next height.
    pub next_validators: validator::Set,
}

/// A light block as it travels.
///
/// As JSON `{"signedHeader", "validators", "nextValidators"}`, each in base64 of canonical protobuf, as in
/// [`crate::StateProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncodedLightBlock {
    /// Header and commit, protobuf.
    #[serde(with = "base64")]
    pub signed_header: Vec<u8>,
    /// Validators at this height, protobuf.
    #[serde(with = "base64")]
    pub validators: Vec<u8>,
    /// Validators at the next height, protobuf.
    #[serde(with = "base64")]
    pub next_validators: Vec<u8>,
}

impl EncodedLightBlock {
    /// Reads the block; nothing about it is verified yet.
    ///
    /// # Errors
    /// When a part is too long, malformed or not in its canonical encoding.
    pub fn decode(&self) -> Result<LightBlock, ProofError> {
        Ok(LightBlock {
            signed_header: decode_signed_header(&self.signed_header)?,
            validators: decode_validators(&self.validators)?,
            next_validators: decode_validators(&self.next_validators)?,
        })
    }
}

impl From<&LightBlock> for EncodedLightBlock {
    fn from(block: &LightBlock) -> Self {
        Self {
            signed_header: encode_signed_header(&block.signed_header),
            validators: encode_validators(&block.validators),
            next_validators: encode_validators(&block.next_validators),
        }
    }
}

impl LightBlock {
    /// Height that the header names.
    pub fn height(&self) -> u64 {
        self.signed_header.header.height.value()
    }

    /// Hash of the header; `None` never comes from a decoded one.
    pub fn hash(&self) -> Option<[u8; 32]> {
        hash_bytes(self.signed_header.header.hash())
    }

    /// Whether the header hands over to another set of validators.
    pub fn changes_validators(&self) -> bool {
        let header = &self.signed_header.header;
        header.next_validators_hash != header.validators_hash
    }
}

/// A header that was verified, and the validators that it entrusts with the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHeader {
    root: TrustRoot,
    height: block::Height,
    time: Time,
    hash: Hash,
    validators: validator::Set,
    next_validators: validator::Set,
    next_validators_hash: Hash,
}

impl TrustedHeader {
    /// Starts from a header that the pinned validators signed.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn first(root: &TrustRoot, block: &LightBlock) -> Result<Self, ProofError> {
        let found = block.validators.hash();
        if found != root.validators_hash() {
            return Err(ProofError::UntrustedValidators {
                found: found.to_string(),
                pinned: root.validators_hash().to_string(),
            });
        }
        Self::checked(root, block)
    }

    /// Follows to a later header: the next one by its parent link, a farther one when validators with more than a third
    /// of the power trusted now have signed it too.
    ///
    /// Skipping rests on that overlap alone: whoever skips should ask a second node for the same height.
    ///
    /// # Errors
    /// Names the first thing that does not hold, also when this header is older than `trusting_period`.
    pub fn advance(
        &self,
        block: &LightBlock,
        now_ms: i64,
        trusting_period: Duration,
    ) -> Result<Self, ProofError> {
        self.check_not_last_of_solo()?;
        let next = Self::checked(&self.root, block)?;
        let header = &block.signed_header.header;
        let not_advancing = |reason: String| ProofError::NotAdvancing {
            height: header.height.value(),
            trusted: self.height.value(),
            reason,
        };
        let verdict = ProdVerifier::default().verify_update_header(
            UntrustedBlockState {
                signed_header: &block.signed_header,
                validators: &block.validators,
                next_validators: Some(&block.next_validators),
            },
            TrustedBlockState {
                chain_id: self.root.tendermint_chain_id(),
                header_time: self.time,
                height: self.height,
                next_validators: &self.next_validators,
                next_validators_hash: self.next_validators_hash,
            },
            &Options {
                trust_threshold: TrustThreshold::ONE_THIRD,
                trusting_period,
                clock_drift: Duration::from_millis(Freshness::MAX_AHEAD_MS.unsigned_abs()),
            },
            time_from_ms(now_ms).map_err(|error| not_advancing(error.to_string()))?,
        );
        match verdict {
            Verdict::Success => {}
            Verdict::NotEnoughTrust(tally) => {
                return Err(ProofError::TooLittleTrust {
                    height: header.height.value(),
                    trusted: self.height.value(),
                    tally: tally.to_string(),
                });
            }
            Verdict::Invalid(detail) => return Err(not_advancing(detail.to_string())),
        }
        self.check_link(header)?;
        Ok(next)
    }

    /// Follows to a later header that the very validators signed to whom this one hands over.
    ///
    /// It needs no overlap and no trusting period: more than two thirds of a set that is known by name vouch for it, as they do
    /// for every state proof. So it also serves years later, as far as those validators kept their keys to themselves.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn follow(&self, block: &LightBlock) -> Result<Self, ProofError> {
        self.check_not_last_of_solo()?;
        let next = Self::checked(&self.root, block)?;
        let header = &block.signed_header.header;
        if header.validators_hash != self.next_validators_hash {
            return Err(ProofError::UntrustedValidators {
                found: header.validators_hash.to_string(),
                pinned: self.next_validators_hash.to_string(),
            });
        }
        if header.height <= self.height || header.time <= self.time {
            return Err(ProofError::NotAdvancing {
                height: header.height.value(),
                trusted: self.height.value(),
                reason: "it is not later in height and time".to_owned(),
            });
        }
        self.check_link(header)?;
        Ok(next)
    }

    /// Checks the parent of the header at the next height, which the library leaves to its caller: an unlinked fork under
    /// the same keys would pass.
    fn check_link(&self, header: &block::Header) -> Result<(), ProofError> {
        let named = header.last_block_id.map(|id| id.hash);
        let is_next = header.height == self.height.increment();
        // A header without a parent is the first of a chain, which follows nothing.
        if named.is_none() || (is_next && named != Some(self.hash)) {
            return Err(ProofError::Unlinked {
                named: named.unwrap_or_default().to_string(),
                trusted: self.hash.to_string(),
            });
        }
        Ok(())
    }

    /// Nothing follows the last header of a solo ledger but what [`crate::Handover`] shows.
    fn check_not_last_of_solo(&self) -> Result<(), ProofError> {
        if is_last_of_solo(&self.validators, &self.next_validators) {
            Err(handover::refused(
                "a solo ledger ends here, and what follows needs the handover",
            ))
        } else {
            Ok(())
        }
    }

    /// Says whether one validator alone signed this header.
    pub fn is_solo(&self) -> bool {
        self.validators.validators().len() == 1
    }

    /// Height of this header.
    pub fn height(&self) -> u64 {
        self.height.value()
    }

    /// Header time, milliseconds since the Unix epoch.
    pub fn time_ms(&self) -> i64 {
        time_ms_of(self.time)
    }

    /// Hash of this header.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The trust root that pins the validators who signed this header.
    ///
    /// # Errors
    /// When a validator key is not Ed25519.
    pub fn own_trust_root(&self) -> Result<TrustRoot, crate::TrustRootError> {
        self.root.with_validators(self.validators.clone())
    }

    /// The trust root that pins the validators of the next header: what state proofs are checked against from here on.
    ///
    /// # Errors
    /// When a validator key is not Ed25519.
    pub fn trust_root(&self) -> Result<TrustRoot, crate::TrustRootError> {
        self.root.with_validators(self.next_validators.clone())
    }

    /// Checks everything that a header and its sets show by themselves.
    pub(crate) fn checked(root: &TrustRoot, block: &LightBlock) -> Result<Self, ProofError> {
        let signed = &block.signed_header;
        let header = &signed.header;
        check_chain(root, signed)?;
        // The library leaves the next set to its caller: without this check an attacker's own set passes for trusted.
        for (set, named) in [
            (&block.validators, header.validators_hash),
            (&block.next_validators, header.next_validators_hash),
        ] {
            let found = set.hash();
            if found != named {
                return Err(ProofError::OtherValidators {
                    found: found.to_string(),
                    named: named.to_string(),
                });
            }
        }
        let hash = header.hash();
        if hash != signed.commit.block_id.hash {
            return Err(ProofError::OtherBlock {
                committed: signed.commit.block_id.hash.to_string(),
                found: hash.to_string(),
            });
        }
        check_commit(
            root.tendermint_chain_id(),
            &signed.commit,
            &block.validators,
        )?;
        Ok(Self {
            root: root.clone(),
            height: header.height,
            time: header.time,
            hash,
            validators: block.validators.clone(),
            next_validators: block.next_validators.clone(),
            next_validators_hash: header.next_validators_hash,
        })
    }
}

/// Converts milliseconds since the Unix epoch.
pub(crate) fn time_from_ms(ms: i64) -> Result<Time, tendermint::Error> {
    let nanos = u32::try_from(ms.rem_euclid(1_000) * 1_000_000)
        .map_err(tendermint::Error::integer_overflow)?;
    Time::from_unix_timestamp(ms.div_euclid(1_000), nanos)
}

#[cfg(test)]
mod tests;

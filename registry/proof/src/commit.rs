//! Whether the right validators signed a header: every listed signature, in its place.

use tendermint::block::{Commit, CommitSig};
use tendermint::crypto::default::signature::Verifier;
use tendermint::{chain, validator};

use crate::ProofError;
use crate::hashes::vote_sign_bytes;

/// What a checked commit shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Support {
    /// How many validators signed this block.
    pub(crate) signed: usize,
}

/// Checks that validators with more than two thirds of the power signed this commit's block.
///
/// Like CometBFT's `VerifyCommit`, and unlike `VerifyCommitLight` and `tendermint-light-client-verifier`, it reads the
/// signatures past two thirds and those for nil too: a proof never carries a signature that nobody checked.
/// Signatures follow ZIP-215, the rule of CometBFT's own verifier.
///
/// # Errors
/// Names the first entry that is misplaced or does not verify, or the power that is missing.
pub(crate) fn check_commit(
    chain_id: &chain::Id,
    commit: &Commit,
    validators: &validator::Set,
) -> Result<Support, ProofError> {
    let entries = &commit.signatures;
    let listed = validators.validators();
    if entries.len() != listed.len() {
        return Err(ProofError::CommitLength {
            signatures: entries.len(),
            validators: listed.len(),
        });
    }
    let mut support = Support { signed: 0 };
    let mut power = 0_u64;
    for (index, (entry, validator)) in entries.iter().zip(listed).enumerate() {
        let (address, signature, for_block) = match entry {
            CommitSig::BlockIdFlagAbsent => continue,
            CommitSig::BlockIdFlagCommit {
                validator_address,
                signature,
                ..
            } => (validator_address, signature, true),
            CommitSig::BlockIdFlagNil {
                validator_address,
                signature,
                ..
            } => (validator_address, signature, false),
        };
        if *address != validator.address {
            return Err(ProofError::OutOfOrder {
                index,
                found: address.to_string(),
                expected: validator.address.to_string(),
            });
        }
        let bad = || ProofError::BadSignature {
            index,
            validator: validator.address.to_string(),
        };
        let signature = signature.as_ref().ok_or_else(bad)?;
        let message = vote_sign_bytes(chain_id, commit, entry).ok_or_else(bad)?;
        validator
            .verify_signature(&Verifier, &message, signature)
            .map_err(|_| bad())?;
        if for_block {
            support.signed += 1;
            power = power.saturating_add(validator.power());
        }
    }
    let total = validators.total_voting_power().value();
    if u128::from(power) * 3 <= u128::from(total) * 2 {
        return Err(ProofError::TooLittlePower {
            signed: power,
            total,
        });
    }
    Ok(support)
}

#[cfg(test)]
mod tests;

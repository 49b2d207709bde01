//! From bytes that anybody may have relayed to a statement that the ledger made.

use data_encoding::HEXLOWER;
use tendermint::block;
use tendermint::block::signed_header::SignedHeader;

use crate::commit::check_commit;
use crate::handover::is_first_of_chain;
use crate::state_proof::{decode_path, decode_signed_header, decode_validators};
use crate::{ProofError, StateProof, TrustRoot, key_hash};

/// The block protocol of CometBFT 0.38 (`version.BlockProtocol`).
pub(crate) const BLOCK_PROTOCOL: u64 = 11;

/// How old a header may be, and what time it is for whoever asks; milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    now_ms: i64,
    max_age_ms: Option<i64>,
}

impl Freshness {
    /// How far a header may be dated ahead of the clock: what validators allow each other.
    pub const MAX_AHEAD_MS: i64 = 10_000;

    /// Accepts headers made within the last `max_age_ms` milliseconds before `now_ms`.
    pub fn within(now_ms: i64, max_age_ms: i64) -> Self {
        Self {
            now_ms,
            max_age_ms: Some(max_age_ms),
        }
    }

    /// Accepts headers of any age up to `now_ms`: for stored evidence, never for "is it still so".
    pub fn at_any_age(now_ms: i64) -> Self {
        Self {
            now_ms,
            max_age_ms: None,
        }
    }

    /// Checks a header's time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When it is too old, or ahead of the clock.
    pub fn check(&self, time_ms: i64) -> Result<(), ProofError> {
        let age_ms = self.now_ms.saturating_sub(time_ms);
        if age_ms < -Self::MAX_AHEAD_MS {
            return Err(ProofError::FromTheFuture {
                ahead_ms: age_ms.saturating_neg(),
                limit_ms: Self::MAX_AHEAD_MS,
            });
        }
        match self.max_age_ms {
            Some(limit_ms) if age_ms > limit_ms => Err(ProofError::Stale { age_ms, limit_ms }),
            _ => Ok(()),
        }
    }
}

/// A header that the trusted validators signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedHeader {
    /// Height of the header; its state root is that after the block at `height - 1`.
    pub height: u64,
    /// Header time, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Root of the state tree.
    pub app_hash: [u8; 32],
    /// Hash of the header.
    pub hash: [u8; 32],
    /// How many validators there are; one means that one party alone vouches for the answer.
    pub validators: usize,
    /// How many of them signed.
    pub signed: usize,
}

/// Checks that the ledger holds `value` under `key`, as of the header in the proof.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_inclusion(
    root: &TrustRoot,
    proof: &StateProof,
    key: &str,
    value: &[u8],
    freshness: &Freshness,
) -> Result<VerifiedHeader, ProofError> {
    let header = verify_header(root, proof, freshness)?;
    header.confirm(&proof.path, key, Some(value))?;
    Ok(header)
}

/// Checks that the ledger holds nothing under `key`, as of the header in the proof.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_absence(
    root: &TrustRoot,
    proof: &StateProof,
    key: &str,
    freshness: &Freshness,
) -> Result<VerifiedHeader, ProofError> {
    let header = verify_header(root, proof, freshness)?;
    header.confirm(&proof.path, key, None)?;
    Ok(header)
}

/// Checks everything in a proof but its path: many paths may hang from one header.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_header(
    root: &TrustRoot,
    proof: &StateProof,
    freshness: &Freshness,
) -> Result<VerifiedHeader, ProofError> {
    let signed = decode_signed_header(&proof.signed_header)?;
    let header = &signed.header;
    check_chain(root, &signed)?;
    let time_ms = time_ms(header);
    freshness.check(time_ms)?;

    check_validators(root, proof, header)?;
    let hash = header.hash();
    let committed = signed.commit.block_id.hash;
    if hash != committed {
        return Err(ProofError::OtherBlock {
            committed: committed.to_string(),
            found: hash.to_string(),
        });
    }
    let support = check_commit(
        root.tendermint_chain_id(),
        &signed.commit,
        root.validators(),
    )?;
    Ok(VerifiedHeader {
        height: header.height.value(),
        time_ms,
        app_hash: digest(header.app_hash.as_bytes(), "app_hash is not 32 bytes")?,
        hash: digest(hash.as_bytes(), "the header hash is not 32 bytes")?,
        validators: root.validator_count(),
        signed: support.signed,
    })
}

/// Checks that the proof's validators are the trusted ones and those that the header names.
fn check_validators(
    root: &TrustRoot,
    proof: &StateProof,
    header: &block::Header,
) -> Result<(), ProofError> {
    // Equal bytes are an equal set, which spares decoding and hashing it.
    let found = if proof.validators == root.encoded_validators() {
        root.validators_hash()
    } else {
        decode_validators(&proof.validators)?.hash()
    };
    if found != header.validators_hash {
        return Err(ProofError::OtherValidators {
            found: found.to_string(),
            named: header.validators_hash.to_string(),
        });
    }
    if found != root.validators_hash() {
        return Err(ProofError::UntrustedValidators {
            found: found.to_string(),
            pinned: root.validators_hash().to_string(),
        });
    }
    Ok(())
}

impl VerifiedHeader {
    /// Checks that the state under this header holds `value` under `key`, or nothing when `value` is `None`.
    ///
    /// `path` is the borsh encoding of the tree's proof, as in [`StateProof::path`].
    ///
    /// # Errors
    /// When the path is malformed or leads elsewhere.
    pub fn confirm(&self, path: &[u8], key: &str, value: Option<&[u8]>) -> Result<(), ProofError> {
        decode_path(path)?
            .verify(jmt::RootHash(self.app_hash), key_hash(key), value)
            .map_err(|error| ProofError::PathMismatch {
                app_hash: HEXLOWER.encode(&self.app_hash),
                reason: error.to_string(),
            })
    }
}

/// Checks what a header says about its place: chain, protocol, and a parent exactly when it is not the first of its chain.
pub(crate) fn check_chain(root: &TrustRoot, signed: &SignedHeader) -> Result<(), ProofError> {
    let header = &signed.header;
    if header.chain_id != *root.tendermint_chain_id() {
        return Err(ProofError::OtherChain {
            found: header.chain_id.to_string(),
            pinned: root.chain_id().to_owned(),
        });
    }
    if header.version.block != BLOCK_PROTOCOL {
        return Err(ProofError::OtherProtocol {
            found: header.version.block,
            known: BLOCK_PROTOCOL,
        });
    }
    match (header.height.value(), header.last_block_id) {
        (0, _) => Err(ProofError::InconsistentHeader {
            reason: "height 0 has no block",
        }),
        (1, Some(_)) => Err(ProofError::InconsistentHeader {
            reason: "the first block names a parent",
        }),
        // CometBFT's first block after a promotion has no parent, and nothing else of one.
        (2.., None) if is_first_of_chain(header) => Ok(()),
        (2.., None) => Err(ProofError::InconsistentHeader {
            reason: "a later block names no parent",
        }),
        _ => Ok(()),
    }
}

/// Header time in milliseconds since the Unix epoch, rounded down.
pub(crate) fn time_ms(header: &block::Header) -> i64 {
    time_ms_of(header.time)
}

pub(crate) fn time_ms_of(time: tendermint::Time) -> i64 {
    let nanos = time.unix_timestamp_nanos();
    // Tendermint times lie in the years 1 to 9999, whose milliseconds fit.
    i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

fn digest(bytes: &[u8], reason: &'static str) -> Result<[u8; 32], ProofError> {
    bytes
        .try_into()
        .map_err(|_| ProofError::InconsistentHeader { reason })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod tampering;

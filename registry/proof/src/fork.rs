//! A fork: two headers of one height, each signed by validators that the same trust root leads to.

use std::time::Duration;

use chop_keys::{KeyType, PublicKey};
use serde::{Deserialize, Serialize};
use tendermint::account;
use tendermint::block::CommitSig;

use crate::verify::time_ms;
use crate::{EncodedLightBlock, Handover, LightBlock, ProofError, TrustRoot, TrustedHeader};

/// How long ago a header may be from which evidence skips: any time, since evidence judges what was signed, not what is.
const ANY_TIME: Duration = Duration::from_hours(24 * 365 * 1_000);

/// Shows to anybody with the trust root that validators signed two histories.
///
/// Each branch is the headers from one that the pinned validators signed to the one at the forked height; one that begins
/// with the first header after a promotion is led to by the handover. As JSON
/// `{"ledger", "handover", "first": [light block], "second": [light block]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fork {
    /// The ledger's short id.
    pub ledger: String,
    /// What leads to a branch that begins with the first header after a promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
    /// The headers of one history, oldest first.
    pub first: Vec<EncodedLightBlock>,
    /// The headers of the other.
    pub second: Vec<EncodedLightBlock>,
}

/// A fork that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedFork {
    /// The height at which there are two headers.
    pub height: u64,
    /// Their hashes.
    pub hashes: [[u8; 32]; 2],
    /// Their times, milliseconds since the Unix epoch.
    pub times_ms: [i64; 2],
    /// Those who signed both.
    pub signed_both: Vec<Equivocation>,
}

/// A validator that signed two headers of one height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// Its key as Multikey.
    pub validator: String,
    /// Whether in one round, which no correct validator ever does; in two rounds it broke its lock, or a lock was released.
    pub same_round: bool,
}

impl Fork {
    /// The most headers of a branch.
    pub const MAX_HEADERS: usize = 256;

    /// Checks both branches, and that they differ at their end.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn verify(&self, root: &TrustRoot) -> Result<VerifiedFork, ProofError> {
        let no_fork = |reason| ProofError::NoFork { reason };
        let handover = self.handover.as_ref();
        let first = branch(root, handover, &self.first)?;
        let second = branch(root, handover, &self.second)?;
        if first.height() != second.height() {
            return Err(no_fork("they are of different heights"));
        }
        let hashes = [first.hash(), second.hash()];
        let [Some(one), Some(two)] = hashes else {
            return Err(no_fork("a header has no hash"));
        };
        if one == two {
            return Err(no_fork("they are one and the same"));
        }
        Ok(VerifiedFork {
            height: first.height(),
            hashes: [one, two],
            times_ms: [&first, &second].map(|block| time_ms(&block.signed_header.header)),
            signed_both: signed_both(&first, &second),
        })
    }
}

/// Walks a branch and returns its last block.
fn branch(
    root: &TrustRoot,
    handover: Option<&Handover>,
    blocks: &[EncodedLightBlock],
) -> Result<LightBlock, ProofError> {
    if blocks.len() > Fork::MAX_HEADERS {
        return Err(ProofError::TooMany {
            parts: "headers",
            count: blocks.len(),
            limit: Fork::MAX_HEADERS,
        });
    }
    let mut reached: Option<(TrustedHeader, LightBlock)> = None;
    for encoded in blocks {
        let block = encoded.decode()?;
        let crossed = handover.filter(|handover| handover.first == encoded.signed_header);
        let trusted = match (&reached, crossed) {
            (None, Some(handover)) => handover.verify(root)?.first,
            (None, None) => TrustedHeader::first(root, &block)?,
            (Some((trusted, _)), _) => {
                let made_ms = time_ms(&block.signed_header.header);
                trusted.advance(&block, made_ms, ANY_TIME)?
            }
        };
        reached = Some((trusted, block));
    }
    reached.map(|(_, block)| block).ok_or(ProofError::NoFork {
        reason: "a branch has no header",
    })
}

fn signed_both(first: &LightBlock, second: &LightBlock) -> Vec<Equivocation> {
    let commits = [&first.signed_header.commit, &second.signed_header.commit];
    let [one, two] = commits.map(|commit| signers(&commit.signatures));
    first
        .validators
        .validators()
        .iter()
        .filter(|info| one.contains(&info.address) && two.contains(&info.address))
        .filter_map(|info| PublicKey::from_raw(KeyType::Ed25519, &info.pub_key.to_bytes()).ok())
        .map(|key| Equivocation {
            validator: key.multikey(),
            same_round: commits[0].round == commits[1].round,
        })
        .collect()
}

fn signers(entries: &[CommitSig]) -> Vec<account::Id> {
    entries
        .iter()
        .filter(|entry| entry.is_commit())
        .filter_map(CommitSig::validator_address)
        .collect()
}

#[cfg(test)]
mod tests;

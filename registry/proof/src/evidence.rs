//! Statements that verify without a network, also years later: with the headers of every change of validators.
//!
//! ```text
//! trust root ──▶ change ──▶ change ──▶ header ──▶ statements         headers[0], headers[1], proof
//!                                        ▲
//!            trust root ──▶ head ──▶ link ┘                          checkpoint: parent by parent back to the header
//! ```

use serde::{Deserialize, Serialize};
use tendermint::{Hash, block};

use crate::state_proof::{
    decode_header, decode_signed_header, decode_validators, encode_header, height_of,
};
use crate::{
    BatchProof, EncodedLightBlock, Freshness, Handover, LightBlock, ProofError, StateProof,
    TrustRoot, TrustRootError, TrustedHeader, VerifiedHandover, VerifiedHeader, base64, handover,
    verify_header,
};

/// The longest timestamp token, in bytes; with certificates they have a few thousand.
const TIMESTAMP_LIMIT: usize = 32 * 1024;

/// Statements with everything that leads to them from a trust root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// What leads across the promotion of a solo ledger, when the header is above it and the first of `headers` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
    /// The headers that hand over to other validators, oldest first.
    pub headers: Vec<EncodedLightBlock>,
    /// The statements and the header that they stand under.
    pub proof: BatchProof,
    /// A later header into whose past the first one belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// An RFC 3161 token over the header hash, DER; carried for whoever checks it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "base64::option"
    )]
    pub timestamp: Option<Vec<u8>>,
}

/// A later signed header, and the headers between, each the parent of the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// The headers after the proven one and before the signed one, protobuf without commits.
    #[serde(with = "base64::list")]
    pub links: Vec<Vec<u8>>,
    /// The later header and its commit, protobuf.
    #[serde(with = "base64")]
    pub signed_header: Vec<u8>,
    /// Its validators, protobuf.
    #[serde(with = "base64")]
    pub validators: Vec<u8>,
}

/// From which side the trust root leads to the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The pinned validators, or those that they handed over to, signed the header.
    Forward,
    /// The pinned validators signed the checkpoint, and the header is in its past: the keys of that time need not be trusted.
    Backward,
}

/// Evidence that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedEvidence {
    /// The header: everything is so as of its time, and need not be so now.
    pub header: VerifiedHeader,
    /// From which side the trust root leads to it.
    pub direction: Direction,
    /// The height of the last header of the solo ledger, where the way leads across its promotion.
    pub promotion: Option<u64>,
    /// The later header that confirms it, if one was added.
    pub checkpoint: Option<VerifiedHeader>,
    /// Whether a timestamp token was added, which is not checked here.
    pub timestamp: bool,
}

impl Evidence {
    /// The most changes of validators.
    pub const MAX_HEADERS: usize = 256;
    /// The most headers between the proven one and a checkpoint.
    pub const MAX_LINKS: usize = 4_096;

    /// How often the validators change on the way, a promotion included.
    pub fn changes(&self) -> usize {
        self.headers.len() + usize::from(self.handover.is_some())
    }

    /// Checks everything but the timestamp's signature; only headers dated after `now_ms` are too new, and none is too old.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn verify(&self, root: &TrustRoot, now_ms: i64) -> Result<VerifiedEvidence, ProofError> {
        self.within_limits()?;
        let ever = Freshness::at_any_age(now_ms);
        let handover = self.handover.as_ref();
        let epochs = Epochs::follow(self.beginning(root)?, handover, &self.headers, &ever)?;
        let height = self.proof.height()?;
        let direction = self.direction(root, &epochs, height)?;
        let header = self.proof.verify(epochs.root_at(height), &ever)?;
        epochs.check_first(&header, self.proof.has_parent()?)?;
        let checkpoint = match &self.checkpoint {
            None => None,
            Some(checkpoint) => {
                let signers = match direction {
                    Direction::Forward => epochs.root_at(checkpoint.height()?),
                    Direction::Backward => root,
                };
                Some(checkpoint.verify(signers, &header, &ever)?)
            }
        };
        Ok(VerifiedEvidence {
            header,
            direction,
            promotion: epochs.promoted.map(|(first, _)| first.saturating_sub(1)),
            checkpoint,
            timestamp: self.timestamp.is_some(),
        })
    }

    /// The validators of the first header, who count for nothing until the pinned ones are found among those that follow.
    fn beginning(&self, root: &TrustRoot) -> Result<TrustRoot, ProofError> {
        let first = match (&self.handover, self.headers.first()) {
            (Some(handover), _) => handover.beginning()?,
            (None, Some(block)) => decode_validators(&block.validators)?,
            (None, None) => decode_validators(&self.proof.validators)?,
        };
        root.with_validators(first)
            .map_err(|error| not_a_set(&error))
    }

    /// What leads from the pinned validators to the header at a height: they signed it or a change before it, or the checkpoint
    /// after it.
    fn direction(
        &self,
        root: &TrustRoot,
        epochs: &Epochs,
        height: u64,
    ) -> Result<Direction, ProofError> {
        let pinned = root.validators_hash();
        if epochs
            .until(height)
            .any(|epoch| epoch.validators_hash() == pinned)
        {
            return Ok(Direction::Forward);
        }
        if let Some(checkpoint) = &self.checkpoint
            && decode_validators(&checkpoint.validators)?.hash() == pinned
        {
            return Ok(Direction::Backward);
        }
        Err(ProofError::UntrustedValidators {
            found: epochs.root_at(height).validators_hash().to_string(),
            pinned: pinned.to_string(),
        })
    }

    fn within_limits(&self) -> Result<(), ProofError> {
        let links = self
            .checkpoint
            .as_ref()
            .map_or(0, |checkpoint| checkpoint.links.len());
        for (parts, count, limit) in [
            ("headers", self.headers.len(), Self::MAX_HEADERS),
            ("links", links, Self::MAX_LINKS),
        ] {
            if count > limit {
                return Err(ProofError::TooMany {
                    parts,
                    count,
                    limit,
                });
            }
        }
        let length = self.timestamp.as_ref().map_or(0, Vec::len);
        if length > TIMESTAMP_LIMIT {
            return Err(ProofError::TooLong {
                part: "timestamp",
                length,
                limit: TIMESTAMP_LIMIT,
            });
        }
        Ok(())
    }
}

/// Who signs from which height on.
struct Epochs {
    first: TrustRoot,
    /// The first header after a promotion: height and hash.
    promoted: Option<(u64, Hash)>,
    /// The last height of an epoch, and the validators of the next.
    changes: Vec<(u64, TrustRoot)>,
}

impl Epochs {
    /// Follows headers that each hand over to the validators who signed the next.
    fn follow(
        first: TrustRoot,
        handover: Option<&Handover>,
        headers: &[EncodedLightBlock],
        freshness: &Freshness,
    ) -> Result<Self, ProofError> {
        let mut changes = Vec::with_capacity(headers.len());
        let mut trusted: Option<TrustedHeader> = None;
        let mut promoted = None;
        if let Some(handover) = handover {
            let VerifiedHandover { last, first: next } = handover.verify(&first)?;
            freshness.check(last.time_ms())?;
            freshness.check(next.time_ms())?;
            let root = last.trust_root().map_err(|error| not_a_set(&error))?;
            changes.push((last.height(), root));
            promoted = Some((next.height(), next.hash()));
            trusted = Some(next);
        }
        for encoded in headers {
            let block = encoded.decode()?;
            let next = match &trusted {
                None => TrustedHeader::first(&first, &block)?,
                Some(trusted) => trusted.follow(&block)?,
            };
            freshness.check(next.time_ms())?;
            if block.is_last_of_solo() {
                return Err(handover::refused(
                    "the header that ends a solo ledger belongs into the handover",
                ));
            }
            if !block.changes_validators() {
                return Err(ProofError::NotAdvancing {
                    height: next.height(),
                    trusted: trusted.map_or(0, |trusted| trusted.height()),
                    reason: "it changes no validators".to_owned(),
                });
            }
            let root = next.trust_root().map_err(|error| not_a_set(&error))?;
            changes.push((next.height(), root));
            trusted = Some(next);
        }
        Ok(Self {
            first,
            promoted,
            changes,
        })
    }

    /// A header without a parent is the very one that the handover shows; there is one at its height only.
    fn check_first(&self, header: &VerifiedHeader, has_parent: bool) -> Result<(), ProofError> {
        let holds = match self.promoted {
            Some((height, hash)) if height == header.height => hash == Hash::Sha256(header.hash),
            Some(_) => has_parent || header.height == 1,
            // The pinned validators themselves signed it: the trust root begins with the promoted ledger.
            None => has_parent || header.height == 1 || self.until(header.height).count() == 1,
        };
        if holds {
            Ok(())
        } else {
            Err(handover::refused(
                "the header is another first one than that of the handover",
            ))
        }
    }

    /// The validators that sign at a height: those after the last change below it.
    fn root_at(&self, height: u64) -> &TrustRoot {
        self.until(height).last().unwrap_or(&self.first)
    }

    /// The validators up to a height, oldest first.
    fn until(&self, height: u64) -> impl Iterator<Item = &TrustRoot> {
        let later = self
            .changes
            .iter()
            .take_while(move |(change, _)| *change < height)
            .map(|(_, root)| root);
        std::iter::once(&self.first).chain(later)
    }
}

fn not_a_set(error: &TrustRootError) -> ProofError {
    ProofError::Malformed {
        part: "validator set",
        reason: error.to_string(),
    }
}

impl Checkpoint {
    /// Encodes a checkpoint from its parts: the headers between, oldest first, and the later one.
    pub fn new(links: &[block::Header], head: &LightBlock) -> Self {
        let EncodedLightBlock {
            signed_header,
            validators,
            ..
        } = EncodedLightBlock::from(head);
        Self {
            links: links.iter().map(encode_header).collect(),
            signed_header,
            validators,
        }
    }

    /// The height that the later header names.
    ///
    /// # Errors
    /// When it does not decode.
    pub fn height(&self) -> Result<u64, ProofError> {
        height_of(&self.signed_header)
    }

    /// Checks that the validators of `root` signed the later header, and that `header` is in its past.
    fn verify(
        &self,
        root: &TrustRoot,
        header: &VerifiedHeader,
        freshness: &Freshness,
    ) -> Result<VerifiedHeader, ProofError> {
        let unlinked = |reason| ProofError::Checkpoint { reason };
        let proof = StateProof {
            signed_header: self.signed_header.clone(),
            validators: self.validators.clone(),
            path: Vec::new(),
        };
        let head = verify_header(root, &proof, freshness)?;
        let mut parent = (header.height, Hash::Sha256(header.hash));
        let head_header = decode_signed_header(&self.signed_header)?.header;
        let links = self.links.iter().map(|link| decode_header(link));
        for next in links.chain([Ok(head_header)]) {
            let next = next?;
            if next.height.value() != parent.0 + 1 {
                return Err(unlinked("its headers do not follow one another"));
            }
            if next.last_block_id.map(|id| id.hash) != Some(parent.1) {
                return Err(unlinked("a header names another parent"));
            }
            parent = (next.height.value(), next.hash());
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests;

//! The Merkle roots and hashes that a Tendermint header commits to, as CometBFT 0.38 computes them.
//!
//! Everything here is checked against recorded blocks of a real CometBFT.

use prost::Message;
use sha2::{Digest, Sha256};
use tendermint::block::{self, Commit, CommitSig};
use tendermint::merkle::simple_hash_from_byte_vectors;
use tendermint::{Hash, chain, vote};
use tendermint_proto::v0_38 as pb;

/// Length of a block part in bytes (CometBFT `types.BlockPartSizeBytes`).
const PART_LENGTH: usize = 65_536;

/// The part of a transaction's result that every validator agrees on (CometBFT `types.ABCIResults`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxResult {
    /// 0 when executed, another number when refused.
    pub code: u32,
    /// What the execution answered.
    pub data: Vec<u8>,
    /// Gas asked for; always 0 on a Chopmark ledger.
    pub gas_wanted: i64,
    /// Gas used; always 0 on a Chopmark ledger.
    pub gas_used: i64,
}

/// Hashes a block's transactions: the Merkle root over the SHA-256 of each (CometBFT `types.Txs.Hash`).
pub fn data_hash(txs: &[Vec<u8>]) -> Hash {
    root(
        &txs.iter()
            .map(|tx| Sha256::digest(tx).to_vec())
            .collect::<Vec<_>>(),
    )
}

/// Hashes the results of the previous block's transactions (CometBFT `types.ABCIResults.Hash`).
pub fn results_hash(results: &[TxResult]) -> Hash {
    let leaves: Vec<Vec<u8>> = results
        .iter()
        .map(|result| {
            pb::abci::ExecTxResult {
                code: result.code,
                data: result.data.clone().into(),
                gas_wanted: result.gas_wanted,
                gas_used: result.gas_used,
                ..Default::default()
            }
            .encode_to_vec()
        })
        .collect();
    root(&leaves)
}

/// Hashes the consensus parameters that a header commits to (CometBFT `types.ConsensusParams.Hash`).
pub fn consensus_hash(block_max_bytes: i64, block_max_gas: i64) -> Hash {
    let params = pb::types::HashedParams {
        block_max_bytes,
        block_max_gas,
    };
    Hash::Sha256(Sha256::digest(params.encode_to_vec()).into())
}

/// Hashes an empty list of evidence, which is what every block of a solo ledger carries.
pub fn no_evidence_hash() -> Hash {
    root::<&[u8]>(&[])
}

/// Hashes the previous block's commit (CometBFT `types.Commit.Hash`); the first block has none.
pub fn last_commit_hash(commit: Option<&Commit>) -> Hash {
    let leaves: Vec<Vec<u8>> = commit
        .into_iter()
        .flat_map(|commit| commit.signatures.iter().cloned())
        .map(|signature| pb::types::CommitSig::from(signature).encode_to_vec())
        .collect();
    root(&leaves)
}

/// Identifies a block by its header hash and the Merkle root over its parts (CometBFT `types.Block.MakePartSet`).
///
/// # Errors
/// When the block has more than 2³² parts.
pub fn block_id(
    header: &block::Header,
    txs: &[Vec<u8>],
    last_commit: Option<&Commit>,
) -> Result<block::Id, tendermint::Error> {
    let bytes = block_bytes(header, txs, last_commit);
    let parts: Vec<&[u8]> = bytes.chunks(PART_LENGTH).collect();
    let total = u32::try_from(parts.len()).map_err(tendermint::Error::integer_overflow)?;
    let part_set_header = block::parts::Header::new(total, root(&parts))?;
    Ok(block::Id {
        hash: header.hash(),
        part_set_header,
    })
}

/// The bytes that a validator signs for one commit entry, or nothing for an absent vote.
///
/// A vote for nil signs no block id (CometBFT `types.Commit.GetVote`).
pub fn vote_sign_bytes(
    chain_id: &chain::Id,
    commit: &Commit,
    entry: &CommitSig,
) -> Option<Vec<u8>> {
    let (block_id, validator_address, timestamp) = match entry {
        CommitSig::BlockIdFlagAbsent => return None,
        CommitSig::BlockIdFlagCommit {
            validator_address,
            timestamp,
            ..
        } => (Some(commit.block_id), *validator_address, *timestamp),
        CommitSig::BlockIdFlagNil {
            validator_address,
            timestamp,
            ..
        } => (None, *validator_address, *timestamp),
    };
    let vote = vote::Vote {
        vote_type: vote::Type::Precommit,
        height: commit.height,
        round: commit.round,
        block_id,
        timestamp: Some(timestamp),
        validator_address,
        // Neither the index nor the signature is part of what is signed.
        validator_index: vote::ValidatorIndex::try_from(0_u32).ok()?,
        signature: None,
        extension: Vec::new(),
        extension_signature: None,
    };
    Some(vote.into_signable_vec(chain_id.clone()))
}

/// Encodes a block as Go does: its non-nullable members are written even when they are empty.
fn block_bytes(header: &block::Header, txs: &[Vec<u8>], last_commit: Option<&Commit>) -> Vec<u8> {
    let mut raw_header = pb::types::Header::from(header.clone());
    raw_header.last_block_id.get_or_insert_with(no_block_id);
    let last_commit = last_commit.cloned().map_or_else(
        || pb::types::Commit {
            block_id: Some(no_block_id()),
            ..Default::default()
        },
        pb::types::Commit::from,
    );
    pb::types::Block {
        header: Some(raw_header),
        data: Some(pb::types::Data { txs: txs.to_vec() }),
        evidence: Some(pb::types::EvidenceList::default()),
        last_commit: Some(last_commit),
    }
    .encode_to_vec()
}

fn no_block_id() -> pb::types::BlockId {
    pb::types::BlockId {
        hash: Vec::new(),
        part_set_header: Some(pb::types::PartSetHeader::default()),
    }
}

fn root<L: AsRef<[u8]>>(leaves: &[L]) -> Hash {
    Hash::Sha256(simple_hash_from_byte_vectors::<Sha256>(leaves))
}

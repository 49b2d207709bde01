//! Making blocks: headers that hash as CometBFT hashes them, signed by one validator.

use chop_keys::{InputError, SignError, Signer, VoteSignBytes};
use tendermint::block::signed_header::SignedHeader;
use tendermint::block::{Commit, CommitSig, Header, Round, header};
use tendermint::{AppHash, Hash, Signature, chain, validator};
use thiserror::Error;

use crate::hashes::{
    TxResult, block_id, consensus_hash, data_hash, last_commit_hash, no_evidence_hash,
    results_hash, vote_sign_bytes,
};
use crate::light::time_from_ms;
use crate::verify::BLOCK_PROTOCOL;

/// The version of the state machine that headers name.
const APP_VERSION: u64 = 1;
/// The largest block that a solo ledger makes, in bytes.
pub const BLOCK_MAX_BYTES: i64 = 4 * 1024 * 1024;
/// Gas is not limited: work is bounded by block weights.
const BLOCK_MAX_GAS: i64 = -1;

/// Everything that goes into a block's header.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Chain id, `chop-` and the short ledger id.
    pub chain_id: &'a chain::Id,
    /// Height, from 1.
    pub height: u64,
    /// Block time, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The block before; `None` exactly at height 1.
    pub previous: Option<&'a SignedHeader>,
    /// The transactions of this block.
    pub txs: &'a [Vec<u8>],
    /// Root of the state after the block before.
    pub app_hash: [u8; 32],
    /// Results of the transactions of the block before.
    pub last_results: &'a [TxResult],
    /// The validators; the first of them proposes.
    pub validators: &'a validator::Set,
    /// The validators at the next height: the same ones, unless this is the last block of a solo ledger.
    pub next_validators: &'a validator::Set,
}

/// Names why a block could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value does not fit into a header.
    #[error("the header cannot be made: {0}")]
    Header(#[from] tendermint::Error),
    /// The set does not have exactly one validator.
    #[error("a solo ledger has one validator, but the set has {count}")]
    NotSolo {
        /// How many there are.
        count: usize,
    },
    /// The signing key is not the validator's.
    #[error("the signing key is not that of validator {validator}")]
    OtherKey {
        /// Address of the validator.
        validator: String,
    },
    /// The vote does not have the shape that a signer accepts.
    #[error("the vote is not in canonical form: {0}")]
    Vote(#[from] InputError),
    /// The signer refused.
    #[error("the header was not signed: {0}")]
    Sign(#[from] SignError),
}

impl Draft<'_> {
    /// The header of this block.
    ///
    /// # Errors
    /// When height or time do not fit, or there is no validator.
    pub fn header(&self) -> Result<Header, BuildError> {
        let validators_hash = self.validators.hash();
        Ok(Header {
            version: header::Version {
                block: BLOCK_PROTOCOL,
                app: APP_VERSION,
            },
            chain_id: self.chain_id.clone(),
            height: self.height.try_into()?,
            time: time_from_ms(self.time_ms)?,
            last_block_id: self.previous.map(|previous| previous.commit.block_id),
            last_commit_hash: Some(last_commit_hash(
                self.previous.map(|previous| &previous.commit),
            )),
            data_hash: Some(data_hash(self.txs)),
            validators_hash,
            next_validators_hash: self.next_validators.hash(),
            consensus_hash: consensus_hash(BLOCK_MAX_BYTES, BLOCK_MAX_GAS),
            app_hash: AppHash::try_from(self.app_hash.to_vec())?,
            last_results_hash: Some(results_hash(self.last_results)),
            evidence_hash: Some(no_evidence_hash()),
            proposer_address: self
                .validators
                .validators()
                .first()
                .ok_or(BuildError::NotSolo { count: 0 })?
                .address,
        })
    }

    /// Makes the header and signs the one precommit for it.
    ///
    /// `round` is 0 unless an earlier header of this height was signed but never committed: a later round is how
    /// Tendermint lets a validator vote for another block at the same height without equivocating.
    ///
    /// # Errors
    /// As [`Draft::header`], when there is more than one validator, and when the key is not its key or does not sign.
    pub fn seal(&self, round: u16, signer: &dyn Signer) -> Result<SignedHeader, BuildError> {
        let validator = self.sole_validator()?;
        if signer.public_key().raw() != validator.pub_key.to_bytes() {
            return Err(BuildError::OtherKey {
                validator: validator.address.to_string(),
            });
        }
        let header = self.header()?;
        let block_id = block_id(
            &header,
            self.txs,
            self.previous.map(|previous| &previous.commit),
        )?;
        let mut commit = Commit {
            height: header.height,
            round: Round::from(round),
            block_id,
            signatures: Vec::new(),
        };
        let entry = |signature| CommitSig::BlockIdFlagCommit {
            validator_address: validator.address,
            timestamp: header.time,
            signature,
        };
        let message = vote_sign_bytes(self.chain_id, &commit, &entry(None)).unwrap_or_default();
        let signature = signer.sign_header(&VoteSignBytes::new(message)?)?;
        commit
            .signatures
            .push(entry(Signature::new(signature.as_bytes())?));
        Ok(SignedHeader::new(header, commit)?)
    }

    fn sole_validator(&self) -> Result<&validator::Info, BuildError> {
        match self.validators.validators().as_slice() {
            [validator] => Ok(validator),
            others => Err(BuildError::NotSolo {
                count: others.len(),
            }),
        }
    }
}

/// Reads the state root out of a header; `None` when it is not 32 bytes.
pub fn state_root(header: &Header) -> Option<[u8; 32]> {
    header.app_hash.as_bytes().try_into().ok()
}

/// Reads a Tendermint hash; `None` when it is empty.
pub fn hash_bytes(hash: Hash) -> Option<[u8; 32]> {
    hash.as_bytes().try_into().ok()
}

/// Reads the header time in milliseconds since the Unix epoch, rounded down.
pub fn time_ms(header: &Header) -> i64 {
    crate::verify::time_ms(header)
}

//! A block as it is stored.

use borsh::{BorshDeserialize, BorshSerialize};
use chop_proof::hashes::TxResult;
use chop_protocol::Outcome;
use tendermint::block::signed_header::SignedHeader;
use tendermint_proto::Protobuf;
use tendermint_proto::v0_38::types as pb;

use super::StoreError;

/// A block: header, commit, transactions, what became of them, and the state that they left.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockRecord {
    /// `tendermint.types.SignedHeader`, protobuf; empty while the engine that made it has not handed it out yet.
    pub signed_header: Vec<u8>,
    /// The transactions, each a signed envelope or a bundle of them (`chop_protocol::transaction`).
    pub txs: Vec<Vec<u8>>,
    /// What the next header commits to, one per transaction.
    pub results: Vec<RecordedResult>,
    /// Root of the state after this block; the next header's `app_hash`.
    pub root: [u8; 32],
}

/// The agreed part of a transaction's result.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordedResult {
    /// 0 when committed, 1 when nothing in it was, 2 when it was no transaction.
    pub code: u32,
    /// The outcome, canonical JSON; of a bundle, an array of them.
    pub data: Vec<u8>,
}

impl RecordedResult {
    /// What became of the envelopes of this transaction, in their order.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn outcomes(&self) -> Result<Vec<Outcome>, StoreError> {
        let parsed = match self.data.first() {
            None => Ok(Vec::new()),
            Some(b'[') => serde_json::from_slice(&self.data),
            Some(_) => serde_json::from_slice(&self.data).map(|outcome| vec![outcome]),
        };
        parsed.map_err(|error| StoreError::Damaged {
            what: "outcome",
            reason: error.to_string(),
        })
    }
}

impl BlockRecord {
    /// Decodes header and commit.
    ///
    /// # Errors
    /// When the bytes are damaged, or the header is not there yet.
    pub fn decode_header(&self) -> Result<SignedHeader, StoreError> {
        <SignedHeader as Protobuf<pb::SignedHeader>>::decode(self.signed_header.as_slice()).map_err(
            |error| StoreError::Damaged {
                what: "signed header",
                reason: error.to_string(),
            },
        )
    }

    /// Encodes header and commit as [`BlockRecord::signed_header`] holds them.
    pub fn encode_header(header: SignedHeader) -> Vec<u8> {
        Protobuf::<pb::SignedHeader>::encode_vec(header)
    }

    /// The results in the form that headers commit to.
    pub fn tx_results(&self) -> Vec<TxResult> {
        self.results
            .iter()
            .map(|result| TxResult {
                code: result.code,
                data: result.data.clone(),
                gas_wanted: 0,
                gas_used: 0,
            })
            .collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        borsh::from_slice(bytes).map_err(|error| StoreError::Damaged {
            what: "block",
            reason: error.to_string(),
        })
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        borsh::to_vec(self).map_err(|error| StoreError::Damaged {
            what: "block",
            reason: error.to_string(),
        })
    }
}

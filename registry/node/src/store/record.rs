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

    /// The root alone, which stands at the end.
    pub(super) fn root_in(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
        let root = bytes.last_chunk().copied();
        root.ok_or_else(|| StoreError::Damaged {
            what: "block",
            reason: format!("it has {} bytes", bytes.len()),
        })
    }

    /// Whether the header stands in these bytes: its length comes first.
    pub(super) fn has_header(bytes: &[u8]) -> bool {
        bytes.first_chunk().is_some_and(|length| *length != [0; 4])
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let damaged = |error: std::io::Error| StoreError::Damaged {
            what: "block",
            reason: error.to_string(),
        };
        let mut bytes = Vec::with_capacity(borsh::object_length(self).map_err(damaged)?);
        borsh::to_writer(&mut bytes, self).map_err(damaged)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_header_are_found_without_reading_the_rest() {
        for n in 0..64_u8 {
            let bytes = |length: u8| vec![n; usize::from(length)];
            let record = BlockRecord {
                signed_header: bytes(n % 3),
                txs: vec![bytes(n); usize::from(n % 5)],
                results: vec![
                    RecordedResult {
                        code: u32::from(n),
                        data: bytes(n % 2),
                    };
                    usize::from(n % 4)
                ],
                root: [n.wrapping_mul(7); 32],
            };
            let encoded = record.encode().unwrap();
            assert_eq!(encoded, borsh::to_vec(&record).unwrap());
            let decoded = BlockRecord::decode(&encoded).unwrap();
            assert_eq!(BlockRecord::root_in(&encoded).unwrap(), decoded.root);
            let is_there = !decoded.signed_header.is_empty();
            assert_eq!(BlockRecord::has_header(&encoded), is_there);
            assert_eq!(decoded, record);
        }
        assert!(BlockRecord::root_in(&[0; 31]).is_err());
        assert!(!BlockRecord::has_header(&[]));
    }
}

//! The proof as it travels: three byte strings in canonical encodings, base64 in JSON.

use jmt::KeyHash;
use jmt::proof::SparseMerkleProof;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tendermint::block::signed_header::SignedHeader;
use tendermint::{block, validator};
use tendermint_proto::Protobuf;
use tendermint_proto::v0_38::types as pb;

use crate::{ProofError, base64};

/// Room for a header and the signatures of a thousand validators.
const HEADER_LIMIT: usize = 128 * 1024;
/// Room for a thousand validators.
const VALIDATORS_LIMIT: usize = 128 * 1024;
/// Room for 256 siblings of 65 bytes, the deepest path there can be.
const PATH_LIMIT: usize = 20 * 1024;

/// Shows what a ledger says under one key: signed header, validator set, Merkle path.
///
/// As JSON `{"signedHeader", "validators", "path"}`, each in padded base64 of, in order: a `tendermint.types.SignedHeader`
/// and a `tendermint.types.ValidatorSet` in protobuf (without proposer and priorities, which no hash covers), and a
/// `jmt` sparse Merkle proof in borsh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateProof {
    /// Header and commit, protobuf.
    #[serde(with = "base64")]
    pub signed_header: Vec<u8>,
    /// Validators in Tendermint's order, protobuf.
    #[serde(with = "base64")]
    pub validators: Vec<u8>,
    /// Leaf and siblings from the bottom up, borsh.
    #[serde(with = "base64")]
    pub path: Vec<u8>,
}

/// The place of a text key in the state tree: its SHA-256.
pub fn key_hash(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

impl StateProof {
    /// Encodes a proof from its parts; `path` is the borsh encoding of the tree's proof.
    pub fn new(signed_header: SignedHeader, validators: &validator::Set, path: Vec<u8>) -> Self {
        Self {
            signed_header: Protobuf::<pb::SignedHeader>::encode_vec(signed_header),
            validators: encode_validators(validators),
            path,
        }
    }

    /// The height that the header names; nothing is verified.
    ///
    /// # Errors
    /// When the header does not decode.
    pub fn height(&self) -> Result<u64, ProofError> {
        height_of(&self.signed_header)
    }
}

pub(crate) fn decode_signed_header(bytes: &[u8]) -> Result<SignedHeader, ProofError> {
    const PART: &str = "signed header";
    within(PART, bytes, HEADER_LIMIT)?;
    let signed = <SignedHeader as Protobuf<pb::SignedHeader>>::decode(bytes)
        .map_err(|error| malformed(PART, &error))?;
    let again = encode_signed_header(&signed);
    canonical(PART, again == bytes)?;
    Ok(signed)
}

pub(crate) fn height_of(signed_header: &[u8]) -> Result<u64, ProofError> {
    let signed = decode_signed_header(signed_header)?;
    Ok(signed.header.height.value())
}

pub(crate) fn encode_signed_header(signed: &SignedHeader) -> Vec<u8> {
    Protobuf::<pb::SignedHeader>::encode_vec(signed.clone())
}

pub(crate) fn decode_validators(bytes: &[u8]) -> Result<validator::Set, ProofError> {
    const PART: &str = "validator set";
    within(PART, bytes, VALIDATORS_LIMIT)?;
    let set = <validator::Set as Protobuf<pb::ValidatorSet>>::decode(bytes)
        .map_err(|error| malformed(PART, &error))?;
    canonical(PART, encode_validators(&set) == bytes)?;
    Ok(set)
}

/// A header alone, without commit.
pub(crate) fn decode_header(bytes: &[u8]) -> Result<block::Header, ProofError> {
    const PART: &str = "header";
    within(PART, bytes, HEADER_LIMIT)?;
    let header = <block::Header as Protobuf<pb::Header>>::decode(bytes)
        .map_err(|error| malformed(PART, &error))?;
    canonical(PART, encode_header(&header) == bytes)?;
    Ok(header)
}

pub(crate) fn encode_header(header: &block::Header) -> Vec<u8> {
    Protobuf::<pb::Header>::encode_vec(header.clone())
}

pub(crate) fn decode_path(path: &[u8]) -> Result<SparseMerkleProof<Sha256>, ProofError> {
    const PART: &str = "Merkle path";
    within(PART, path, PATH_LIMIT)?;
    let decoded: SparseMerkleProof<Sha256> =
        borsh::from_slice(path).map_err(|error| malformed(PART, &error))?;
    let again = borsh::to_vec(&decoded).map_err(|error| malformed(PART, &error))?;
    canonical(PART, again == path)?;
    Ok(decoded)
}

/// Leaves out the proposer and the priorities: no header commits to them, so a relay could change them.
pub(crate) fn encode_validators(set: &validator::Set) -> Vec<u8> {
    let validators = set
        .validators()
        .iter()
        .map(|info| validator::Info::new(info.pub_key, info.power))
        .collect();
    Protobuf::<pb::ValidatorSet>::encode_vec(validator::Set {
        validators,
        proposer: None,
        ..set.clone()
    })
}

fn within(part: &'static str, bytes: &[u8], limit: usize) -> Result<(), ProofError> {
    if bytes.len() > limit {
        return Err(ProofError::TooLong {
            part,
            length: bytes.len(),
            limit,
        });
    }
    Ok(())
}

fn canonical(part: &'static str, same: bool) -> Result<(), ProofError> {
    if same {
        Ok(())
    } else {
        Err(ProofError::NotCanonical { part })
    }
}

fn malformed(part: &'static str, error: &impl ToString) -> ProofError {
    // Library errors may carry a trace over many lines; the first says what is wrong.
    let reason = error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    ProofError::Malformed { part, reason }
}

//! A small ledger for tests: deterministic keys, a tree in memory, chains of signed headers.

use std::collections::BTreeMap;

use chop_keys::{KeyType, PrivateKey, Signer, VoteSignBytes};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, RootHash, Sha256Jmt, Version};
use tendermint::block::signed_header::SignedHeader;
use tendermint::block::{Commit, CommitSig, Header, Round};
use tendermint::{Hash, Signature, validator};

use crate::build::Draft;
use crate::hashes::{block_id, vote_sign_bytes};
use crate::{StateProof, TrustRoot, key_hash, validator_set};

pub(crate) mod changing;
pub(crate) mod promoted;

pub(crate) const GENESIS: &str = "mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2q";
pub(crate) const OTHER_GENESIS: &str = "nfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2q";
/// Time of the first header: 2026-11-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_793_491_200_000;

pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

/// A trust root over these (key, power) pairs.
pub(crate) fn root_of(genesis: &str, validators: &[(&PrivateKey, u64)]) -> TrustRoot {
    let listed: Vec<_> = validators
        .iter()
        .map(|(key, power)| (key.public_key().clone(), *power))
        .collect();
    TrustRoot::new(genesis, &listed).unwrap()
}

pub(crate) fn set_of(validators: &[(&PrivateKey, u64)]) -> validator::Set {
    let listed: Vec<_> = validators
        .iter()
        .map(|(key, power)| (key.public_key().clone(), *power))
        .collect();
    validator_set(&listed).unwrap()
}

/// A state tree in memory that keeps every version.
#[derive(Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<NodeKey, Node>,
    values: BTreeMap<(KeyHash, Version), Option<OwnedValue>>,
    pub(crate) version: Version,
}

impl TreeReader for Tree {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(node_key).cloned())
    }

    fn get_value_option(
        &self,
        max_version: Version,
        key: KeyHash,
    ) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self
            .values
            .range((key, 0)..=(key, max_version))
            .next_back()
            .and_then(|(_, value)| value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

impl Tree {
    /// A tree whose version 0 holds these pairs.
    pub(crate) fn with(pairs: &[(&str, &str)]) -> (Self, [u8; 32]) {
        let mut tree = Self::default();
        let set: Vec<_> = pairs
            .iter()
            .map(|(k, v)| (key_hash(k), Some(v.as_bytes().to_vec())))
            .collect();
        let (RootHash(root), batch) = Sha256Jmt::new(&tree).put_value_set(set, 0).unwrap();
        tree.nodes.extend(batch.node_batch.nodes().clone());
        for ((version, key), value) in batch.node_batch.values() {
            tree.values.insert((*key, *version), value.clone());
        }
        (tree, root)
    }

    /// The path to a key, in borsh.
    pub(crate) fn path(&self, key: &str) -> Vec<u8> {
        let (_, proof) = Sha256Jmt::new(self)
            .get_with_proof(key_hash(key), self.version)
            .unwrap();
        borsh::to_vec(&proof).unwrap()
    }
}

/// How a validator takes part in a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Signs,
    SignsNil,
    Absent,
}

/// Signs a header by several validators, in the order of their set.
pub(crate) fn sign(header: &Header, validators: &[(&PrivateKey, u64, Part)]) -> SignedHeader {
    let mut commit = Commit {
        height: header.height,
        round: Round::from(0_u16),
        block_id: block_id(header, &[], None).unwrap(),
        signatures: Vec::new(),
    };
    let set = set_of(
        &validators
            .iter()
            .map(|(key, power, _)| (*key, *power))
            .collect::<Vec<_>>(),
    );
    for info in set.validators() {
        let (key, _, part) = validators
            .iter()
            .find(|(key, _, _)| key.public_key().raw() == info.pub_key.to_bytes())
            .unwrap();
        let entry = |signature| match part {
            Part::Signs => CommitSig::BlockIdFlagCommit {
                validator_address: info.address,
                timestamp: header.time,
                signature,
            },
            Part::SignsNil => CommitSig::BlockIdFlagNil {
                validator_address: info.address,
                timestamp: header.time,
                signature,
            },
            Part::Absent => CommitSig::BlockIdFlagAbsent,
        };
        let signature = vote_sign_bytes(&header.chain_id, &commit, &entry(None)).map(|message| {
            let signature = key
                .sign_header(&VoteSignBytes::new(message).unwrap())
                .unwrap();
            Signature::try_from(signature.as_bytes()).unwrap()
        });
        commit.signatures.push(entry(signature));
    }
    SignedHeader::new(header.clone(), commit).unwrap()
}

/// A ledger with one validator, two headers, and a few keys.
pub(crate) struct Solo {
    pub(crate) root: TrustRoot,
    pub(crate) tree: Tree,
    pub(crate) app_hash: [u8; 32],
    pub(crate) first: SignedHeader,
    pub(crate) second: SignedHeader,
}

pub(crate) const PAIRS: [(&str, &str); 5] = [
    ("anchor/one", r#"{"status":"live"}"#),
    ("anchor/two", r#"{"status":"revoked"}"#),
    ("did/a1", r#"{"document":{}}"#),
    ("did/a2", "{}"),
    ("member/a1", "true"),
];

impl Solo {
    pub(crate) fn new() -> Self {
        Self::of(GENESIS, 7)
    }

    pub(crate) fn of(genesis: &str, seed: u8) -> Self {
        let key = key(seed);
        let root = root_of(genesis, &[(&key, 1)]);
        let (tree, app_hash) = Tree::with(&PAIRS);
        let first_draft = Draft {
            chain_id: root.tendermint_chain_id(),
            height: 1,
            time_ms: START_MS,
            previous: None,
            txs: &[],
            app_hash,
            last_results: &[],
            validators: root.validators(),
            next_validators: root.validators(),
        };
        let first = first_draft.seal(0, &key).unwrap();
        let second = Draft {
            height: 2,
            time_ms: START_MS + 1,
            previous: Some(&first),
            ..first_draft
        }
        .seal(0, &key)
        .unwrap();
        Self {
            root,
            tree,
            app_hash,
            first,
            second,
        }
    }

    pub(crate) fn proof(&self, key: &str) -> StateProof {
        StateProof::new(
            self.second.clone(),
            self.root.validators(),
            self.tree.path(key),
        )
    }
}

/// The header that follows `previous`, by `validators` and entrusting `next`.
pub(crate) fn header_after(
    previous: &SignedHeader,
    height: u64,
    validators: &validator::Set,
    next: &validator::Set,
) -> Header {
    Header {
        height: height.try_into().unwrap(),
        time: crate::light::time_from_ms(START_MS + i64::try_from(height).unwrap() * 1_000)
            .unwrap(),
        last_block_id: Some(previous.commit.block_id),
        validators_hash: validators.hash(),
        next_validators_hash: next.hash(),
        last_results_hash: Some(Hash::Sha256([0; 32])),
        ..previous.header.clone()
    }
}

//! Cases under several validators, in a tree deep enough for every kind of node: what commits, sets and paths may be.

mod altered;

use chop_keys::PrivateKey;
use tendermint::block::signed_header::SignedHeader;
use tendermint::block::{CommitSig, Header};
use tendermint_proto::v0_38::types as pb;

use super::{Case, Filed, accepted, refused};
use crate::build::Draft;
use crate::fixtures::{GENESIS, Part, START_MS, Solo, Tree, key, root_of, sign};
use crate::{StateProof, TrustRoot};
use altered::{altered, altered_nil, far_path, with_high_s, with_long_total, with_mixed_order};

use Part::{Absent, Signs, SignsNil};

pub(super) fn cases() -> Vec<Filed> {
    let mut cases = commits();
    cases.extend(bad_commits());
    cases.extend(bad_headers());
    cases.extend(encodings());
    cases.extend(paths());
    cases
}

/// A ledger of several validators and forty keys.
struct Consortium {
    keys: Vec<(PrivateKey, u64)>,
    root: TrustRoot,
    tree: Tree,
    header: Header,
}

impl Consortium {
    /// Validators with these powers; key n has seed n, from 1.
    fn of(powers: &[u64]) -> Self {
        let keys: Vec<_> = (1..).map(key).zip(powers.iter().copied()).collect();
        let listed: Vec<_> = keys.iter().map(|(key, power)| (key, *power)).collect();
        let root = root_of(GENESIS, &listed);
        let pairs: Vec<_> = (0..40).map(|n| format!("did/{n}")).collect();
        let pairs: Vec<_> = pairs.iter().map(|key| (key.as_str(), "{}")).collect();
        let (tree, app_hash) = Tree::with(&pairs);
        let parent = Solo::new().first;
        let header = Draft {
            chain_id: root.tendermint_chain_id(),
            height: 2,
            time_ms: START_MS,
            previous: Some(&parent),
            txs: &[],
            app_hash,
            last_results: &[],
            validators: root.validators(),
            next_validators: root.validators(),
        };
        let header = header.header().unwrap();
        Self {
            keys,
            root,
            tree,
            header,
        }
    }

    fn four() -> Self {
        Self::of(&[1, 1, 1, 1])
    }

    /// Signs the header; part n is that of key n.
    fn signed(&self, parts: &[Part]) -> SignedHeader {
        let parts: Vec<_> = self
            .keys
            .iter()
            .zip(parts)
            .map(|((key, power), part)| (key, *power, *part))
            .collect();
        sign(&self.header, &parts)
    }

    fn case(&self, description: &str, signed: SignedHeader) -> Case {
        self.statement(description, signed, "did/7", Some("{}"))
    }

    fn statement(
        &self,
        description: &str,
        signed: SignedHeader,
        key: &str,
        value: Option<&str>,
    ) -> Case {
        Case {
            description: description.to_owned(),
            trust_root: self.root.clone(),
            key: key.to_owned(),
            value: value.map(str::to_owned),
            now_ms: START_MS + 1_000,
            max_age_ms: 60_000,
            proof: StateProof::new(signed, self.root.validators(), self.tree.path(key)),
            refused: None,
            height: None,
        }
    }
}

fn commits() -> Vec<Filed> {
    let four = Consortium::four();
    let weighted = Consortium::of(&[3, 10, 5, 10]);
    let first = Consortium {
        header: Header {
            height: 1_u32.into(),
            last_block_id: None,
            ..four.header.clone()
        },
        ..Consortium::four()
    };
    vec![
        accepted(
            "four-of-four",
            2,
            four.case("all validators sign", four.signed(&[Signs; 4])),
        ),
        accepted(
            "three-of-four",
            2,
            four.case(
                "one validator is absent",
                four.signed(&[Signs, Absent, Signs, Signs]),
            ),
        ),
        accepted(
            "one-for-nil",
            2,
            four.case(
                "one validator votes for nil, with a signature that holds",
                four.signed(&[Signs, Signs, SignsNil, Signs]),
            ),
        ),
        accepted(
            "unequal-powers",
            2,
            weighted.case(
                "two of four validators, with 20 of 28 power; sets are in order of power, then of address",
                weighted.signed(&[Absent, Signs, SignsNil, Signs]),
            ),
        ),
        accepted(
            "first-header",
            1,
            first.case(
                "the first header, which has no parent",
                first.signed(&[Signs; 4]),
            ),
        ),
        accepted(
            "mixed-order-signature",
            2,
            four.case(
                "a signature whose R has a part of small order: ZIP-215 accepts it, RFC 8032 without cofactor does not",
                with_mixed_order(&four),
            ),
        ),
    ]
}

fn bad_commits() -> Vec<Filed> {
    let four = Consortium::four();
    let three = Consortium::of(&[1, 1, 1]);
    let changed = |change: fn(&mut Vec<CommitSig>)| {
        let mut signed = four.signed(&[Signs, Signs, SignsNil, Signs]);
        change(&mut signed.commit.signatures);
        signed
    };
    vec![
        refused(
            "two-of-four",
            "too-little-power",
            four.case(
                "half of the power signs",
                four.signed(&[Signs, Absent, SignsNil, Signs]),
            ),
        ),
        refused(
            "exactly-two-thirds",
            "too-little-power",
            three.case(
                "exactly two thirds of the power sign, and more must",
                three.signed(&[Signs, Absent, Signs]),
            ),
        ),
        refused(
            "swapped-entries",
            "out-of-order",
            four.case(
                "two entries of the commit have changed places",
                changed(|entries| entries.swap(0, 1)),
            ),
        ),
        refused(
            "missing-entry",
            "commit-length",
            four.case(
                "the commit has three entries for four validators",
                changed(|entries| drop(entries.pop())),
            ),
        ),
        refused(
            "bad-signature-past-two-thirds",
            "bad-signature",
            four.case(
                "three validators sign, and the fourth signature is altered",
                altered(&four.signed(&[Signs; 4]), 3),
            ),
        ),
        refused(
            "bad-signature-for-nil",
            "bad-signature",
            four.case(
                "three validators sign, and the signature for nil is altered",
                altered_nil(&four),
            ),
        ),
        refused(
            "high-s",
            "bad-signature",
            four.case(
                "a signature whose s is not below the group order",
                with_high_s(&four.signed(&[Signs; 4])),
            ),
        ),
    ]
}

fn bad_headers() -> Vec<Filed> {
    let four = Consortium::four();
    let with = |change: fn(&mut Header)| {
        let mut header = four.header.clone();
        change(&mut header);
        Consortium {
            header,
            ..Consortium::four()
        }
        .signed(&[Signs; 4])
    };
    let mut altered = four.signed(&[Signs; 4]);
    altered.header.data_hash = Some(tendermint::Hash::Sha256([9; 32]));
    let other_set = Consortium::of(&[2, 1, 1, 1]);
    vec![
        refused(
            "altered-header",
            "other-block",
            four.case("a header altered after it was signed", altered),
        ),
        refused(
            "other-set",
            "other-validators",
            Case {
                proof: StateProof::new(
                    four.signed(&[Signs; 4]),
                    other_set.root.validators(),
                    four.tree.path("did/7"),
                ),
                ..four.case(
                    "the set has other powers than the header names",
                    four.signed(&[Signs; 4]),
                )
            },
        ),
        refused(
            "other-protocol",
            "other-protocol",
            four.case(
                "a header of another block protocol",
                with(|header| header.version.block = 12),
            ),
        ),
        refused(
            "no-parent",
            "inconsistent-header",
            four.case(
                "a later header that names no parent",
                with(|header| header.last_block_id = None),
            ),
        ),
        refused(
            "short-state-root",
            "inconsistent-header",
            four.case(
                "a state root of 20 bytes",
                with(|header| header.app_hash = vec![1; 20].try_into().unwrap()),
            ),
        ),
    ]
}

/// Cases in which another spelling of the same content is refused.
fn encodings() -> Vec<Filed> {
    let four = Consortium::four();
    let case = |description: &str| four.case(description, four.signed(&[Signs; 4]));
    let respelled = |description: &str, change: fn(&mut pb::ValidatorSet)| {
        let mut raw: pb::ValidatorSet = four.root.validators().clone().into();
        change(&mut raw);
        let mut case = case(description);
        case.proof.validators = prost::Message::encode_to_vec(&raw);
        case
    };
    let mut long_number = case("a number with a byte more than it needs");
    long_number.proof.validators = with_long_total(&long_number.proof.validators);
    let absent = four.signed(&[Signs, Signs, Signs, Absent]);
    let mut dated = pb::SignedHeader::from(absent);
    let entries = dated.commit.as_mut().map(|commit| &mut commit.signatures);
    for entry in entries.into_iter().flatten() {
        if entry.block_id_flag == 1 {
            entry.timestamp = None;
        }
    }
    let mut undated = case("an absent entry without its zero time");
    undated.proof.signed_header = prost::Message::encode_to_vec(&dated);
    vec![
        refused(
            "proposer-listed",
            "not-canonical",
            respelled("a set with a proposer, which no header commits to", |raw| {
                raw.proposer = raw.validators.first().cloned();
            }),
        ),
        refused(
            "priority-listed",
            "not-canonical",
            respelled(
                "a validator with a priority, which no header commits to",
                |raw| {
                    raw.validators.first_mut().unwrap().proposer_priority = 5;
                },
            ),
        ),
        refused(
            "unsorted-set",
            "not-canonical",
            respelled("a set in another order", |raw| raw.validators.reverse()),
        ),
        refused(
            "no-total",
            "not-canonical",
            respelled("a set without its total power", |raw| {
                raw.total_voting_power = 0;
            }),
        ),
        refused("long-number", "not-canonical", long_number),
        refused("undated-absence", "not-canonical", undated),
    ]
}

fn paths() -> Vec<Filed> {
    let four = Consortium::four();
    let all = || four.signed(&[Signs; 4]);
    let absent: Vec<String> = (40..80).map(|n| format!("did/{n}")).collect();
    // The first byte of a path tells whether it ends at a leaf.
    let ends_at_leaf = |key: &&String| four.tree.path(key).first() == Some(&1);
    let at_leaf = absent.iter().find(ends_at_leaf).unwrap();
    let at_nothing = absent.iter().find(|key| !ends_at_leaf(key)).unwrap();
    let with_path = |description: &str, path: Vec<u8>| {
        let mut case = four.statement(description, all(), at_leaf, None);
        case.proof.path = path;
        case
    };
    vec![
        accepted(
            "absence-at-another-leaf",
            2,
            four.statement(
                "an absent key in whose place another key's leaf stands",
                all(),
                at_leaf,
                None,
            ),
        ),
        accepted(
            "absence-at-an-empty-place",
            2,
            four.statement(
                "an absent key whose place is empty",
                all(),
                at_nothing,
                None,
            ),
        ),
        refused(
            "leaf-elsewhere",
            "path-mismatch",
            with_path(
                "a leaf that stands elsewhere, to show that a key is absent",
                far_path(&four, at_leaf),
            ),
        ),
        refused(
            "long-path",
            "too-long",
            with_path(
                "a path longer than any tree is deep",
                vec![0; 20 * 1024 + 1],
            ),
        ),
        refused(
            "trailing-path",
            "malformed",
            with_path("a path with a byte appended", {
                let mut path = four.tree.path(at_leaf);
                path.push(0);
                path
            }),
        ),
    ]
}

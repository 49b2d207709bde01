//! Our hashing, encoding and checking against blocks that a real CometBFT 0.38 made.

use std::fs;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use prost::Message;
use serde_json::Value;
use tendermint::block::signed_header::SignedHeader;
use tendermint::block::{Commit, CommitSig};
use tendermint::validator;

use crate::hashes::{
    TxResult, block_id, consensus_hash, data_hash, last_commit_hash, no_evidence_hash, results_hash,
};
use crate::verify::check_chain;
use crate::{
    Freshness, LightBlock, ProofError, StateProof, TrustRoot, TrustedHeader, verify_header,
};

struct Recorded {
    name: String,
    signed: SignedHeader,
    validators: validator::Set,
    next_validators: validator::Set,
    txs: Vec<Vec<u8>>,
    last_commit: Option<Commit>,
    results: Vec<TxResult>,
    json: Value,
}

impl Recorded {
    fn read(path: &Path) -> Self {
        let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let block = &json["block"]["block"];
        let last_commit: tendermint_proto::v0_38::types::Commit =
            serde_json::from_value(block["last_commit"].clone()).unwrap();
        let last_commit =
            (!last_commit.signatures.is_empty()).then(|| Commit::try_from(last_commit).unwrap());
        let txs = block["data"]["txs"].as_array().into_iter().flatten();
        let results = json["block_results"]["txs_results"]
            .as_array()
            .into_iter()
            .flatten();
        Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            signed: serde_json::from_value(json["signed_header"].clone()).unwrap(),
            validators: set(&json["validators"]),
            next_validators: set(&json["next_validators"]),
            txs: txs
                .map(|tx| BASE64.decode(tx.as_str().unwrap().as_bytes()).unwrap())
                .collect(),
            last_commit,
            results: results.map(tx_result).collect(),
            json,
        }
    }

    fn root(&self) -> TrustRoot {
        TrustRoot::pinned(
            "recorded".to_owned(),
            self.signed.header.chain_id.clone(),
            self.validators.clone(),
        )
        .unwrap()
    }

    fn light(&self) -> LightBlock {
        LightBlock {
            signed_header: self.signed.clone(),
            validators: self.validators.clone(),
            next_validators: self.next_validators.clone(),
        }
    }
}

fn set(json: &Value) -> validator::Set {
    let infos: Vec<validator::Info> = serde_json::from_value(json.clone()).unwrap();
    validator::Set::without_proposer(infos)
}

fn tx_result(json: &Value) -> TxResult {
    let number = |name: &str| json[name].as_str().unwrap_or("0").parse().unwrap();
    TxResult {
        code: u32::try_from(json["code"].as_u64().unwrap()).unwrap(),
        data: json["data"]
            .as_str()
            .map_or_else(Vec::new, |data| BASE64.decode(data.as_bytes()).unwrap()),
        gas_wanted: number("gas_wanted"),
        gas_used: number("gas_used"),
    }
}

fn recorded(prefix: &str) -> Vec<Recorded> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/vectors/valid/cometbft");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(prefix)
    });
    files.sort();
    assert!(
        files.len() >= 7,
        "recorded blocks of {prefix}: {}",
        files.len()
    );
    files.iter().map(|path| Recorded::read(path)).collect()
}

fn all() -> Vec<Recorded> {
    let mut blocks = recorded("one-");
    blocks.extend(recorded("four-"));
    blocks
}

#[test]
fn every_hash_in_a_recorded_header_is_the_one_that_we_compute() {
    for block in all() {
        let header = &block.signed.header;
        let params = &block.json["consensus_params"]["block"];
        let number = |name: &str| params[name].as_str().unwrap().parse().unwrap();
        assert_eq!(
            header.data_hash,
            Some(data_hash(&block.txs)),
            "{}",
            block.name
        );
        assert_eq!(
            header.validators_hash,
            block.validators.hash(),
            "{}",
            block.name
        );
        assert_eq!(
            header.next_validators_hash,
            block.next_validators.hash(),
            "{}",
            block.name
        );
        assert_eq!(
            header.consensus_hash,
            consensus_hash(number("max_bytes"), number("max_gas")),
            "{}",
            block.name
        );
        assert_eq!(
            header.evidence_hash,
            Some(no_evidence_hash()),
            "{}",
            block.name
        );
        assert_eq!(
            header.last_commit_hash,
            Some(last_commit_hash(block.last_commit.as_ref())),
            "{}",
            block.name
        );
        assert_eq!(
            header.hash(),
            block.signed.commit.block_id.hash,
            "{}",
            block.name
        );
    }
}

#[test]
fn the_whole_block_id_is_the_one_that_we_compute_also_over_several_parts() {
    let mut parts = Vec::new();
    for block in all() {
        let id = block_id(&block.signed.header, &block.txs, block.last_commit.as_ref()).unwrap();
        assert_eq!(id, block.signed.commit.block_id, "{}", block.name);
        parts.push(id.part_set_header.total);
    }
    assert!(parts.iter().any(|total| *total > 1), "{parts:?}");
}

#[test]
fn a_recorded_header_commits_to_the_results_of_the_block_before() {
    let mut checked = 0;
    for blocks in [recorded("one-"), recorded("four-")] {
        for pair in blocks.windows(2) {
            let [before, after] = pair else { continue };
            if after.signed.header.height != before.signed.header.height.increment() {
                continue;
            }
            assert_eq!(
                after.signed.header.last_results_hash,
                Some(results_hash(&before.results)),
                "{}",
                after.name
            );
            checked += usize::from(!before.results.is_empty());
        }
    }
    assert!(
        checked >= 3,
        "{checked} blocks with results were followed by a recorded one"
    );
}

#[test]
fn recorded_commits_verify_also_with_an_absent_validator() {
    let mut absent = 0;
    for block in all() {
        let header = &block.signed.header;
        let proof = StateProof::new(block.signed.clone(), &block.validators, Vec::new());
        let now = Freshness::at_any_age(header.time.unix_timestamp() * 1_000 + 1_000);
        // kvstore's app hash has 8 bytes; everything before that check, the commit included, passed.
        assert_eq!(
            verify_header(&block.root(), &proof, &now),
            Err(ProofError::InconsistentHeader {
                reason: "app_hash is not 32 bytes"
            }),
            "{}",
            block.name
        );
        check_chain(&block.root(), &block.signed).unwrap();
        absent += block
            .signed
            .commit
            .signatures
            .iter()
            .filter(|entry| entry.is_absent())
            .count();
    }
    assert!(absent > 0);
}

#[test]
fn a_recorded_commit_with_any_signature_changed_is_refused() {
    for block in all() {
        let proof = StateProof::new(block.signed.clone(), &block.validators, Vec::new());
        let now = Freshness::at_any_age(block.signed.header.time.unix_timestamp() * 1_000 + 1_000);
        for index in 0..block.signed.commit.signatures.len() {
            let mut signed = block.signed.clone();
            let CommitSig::BlockIdFlagCommit { signature, .. } =
                &mut signed.commit.signatures[index]
            else {
                continue;
            };
            let mut bytes = signature.clone().unwrap().into_bytes();
            bytes[7] ^= 1;
            *signature = Some(bytes.try_into().unwrap());
            let forged = StateProof::new(signed, &block.validators, Vec::new());
            assert_ne!(forged, proof);
            let refused = verify_header(&block.root(), &forged, &now).unwrap_err();
            assert_eq!(
                refused.code(),
                "proof.bad-signature",
                "{} {index}",
                block.name
            );
        }
    }
}

#[test]
fn recorded_headers_encode_as_go_encodes_them() {
    for block in all() {
        // Go writes the header's non-nullable `last_block_id` also at height 1, where the canonical form leaves it out.
        let ours =
            StateProof::new(block.signed.clone(), &block.validators, Vec::new()).signed_header;
        let raw: tendermint_proto::v0_38::types::SignedHeader =
            serde_json::from_value(block.json["signed_header"].clone()).unwrap();
        let height = block.signed.header.height.value();
        assert_eq!(ours == raw.encode_to_vec(), height > 1, "{}", block.name);
    }
}

#[test]
fn a_light_client_follows_the_recorded_change_of_validators() {
    let blocks = recorded("four-");
    let year = Duration::from_hours(24 * 365);
    let powers: Vec<String> = blocks
        .iter()
        .map(|block| block.validators.hash().to_string())
        .collect();
    assert_ne!(
        powers.first(),
        powers.last(),
        "the validators change in the recording"
    );
    let now_ms = blocks.last().unwrap().signed.header.time.unix_timestamp() * 1_000 + 1_000;

    // Block by block where the recording is contiguous, by skipping where it is not.
    let mut trusted = TrustedHeader::first(&blocks[0].root(), &blocks[0].light()).unwrap();
    for block in &blocks[1..] {
        trusted = trusted
            .advance(&block.light(), now_ms, year)
            .unwrap_or_else(|error| panic!("{}: {error}", block.name));
    }
    assert_eq!(trusted.height(), 45);

    // A first header whose next set is exchanged is refused.
    let forged = LightBlock {
        next_validators: blocks.last().unwrap().validators.clone(),
        ..blocks[0].light()
    };
    assert!(TrustedHeader::first(&blocks[0].root(), &forged).is_err());
}

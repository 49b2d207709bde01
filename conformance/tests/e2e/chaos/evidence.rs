//! A validator that signs twice: CometBFT records the evidence, and the other members' nodes propose to suspend its member.

use crate::support::consortium::{Consortium, consortium, height, lock, member, until};
use chop_protocol::{Change, Proposal};
use data_encoding::{BASE64, HEXUPPER};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use tendermint::block::{Height, Id, Round, parts};
use tendermint::{Hash, Time, Vote, account, vote};

#[test]
fn a_validator_that_signs_twice_is_convicted_and_its_members_suspension_proposed_once() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    consortium.write(0);
    let offender = consortium.members[3];
    let signed_at = height(&consortium.nodes[0]) - 1;
    let evidence = signs_twice(&consortium, 3, signed_at);
    let answer = ask(
        &consortium,
        0,
        "broadcast_evidence",
        &json!({"evidence": evidence}),
    );
    assert!(answer.get("error").is_none(), "{answer}");
    consortium.write(1);

    for index in 0..4 {
        until("its suspension is proposed", || {
            !about(&consortium, index, &offender.to_string()).is_empty()
        });
    }
    // The members that did not come first see that one is there.
    std::thread::sleep(std::time::Duration::from_secs(7));
    let proposals = about(&consortium, 1, &offender.to_string());
    let [proposal] = proposals.as_slice() else {
        panic!("{proposals:?}");
    };
    assert_ne!(proposal.proposer, offender);
    let note = proposal.signed["actions"][0]["note"].to_string();
    assert!(
        note.contains(&format!("signed two blocks of height {signed_at}")),
        "{}",
        proposal.signed
    );

    // The members decide; here they keep it.
    let id = proposal.id.to_string();
    for index in (0..3).filter(|index| consortium.members[*index] != proposal.proposer) {
        if !about(&consortium, index, &offender.to_string()).is_empty() {
            member(&consortium, index, &["vote", &id, "no"]);
        }
    }
    assert!(about(&consortium, 2, &offender.to_string()).is_empty());
    consortium.assert_same_blocks();
}

/// The open proposals to suspend a member.
fn about(consortium: &Consortium, index: usize, member: &str) -> Vec<Proposal> {
    let page = consortium.nodes[index].get("/v1/proposals").json();
    let listed = page["proposals"].as_array().unwrap().clone();
    let proposals = listed
        .into_iter()
        .map(|listed| serde_json::from_value::<Proposal>(listed["proposal"].clone()).unwrap());
    proposals
        .filter(|proposal| matches!(&proposal.change, Change::Suspend(of) if of.member.to_string() == member))
        .collect()
}

/// Two votes of one validator for different blocks at one height, as CometBFT takes evidence.
fn signs_twice(consortium: &Consortium, index: usize, height: u64) -> Value {
    let file = consortium
        .node(index)
        .join("cometbft/config/priv_validator_key.json");
    let key: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let secret = BASE64
        .decode(key["priv_key"]["value"].as_str().unwrap().as_bytes())
        .unwrap();
    let key = SigningKey::from_bytes(secret[..32].try_into().unwrap());
    let address: [u8; 20] = Sha256::digest(key.verifying_key().as_bytes())[..20]
        .try_into()
        .unwrap();

    let block = ask(
        consortium,
        0,
        "block",
        &json!({"height": height.to_string()}),
    );
    let header = &block["result"]["block"]["header"];
    let chain: tendermint::chain::Id = header["chain_id"].as_str().unwrap().parse().unwrap();
    let time: Time = header["time"].as_str().unwrap().parse().unwrap();
    let set = ask(
        consortium,
        0,
        "validators",
        &json!({"height": height.to_string()}),
    );
    let validators = set["result"]["validators"].as_array().unwrap();
    let place = validators
        .iter()
        .position(|listed| listed["address"] == HEXUPPER.encode(&address))
        .unwrap();
    let power =
        |listed: &Value| -> u64 { listed["voting_power"].as_str().unwrap().parse().unwrap() };
    let vote = |seed: u8| {
        let hash = Hash::Sha256([seed; 32]);
        let block_id = Id {
            hash,
            part_set_header: parts::Header::new(1, hash).unwrap(),
        };
        let vote = Vote {
            vote_type: vote::Type::Prevote,
            height: Height::try_from(height).unwrap(),
            round: Round::default(),
            block_id: Some(block_id),
            timestamp: Some(time),
            validator_address: account::Id::new(address),
            validator_index: u32::try_from(place).unwrap().try_into().unwrap(),
            signature: None,
            extension: Vec::new(),
            extension_signature: None,
        };
        let signature = key.sign(&vote.clone().into_signable_vec(chain.clone()));
        let hash = HEXUPPER.encode(&[seed; 32]);
        json!({
            "type": 1,
            "height": height.to_string(),
            "round": 0,
            "block_id": {"hash": hash, "parts": {"total": 1, "hash": hash}},
            "timestamp": header["time"],
            "validator_address": HEXUPPER.encode(&address),
            "validator_index": place,
            "signature": BASE64.encode(&signature.to_bytes()),
        })
    };
    json!({"type": "tendermint/DuplicateVoteEvidence", "value": {
        "vote_a": vote(0x11),
        "vote_b": vote(0x22),
        "TotalVotingPower": validators.iter().map(power).sum::<u64>().to_string(),
        "ValidatorPower": power(&validators[place]).to_string(),
        "Timestamp": header["time"],
    }})
}

/// Asks a node's CometBFT.
fn ask(consortium: &Consortium, index: usize, method: &str, params: &Value) -> Value {
    let socket = consortium.node(index).join("cometbft/rpc.sock");
    let mut stream = UnixStream::connect(socket).unwrap();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let head = format!(
        "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

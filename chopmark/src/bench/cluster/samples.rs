//! The transactions of the measurements, made before they are sent.

use anyhow::Context as _;
use chop_integrity::{Hash, Timestamp};
use chop_keys::PrivateKey;
use chop_node::engine::comet::floor;
use chop_protocol::terms::Nonce;
use chop_protocol::{Action, AnchorCredential, CredentialType, Envelope, UnsignedEnvelope};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::load;
use super::super::submit::{self, ENVELOPE_LIFE_MS};
use super::consortium::Member;
use super::drive::{Door, Lane, Sample};
use crate::scenario::{Client, fresh_key};

/// Bytes of a transaction on the bare CometBFT; an anchoring envelope has as many, less six.
pub(super) const BYTES: usize = 1_024;
/// As long as a credential's type may be.
const TYPE_LENGTH: usize = 128;

/// Envelopes in which each member anchors a credential of its own, with one signature, which its node makes.
///
/// # Errors
/// When an envelope cannot be written.
pub(super) fn anchors(members: &[Member], each: usize) -> anyhow::Result<Vec<Lane>> {
    of_members(members, each, anchor)
}

/// Envelopes that create a DID with keys of its own each: signed by that key twice, and by the sponsor.
///
/// # Errors
/// When an envelope cannot be signed.
pub(super) fn creates(members: &[Member], each: usize) -> anyhow::Result<Vec<Lane>> {
    of_members(members, each, submit::envelope)
}

/// Signed pairs for the floor's application.
///
/// # Errors
/// When one cannot be signed.
pub(super) fn signed(doors: &[Door], each: usize) -> anyhow::Result<Vec<Lane>> {
    of_doors(doors, each, |key| {
        Ok(floor::transaction(key, chop_http::random::bytes(), BYTES)?)
    })
}

/// Pairs for CometBFT's own store, unsigned.
///
/// # Errors
/// Never in practice: see [`signed`].
pub(super) fn pairs(doors: &[Door], each: usize) -> anyhow::Result<Vec<Lane>> {
    of_doors(doors, each, |_| {
        let name = HEXLOWER.encode(&chop_http::random::bytes::<16>());
        Ok(format!("{name}={}", "v".repeat(BYTES - name.len() - 1)).into_bytes())
    })
}

fn of_members(
    members: &[Member],
    each: usize,
    body: fn(&Client) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Vec<Lane>> {
    at_once(members, |member| {
        let sample = |_| {
            let request = load::post("/v1/transactions", &member.token, &body(&member.client)?);
            Ok(Sample {
                request,
                hash: None,
            })
        };
        let samples: anyhow::Result<_> = (0..each).map(sample).collect();
        Ok((member.door(), samples?))
    })
}

fn of_doors(
    doors: &[Door],
    each: usize,
    transaction: impl Fn(&PrivateKey) -> anyhow::Result<Vec<u8>> + Sync,
) -> anyhow::Result<Vec<Lane>> {
    at_once(doors, |door| {
        let key = fresh_key()?;
        let sample = |_| {
            let tx = transaction(&key)?;
            let call = json!({
                "jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync",
                "params": {"tx": BASE64.encode(&tx)},
            });
            Ok(Sample {
                request: load::post("/", "", call.to_string().as_bytes()),
                hash: Some(Sha256::digest(&tx).into()),
            })
        };
        let samples: anyhow::Result<_> = (0..each).map(sample).collect();
        Ok((door.clone(), samples?))
    })
}

/// Makes the lanes on as many threads.
fn at_once<T: Sync>(
    of: &[T],
    lane: impl Fn(&T) -> anyhow::Result<Lane> + Sync,
) -> anyhow::Result<Vec<Lane>> {
    std::thread::scope(|scope| {
        let making: Vec<_> = of.iter().map(|one| scope.spawn(|| lane(one))).collect();
        let lane = |thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<Lane>>| {
            thread.join().ok().context("making samples broke off")?
        };
        making.into_iter().map(lane).collect()
    })
}

/// The least that an organisation asks of its ledger: one anchor, with type and subject.
fn anchor(client: &Client) -> anyhow::Result<Vec<u8>> {
    let anchor = AnchorCredential {
        digest: Hash::of("bench", &chop_http::random::bytes::<32>()),
        credential_type: Some(credential_type()?),
        subject: Some(*client.operator()),
    };
    let envelope = Envelope {
        ledger: *client.ledger(),
        actor: *client.operator(),
        sponsor: *client.operator(),
        nonce: Nonce::new(chop_http::random::bytes()),
        valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms()).plus_ms(ENVELOPE_LIFE_MS),
        actions: vec![Action::Anchor(anchor)],
    };
    let unsigned = UnsignedEnvelope::new(&envelope)?.to_value();
    Ok(unsigned.to_string().into_bytes())
}

fn credential_type() -> anyhow::Result<CredentialType> {
    Ok(CredentialType::parse(&format!(
        "{:a<TYPE_LENGTH$}",
        "https://bench.example/"
    ))?)
}

#[cfg(test)]
mod tests {
    use chop_did::ChopDid;

    use super::super::super::load::At;
    use super::*;

    #[test]
    fn an_anchoring_envelope_has_about_a_kibibyte_when_it_is_signed() {
        let key = fresh_key().unwrap();
        let did = ChopDid::parse(&format!("did:chop:{}:a{}", "h".repeat(16), "a".repeat(52)));
        let did = did.unwrap();
        let envelope = Envelope {
            ledger: format!("{}a", "h".repeat(51)).parse().unwrap(),
            actor: did,
            sponsor: did,
            nonce: Nonce::new([7; 16]),
            valid_until: Timestamp::from_unix_ms(1_793_491_200_000),
            actions: vec![Action::Anchor(AnchorCredential {
                digest: Hash::of("bench", &[]),
                credential_type: Some(credential_type().unwrap()),
                subject: Some(did),
            })],
        };
        let length = envelope.sign(&[&key]).unwrap().bytes().len();
        assert!((BYTES - 8..=BYTES).contains(&length), "{length}");
    }

    #[test]
    fn every_door_gets_transactions_of_its_own_that_are_all_different() {
        let door = Door {
            at: At::Unix("/nonexistent".into()),
            commits: None,
        };
        for make in [signed, pairs] {
            let lanes = make(&[door.clone(), door.clone()], 3).unwrap();
            let hashes: std::collections::BTreeSet<_> = lanes
                .iter()
                .flat_map(|(_, samples)| samples.iter().map(|sample| sample.hash))
                .collect();
            assert_eq!((lanes.len(), hashes.len()), (2, 6));
        }
    }
}

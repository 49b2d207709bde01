//! Writing at a stack of this process, against a bare handler.

use std::net::SocketAddr;

use chop_did::build::{self, GenesisDraft};
use chop_did::{Class, KeySet, UpdateKeys};
use chop_integrity::Timestamp;
use chop_keys::Signer as _;
use chop_protocol::terms::Nonce;
use chop_protocol::{Action, Envelope};

use super::measure::Figures;
use super::row::Row;
use super::{floor, load};
use crate::scenario::{Client, fresh_key};

/// The row's name.
pub(super) const NAME: &str = "submit";
/// Connections that submit; group commit needs company.
const SUBMITTERS: usize = 64;
/// Envelopes that are submitted.
const ENVELOPES: usize = 2_000;
/// How long the envelopes of a run are good for, in milliseconds.
pub(super) const ENVELOPE_LIFE_MS: i64 = 30 * 60 * 1_000;

/// Submits envelopes that each create one DID.
///
/// # Errors
/// When one is not taken.
pub(super) async fn row(client: &Client, address: SocketAddr) -> anyhow::Result<Row> {
    let requests = (0..ENVELOPES).map(|_| {
        envelope(client).map(|body| load::post("/v1/transactions", client.token(), &body))
    });
    let requests: Vec<Vec<u8>> = requests.collect::<Result<_, _>>()?;
    let ours = load::once(address, requests.clone(), 201, SUBMITTERS).await?;
    let (bare, serving) = floor::serve(ours.body).await?;
    let floor = load::once(bare, requests, 201, SUBMITTERS).await?;
    serving.abort();
    let figures = Figures {
        us: ours.micros(),
        raw_us: floor.micros(),
        ratio: ours.micros() / floor.micros(),
    };
    Ok(Row::new(NAME, figures, None))
}

/// An envelope that creates one DID with keys of its own; the node adds the sponsor's signature.
///
/// # Errors
/// When it cannot be signed.
pub(super) fn envelope(client: &Client) -> anyhow::Result<Vec<u8>> {
    let (update, next) = (fresh_key()?, fresh_key()?);
    let keys = UpdateKeys {
        current: KeySet::new([update.public_key().clone()], 1)?,
        next: Some(KeySet::new([next.public_key().clone()], 1)?.commitment()),
    };
    let genesis = GenesisDraft::own_keys(Class::Organisation, keys, chop_http::random::bytes())
        .build(client.ledger())?;
    let operation = build::create(&genesis).signed_by(&[&update])?;
    let envelope = Envelope {
        ledger: *client.ledger(),
        actor: genesis.did(),
        sponsor: *client.operator(),
        nonce: Nonce::new(chop_http::random::bytes()),
        valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms()).plus_ms(ENVELOPE_LIFE_MS),
        actions: vec![Action::Did(Box::new(operation))],
    };
    Ok(envelope.sign(&[&update])?.bytes().to_vec())
}

//! The services against their floor: the same load on the running stack and on a bare handler, in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chop_did::build::{self, GenesisDraft};
use chop_did::{Class, Document, KeySet, UpdateKeys};
use chop_integrity::Timestamp;
use chop_keys::Signer as _;
use chop_protocol::terms::Nonce;
use chop_protocol::{Action, Envelope};

use super::folder::Folder;
use super::load::{self, Rate};
use super::measure::{Figures, median};
use super::row::Row;
use super::running::Running;
use super::{floor, http};
use crate::scenario::{Actor, Client, fresh_key};

/// Creates that travel in one envelope.
const CREATES: usize = 50;
/// Connections of the load generator.
pub(super) const CONNECTIONS: usize = 16;
/// Connections that submit; group commit needs company.
const SUBMITTERS: usize = 64;
/// Envelopes that are submitted.
const ENVELOPES: usize = 2_000;
/// How long the envelopes of a run are good for, in milliseconds.
pub(super) const ENVELOPE_LIFE_MS: i64 = 30 * 60 * 1_000;

/// Says whether anything is measured here.
pub(super) fn is_wanted(wanted: &dyn Fn(&str) -> bool) -> bool {
    ["resolve", "resolve+proof", "submit"]
        .into_iter()
        .any(wanted)
        || http::is_wanted(wanted)
}

/// Starts a stack in a folder of its own and measures it.
///
/// # Errors
/// When the stack does not start or an answer is not the one expected.
pub(super) async fn rows(
    wanted: &dyn Fn(&str) -> bool,
    identifiers: usize,
    seconds: u64,
) -> anyhow::Result<Vec<Row>> {
    let folder = Folder::make()?;
    let running = Running::start(folder.path()).await?;
    let (client, address) = (&running.client, running.address);
    let lasting = Duration::from_secs(seconds);
    let mut rows = Vec::new();
    if wanted("resolve") || wanted("resolve+proof") {
        let dids = register(client, identifiers).await?;
        for (name, query) in [("resolve", ""), ("resolve+proof", "?proof=true")] {
            if wanted(name) {
                let path = |did: &String| {
                    load::get(
                        &format!("/1.0/identifiers/{did}{query}"),
                        "application/did-resolution",
                    )
                };
                let requests: Arc<Vec<Vec<u8>>> = Arc::new(dids.iter().map(path).collect());
                rows.push(reads(name, address, requests, lasting).await?);
            }
        }
    }
    rows.extend(http::rows(wanted, address, lasting).await?);
    if wanted("submit") {
        rows.push(writes(client, address).await?);
    }
    running.end().await?;
    Ok(rows)
}

/// Reads from the stack and from the floor in turn, after one round that makes everything hot.
async fn reads(
    name: &'static str,
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    lasting: Duration,
) -> anyhow::Result<Row> {
    let hot = load::once(address, requests.to_vec(), 200, CONNECTIONS).await?;
    let (bare, serving) = floor::serve(hot.body).await?;
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        ours.push(load::run(address, Arc::clone(&requests), 200, CONNECTIONS, lasting).await?);
        floors.push(load::run(bare, Arc::clone(&requests), 200, CONNECTIONS, lasting).await?);
    }
    serving.abort();
    Ok(Row::new(name, figures(&ours, &floors), None))
}

/// Submits envelopes that each create one DID.
async fn writes(client: &Client, address: SocketAddr) -> anyhow::Result<Row> {
    let requests = (0..ENVELOPES).map(|_| {
        envelope(client).map(|body| load::post("/v1/transactions", client.token(), &body))
    });
    let requests: Vec<Vec<u8>> = requests.collect::<Result<_, _>>()?;
    let ours = load::once(address, requests.clone(), 201, SUBMITTERS).await?;
    let (bare, serving) = floor::serve(ours.body).await?;
    let floor = load::once(bare, requests, 201, SUBMITTERS).await?;
    serving.abort();
    Ok(Row::new("submit", figures(&[ours], &[floor]), None))
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

/// Registers DIDs that one owner controls.
///
/// # Errors
/// When the ledger does not take them.
pub(super) async fn register(client: &Client, count: usize) -> anyhow::Result<Vec<String>> {
    let owner = Actor::create(client, Class::Organisation).await?;
    let mut dids = Vec::with_capacity(count);
    while dids.len() < count {
        let mut actions = Vec::new();
        for _ in 0..CREATES.min(count - dids.len()) {
            let document =
                Document::empty().with_also_known_as("https://id.example/01/09521234543213")?;
            let (genesis, create) = owner.controlled(client, Class::Product, document)?;
            dids.push(genesis.did().to_string());
            actions.push(create);
        }
        client.submit(&owner.did, actions, &[&owner.invoke]).await?;
    }
    Ok(dids)
}

/// The median of rates that were measured in turn.
fn figures(ours: &[Rate], floors: &[Rate]) -> Figures {
    let micros = |rates: &[Rate]| median(rates.iter().map(|rate| rate.micros()));
    let ratios = ours
        .iter()
        .zip(floors)
        .map(|(ours, floor)| ours.micros() / floor.micros());
    Figures {
        us: micros(ours),
        raw_us: micros(floors),
        ratio: median(ratios),
    }
}

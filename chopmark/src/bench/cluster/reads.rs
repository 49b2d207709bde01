//! Reads at one node of the four, against a bare handler; what a proof and a DID take.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chop_did::ChopDid;
use chop_proof::StateProof;
use chop_protocol::http::ProvenValue;
use chop_protocol::keys;
use indicatif::ProgressBar;

use super::super::load::{self, Rate};
use super::super::measure::{Figures, cores, median};
use super::super::row::{Beside, Budget, Load, Row, Size};
use super::super::services::{self, CONNECTIONS};
use super::super::{floor, generator};
use super::consortium::{Consortium, Member};
use super::{Figure, Settings};
use crate::scenario::Client;

/// How many owners register at once: a block holds what all of them sent.
const OWNERS: usize = 8;
/// Proofs over which the mean is taken.
const PROOFS: usize = 64;

/// What is asked for: its name, the query, and at least which part of the floor's requests per second.
const TABLE: [(&str, &str, Budget); 2] = [
    ("cluster/resolve", "", Budget::Times(1.0 / 0.7)),
    (
        "cluster/resolve+proof",
        "?proof=true",
        Budget::Times(1.0 / 0.4),
    ),
];
const PROOF: &str = "cluster/proof";
const DISK_REGISTRY: &str = "cluster/disk-registry";
const DISK_COMETBFT: &str = "cluster/disk-cometbft";

/// The names of what is measured here.
pub(super) const NAMES: [&str; 5] = [TABLE[0].0, TABLE[1].0, PROOF, DISK_REGISTRY, DISK_COMETBFT];

/// Measures what is wanted.
///
/// # Errors
/// When the consortium does not start, or an answer is not the one expected.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<Figure>> {
    if !NAMES.into_iter().any(wanted) {
        return Ok(Vec::new());
    }
    let ours = Consortium::start(settings.binary, None).await?;
    let node = ours.first()?;
    let before = node.disk()?;
    let dids = register(&node.client, settings.identifiers).await?;
    let after = node.disk()?;
    let mut figures = Vec::new();
    for (name, query, budget) in TABLE {
        if wanted(name) {
            let row = row(node, &dids, (name, query, budget), settings).await?;
            figures.push(Figure::Row(row));
        }
        progress.inc(1);
    }
    if wanted(PROOF) {
        figures.push(Figure::Size(proof(&node.client, &dids).await?));
    }
    let made = dids.len() + OWNERS;
    for (name, bytes) in [
        (
            DISK_REGISTRY,
            after.registry.saturating_sub(before.registry),
        ),
        (
            DISK_COMETBFT,
            after.cometbft.saturating_sub(before.cometbft),
        ),
    ] {
        if wanted(name) {
            figures.push(Figure::Size(Size::mean(name, bytes, made, "DID")));
        }
    }
    Ok(figures)
}

/// Registers DIDs under some owners, who do not wait for one another.
async fn register(client: &Client, count: usize) -> anyhow::Result<Vec<String>> {
    let share = count.div_ceil(OWNERS);
    let owner = || Box::pin(services::register(client, share));
    let (one, two, three, four, five, six, seven, eight) = tokio::try_join!(
        owner(),
        owner(),
        owner(),
        owner(),
        owner(),
        owner(),
        owner(),
        owner(),
    )?;
    Ok([one, two, three, four, five, six, seven, eight].concat())
}

/// One kind of request, at the node and at a handler that answers as many bytes, in turn.
async fn row(
    node: &Member,
    dids: &[String],
    (name, query, budget): (&'static str, &str, Budget),
    settings: &Settings<'_>,
) -> anyhow::Result<Row> {
    let request = |did: &String| {
        load::get(
            &format!("/1.0/identifiers/{did}{query}"),
            "application/did-resolution",
        )
    };
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(dids.iter().map(request).collect());
    let hot = load::once(node.address, requests.to_vec(), 200, CONNECTIONS).await?;
    let (bare, serving) = floor::serve(hot.body).await?;
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..settings.runs {
        for (runs, address) in [(&mut ours, node.address), (&mut floors, bare)] {
            let requests = Arc::clone(&requests);
            let load = load::run(address, requests, 200, CONNECTIONS, settings.lasting);
            runs.push(generator::run(load).await?);
        }
    }
    serving.abort();
    Ok(compared(name, &ours, &floors, budget))
}

fn compared(
    name: &'static str,
    ours: &[(Rate, f64)],
    floors: &[(Rate, f64)],
    budget: Budget,
) -> Row {
    let micros = |runs: &[(Rate, f64)]| median(runs.iter().map(|(rate, _)| rate.micros()));
    let rate = |runs: &[(Rate, f64)]| median(runs.iter().map(|(rate, _)| rate.per_second));
    let share = |runs: &[(Rate, f64)]| median(runs.iter().map(|(_, share)| *share));
    let ratios = ours
        .iter()
        .zip(floors)
        .map(|((ours, _), (floor, _))| ours.micros() / floor.micros());
    let figures = Figures {
        us: micros(ours),
        raw_us: micros(floors),
        ratio: median(ratios),
    };
    Row::new(name, figures, Some(budget))
        .under(Load {
            per_second: rate(ours),
            generator_share: share(ours),
        })
        .beside(Beside {
            cores: cores(),
            in_flight: CONNECTIONS,
            offered_per_second: None,
            late: 0,
            floor_per_second: rate(floors),
            floor_in_flight: CONNECTIONS,
            floor_generator_share: share(floors),
        })
}

/// The mean length of a proof in its binary form, over some of the DIDs.
async fn proof(client: &Client, dids: &[String]) -> anyhow::Result<Size> {
    let step = (dids.len() / PROOFS).max(1);
    let (mut total, mut proofs) = (0, 0);
    for did in dids.iter().step_by(step) {
        let key = keys::did(&ChopDid::parse(did)?.scid());
        let answer: ProvenValue = serde_json::from_value(client.get_proven(&key).await?)?;
        ensure!(answer.value.is_some(), "{did} is not in the state");
        total += length(&answer.proof.context("an answer without a proof")?);
        proofs += 1;
    }
    Ok(Size::mean(PROOF, total, proofs, "proof"))
}

fn length(proof: &StateProof) -> u64 {
    let parts = [&proof.signed_header, &proof.validators, &proof.path];
    parts.into_iter().map(|part| part.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_compared_run_by_run() {
        let rates = |rates: [f64; 3]| {
            rates.map(|per_second| {
                let body = 1_000;
                (Rate { per_second, body }, 0.25)
            })
        };
        let (ours, floors) = (rates([80.0, 50.0, 90.0]), rates([100.0; 3]));
        let row = compared(NAMES[0], &ours, &floors, TABLE[0].2);
        assert!((row.ratio - 1.25).abs() < 1e-9);
        assert_eq!(row.met, Some(true));
    }

    #[test]
    fn a_proof_is_as_long_as_its_parts() {
        let proof = StateProof {
            signed_header: vec![0; 700],
            validators: vec![0; 300],
            path: vec![0; 1_000],
        };
        assert_eq!(length(&proof), 2_000);
    }
}

//! Reads at one node of the four, against a bare handler; what a proof and a DID take.

use anyhow::{Context as _, ensure};
use chop_did::ChopDid;
use chop_proof::StateProof;
use chop_protocol::http::ProvenValue;
use chop_protocol::keys;

use super::super::figure::{Figure, Size};
use super::super::measure::cores;
use super::super::progress::Progress;
use super::super::reads::{CONNECTIONS, Reads, Rounds};
use super::super::row::{Beside, Budget, Row};
use super::super::{creation, hot, resolve};
use super::Settings;
use super::consortium::{Consortium, Disk, Member};
use crate::scenario::Client;

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

/// Measures what is wanted. The DIDs are created once for all runs; a row that fails does not keep the others.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &Progress<'_>,
) -> Vec<Figure> {
    let names = || NAMES.into_iter().filter(|name| wanted(name));
    if names().next().is_none() {
        return Vec::new();
    }
    let ground = match Ground::prepare(settings, progress).await {
        Ok(ground) => ground,
        Err(error) => {
            let error = error.context("the reads could not be prepared");
            return names()
                .map(|name| Figure::failed(name, None, &error))
                .collect();
        }
    };
    let mut figures = Vec::new();
    for kind in TABLE.into_iter().filter(|(name, ..)| wanted(name)) {
        let row = ground.row(kind, settings, progress).await;
        figures.push(figure(kind.0, row));
    }
    if wanted(PROOF) {
        progress.say(PROOF);
        figures.push(figure(PROOF, ground.proof().await));
    }
    for (name, bytes) in [
        (DISK_REGISTRY, ground.grown.registry),
        (DISK_COMETBFT, ground.grown.cometbft),
    ] {
        if wanted(name) {
            // The owner is a DID too.
            let made = ground.dids.len() + 1;
            figures.push(Figure::Size(Size::mean(name, bytes, made, "DID")));
        }
    }
    figures
}

fn figure(name: &'static str, measured: anyhow::Result<impl Into<Figure>>) -> Figure {
    match measured {
        Ok(measured) => measured.into(),
        Err(error) => Figure::failed(name, None, &error),
    }
}

/// A consortium with DIDs.
struct Ground {
    ours: Consortium,
    dids: Vec<ChopDid>,
    /// What the DIDs take on the first node's disk.
    grown: Disk,
}

impl Ground {
    async fn prepare(settings: &Settings<'_>, progress: &Progress<'_>) -> anyhow::Result<Self> {
        let ours = Consortium::start(settings.binary, None).await?;
        let node = ours.first()?;
        let before = node.disk()?;
        let dids = creation::register(&node.client, settings.identifiers, progress).await?;
        for member in &ours.members {
            resolve::caught_up(&member.client, progress).await?;
        }
        let grown = node.disk()?.since(before);
        Ok(Self { ours, dids, grown })
    }

    fn node(&self) -> anyhow::Result<&Member> {
        self.ours.first()
    }

    /// One kind of request, at the node and at a handler that answers as many bytes, in turn.
    async fn row(
        &self,
        (name, query, budget): (&'static str, &str, Budget),
        settings: &Settings<'_>,
        progress: &Progress<'_>,
    ) -> anyhow::Result<Row> {
        let hot = hot::of(&self.dids, settings.hot);
        let requests = hot.iter().map(|did| resolve::request(did, query)).collect();
        let runs = settings.runs;
        let rounds = Rounds {
            count: runs,
            lasting: settings.lasting,
        };
        let say = |run| {
            let (hot, all) = (hot.len(), self.dids.len());
            progress.say(format_args!(
                "{name}, {hot} hot of {all} DIDs, run {run} of {runs}"
            ));
        };
        let reads = Reads::measure(self.node()?.address, requests, rounds, say).await?;
        Ok(row(name, &reads, budget))
    }

    /// The mean length of a proof in its binary form, over some of the DIDs.
    async fn proof(&self) -> anyhow::Result<Size> {
        let client: &Client = &self.node()?.client;
        let (mut total, mut proofs) = (0, 0);
        for did in hot::of(&self.dids, PROOFS) {
            let key = keys::did(&did.scid());
            let answer: ProvenValue = serde_json::from_value(client.get_proven(&key).await?)?;
            ensure!(answer.value.is_some(), "{did} is not in the state");
            total += length(&answer.proof.context("an answer without a proof")?);
            proofs += 1;
        }
        Ok(Size::mean(PROOF, total, proofs, "proof"))
    }
}

fn row(name: &'static str, reads: &Reads, budget: Budget) -> Row {
    let floor = reads.floor_load();
    Row::new(name, reads.figures(), Some(budget))
        .under(reads.load())
        .beside(Beside {
            cores: cores(),
            in_flight: CONNECTIONS,
            offered_per_second: None,
            late: 0,
            floor_per_second: floor.per_second,
            floor_in_flight: CONNECTIONS,
            floor_generator_share: floor.generator_share,
        })
}

fn length(proof: &StateProof) -> u64 {
    let parts = [&proof.signed_header, &proof.validators, &proof.path];
    parts.into_iter().map(|part| part.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

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

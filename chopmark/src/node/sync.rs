//! Before a node takes a snapshot: a header that two nodes show and that the pinned trust root leads to.

use anyhow::anyhow;
use chop_client::{LightClient, Place, Service, Step};
use chop_http::outbound::{Guarded, Settings, TrustedOrigin};
use chop_proof::{Handover, TrustRoot};
use url::Url;

use crate::cli::Failure;
use crate::ledger::promote::PromotionFile;
use crate::up::ledger::PROMOTED;
use crate::up::{Folder, SYNC, SyncFile, trust_root};

/// Finds the header to begin with, and keeps it with the nodes that are asked.
///
/// # Errors
/// When fewer than two nodes are named, one does not answer, or their headers do not lead from the folder's trust root.
pub(super) async fn prepare(folder: &Folder, nodes: &[Url]) -> Result<(), Failure> {
    let (Some(first), true) = (nodes.first(), nodes.len() > 1) else {
        return Err(Failure::usage(anyhow!(
            "state sync compares the headers of two nodes: name at least two with --state-sync"
        )));
    };
    if folder.has("registry.redb") {
        return Err(Failure::usage(anyhow!(
            "the folder has a state already: state sync is for an empty one"
        )));
    }
    let root = beginning(folder).map_err(Failure::usage)?;
    let client = LightClient::new(service(first)?, root);
    let trail = client
        .walk(None, Place::Latest, Step::Skip)
        .await
        .map_err(Failure::refused)?;
    if let Some(handover) = &trail.handover {
        keep(folder, handover)?;
    }
    let height = trail.reached.height();
    let hash: [u8; 32] = trail
        .reached
        .hash()
        .as_bytes()
        .try_into()
        .map_err(Failure::internal)?;
    for witness in nodes.iter().skip(1) {
        client
            .confirm(&service(witness)?, height, hash)
            .await
            .map_err(Failure::refused)?;
    }
    let file = SyncFile {
        nodes: nodes.iter().map(ToString::to_string).collect(),
        trust_height: height,
        trust_hash: data_encoding::HEXUPPER.encode(&hash),
    };
    let text = serde_json::to_vec_pretty(&file).map_err(Failure::internal)?;
    folder.write(SYNC, &text).map_err(Failure::usage)
}

/// A node that takes a snapshot has no block from before it: it keeps what leads across the promotion from here.
fn keep(folder: &Folder, handover: &Handover) -> Result<(), Failure> {
    let text = std::fs::read(folder.join(PROMOTED)).map_err(Failure::usage)?;
    let mut file: PromotionFile = serde_json::from_slice(&text).map_err(Failure::usage)?;
    file.handover = handover.clone();
    let text = serde_json::to_vec_pretty(&file).map_err(Failure::internal)?;
    folder.write(PROMOTED, &text).map_err(Failure::usage)
}

/// The root to walk from: that of a solo ledger which was promoted, as its handover is wanted too.
fn beginning(folder: &Folder) -> anyhow::Result<TrustRoot> {
    if folder.has(PROMOTED) {
        let text = std::fs::read(folder.join(PROMOTED))?;
        let file: PromotionFile = serde_json::from_slice(&text)?;
        let (genesis, _) = file.check()?;
        return trust_root(&genesis);
    }
    Ok(serde_json::from_slice(&std::fs::read(
        folder.join("trust-root.json"),
    )?)?)
}

fn service(url: &Url) -> Result<Service, Failure> {
    let trusted = vec![TrustedOrigin {
        base: url.clone(),
        certificate: None,
    }];
    let client = Guarded::new(Settings {
        trusted,
        ..Settings::default()
    });
    Service::new(url.clone(), client.map_err(Failure::usage)?).map_err(Failure::usage)
}

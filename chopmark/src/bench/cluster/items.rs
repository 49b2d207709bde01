//! A million product DIDs with four validators, each of which fetches the leaves and gives a receipt for them.

use super::super::figure::{Figure, Size};
use super::super::folder::Folder;
use super::super::items;
use super::super::progress::Progress;
use super::Settings;
use super::consortium::Consortium;

/// A GiB, for the client and for the node.
const MEMORY: f64 = 1_073_741_824.0;
/// Six KiB.
const PROOF_BYTES: f64 = 6_144.0;

const ITEMS: &str = "cluster/items";
const PROOF: &str = "cluster/items-proof";
const CLIENT: &str = "cluster/items-memory-client";
const NODE: &str = "cluster/items-memory-node";

/// The names of what is measured here.
pub(super) const NAMES: [&str; 4] = [ITEMS, PROOF, CLIENT, NODE];

/// Measures what is wanted, once: it takes as long as several runs of the other rows.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &Progress<'_>,
) -> Vec<Figure> {
    if !NAMES.into_iter().any(wanted) {
        return Vec::new();
    }
    match Box::pin(measure(wanted, settings, progress)).await {
        Ok(figures) => figures,
        Err(error) => vec![Figure::failed(ITEMS, None, &error)],
    }
}

async fn measure(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<Figure>> {
    let items = settings.items.min(items::MOST);
    progress.say(format_args!("{ITEMS}: {items}"));
    let folder = Folder::make()?;
    let ours = Consortium::start(settings.binary, None).await?;
    let node = ours.first()?;
    let before = node.disk()?.registry;
    let proven = items::proven(&node.client, folder.path(), items, progress).await?;
    let disk = node.disk()?.registry.saturating_sub(before);
    // Validators that fetch the leaves hold other memory than the one that receives them.
    let mut most = 0;
    for member in &ours.members {
        most = most.max(member.peak_memory()?);
    }
    let sizes = [
        (PROOF, proven.proof_bytes as u64, "proof", PROOF_BYTES),
        (CLIENT, proven.peak, "client", MEMORY),
        (NODE, most, "node", MEMORY),
    ];
    let mut figures = Vec::new();
    if wanted(ITEMS) {
        figures.push(proven.row(ITEMS, items, disk).into());
    }
    for (name, bytes, of, budget) in sizes {
        if wanted(name) {
            let size = Size::mean(name, bytes, 1, of).at_most(budget);
            figures.push(Figure::Size(size));
        }
    }
    Ok(figures)
}

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
    let promoted = promotion(folder).map_err(Failure::usage)?;
    let root = beginning(folder, promoted.as_ref()).map_err(Failure::usage)?;
    let client = LightClient::new(service(first)?, root);
    let trail = client
        .walk(None, Place::Latest, Step::Skip)
        .await
        .map_err(Failure::refused)?;
    let led = crossed(promoted, trail.handover).map_err(Failure::refused)?;
    if let Some(file) = led {
        // A node that takes a snapshot has no block from before it: it keeps what leads across the promotion from here.
        let text = serde_json::to_vec_pretty(&file).map_err(Failure::internal)?;
        folder.write(PROMOTED, &text).map_err(Failure::usage)?;
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

/// How the ledger was promoted, as its operator handed it out; checked from its genesis on.
fn promotion(folder: &Folder) -> anyhow::Result<Option<PromotionFile>> {
    if !folder.has(PROMOTED) {
        return Ok(None);
    }
    let text = std::fs::read(folder.join(PROMOTED))?;
    let file: PromotionFile = serde_json::from_slice(&text)?;
    file.check()?;
    Ok(Some(file))
}

/// The root to walk from: that of a solo ledger which was promoted, as its handover is wanted too.
fn beginning(folder: &Folder, promoted: Option<&PromotionFile>) -> anyhow::Result<TrustRoot> {
    if let Some(file) = promoted {
        return trust_root(&file.check()?.0);
    }
    Ok(serde_json::from_slice(&std::fs::read(
        folder.join("trust-root.json"),
    )?)?)
}

/// The promotion with the first header of its validators, once the way that the node shows leads across the very handover
/// that was handed out: whoever has the retired key can make another one.
fn crossed(
    promoted: Option<PromotionFile>,
    shown: Option<Handover>,
) -> anyhow::Result<Option<PromotionFile>> {
    match (promoted, shown) {
        (None, None) => Ok(None),
        (Some(file), Some(handover)) if file.handover.last == handover.last => {
            Ok(Some(PromotionFile { handover, ..file }))
        }
        (Some(_), Some(_)) => Err(anyhow!(
            "the node shows another handover than that of {PROMOTED}: the retired key signed two"
        )),
        (Some(_), None) => Err(anyhow!(
            "the node shows a header of the solo ledger, which {PROMOTED} says was promoted: its retired key signs on, or the validators have made no header yet"
        )),
        (None, Some(_)) => Err(anyhow!(
            "the node shows that its ledger was promoted: join with --promotion {PROMOTED}"
        )),
    }
}

pub(super) fn service(url: &Url) -> Result<Service, Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A handover whose last header has these bytes.
    fn handover(last: &str) -> Handover {
        let last = json!({
            "signedHeader": data_encoding::BASE64.encode(last.as_bytes()),
            "validators": "",
            "nextValidators": "",
        });
        let record = json!({"key": "promotion", "value": "{}", "path": ""});
        serde_json::from_value(json!({"last": last, "record": record, "first": "Zmlyc3Q="}))
            .unwrap()
    }

    fn file(last: &str) -> PromotionFile {
        PromotionFile {
            genesis: json!({}),
            handover: Handover {
                first: Vec::new(),
                ..handover(last)
            },
            peers: vec!["peer".to_owned()],
            members: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn crosses_the_handover_that_was_handed_out_and_keeps_the_first_header() {
        assert!(crossed(None, None).unwrap().is_none());
        let kept = crossed(Some(file("ours")), Some(handover("ours")));
        let kept = kept.unwrap().unwrap();
        assert_eq!(kept.handover, handover("ours"));
        assert_eq!(kept.peers, ["peer"]);
    }

    #[test]
    fn refuses_a_way_across_another_handover_or_across_none() {
        for (promoted, shown, reason) in [
            (Some("ours"), Some("theirs"), "another handover"),
            (Some("ours"), None, "retired key signs on"),
            (None, Some("ours"), "join with --promotion"),
        ] {
            let refused = crossed(promoted.map(file), shown.map(handover)).unwrap_err();
            assert!(refused.to_string().contains(reason), "{refused}");
        }
    }
}

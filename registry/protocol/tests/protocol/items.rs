//! Every file under `conformance/vectors/{valid,invalid}/item-proof` and `item-absence`: one item of a batch per file.

use chop_did::resolution::resolve_chop;
use chop_did::{ChopDid, Scid, Template};
use chop_proof::leaves::PathError;
use chop_protocol::{Batch, ItemAbsence, ItemProof, ItemProofError, ItemResolveError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    description: String,
    did: ChopDid,
    batch: Batch,
    item: ItemProof,
    template: Template,
    shown: Option<Shown>,
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Shown {
    version_id: String,
    document: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    description: String,
    batch: Batch,
    scid: Scid,
    absence: ItemAbsence,
    refused: Option<String>,
}

fn cases<T: DeserializeOwned>(kind: &str, of: &str) -> Vec<(String, T)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(kind)
        .join(of);
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            let case = serde_json::from_slice(&std::fs::read(&path).unwrap());
            (
                name.clone(),
                case.unwrap_or_else(|error| panic!("{name}: {error}")),
            )
        })
        .collect()
}

#[test]
fn every_valid_item_resolves_to_its_document() {
    let cases = cases::<Case>("valid", "item-proof");
    assert!(cases.len() >= 5);
    for (name, case) in cases {
        assert!(!case.description.is_empty(), "{name}");
        let state = case.item.state(&case.did, &case.batch, &case.template);
        let resolved = resolve_chop(&state.unwrap_or_else(|error| panic!("{name}: {error}")));
        let shown = case.shown.unwrap();
        assert_eq!(resolved.document, Some(shown.document), "{name}");
        assert_eq!(
            resolved.metadata.version_id,
            Some(shown.version_id),
            "{name}"
        );
    }
}

#[test]
fn every_invalid_item_is_refused_for_its_reason() {
    let cases = cases::<Case>("invalid", "item-proof");
    assert!(cases.len() >= 14);
    for (name, case) in cases {
        let state = case.item.state(&case.did, &case.batch, &case.template);
        let code = match state.unwrap_err() {
            ItemResolveError::Proof(ItemProofError::OtherBatch { .. }) => "other-batch",
            ItemResolveError::Proof(ItemProofError::Path(
                PathError::Root | PathError::Length { .. } | PathError::Index { .. },
            )) => "path",
            ItemResolveError::Proof(ItemProofError::Ordinal { .. }) => "ordinal",
            ItemResolveError::OtherItem { .. } => "other-item",
            ItemResolveError::Template => "template",
            other => panic!("{name}: {other}"),
        };
        assert_eq!(Some(code), case.refused.as_deref(), "{name}");
    }
}

#[test]
fn every_absence_is_judged_as_its_file_says() {
    let valid = cases::<Missing>("valid", "item-absence");
    let invalid = cases::<Missing>("invalid", "item-absence");
    assert!(valid.len() >= 3 && invalid.len() >= 10);
    for (name, case) in valid.into_iter().chain(invalid) {
        assert!(!case.description.is_empty(), "{name}");
        let code = match case.absence.check(&case.batch, &case.scid) {
            Ok(()) => None,
            Err(ItemProofError::OtherBatch { .. }) => Some("other-batch"),
            Err(ItemProofError::Path(_)) => Some("path"),
            Err(ItemProofError::Ordinal { .. }) => Some("ordinal"),
            Err(ItemProofError::NotNeighbours) => Some("absence"),
            Err(ItemProofError::NoItem) => Some("other"),
            Err(other) => panic!("{name}: {other}"),
        };
        assert_eq!(code, case.refused.as_deref(), "{name}");
    }
}

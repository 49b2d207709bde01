//! Every file under `conformance/vectors/{valid,invalid}/item-proof`: one item of a batch per file.

use chop_did::resolution::resolve_chop;
use chop_did::{ChopDid, Template};
use chop_proof::leaves::PathError;
use chop_protocol::{Batch, ItemProof, ItemProofError, ItemResolveError};
use serde::Deserialize;
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

fn cases(kind: &str) -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(kind)
        .join("item-proof");
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
    let cases = cases("valid");
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
    let cases = cases("invalid");
    assert!(cases.len() >= 13);
    for (name, case) in cases {
        let state = case.item.state(&case.did, &case.batch, &case.template);
        let code = match state.unwrap_err() {
            ItemResolveError::Proof(ItemProofError::OtherBatch { .. }) => "other-batch",
            ItemResolveError::Proof(ItemProofError::Path(
                PathError::Root | PathError::Length { .. } | PathError::Index { .. },
            )) => "path",
            ItemResolveError::OtherItem { .. } => "other-item",
            ItemResolveError::Template => "template",
            other => panic!("{name}: {other}"),
        };
        assert_eq!(Some(code), case.refused.as_deref(), "{name}");
    }
}

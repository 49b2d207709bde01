//! Items of batches, resolved and proved.

use std::sync::Arc;

use anyhow::anyhow;
use chop_client::{HttpRegistry, ResolveOptions, Resolver};
use chop_did::ChopDid;
use chop_did::resolution::ErrorKind;
use chop_http::outbound::{Guarded, Settings};
use serde_json::{Value, json};

use super::resolve::Args;
use crate::cli::{Done, Failure, Mark, Page};

/// Resolves an item through the light client: leaf, path, batch, code and the absence of another state, each proved.
pub(super) async fn verified(
    args: &Args,
    did: &ChopDid,
    registry: HttpRegistry,
) -> Result<Done, Failure> {
    let outbound = Guarded::new(Settings::default()).map_err(Failure::internal)?;
    let resolver = Resolver::new(outbound).with_registry(Arc::new(registry));
    let options = ResolveOptions {
        proof: true,
        batch: args.batch,
        ..ResolveOptions::default()
    };
    let answer = Box::pin(resolver.resolve(&did.to_did(), &options)).await;
    let answer = answer.map_err(|error| {
        let words = anyhow!("{did}: {}", error.detail());
        match error.kind() {
            ErrorKind::NotFound if error.is_unproven() => {
                Failure::not_found(words).context("not found, and not proved either")
            }
            ErrorKind::NotFound => Failure::not_found(words).context("proved"),
            _ => Failure::refused(words),
        }
    })?;
    let metadata = answer.metadata.to_json();
    let chop = metadata.get("chop");
    let (mark, words) = if answer.metadata.deactivated == Some(true) {
        (Mark::Note, format!("proved: {did} was deactivated"))
    } else {
        (Mark::Good, format!("proved: {did}"))
    };
    let mut page = standing(Page::new(), chop).heading(mark, words);
    for member in ["versionId", "created", "updated"] {
        if let Some(text) = metadata.get(member).and_then(Value::as_str) {
            page = page.field(member, text);
        }
    }
    for (name, pointer) in [
        ("batch", "/item/batch"),
        ("ordinal", "/item/ordinal"),
        ("data", "/item/data"),
    ] {
        if let Some(value) = chop.and_then(|chop| chop.pointer(pointer)) {
            page = page.field(
                name,
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            );
        }
    }
    page = page.text(
        "checked: the item's path to the root of its batch, and under headers of the ledger:",
    );
    for proof in &answer.metadata.proof {
        if let Some(key) = proof.get("key").and_then(Value::as_str) {
            let says = if proof.get("value").is_some_and(|value| !value.is_null()) {
                "present"
            } else {
                "absent"
            };
            let height = proof
                .get("height")
                .map(ToString::to_string)
                .unwrap_or_default();
            page = page.field(key, format!("{says} at height {height}"));
        }
    }
    if let Some(document) = &answer.document {
        page = page.raw(format!("{document:#}"));
    }
    let value =
        json!({"did": did, "didDocument": answer.document, "didDocumentMetadata": metadata});
    Ok(Done::new(value, page))
}

/// Says first where the code of an item stands, when that is not on an item.
pub(super) fn standing(page: Page, chop: Option<&Value>) -> Page {
    let code = |member: &str| {
        chop.and_then(|chop| chop.pointer(&format!("/code/{member}")))
            .and_then(Value::as_str)
    };
    let page = match code("standing") {
        Some("void") => {
            let reason = code("reason").map_or_else(String::new, |reason| format!(": {reason}"));
            page.heading(
                Mark::Bad,
                format!("VOID: this code must not be on any item{reason}"),
            )
        }
        Some("reserved") => page.heading(
            Mark::Note,
            "RESERVED: this code is not in use as far as the ledger knows",
        ),
        Some(_) => match code("lot") {
            Some(lot) => page.field("lot", lot),
            None => page,
        },
        None => return page,
    };
    match code("firstClaimed") {
        Some(time) => page.field("first claimed", time),
        None => page,
    }
}

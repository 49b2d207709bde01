//! `chopmark vc inspect`.

use super::decode::{Decoded, Securing, decode};
use crate::cli::{Done, Failure, Mark, Page};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Arguments of `chopmark vc inspect`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chopmark vc inspect credential.jwt\n\nNothing is verified: this shows what the document says, not whether it is so."
)]
pub(super) struct Args {
    /// The credential or presentation: JSON, a JWT, or `-` for standard input
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let decoded = decode(&super::read(&args.file)?).map_err(|error| {
        Failure::usage(error).context(format!(
            "{} cannot be read as a credential",
            args.file.display()
        ))
    })?;
    Ok(Done::new(value(&decoded), page(&decoded)))
}

fn value(decoded: &Decoded) -> Value {
    let securing = match &decoded.securing {
        Securing::None => json!({"kind": "none"}),
        Securing::Proofs(proofs) => json!({"kind": "dataIntegrity", "proofs": proofs}),
        Securing::Jwt(header) => json!({"kind": "jwt", "header": header}),
        Securing::Cose { alg, kid } => json!({"kind": "cose", "alg": alg, "kid": kid}),
    };
    json!({"document": decoded.document, "securing": securing, "verified": null})
}

fn page(decoded: &Decoded) -> Page {
    let document = &decoded.document;
    let types = strings(document.get("type"));
    let title = types
        .iter()
        .find(|kind| {
            !matches!(
                kind.as_str(),
                "VerifiableCredential" | "VerifiablePresentation"
            )
        })
        .or(types.first());
    let mut page = Page::new()
        .heading(Mark::None, title.map_or("document", String::as_str))
        .field("type", types.join(", "));
    let issuer = document
        .get("issuer")
        .map(|issuer| (named(issuer), "issuer"));
    for (value, name) in issuer.into_iter().chain(
        document
            .get("holder")
            .map(|holder| (named(holder), "holder")),
    ) {
        page = page.field(name, value);
    }
    for member in [
        "id",
        "validFrom",
        "validUntil",
        "issuanceDate",
        "expirationDate",
    ] {
        if let Some(text) = document.get(member).and_then(Value::as_str) {
            page = page.field(member, text);
        }
    }
    for (number, subject) in objects(document.get("credentialSubject"))
        .into_iter()
        .enumerate()
    {
        let heading = if number == 0 {
            "says".to_owned()
        } else {
            format!("says of subject {}", number + 1)
        };
        page = claims(page.heading(Mark::None, heading), subject, "");
    }
    for status in objects(document.get("credentialStatus")) {
        let text = |member: &str| status.get(member).and_then(Value::as_str).unwrap_or("?");
        page = page.heading(Mark::None, "status").field(
            text("statusPurpose"),
            format!(
                "entry {} of {}",
                text("statusListIndex"),
                text("statusListCredential")
            ),
        );
    }
    for held in objects(document.get("verifiableCredential")) {
        let kinds = strings(held.get("type")).join(", ");
        page = page
            .heading(Mark::None, "holds")
            .field(kinds, held.get("issuer").map(named).unwrap_or_default());
    }
    secured(page, &decoded.securing).dim("Nothing was verified; `chopmark vc verify` judges it.")
}

fn secured(mut page: Page, securing: &Securing) -> Page {
    let text = |members: &Map<String, Value>, member: &str| {
        members
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or("none")
            .to_owned()
    };
    match securing {
        Securing::None => page.heading(Mark::Bad, "not signed"),
        Securing::Jwt(header) => page
            .heading(Mark::None, "signed as a JWT")
            .field("alg", text(header, "alg"))
            .field("kid", text(header, "kid"))
            .field("typ", text(header, "typ")),
        Securing::Cose { alg, kid } => page
            .heading(Mark::None, "signed as a COSE message")
            .field("alg", alg)
            .field("kid", kid.as_deref().unwrap_or("none")),
        Securing::Proofs(proofs) => {
            for proof in proofs.iter().filter_map(Value::as_object) {
                page = page.heading(Mark::None, "signed with a proof");
                for member in [
                    "cryptosuite",
                    "verificationMethod",
                    "proofPurpose",
                    "created",
                    "expires",
                    "domain",
                    "challenge",
                ] {
                    if let Some(value) = proof.get(member).and_then(Value::as_str) {
                        page = page.field(member, value);
                    }
                }
            }
            page
        }
    }
}

/// Adds every claim as `path  value`, nested ones with dots.
fn claims(mut page: Page, members: &Map<String, Value>, prefix: &str) -> Page {
    for (name, value) in members {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        page = match value {
            Value::Object(inner) => claims(page, inner, &path),
            Value::Array(entries) if entries.iter().all(|entry| !entry.is_object()) => page.field(
                path,
                entries.iter().map(plain).collect::<Vec<_>>().join(", "),
            ),
            Value::Array(entries) => {
                entries
                    .iter()
                    .enumerate()
                    .fold(page, |page, (number, entry)| match entry {
                        Value::Object(inner) => claims(page, inner, &format!("{path}[{number}]")),
                        other => page.field(format!("{path}[{number}]"), plain(other)),
                    })
            }
            other => page.field(path, plain(other)),
        };
    }
    page
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A party by name and identifier, as far as the document gives them.
fn named(party: &Value) -> String {
    let text = |member: &str| party.get(member).and_then(Value::as_str);
    match (party.as_str().or_else(|| text("id")), text("name")) {
        (Some(id), Some(name)) => format!("{name} <{id}>"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "unnamed".to_owned(),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(entries)) => entries
            .iter()
            .filter_map(Value::as_str)
            .map(ToOwned::to_owned)
            .collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

fn objects(value: Option<&Value>) -> Vec<&Map<String, Value>> {
    match value {
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(one)) => vec![one],
        _ => Vec::new(),
    }
}

//! Reads every vector file and judges it; and keeps the files equal to what the cases say.

use crate::cases::{self, Case};
use crate::common::World;
use chop_did::resolution::Selector;
use chop_did::{ChopDid, Did, DidUrl, Genesis, LedgerId, SignedOperation, resolution, web, webvh};
use chop_integrity::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn folder(valid: bool) -> PathBuf {
    let kind = if valid { "valid" } else { "invalid" };
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/vectors")
        .join(kind)
        .join("did-chop")
}

#[test]
fn the_files_are_what_the_cases_say() {
    let write = std::env::var_os("CHOP_WRITE_VECTORS").is_some();
    let mut names = BTreeSet::new();
    for Case {
        name,
        valid,
        content,
    } in cases::all()
    {
        let path = folder(valid).join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&content).unwrap() + "\n";
        if write {
            fs::create_dir_all(folder(valid)).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            text,
            "{name} differs from its case"
        );
        assert!(
            names.insert((valid, format!("{name}.json"))),
            "{name} is used twice"
        );
    }
    for valid in [true, false] {
        for entry in fs::read_dir(folder(valid)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(&(valid, name.clone())), "{name} has no case");
        }
    }
}

#[test]
fn accepts_every_valid_vector() {
    for (name, content) in read(true) {
        match content["kind"].as_str().unwrap() {
            "did" => assert_eq!(
                ChopDid::parse(text(&content, "did")).unwrap().to_string(),
                content["did"],
                "{name}"
            ),
            "didUrl" => assert_eq!(
                DidUrl::parse(text(&content, "didUrl")).unwrap().as_str(),
                content["didUrl"],
                "{name}"
            ),
            "genesis" => {
                let genesis = Genesis::parse(content["genesis"].clone()).unwrap();
                assert_eq!(genesis.did().to_string(), content["did"], "{name}");
            }
            "log" => {
                let (world, did) = replay(&content).unwrap_or_else(|rule| panic!("{name}: {rule}"));
                let state = world.state(&did);
                assert_eq!(
                    serde_json::to_value(state).unwrap(),
                    content["state"],
                    "{name}"
                );
                assert_eq!(
                    state.version_id().to_string(),
                    content["versionId"],
                    "{name}"
                );
            }
            "webvh" => {
                let log = verify_webvh(&content).unwrap_or_else(|e| panic!("{name}: {e}"));
                let resolved = log.resolve(&Selector::Latest).unwrap();
                assert_eq!(
                    resolved.metadata.version_id.unwrap(),
                    content["versionId"],
                    "{name}"
                );
            }
            "web" => {
                let did = Did::parse(text(&content, "did")).unwrap();
                assert_eq!(web::document_url(&did).unwrap(), content["url"], "{name}");
            }
            other => panic!("{name}: unknown kind {other}"),
        }
    }
}

#[test]
fn refuses_every_invalid_vector_for_its_reason() {
    for (name, content) in read(false) {
        match content["kind"].as_str().unwrap() {
            "did" => assert_error(
                &name,
                &content,
                resolution::ResolutionError::from(
                    ChopDid::parse(text(&content, "did")).unwrap_err(),
                ),
            ),
            "didUrl" => assert_error(
                &name,
                &content,
                resolution::ResolutionError::from(
                    DidUrl::parse(text(&content, "didUrl")).unwrap_err(),
                ),
            ),
            "genesis" => {
                let error = Genesis::parse(content["genesis"].clone()).unwrap_err();
                assert_eq!(error.rule(), content["rule"], "{name}");
            }
            "log" => assert_eq!(replay(&content).err().unwrap(), content["rule"], "{name}"),
            "webvh" => assert_eq!(
                verify_webvh(&content).unwrap_err().rule(),
                content["rule"],
                "{name}"
            ),
            "web" => {
                let error = Did::parse(text(&content, "did"))
                    .map_err(Into::into)
                    .and_then(|did| web::document_url(&did));
                assert_error(&name, &content, error.unwrap_err());
            }
            "key" => {
                let did = Did::parse(text(&content, "did")).unwrap();
                assert_error(
                    &name,
                    &content,
                    chop_did::key::resolve(&did, &chop_did::key::KeyOptions::default())
                        .unwrap_err(),
                );
            }
            other => panic!("{name}: unknown kind {other}"),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an error just made")]
fn assert_error(name: &str, content: &Value, error: resolution::ResolutionError) {
    let uri = error.kind().type_uri();
    assert_eq!(uri.rsplit('#').next().unwrap(), content["error"], "{name}");
}

/// Runs a log; gives the world and the DID of the last operation, or the rule that refused the last operation.
fn replay(content: &Value) -> Result<(World, ChopDid), String> {
    let mut world = World::new();
    world.ledger = LedgerId::parse(text(content, "ledger")).unwrap();
    let mut last = None;
    let operations = content["operations"].as_array().unwrap();
    for (index, entry) in operations.iter().enumerate() {
        let is_last = index + 1 == operations.len();
        let verdict = SignedOperation::try_from(entry["operation"].clone())
            .map_err(|e| e.rule().to_owned())
            .and_then(|signed| {
                world.now =
                    Timestamp::parse(text(entry, "time")).unwrap().unix_ms() - crate::common::HOUR;
                last = Some(*signed.operation().did());
                world.act(&signed).map_err(|e| e.rule().to_owned())
            });
        match verdict {
            Ok(_) => {}
            Err(rule) if is_last => return Err(rule),
            Err(rule) => panic!("operation {index} is refused by {rule}, but only the last may be"),
        }
    }
    Ok((world, last.unwrap()))
}

fn verify_webvh(content: &Value) -> Result<webvh::VerifiedLog, webvh::WebvhError> {
    let did = Did::parse(text(content, "did")).unwrap();
    let entries = content["log"].as_array().unwrap();
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    let witnesses = (!content["witnesses"].is_null()).then(|| content["witnesses"].to_string());
    let now = Timestamp::parse(text(content, "now")).unwrap();
    webvh::verify(
        &did,
        lines.join("\n").as_bytes(),
        witnesses.as_ref().map(String::as_bytes),
        now,
    )
}

fn read(valid: bool) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = fs::read_dir(folder(valid))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                value,
            )
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!found.is_empty());
    found
}

fn text<'a>(content: &'a Value, member: &str) -> &'a str {
    content[member].as_str().unwrap()
}

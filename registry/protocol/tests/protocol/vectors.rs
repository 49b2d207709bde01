//! Every file under `conformance/vectors/{valid,invalid}/envelope`: one case per file.
//!
//! A case gives the envelope as `text`, or as `hex` where it is no text; a valid one its `hash` and `signers`, an
//! invalid one the `rule` that refuses it.

use chop_protocol::SignedEnvelope;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    description: String,
    text: Option<String>,
    hex: Option<String>,
    hash: Option<String>,
    signers: Option<Vec<String>>,
    rule: Option<String>,
}

fn cases(kind: &str) -> Vec<(PathBuf, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(kind)
        .join("envelope");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let case: Case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert!(!case.description.is_empty(), "{}", path.display());
            (path, case)
        })
        .collect()
}

fn bytes(case: &Case) -> Vec<u8> {
    match (&case.text, &case.hex) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(hex)) => data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap(),
        _ => panic!("a case has text or hex"),
    }
}

#[test]
fn every_valid_vector_passes_with_its_hash_and_signers() {
    let cases = cases("valid");
    assert!(cases.len() >= 8);
    for (path, case) in cases {
        let envelope = SignedEnvelope::try_from(bytes(&case).as_slice());
        let envelope = envelope.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let signers: Vec<_> = envelope
            .signers()
            .iter()
            .map(chop_keys::PublicKey::multikey)
            .collect();
        assert_eq!(
            Some(envelope.hash().to_string()),
            case.hash,
            "{}",
            path.display()
        );
        assert_eq!(Some(signers), case.signers, "{}", path.display());
        let again = SignedEnvelope::try_from(envelope.bytes()).unwrap();
        assert_eq!(again.bytes(), envelope.bytes());
        let rebuilt = serde_json::Value::Object(envelope.envelope().to_map().unwrap());
        let mut signed = envelope.to_value();
        signed.as_object_mut().unwrap().remove("proof");
        assert_eq!(rebuilt, signed, "{}", path.display());
    }
}

#[test]
fn every_invalid_vector_is_refused_by_its_own_rule() {
    let cases = cases("invalid");
    let mut rules = BTreeSet::new();
    for (path, case) in &cases {
        let Err(error) = SignedEnvelope::try_from(bytes(case).as_slice()) else {
            panic!("{} passes", path.display())
        };
        assert_eq!(
            Some(error.rule()),
            case.rule.as_deref(),
            "{}: {error}",
            path.display()
        );
        rules.insert(error.rule());
    }
    for rule in chop_protocol::envelope::RULES {
        assert!(rules.contains(rule), "no vector breaks {rule}");
    }
}

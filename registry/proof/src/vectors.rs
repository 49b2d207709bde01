//! The golden files under `conformance/vectors/{valid,invalid}/state-proof/`: one case each.
//!
//! Signatures with Ed25519 are deterministic, so every file can be made again byte for byte; a file that is missing or
//! differs fails the test. `CHOP_WRITE_VECTORS=1` writes them, which takes an ADR once they are published.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Freshness, ProofError, StateProof, TrustRoot, VerifiedHeader, verify_absence, verify_inclusion,
};

mod consortium;
mod evidence;
mod solo;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    description: String,
    trust_root: TrustRoot,
    key: String,
    /// The claimed value as text, or null for "absent".
    value: Option<String>,
    now_ms: i64,
    max_age_ms: i64,
    proof: StateProof,
    /// The code of the refusal; absent in valid cases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    refused: Option<String>,
    /// Height of the header; absent in invalid cases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    height: Option<u64>,
}

impl Case {
    fn check(&self) -> Result<VerifiedHeader, ProofError> {
        let freshness = Freshness::within(self.now_ms, self.max_age_ms);
        match &self.value {
            Some(value) => verify_inclusion(
                &self.trust_root,
                &self.proof,
                &self.key,
                value.as_bytes(),
                &freshness,
            ),
            None => verify_absence(&self.trust_root, &self.proof, &self.key, &freshness),
        }
    }
}

/// A case with its folder, `valid` or `invalid`, and its file name without extension.
type Filed = (&'static str, &'static str, Case);

fn accepted(name: &'static str, height: u64, case: Case) -> Filed {
    let height = Some(height);
    ("valid", name, Case { height, ..case })
}

fn refused(name: &'static str, code: &str, case: Case) -> Filed {
    let refused = Some(format!("proof.{code}"));
    ("invalid", name, Case { refused, ..case })
}

/// The file of a case of a kind, such as `state-proof`.
fn file(kind: &str, folder: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(folder)
        .join(kind)
        .join(format!("{name}.json"))
}

/// Compares a case with its file, or writes the file when that is asked for.
fn compare(path: &Path, case: &impl Serialize) {
    let text = serde_json::to_string_pretty(case).unwrap() + "\n";
    if std::env::var_os("CHOP_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &text).unwrap();
    }
    let found = fs::read_to_string(path).unwrap();
    assert_eq!(found, text, "{}", path.display());
}

#[test]
fn every_vector_is_what_the_builder_makes() {
    for (folder, name, case) in solo::cases().into_iter().chain(consortium::cases()) {
        compare(&file("state-proof", folder, name), &case);
    }
}

#[test]
fn every_vector_file_is_judged_as_it_says() {
    for folder in ["valid", "invalid"] {
        let mut judged = 0;
        for entry in fs::read_dir(file("state-proof", folder, "x").parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            let case: Case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let outcome = case.check();
            assert_eq!(
                outcome.as_ref().err().map(ProofError::code),
                case.refused.as_deref(),
                "{}",
                path.display()
            );
            assert_eq!(
                outcome.ok().map(|header| header.height),
                case.height,
                "{}",
                path.display()
            );
            judged += 1;
        }
        assert!(judged >= 2);
    }
}

//! What peers made, kept as vectors: written by the runner, read by an ordinary test without the peers.

use super::InteropError;
use super::act::{Act, Options, Party as _};
use super::case::Check;
use super::documents;
use super::ours::Ours;
use super::report::{Report, Row};
use chop_integrity::Timestamp;
use serde_json::{Map, Value, json};
use std::path::Path;

/// How many vectors are written for each row.
const WRITTEN: usize = 2;

/// Is one thing that a peer made and we accepted.
#[derive(Clone, Debug)]
pub struct Sample {
    act: &'static str,
    secured: Value,
    key: Value,
    options: Value,
    expected: Option<Value>,
}

impl Sample {
    pub(super) fn new(check: &Check<'_>, expected: Option<&Value>) -> Self {
        Self {
            act: if check.presentation {
                "verifyPresentation"
            } else {
                "verify"
            },
            secured: check.secured.clone(),
            key: check.key.clone(),
            options: serde_json::to_value(check.options).unwrap_or_default(),
            expected: expected.cloned(),
        }
    }

    fn to_vector(&self, row: &Row, report: &Report) -> Value {
        let mut contexts = Map::new();
        if self.secured.to_string().contains(documents::CONTEXT) || self.expected.is_some() {
            contexts.insert(
                documents::CONTEXT.to_owned(),
                json!({"@context": documents::context()}),
            );
        }
        json!({
            "peer": row.peer,
            "versions": report.versions.get(row.peer),
            "suite": row.suite,
            "act": self.act,
            "now": report.judged,
            "key": self.key,
            "options": self.options,
            "contexts": contexts,
            "secured": self.secured,
            "expected": self.expected,
        })
    }
}

/// Writes what the peers made, one case per file, and returns how many there are.
///
/// # Errors
/// When a file cannot be written.
pub fn record(report: &Report, folder: &Path) -> Result<usize, InteropError> {
    let mut count = 0;
    for row in &report.rows {
        for (number, sample) in row.samples.iter().take(WRITTEN).enumerate() {
            let name = format!(
                "{}-{}-{}-{number}.json",
                row.peer,
                row.suite.replace('+', "-").to_lowercase(),
                row.key_type.curve().to_lowercase(),
            );
            let path = folder.join(name);
            let mut text = serde_json::to_string_pretty(&sample.to_vector(row, report))?;
            text.push('\n');
            std::fs::write(&path, text).map_err(|source| InteropError::File {
                path: path.display().to_string(),
                source,
            })?;
            count += 1;
        }
    }
    Ok(count)
}

/// Verifies what a vector holds.
///
/// # Errors
/// When we refuse it, or get something else out of it than the vector expects.
pub fn replay(vector: &Value) -> Result<(), InteropError> {
    let text = |name: &str| vector.get(name).and_then(Value::as_str);
    let option = |name: &str| vector.get("options")?.get(name)?.as_str();
    let absent = Value::Null;
    let member = |name: &str| vector.get(name).unwrap_or(&absent);
    let options = Options {
        audience: option("audience"),
        nonce: option("nonce"),
        challenge: option("challenge"),
        domain: option("domain"),
        ..Options::default()
    };
    let suite = text("suite").unwrap_or_default();
    let secured = member("secured");
    let act = if text("act") == Some("verifyPresentation") {
        Act::VerifyPresentation {
            suite,
            secured,
            options,
        }
    } else {
        Act::Verify {
            suite,
            secured,
            key: member("key"),
            options,
        }
    };
    let now = Timestamp::parse(text("now").unwrap_or_default()).map_err(InteropError::refused)?;
    let found = Ours::at(now)?.ask(&act)?;
    let expected = member("expected");
    if expected.is_null() || super::case::same(expected, &found) {
        Ok(())
    } else {
        Err(InteropError::refused(format!(
            "verified, but as {found} instead of {expected}"
        )))
    }
}

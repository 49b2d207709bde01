//! Peers measured beside us: the same credential, one thread, each with its own bare signature check in the same run.

use super::InteropError;
use super::act::{Act, Options, Party};
use super::keys::Key;
use super::ours::Ours;
use super::peer::{Kind, Peer};
use super::suites::{Flow, SUITES};
use chop_integrity::Timestamp;
use chop_keys::KeyType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How often each verification is measured.
const ITERATIONS: u32 = 1_000;

/// Is one measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// The suite's name.
    pub suite: &'static str,
    /// The curve of the issuer's key.
    pub key: &'static str,
    /// Who verifies.
    pub party: &'static str,
    /// Mean time of a verification, in microseconds.
    pub verify_us: f64,
    /// Mean time of a bare signature check with the same key, in microseconds.
    pub raw_us: Option<f64>,
}

#[derive(Deserialize)]
struct Times {
    verify: f64,
    raw: Option<f64>,
}

/// Measures a peer and us on every suite that both have, on credentials that we issue.
///
/// # Errors
/// When the peer is not installed, gives no answer or refuses what we issue.
pub fn run(kind: Kind, now: Timestamp) -> Result<Vec<Measurement>, InteropError> {
    let mut ours = Ours::at(now)?;
    let mut peer = Peer::start(kind)?;
    let mut measured = Vec::new();
    for suite in SUITES {
        // What a holder derives is measured by `chopmark bench`, beside the libraries' own figures.
        let comparable = matches!(suite.flow, Flow::Proof | Flow::Token);
        if !(comparable && ours.has(suite.name) && peer.has(suite.name)) {
            continue;
        }
        for &key_type in suite.key_types {
            let key = Key::fixed(key_type, 1)?;
            let document = credential(&key.did());
            let secured = ours.ask(&Act::Issue {
                suite: suite.name,
                document: &document,
                key: &key,
                options: Options {
                    created: Some("2024-06-01T00:00:00Z"),
                    ..Options::default()
                },
            })?;
            let bench = Act::Bench {
                suite: suite.name,
                secured: &secured,
                key: &key,
                options: Options::default(),
                iterations: ITERATIONS,
            };
            for party in [&mut ours as &mut dyn Party, &mut peer] {
                let times: Times = serde_json::from_value(party.ask(&bench)?)?;
                measured.push(Measurement {
                    suite: suite.name,
                    key: KeyType::curve(key_type),
                    party: party.name(),
                    verify_us: times.verify,
                    raw_us: times.raw,
                });
            }
        }
    }
    Ok(measured)
}

/// Writes the measurements as a table.
pub fn markdown(measured: &[Measurement]) -> String {
    let mut text =
        "| suite | key | verifier | verify, µs | bare check, µs | × |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for one in measured {
        let raw = one
            .raw_us
            .map_or_else(|| "–".to_owned(), |raw| format!("{raw:.1}"));
        let ratio = one.raw_us.map_or_else(
            || "–".to_owned(),
            |raw| format!("{:.2}", one.verify_us / raw),
        );
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} | {raw} | {ratio} |",
            one.suite, one.key, one.party, one.verify_us
        );
    }
    text
}

/// The credential of the published figures: data model 2.0, fifteen claims, one context beside the base.
fn credential(issuer: &str) -> Value {
    let mut subject = serde_json::Map::from_iter([("id".to_owned(), json!("urn:example:subject"))]);
    let mut context = serde_json::Map::new();
    for number in 1..=15 {
        context.insert(
            format!("claim{number}"),
            json!(format!("https://vocab.example/terms#claim{number}")),
        );
        subject.insert(
            format!("claim{number}"),
            json!(format!("value of claim {number}")),
        );
    }
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", context],
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "validFrom": "2024-01-01T00:00:00Z",
        "credentialSubject": subject,
    })
}

//! Peers measured beside us: the same credential, one thread, each with its own bare signature check in the same run.

use super::InteropError;
use super::act::{Act, Options, Party};
use super::keys::Key;
use super::ours::Ours;
use super::peer::{Kind, Peer};
use super::suites::{Flow, SUITES, Suite};
use chop_integrity::Timestamp;
use chop_keys::KeyType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// For whom what is bound to a verifier is bound.
const EXPECTED: Options<'static> = Options {
    audience: Some("https://verifier.example"),
    nonce: Some("n-0S6_WzA2Mj"),
    ..Options::NONE
};
/// When everything is made.
const CREATED: &str = "2024-06-01T00:00:00Z";

/// Is one measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// The suite's name.
    pub suite: &'static str,
    /// The curve of the issuer's key.
    pub key: &'static str,
    /// Who verifies.
    pub party: &'static str,
    /// Mean time of a verification, in microseconds; none where a peer refuses what we issue.
    pub verify_us: Option<f64>,
    /// Why a peer refuses it.
    pub refused: Option<String>,
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
/// When the peer is not installed or gives no answer, or we refuse what we issue.
pub fn run(kind: Kind, now: Timestamp) -> Result<Vec<Measurement>, InteropError> {
    let mut ours = Ours::at(now)?;
    let mut peer = Peer::start(kind)?;
    let mut measured = Vec::new();
    for suite in SUITES {
        if !(ours.has(suite.name) && peer.has(suite.name)) {
            continue;
        }
        for &key_type in suite.key_types {
            let key = Key::fixed(key_type, 1)?;
            let Some(exhibit) = exhibit(suite, &key, &mut ours, now)? else {
                continue;
            };
            let bench = Act::Bench {
                suite: suite.name,
                secured: &exhibit.secured,
                key: &key,
                options: exhibit.options,
                iterations: exhibit.iterations,
            };
            let own = ours.ask(&bench)?;
            let theirs = match peer.ask(&bench) {
                Err(InteropError::Refused { reason }) => Err(reason),
                answered => Ok(answered?),
            };
            for (party, answer) in [(ours.name(), Ok(own)), (peer.name(), theirs)] {
                let (times, refused) = match answer {
                    Ok(answer) => (Some(serde_json::from_value::<Times>(answer)?), None),
                    Err(reason) => (None, Some(reason)),
                };
                measured.push(Measurement {
                    suite: suite.name,
                    key: KeyType::curve(key_type),
                    party,
                    verify_us: times.as_ref().map(|times| times.verify),
                    refused,
                    raw_us: times.and_then(|times| times.raw),
                });
            }
        }
    }
    Ok(measured)
}

/// Is what all verify, and how often.
struct Exhibit {
    secured: Value,
    options: Options<'static>,
    iterations: u32,
}

/// Makes what is verified in a suite: by us, so that all verify the same.
fn exhibit(
    suite: &Suite,
    key: &Key,
    ours: &mut Ours,
    now: Timestamp,
) -> Result<Option<Exhibit>, InteropError> {
    let exhibit = |secured, options, iterations| {
        Some(Exhibit {
            secured,
            options,
            iterations,
        })
    };
    Ok(match suite.flow {
        Flow::Proof | Flow::Token => exhibit(issued(suite.name, key, ours)?, Options::NONE, 1_000),
        // Some peers take a tenth of a second for one.
        Flow::Selective => exhibit(derived(suite.name, key, ours)?, Options::NONE, 100),
        Flow::SdJwt => exhibit(bound(suite.name, key, ours, now)?, EXPECTED, 1_000),
        Flow::TokenPresentation | Flow::StatusList | Flow::Canonical => None,
    })
}

fn issued(suite: &str, key: &Key, ours: &mut Ours) -> Result<Value, InteropError> {
    ours.ask(&Act::Issue {
        suite,
        document: &credential(&key.did()),
        key,
        options: Options {
            created: Some(CREATED),
            ..Options::NONE
        },
    })
}

/// A credential of which five claims of fifteen are disclosed.
fn derived(suite: &str, key: &Key, ours: &mut Ours) -> Result<Value, InteropError> {
    let base = ours.ask(&Act::Issue {
        suite,
        document: &credential(&key.did()),
        key,
        options: Options {
            created: Some(CREATED),
            mandatory_pointers: Some(&["/issuer".to_owned()]),
            ..Options::NONE
        },
    })?;
    ours.ask(&Act::Derive {
        suite,
        secured: &base,
        options: Options {
            selective_pointers: Some(&claims(1..=5)),
            ..Options::NONE
        },
    })
}

/// An SD-JWT that discloses three claims of fifteen, bound to its holder's key.
fn bound(suite: &str, key: &Key, ours: &mut Ours, now: Timestamp) -> Result<Value, InteropError> {
    let holder = Key::fixed(KeyType::P256, 101)?;
    let mut document = if suite == "dc+sd-jwt" {
        json!({"iss": key.did(), "vct": "https://vocab.example/types/passport"})
    } else {
        credential(&key.did())
    };
    if let Some(members) = document.as_object_mut() {
        members.insert("cnf".to_owned(), json!({"jwk": holder.public_jwk()}));
        if suite == "dc+sd-jwt" {
            members.insert("credentialSubject".to_owned(), subject());
        }
    }
    let issued = ours.ask(&Act::Issue {
        suite,
        document: &document,
        key,
        options: Options {
            disclosable: Some(&claims(1..=15)),
            ..Options::NONE
        },
    })?;
    ours.ask(&Act::Present {
        suite,
        document: None,
        secured: Some(&issued),
        key: &holder,
        options: Options {
            disclose: Some(&claims(1..=3)),
            issued_at: Some(now.unix_ms().div_euclid(1_000)),
            ..EXPECTED
        },
    })
}

fn claims(numbers: std::ops::RangeInclusive<u8>) -> Vec<String> {
    numbers
        .map(|number| format!("/credentialSubject/claim{number}"))
        .collect()
}

/// Writes the measurements as a table.
pub fn markdown(measured: &[Measurement]) -> String {
    let mut text =
        "| suite | key | verifier | verify, µs | bare check, µs | × |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let shown = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.digits$}"))
    };
    for one in measured {
        let verify = match &one.refused {
            Some(reason) => format!("refused: {reason}"),
            None => shown(one.verify_us, 1),
        };
        let ratio = one.verify_us.zip(one.raw_us);
        let ratio = shown(ratio.map(|(verify, raw)| verify / raw), 2);
        let raw = shown(one.raw_us, 1);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {verify} | {raw} | {ratio} |",
            one.suite, one.key, one.party
        );
    }
    text
}

/// The credential of the published figures: data model 2.0, fifteen claims, one context beside the base. That context has a URL:
/// `@digitalbazaar` refuses a jcs proof that repeats a context which stands in the document itself.
fn credential(issuer: &str) -> Value {
    json!({
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/examples/v2",
        ],
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "validFrom": "2024-01-01T00:00:00Z",
        "credentialSubject": subject(),
    })
}

fn subject() -> Value {
    let claims = (1..=15).map(|number| {
        let value = format!("value of claim {number}");
        (format!("claim{number}"), Value::from(value))
    });
    std::iter::once(("id".to_owned(), json!("urn:example:subject")))
        .chain(claims)
        .collect()
}

//! Every vector under `conformance/vectors/{valid,invalid}/credential`, judged.
//!
//! A vector says what is done (`issue`, `verify`, `present`, `derive` what `reveal` points to), with what (`input` JSON, `text`, or `base64` bytes), as of when
//! (`now`), with which evidence (`statusLists`, `tokenLists`, `schemas`, `schemaCredentials`, `contexts`; lists `fetched` at some time other
//! than now), under which policy (`delegates`; `anchors`, in PEM), and, if invalid, by which rule it is refused (`refusal`), in which words (`detail`) if the
//! rule has several reasons, and with which outcome if that is not `refused`. Keys of did:key are at hand, and the verification methods in
//! `keys`; every other key does not exist.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's panics are its assertions"
)]

use chop_credential::schema::SchemaCredential;
use chop_credential::securing::Keys;
use chop_credential::securing::x5c::TrustAnchor;
use chop_credential::selective::{Reveal, derive};
use chop_credential::status::{TokenList, VerifiedList};
use chop_credential::verdict::{
    Check, CheckOutcome, Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy,
    PresentationVerdict, Verdict, judge, judge_presentation,
};
use chop_credential::{Contexts, Credential, SecuredCredential, SecuredPresentation, issuing};
use chop_integrity::Timestamp;
use chop_keys::{Jwk, PublicKey};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

#[test]
fn every_valid_vector_is_accepted() {
    let contexts = Contexts::embedded();
    let mut wrong = Vec::new();
    let vectors = vectors("valid");
    for (name, vector) in &vectors {
        if let Err(refusal) = run(vector, &contexts) {
            wrong.push(format!("{name}: {refusal:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        vectors.len() >= 30,
        "only {} valid vectors were found",
        vectors.len()
    );
}

#[test]
fn every_invalid_vector_is_refused_for_its_own_reason() {
    let contexts = Contexts::embedded();
    let mut wrong = Vec::new();
    let vectors = vectors("invalid");
    for (name, vector) in &vectors {
        let refusal = vector["refusal"].as_str().unwrap().to_owned();
        let outcome = vector["outcome"].as_str().unwrap_or("refused").to_owned();
        let found = run(vector, &contexts);
        let expected = Err((refusal, outcome));
        if found != expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
        if let Some(words) = vector["detail"].as_str()
            && let detail = detail(vector, &contexts)
            && !detail.contains(words)
        {
            wrong.push(format!("{name}: {detail:?} does not say {words:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        vectors.len() >= 100,
        "only {} invalid vectors were found",
        vectors.len()
    );
}

#[test]
fn every_vector_says_the_same_with_white_space_and_without() {
    let mut compared = 0;
    for (name, vector) in vectors("valid").iter().chain(&vectors("invalid")) {
        if vector["act"] != "verify" || !vector["input"].is_object() {
            continue;
        }
        let plain = SecuredCredential::parse(&serde_json::to_vec(&vector["input"]).unwrap());
        let spaced = serde_json::to_vec_pretty(&vector["input"]).unwrap();
        let spaced = SecuredCredential::parse(&spaced);
        assert_eq!(plain, spaced, "{name}");
        if let (Ok(plain), Ok(spaced)) = (plain, spaced) {
            assert_eq!(plain.secured_bytes(), spaced.secured_bytes(), "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 100, "only {compared} were compared");
}

fn vectors(folder: &str) -> Vec<(String, Value)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/vectors")
        .join(folder)
        .join("credential");
    let mut found: Vec<(String, Value)> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Returns the rule and the outcome if the vector is refused.
fn run(vector: &Value, embedded: &Contexts) -> Result<(), (String, String)> {
    let own = vector["contexts"].as_object().map(with_contexts);
    let contexts = own.as_ref().unwrap_or(embedded);
    let policy = policy(vector);
    let refused = |rule: &str| Err((rule.to_owned(), "refused".to_owned()));
    let bytes = bytes(vector);
    match vector["act"].as_str().unwrap() {
        "issue" => {
            let input = vector["input"].clone();
            if input.get("proof").is_some() {
                return match SecuredCredential::from_value(input) {
                    Ok(_) => Ok(()),
                    Err(error) => refused(error.rule()),
                };
            }
            let checked = Credential::from_value(input)
                .map_err(issuing::IssueError::from)
                .and_then(|credential| issuing::check_credential(&credential, contexts));
            match checked {
                Ok(()) => Ok(()),
                Err(error) => refused(error.rule()),
            }
        }
        "derive" => {
            let pointers: Vec<String> = serde_json::from_value(vector["reveal"].clone()).unwrap();
            let reveal = Reveal {
                pointers: &pointers,
                ..Reveal::default()
            };
            match derive(vector["input"].as_object().unwrap(), contexts, &reveal) {
                Ok(_) => Ok(()),
                Err(error) => refused(error.rule()),
            }
        }
        "verify" => match SecuredCredential::parse(&bytes) {
            Ok(credential) => {
                let evidence = evidence(&credential, vector, contexts, &policy);
                let verdict = judge(&credential, &evidence, &policy, contexts);
                let context = contexts
                    .check(credential.credential())
                    .err()
                    .map(|error| error.rule());
                result(verdict.outcome, decisive(&verdict.checks).as_ref(), context)
            }
            Err(error) => refused(error.rule()),
        },
        "present" => match SecuredPresentation::parse(&bytes) {
            Ok(presentation) => {
                let own = Evidence {
                    keys: keys(&presentation.verification_methods(), vector),
                    ..Evidence::default()
                };
                let inner: Vec<Evidence> = presentation
                    .credentials()
                    .iter()
                    .map(|credential| match credential {
                        Ok(credential) => evidence(credential, vector, contexts, &policy),
                        Err(_) => Evidence::default(),
                    })
                    .collect();
                let verdict = judge_presentation(&presentation, &own, &inner, &policy, contexts);
                let context = contexts
                    .check_document(&without_credentials(&presentation))
                    .err()
                    .map(|error| error.rule());
                presented(&verdict, context)
            }
            Err(error) => refused(error.rule()),
        },
        other => panic!("unknown act {other}"),
    }
}

/// Returns what the verdict says of the check that decides; nothing if the bytes do not parse.
fn detail(vector: &Value, contexts: &Contexts) -> String {
    let Ok(credential) = SecuredCredential::parse(&bytes(vector)) else {
        return String::new();
    };
    let policy = policy(vector);
    let evidence = evidence(&credential, vector, contexts, &policy);
    let verdict = judge(&credential, &evidence, &policy, contexts);
    decisive(&verdict.checks).map_or_else(String::new, |check| check.detail.into_owned())
}

fn policy(vector: &Value) -> Policy {
    let mut policy = Policy::full(Timestamp::parse(vector["now"].as_str().unwrap()).unwrap());
    let text = |name: &str| vector["expected"][name].as_str().map(str::to_owned);
    policy.expected.domain = text("domain");
    policy.expected.challenge = text("challenge");
    let delegates = vector["delegates"].as_array().into_iter().flatten();
    policy.status_delegates = delegates
        .map(|did| did.as_str().unwrap().to_owned())
        .collect();
    let anchors = vector["anchors"].as_str().map(TrustAnchor::from_pem);
    policy.trust_anchors = Arc::new(anchors.transpose().unwrap().unwrap_or_default());
    policy
}

fn with_contexts(added: &serde_json::Map<String, Value>) -> Contexts {
    let contexts = Contexts::embedded();
    for (url, context) in added {
        contexts.add(url, &context.to_string()).unwrap();
    }
    contexts
}

fn without_credentials(presentation: &SecuredPresentation) -> serde_json::Map<String, Value> {
    let mut json = presentation.presentation().json().clone();
    json.remove("verifiableCredential");
    json
}

fn presented(verdict: &PresentationVerdict, context: Option<&str>) -> Result<(), (String, String)> {
    result(verdict.outcome, decisive(&verdict.checks).as_ref(), context).map_err(
        |(rule, outcome)| {
            let inner = verdict
                .credentials
                .iter()
                .find(|inner| inner.outcome != Outcome::Accepted);
            match inner {
                Some(inner) if rule == "none" => (format!("credential.{}", first(inner)), outcome),
                _ => (rule, outcome),
            }
        },
    )
}

fn first(verdict: &Verdict) -> &'static str {
    decisive(&verdict.checks).map_or("none", |check| check.check.as_str())
}

fn decisive(checks: &[Check]) -> Option<Check> {
    let find = |wanted| {
        checks
            .iter()
            .find(|check| check.required && check.outcome == wanted)
            .cloned()
    };
    find(CheckOutcome::Failed).or_else(|| find(CheckOutcome::Unknown))
}

fn result(
    outcome: Outcome,
    decisive: Option<&Check>,
    context: Option<&str>,
) -> Result<(), (String, String)> {
    let outcome = match outcome {
        Outcome::Accepted => return Ok(()),
        Outcome::Refused => "refused",
        Outcome::Indeterminate => "indeterminate",
    };
    let rule = match decisive {
        None => "none".to_owned(),
        Some(check) => match check.check.as_str() {
            "contexts" => context.unwrap_or("contexts").to_owned(),
            "proof" => check
                .evidence
                .as_ref()
                .and_then(Value::as_array)
                .and_then(|reports| reports.iter().find_map(|report| report["rule"].as_str()))
                .map_or_else(|| "check.proof".to_owned(), str::to_owned),
            other => format!("check.{other}"),
        },
    };
    Err((rule, outcome.to_owned()))
}

fn bytes(vector: &Value) -> Vec<u8> {
    if let Some(text) = vector["text"].as_str() {
        text.as_bytes().to_vec()
    } else if let Some(encoded) = vector["base64"].as_str() {
        data_encoding::BASE64.decode(encoded.as_bytes()).unwrap()
    } else {
        serde_json::to_vec(&vector["input"]).unwrap()
    }
}

/// The bytes of a document that is served: a token as its text, a message as its `base64`, JSON as it stands.
fn document(served: &Value) -> Vec<u8> {
    match served {
        Value::String(token) => token.as_bytes().to_vec(),
        message if message["base64"].is_string() => bytes(message),
        json => serde_json::to_vec(json).unwrap(),
    }
}

fn evidence(
    credential: &SecuredCredential,
    vector: &Value,
    contexts: &Contexts,
    policy: &Policy,
) -> Evidence {
    let mut evidence = Evidence {
        keys: keys(&credential.verification_methods(), vector),
        ..Evidence::default()
    };
    let fetched = vector["fetched"]
        .as_str()
        .map_or(policy.as_of, |text| Timestamp::parse(text).unwrap());
    for (url, list) in vector["statusLists"].as_object().into_iter().flatten() {
        let bytes = document(list);
        let list_keys = SecuredCredential::parse(&bytes)
            .map(|list| keys(&list.verification_methods(), vector))
            .unwrap_or_default();
        let list = VerifiedList::verify(&bytes, contexts, &list_keys, fetched).map(Arc::new);
        evidence
            .status_lists
            .insert(url.clone(), Finding::Found(list));
    }
    let issuer = credential.credential().issuer();
    for (uri, list) in vector["tokenLists"].as_object().into_iter().flatten() {
        let list = TokenList::parse(&document(list)).and_then(|list| {
            let keys = keys(
                &list.verification_method(issuer).into_iter().collect(),
                vector,
            );
            list.verify(issuer, &keys, &policy.trust_anchors, fetched)
                .map(Arc::new)
        });
        evidence
            .token_lists
            .insert(uri.clone(), Finding::Found(list));
    }
    for (url, held) in vector["schemaCredentials"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let bytes = document(held);
        let about = Evidence {
            keys: SecuredCredential::parse(&bytes)
                .map(|held| keys(&held.verification_methods(), vector))
                .unwrap_or_default(),
            ..Evidence::default()
        };
        let held = SchemaCredential::verify(&bytes, &about, policy, contexts).map(Arc::new);
        evidence
            .schema_credentials
            .insert(url.clone(), Finding::Found(held));
    }
    for (url, schema) in vector["schemas"].as_object().into_iter().flatten() {
        evidence.schemas.insert(
            url.clone(),
            Finding::Found(serde_json::to_vec(schema).unwrap()),
        );
    }
    evidence
}

fn keys(methods: &BTreeSet<String>, vector: &Value) -> Keys {
    methods
        .iter()
        .map(|method| {
            let found = PublicKey::from_did_key_url(method)
                .ok()
                .map(|key| (key.did_key(), key))
                .or_else(|| listed(method, vector));
            let fact = found.map_or(Finding::Absent, |(controller, key)| {
                Finding::Found(KeyFact {
                    id: method.clone(),
                    controller,
                    key,
                    relationships: vec!["assertionMethod".to_owned(), "authentication".to_owned()],
                    history: KeyHistory::default(),
                })
            });
            (method.clone(), fact)
        })
        .collect()
}

/// Finds a key among the vector's own verification methods, of type `JsonWebKey`.
fn listed(method: &str, vector: &Value) -> Option<(String, PublicKey)> {
    let listed = vector["keys"].as_array()?;
    let found = listed.iter().find(|listed| listed["id"] == method)?;
    let jwk: Jwk = serde_json::from_value(found["publicKeyJwk"].clone()).unwrap();
    let controller = found["controller"].as_str().unwrap().to_owned();
    Some((controller, PublicKey::from_jwk(&jwk).unwrap()))
}

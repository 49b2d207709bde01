//! The W3C cases: RDFC-1.0 under `conformance/vectors/{valid,invalid}/rdf-canon`, JSON-LD to RDF under `…/json-ld-to-rdf`.

#![expect(clippy::unwrap_used, reason = "a test's panics are its assertions")]

use chop_credential::Contexts;
use chop_credential::rdf::{Budget, Dataset, RdfError, RdfHash, canonicalize, to_rdf};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn every_canonical_form_is_that_of_the_case() {
    let vectors = vectors("valid", "rdf-canon");
    for (name, vector) in &vectors {
        let dataset = Dataset::parse(vector["input"].as_str().unwrap()).unwrap();
        let canonical = canonicalize(&dataset, hash(vector), Budget::CREDENTIAL).unwrap();
        if let Some(expected) = vector["canonical"].as_str() {
            assert_eq!(canonical.nquads(), expected, "{name}");
        }
        if let Some(expected) = vector["labels"].as_object() {
            let expected: BTreeMap<String, String> = expected
                .iter()
                .map(|(from, to)| (from.clone(), to.as_str().unwrap().to_owned()))
                .collect();
            assert_eq!(canonical.labels(), &expected, "{name}");
        }
        let again = canonicalize(
            &Dataset::parse(&canonical.nquads()).unwrap(),
            hash(vector),
            Budget::CREDENTIAL,
        );
        assert_eq!(again.unwrap().lines(), canonical.lines(), "{name}");
    }
    let cases: usize = vectors.iter().map(|(_, vector)| cases(vector)).sum();
    assert_eq!(cases, 85, "W3C has 85 cases that have a canonical form");
}

#[test]
fn every_poisoned_graph_is_refused() {
    let vectors = vectors("invalid", "rdf-canon");
    for (name, vector) in &vectors {
        let dataset = Dataset::parse(vector["input"].as_str().unwrap()).unwrap();
        let refused = canonicalize(&dataset, hash(vector), Budget::CREDENTIAL);
        assert_eq!(
            refused.as_ref().map_err(RdfError::rule),
            Err("rdf.budget"),
            "{name}"
        );
    }
    assert!(!vectors.is_empty());
}

#[test]
fn every_document_says_what_the_case_says() {
    let contexts = Contexts::embedded();
    let mut wrong = Vec::new();
    let vectors = vectors("valid", "json-ld-to-rdf");
    for (name, vector) in &vectors {
        let dataset = match to_rdf(vector["document"].as_object().unwrap(), &contexts) {
            Ok(dataset) => dataset,
            Err(refusal) => {
                wrong.push(format!("{name}: {refusal}"));
                continue;
            }
        };
        // Cases about syntax only say that there are quads.
        let Some(expected) = vector["quads"].as_str() else {
            continue;
        };
        let lines = |dataset: &Dataset| {
            canonicalize(dataset, RdfHash::Sha256, Budget::CREDENTIAL)
                .unwrap()
                .nquads()
        };
        let (found, expected) = (lines(&dataset), lines(&Dataset::parse(expected).unwrap()));
        if found != expected {
            wrong.push(format!("{name}: found\n{found}expected\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(vectors.len(), 277);
}

#[test]
fn every_document_that_would_lose_something_is_refused_for_its_own_reason() {
    let contexts = Contexts::embedded();
    let vectors = vectors("invalid", "json-ld-to-rdf");
    for (name, vector) in &vectors {
        let refused = to_rdf(vector["document"].as_object().unwrap(), &contexts);
        let found = refused.as_ref().map_err(RdfError::rule).map(|_| ());
        assert_eq!(found, Err(vector["refusal"].as_str().unwrap()), "{name}");
    }
    assert_eq!(vectors.len(), 146);
}

fn hash(vector: &Value) -> RdfHash {
    match vector["hash"].as_str().unwrap() {
        "sha384" => RdfHash::Sha384,
        _ => RdfHash::Sha256,
    }
}

fn cases(vector: &Value) -> usize {
    vector["cases"].as_array().map_or(0, Vec::len)
}

fn vectors(verdict: &str, folder: &str) -> Vec<(String, Value)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/vectors")
        .join(verdict)
        .join(folder);
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

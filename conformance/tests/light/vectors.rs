use super::node;
use serde_json::{Value, json};
use std::path::Path;

/// Every case of a kind with its file name, from `vectors/valid` and `vectors/invalid`.
pub(crate) fn cases(kind: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for folder in ["valid", "invalid"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("vectors")
            .join(folder)
            .join(kind);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            found.push((path.display().to_string(), case));
        }
    }
    found
}

/// The verdict that a case asks for.
pub(crate) fn expected(case: &Value) -> Value {
    match (case.get("refused"), case.get("shown")) {
        (Some(code), _) => json!({ "refused": code }),
        (None, Some(shown)) => shown.clone(),
        (None, None) => json!({"height": case.get("height")}),
    }
}

/// Has the second verifier judge every case of a kind; there must be at least so many of them.
fn each(kind: &str, least: usize, check: impl Fn(&str, &Value, &Value)) {
    let cases = cases(kind);
    assert!(cases.len() >= least, "{} cases", cases.len());
    let questions: Vec<Value> = cases.iter().map(|(_, case)| case.clone()).collect();
    let Some(verdicts) = node::judge(&questions) else {
        return;
    };
    for ((name, case), verdict) in cases.iter().zip(&verdicts) {
        check(name, case, verdict);
    }
}

/// What a case about an item asks for, whose refusals are named without their family.
fn expected_of_item(case: &Value, otherwise: impl Fn(&Value) -> Value) -> Value {
    match case.get("refused").and_then(Value::as_str) {
        Some(code) => json!({ "refused": format!("item.{code}") }),
        None => otherwise(case),
    }
}

#[test]
fn javascript_judges_every_state_proof_as_its_file_says() {
    let refused = |case: &Value| case.get("refused").is_some();
    let invalid = cases("state-proof")
        .iter()
        .filter(|(_, case)| refused(case))
        .count();
    assert!(invalid >= 30, "{invalid} invalid cases");
    each("state-proof", invalid + 10, |name, case, verdict| {
        assert_eq!(*verdict, expected(case), "{name}");
    });
}

#[test]
fn javascript_judges_every_item_as_its_file_says() {
    each("item-proof", 19, |name, case, verdict| {
        let wanted = expected_of_item(case, |case| case["shown"].clone());
        assert_eq!(*verdict, wanted, "{name}");
    });
}

#[test]
fn javascript_judges_every_absence_of_an_item_as_its_file_says() {
    each("item-absence", 13, |name, case, verdict| {
        let wanted = expected_of_item(case, |case| json!({ "absent": case["scid"] }));
        assert_eq!(*verdict, wanted, "{name}");
    });
}

#[test]
fn javascript_judges_every_piece_of_evidence_as_its_file_says() {
    each("evidence", 33, |name, case, verdict| {
        assert_eq!(*verdict, expected(case), "{name}");
    });
}

#[test]
fn javascript_judges_every_bundle_as_its_file_says() {
    each("did-bundle", 28, |name, case, verdict| {
        if let Some(shown) = case.get("shown") {
            assert_eq!(verdict, shown, "{name}");
        } else {
            // A refusal has a code; an error of the program has none.
            let code = verdict["refused"].as_str().unwrap_or_default();
            let known = ["bundle", "did", "json"].contains(&code)
                || ["proof.", "item."]
                    .iter()
                    .any(|family| code.starts_with(family));
            assert!(known, "{name}: {verdict}");
        }
    });
}

#[test]
fn javascript_judges_every_resolution_as_its_file_says() {
    each("resolution", 20, |name, case, verdict| {
        assert_eq!(*verdict, expected(case), "{name}");
    });
}

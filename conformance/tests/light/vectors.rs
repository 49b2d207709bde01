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

#[test]
fn javascript_judges_every_state_proof_as_its_file_says() {
    let cases = cases("state-proof");
    let questions: Vec<Value> = cases.iter().map(|(_, case)| case.clone()).collect();
    let Some(verdicts) = node::judge(&questions) else {
        return;
    };
    for ((name, case), verdict) in cases.iter().zip(verdicts) {
        assert_eq!(verdict, expected(case), "{name}");
    }
    let refused = cases
        .iter()
        .filter(|(_, case)| case.get("refused").is_some())
        .count();
    assert!(refused >= 30, "{refused} invalid cases");
    assert!(
        cases.len() - refused >= 10,
        "{} valid cases",
        cases.len() - refused
    );
}

#[test]
fn javascript_judges_every_item_as_its_file_says() {
    let cases = cases("item-proof");
    let questions: Vec<Value> = cases.iter().map(|(_, case)| case.clone()).collect();
    let Some(verdicts) = node::judge(&questions) else {
        return;
    };
    for ((name, case), verdict) in cases.iter().zip(verdicts) {
        let wanted = match case.get("refused").and_then(Value::as_str) {
            Some(code) => json!({ "refused": format!("item.{code}") }),
            None => case["shown"].clone(),
        };
        assert_eq!(verdict, wanted, "{name}");
    }
    assert!(cases.len() >= 18, "{} cases", cases.len());
}

#[test]
fn javascript_judges_every_absence_of_an_item_as_its_file_says() {
    let cases = cases("item-absence");
    let questions: Vec<Value> = cases.iter().map(|(_, case)| case.clone()).collect();
    let Some(verdicts) = node::judge(&questions) else {
        return;
    };
    for ((name, case), verdict) in cases.iter().zip(verdicts) {
        let wanted = match case.get("refused").and_then(Value::as_str) {
            Some(code) => json!({ "refused": format!("item.{code}") }),
            None => json!({ "absent": case["scid"] }),
        };
        assert_eq!(verdict, wanted, "{name}");
    }
    assert!(cases.len() >= 12, "{} cases", cases.len());
}

#[test]
fn javascript_judges_every_piece_of_evidence_as_its_file_says() {
    let cases = cases("evidence");
    let questions: Vec<Value> = cases.iter().map(|(_, case)| case.clone()).collect();
    let Some(verdicts) = node::judge(&questions) else {
        return;
    };
    for ((name, case), verdict) in cases.iter().zip(verdicts) {
        assert_eq!(verdict, expected(case), "{name}");
    }
    assert!(cases.len() >= 33, "{} cases", cases.len());
}

#[test]
fn javascript_judges_every_bundle_as_its_file_says() {
    let cases = cases("did-bundle");
    let questions: Vec<Value> = cases.iter().map(|(_, case)| case.clone()).collect();
    let Some(verdicts) = node::judge(&questions) else {
        return;
    };
    for ((name, case), verdict) in cases.iter().zip(verdicts) {
        if let Some(shown) = case.get("shown") {
            assert_eq!(verdict, *shown, "{name}");
        } else {
            // A refusal has a code; an error of the program has none.
            let code = verdict["refused"].as_str().unwrap_or_default();
            let known = ["bundle", "did"].contains(&code) || code.starts_with("proof.");
            assert!(known, "{name}: {verdict}");
        }
    }
    assert!(cases.len() >= 8, "{} cases", cases.len());
}

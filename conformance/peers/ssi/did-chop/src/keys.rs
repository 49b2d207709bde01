//! Which keys of a document count (SPEC §5.4).

use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashSet;

/// Where a document names keys: the methods, and the relationships that name or hold some.
const LISTS: [&str; 6] = [
    "verificationMethod",
    "authentication",
    "assertionMethod",
    "keyAgreement",
    "capabilityInvocation",
    "capabilityDelegation",
];

/// Leaves in a document the keys that are neither retired, expired nor compromised at a time, and nothing that names others.
pub(crate) fn counting_at(mut document: Value, at: DateTime<Utc>) -> Value {
    let lists = LISTS
        .iter()
        .filter_map(|list| document.get(list)?.as_array());
    let counting: HashSet<String> = lists
        .flatten()
        .filter(|entry| counts_at(entry, at))
        .filter_map(|method| Some(method.get("id")?.as_str()?.to_owned()))
        .collect();
    for list in LISTS {
        if let Some(Value::Array(entries)) = document.get_mut(list) {
            entries.retain(|entry| {
                let id = entry.as_str().or_else(|| entry.get("id")?.as_str());
                id.is_some_and(|id| counting.contains(id))
                    && (entry.is_string() || counts_at(entry, at))
            });
        }
    }
    document
}

/// Each of the three marks ends a key at its own instant, and one that cannot be read at once.
fn counts_at(method: &Value, at: DateTime<Utc>) -> bool {
    let begins_later = |mark: &Value| {
        let time = mark.as_str().map(DateTime::parse_from_rfc3339);
        matches!(time, Some(Ok(time)) if at < time)
    };
    method.is_object()
        && ["revoked", "expires", "compromised"]
            .iter()
            .all(|mark| method.get(mark).is_none_or(begins_later))
}

#[cfg(test)]
mod tests {
    use super::counting_at;
    use chrono::DateTime;
    use serde_json::{Value, json};

    const DID: &str = "did:chop:aaaaaaaaaaaaaaaa:x";

    fn document(marks: &Value) -> Value {
        let mut key = json!({
            "id": format!("{DID}#key"),
            "type": "Multikey",
            "controller": DID,
            "publicKeyMultibase": "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        });
        for (name, value) in marks.as_object().unwrap() {
            key[name] = value.clone();
        }
        json!({"id": DID, "verificationMethod": [key], "assertionMethod": [format!("{DID}#key")], "authentication": []})
    }

    fn left(marks: &Value) -> usize {
        let at = DateTime::parse_from_rfc3339("2026-06-01T00:00:00Z").unwrap();
        let counting = counting_at(document(marks), at.into());
        let count = |list: &str| counting[list].as_array().unwrap().len();
        assert_eq!(count("verificationMethod"), count("assertionMethod"));
        count("assertionMethod")
    }

    #[test]
    fn keeps_a_key_without_marks_and_one_that_ends_later() {
        assert_eq!(left(&json!({})), 1);
        assert_eq!(left(&json!({"revoked": "2026-07-01T00:00:00Z"})), 1);
    }

    #[test]
    fn leaves_out_a_key_that_is_retired_expired_or_compromised() {
        for mark in ["revoked", "expires", "compromised"] {
            assert_eq!(left(&json!({mark: "2026-05-01T00:00:00Z"})), 0, "{mark}");
            assert_eq!(left(&json!({mark: "2026-06-01T00:00:00Z"})), 0, "{mark}");
        }
    }

    #[test]
    fn leaves_out_a_key_whose_mark_cannot_be_read() {
        assert_eq!(left(&json!({"compromised": "yesterday"})), 0);
        assert_eq!(left(&json!({"revoked": 1})), 0);
    }

    #[test]
    fn leaves_out_a_name_that_no_method_has() {
        let mut document = document(&json!({}));
        document["authentication"] = json!([format!("{DID}#other")]);
        let at = DateTime::parse_from_rfc3339("2026-06-01T00:00:00Z").unwrap();
        assert_eq!(
            counting_at(document, at.into())["authentication"],
            json!([])
        );
    }
}

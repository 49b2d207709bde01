//! Faults and limits of peers that have been looked into: what the peer says, and what it comes from.

use super::case::same;
use serde_json::Value;

struct Fault {
    peer: &'static str,
    /// What stands in the suite's name.
    suite: &'static str,
    /// What stands in the peer's refusal.
    words: &'static str,
    finding: &'static str,
}

const FAULTS: &[Fault] = &[
    // RDFC-1.0 §7.1 lets an implementation give up; the number of blank nodes that are alike decides.
    Fault {
        peer: "digitalbazaar",
        suite: "",
        words: "Maximum deep iterations exceeded",
        finding: "it gives up on blank nodes that are alike sooner than we do",
    },
    // vc-di-eddsa §3.3.2 step 4.1, vc-di-ecdsa §3.3.2 step 4.1.
    Fault {
        peer: "digitalbazaar",
        suite: "-jcs-",
        words: "document.@context does not start with proof.@context",
        finding: "it compares contexts that are objects by identity, and so never verifies a document with one",
    },
    // RFC 9901 §4.2.1.
    Fault {
        peer: "sd-jwt-js",
        suite: "sd-jwt",
        words: "has 2 elements, its digest stands in an object",
        finding: "its disclosure of a claim whose name is empty has no name",
    },
    // RFC 9901 §7.1 step 3.c: the claim is inserted under the name that the disclosure gives, which may be any string.
    Fault {
        peer: "sd-jwt-js",
        suite: "sd-jwt",
        words: NAMELESS,
        finding: "it leaves out a disclosed claim whose name is empty",
    },
];

/// Says that nothing but claims with an empty name are missing.
const NAMELESS: &str = "verified, but without the claims whose name is empty";

/// Says how what was verified differs from what was expected.
pub(super) fn difference(expected: &Value, found: &Value) -> String {
    if same(&without_nameless(expected), found) {
        return NAMELESS.to_owned();
    }
    format!("verified, but as {found} instead of {expected}")
}

fn without_nameless(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, inner)| (name.clone(), without_nameless(inner)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nameless).collect(),
        other => other.clone(),
    }
}

/// Returns what is known of a peer's refusal.
pub(super) fn of(peer: &str, suite: &str, reason: &str) -> Option<&'static str> {
    FAULTS
        .iter()
        .find(|fault| {
            fault.peer == peer && suite.contains(fault.suite) && reason.contains(fault.words)
        })
        .map(|fault| fault.finding)
}

//! Pointers, and credentials, from which nothing is derived.

use super::changed;
use crate::{Case, MANDATORY, NOW, write};
use serde_json::{Value, json};

/// What cannot be derived.
pub(crate) fn of_pointers(sd: &Case<'_>, bbs: &Case<'_>) {
    for (suite, case) in [("sd", sd), ("bbs", bbs)] {
        for (name, pointers, rule) in [
            (
                "pointer-to-nothing",
                json!(["/credentialSubject/none"]),
                "selective.no-such-value",
            ),
            (
                "pointer-past-an-array",
                json!(["/credentialSubject/harvest/2"]),
                "selective.no-such-value",
            ),
            (
                "pointer-into-a-literal",
                json!(["/credentialSubject/grade/0"]),
                "selective.no-such-value",
            ),
            (
                "pointer-index-with-zero",
                json!(["/credentialSubject/harvest/00"]),
                "selective.no-such-value",
            ),
            (
                "pointer-into-the-proof",
                json!(["/proof/proofValue"]),
                "selective.no-such-value",
            ),
            (
                "pointer-without-slash",
                json!(["credentialSubject"]),
                "selective.pointer",
            ),
            (
                "pointer-bad-escape",
                json!(["/credentialSubject/~2"]),
                "selective.pointer",
            ),
            (
                "pointer-too-deep",
                json!(["/a".repeat(200)]),
                "selective.pointer",
            ),
            (
                "pointers-too-many",
                json!(vec!["/validFrom"; 513]),
                "selective.pointer",
            ),
        ] {
            let vector = json!({"act": "derive", "input": case.base, "now": NOW, "reveal": pointers, "refusal": rule});
            write("invalid", &format!("{suite}-derive-{name}"), &vector);
        }
        let vector = json!({"act": "derive", "input": case.derived, "now": NOW, "reveal": MANDATORY, "refusal": "selective.derived-proof"});
        write("invalid", &format!("{suite}-derive-from-derived"), &vector);
        let twice = changed(&Value::Object(case.base.clone()), |vc| {
            vc["proof"] = json!([vc["proof"], vc["proof"]]);
        });
        let vector = json!({"act": "derive", "input": twice, "now": NOW, "reveal": MANDATORY, "refusal": "selective.proofs"});
        write(
            "invalid",
            &format!("{suite}-derive-from-two-proofs"),
            &vector,
        );
        let vector = json!({"act": "derive", "input": case.base, "now": NOW, "reveal": ["/credentialSubject/harvest"]});
        write("valid", &format!("{suite}-derive"), &vector);
    }
}

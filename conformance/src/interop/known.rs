//! Faults and limits of peers that have been looked into: what the peer says, and what it comes from.

use super::case::same;
use super::spared;
use serde_json::Value;

struct Fault {
    peer: &'static str,
    /// What stands in the suite's name.
    suite: &'static str,
    /// What stands in the refusal, or in what is said of the difference.
    words: &'static str,
    /// What it takes of the document.
    document: fn(&Value) -> bool,
    finding: &'static str,
}

fn any(_: &Value) -> bool {
    true
}

const FAULTS: &[Fault] = &[
    // RDFC-1.0 §7.1 lets an implementation give up; the number of blank nodes that are alike decides.
    Fault {
        peer: "digitalbazaar",
        suite: "",
        words: "Maximum deep iterations exceeded",
        document: any,
        finding: "it gives up on blank nodes that are alike sooner than we do",
    },
    // vc-di-eddsa §3.3.2 step 4.1, vc-di-ecdsa §3.3.2 step 4.1.
    Fault {
        peer: "digitalbazaar",
        suite: "-jcs-",
        words: "document.@context does not start with proof.@context",
        document: any,
        finding: "it compares contexts that are objects by identity, and so never verifies a document with one",
    },
    // RFC 9901 §4.2.1.
    Fault {
        peer: "sd-jwt-js",
        suite: "sd-jwt",
        words: "has 2 elements, its digest stands in an object",
        document: any,
        finding: "its disclosure of a claim whose name is empty has no name",
    },
    // RFC 9901 §7.1 step 3.c: the claim is inserted under the name that the disclosure gives, which may be any string.
    Fault {
        peer: "sd-jwt-js",
        suite: "sd-jwt",
        words: NAMELESS,
        document: any,
        finding: "it leaves out a disclosed claim whose name is empty",
    },
    // RFC 8259 §6: an exponent needs no fraction before it.
    Fault {
        peer: "ssi",
        suite: "",
        words: "number too large",
        document: spared::has_bare_exponent,
        finding: "it cannot write a number with an exponent and no fraction, such as 1e21",
    },
    // vc-di-eddsa, Proof Configuration (Ed25519Signature2020): the configuration has the context of the document.
    Fault {
        peer: "ssi",
        suite: "Ed25519Signature2020",
        words: "@context of the document differs from the proof's",
        document: any,
        finding: "it signs a proof that has a context of its own",
    },
    // vc-di-bbs §3.3.3, §3.3.7: a header that is absent is an empty byte array.
    Fault {
        peer: "ssi",
        suite: "bbs-2023",
        words: "proofValue: CBOR: a simple value stands where a byte string must stand",
        document: any,
        finding: "it writes null for a presentation header that is absent",
    },
    // draft-irtf-cfrg-bbs-signatures, ProofChallengeCalculate: draft 05, which vc-di-bbs still lists, hashes the points first; later ones
    // hash the disclosed messages first, and so do the examples of vc-di-bbs.
    Fault {
        peer: "ssi",
        suite: "bbs-2023",
        words: "invalid proof: invalid signature",
        document: any,
        finding: "its BBS proofs are those of draft 05, which has another challenge than later ones",
    },
];

/// What is known of a peer that canonicalizes with SHA-256 whatever the key (vc-di-ecdsa §3 wants SHA-384 for P-384).
pub(super) const SHA_256_LABELS: &str = "it names blank nodes by SHA-256 where the key is P-384";

/// Says whether a peer is known to canonicalize with SHA-256 whatever the key.
pub(super) fn hashes_labels_by_sha_256(peer: &str) -> bool {
    peer == "ssi"
}

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

/// Returns what is known of a peer's refusal of a document, or of another answer about it.
pub(super) fn of(peer: &str, suite: &str, reason: &str, document: &Value) -> Option<&'static str> {
    FAULTS
        .iter()
        .find(|fault| {
            fault.peer == peer
                && suite.contains(fault.suite)
                && reason.contains(fault.words)
                && (fault.document)(document)
        })
        .map(|fault| fault.finding)
}

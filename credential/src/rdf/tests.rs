//! Tests: quads of documents, and what is refused.

use super::*;
use crate::contexts::Contexts;
use serde_json::{Map, Value, json};

const V2: &str = "https://www.w3.org/ns/credentials/v2";

fn document(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("a document is an object"),
    }
}

fn rdf(value: Value) -> Result<Dataset, RdfError> {
    to_rdf(&document(value), &Contexts::embedded())
}

/// Writes the canonical lines of a document.
fn lines(value: Value) -> Vec<String> {
    let dataset = rdf(value).unwrap();
    let canonical = canonicalize(&dataset, RdfHash::Sha256, Budget::CREDENTIAL).unwrap();
    canonical.lines().to_vec()
}

fn rule(value: Value) -> &'static str {
    rdf(value).unwrap_err().rule()
}

/// Is a credential with one more member.
fn credential(name: &str, value: Value) -> Value {
    let mut credential = json!({
        "@context": [V2],
        "id": "urn:a:credential",
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {"id": "did:example:subject"},
    });
    credential[name] = value;
    credential
}

#[test]
fn a_credential_becomes_its_quads() {
    assert_eq!(
        lines(credential("validFrom", json!("2026-01-01T00:00:00Z"))),
        [
            "<urn:a:credential> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiableCredential> .\n",
            "<urn:a:credential> <https://www.w3.org/2018/credentials#credentialSubject> <did:example:subject> .\n",
            "<urn:a:credential> <https://www.w3.org/2018/credentials#issuer> <did:example:issuer> .\n",
            "<urn:a:credential> <https://www.w3.org/2018/credentials#validFrom> \"2026-01-01T00:00:00Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime> .\n",
        ]
    );
}

#[test]
fn a_proof_is_a_graph_of_its_own() {
    let proof = json!({"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"});
    let found = lines(credential("proof", proof));
    assert!(
        found.iter().any(|line| line
            == "_:c14n1 <https://w3id.org/security#cryptosuite> \"eddsa-rdfc-2022\"^^<https://w3id.org/security#cryptosuiteString> _:c14n0 .\n"
            || line
                == "_:c14n0 <https://w3id.org/security#cryptosuite> \"eddsa-rdfc-2022\"^^<https://w3id.org/security#cryptosuiteString> _:c14n1 .\n"),
        "{found:?}"
    );
}

#[test]
fn numbers_have_one_form() {
    let context = json!({"@vocab": "https://example.org/"});
    for (number, expected) in [
        (
            json!(5),
            "\"5\"^^<http://www.w3.org/2001/XMLSchema#integer>",
        ),
        (
            json!(5.0),
            "\"5\"^^<http://www.w3.org/2001/XMLSchema#integer>",
        ),
        (
            json!(-0.0),
            "\"0\"^^<http://www.w3.org/2001/XMLSchema#integer>",
        ),
        (
            json!(5.3),
            "\"5.3E0\"^^<http://www.w3.org/2001/XMLSchema#double>",
        ),
        (
            json!(0.1),
            "\"1.0E-1\"^^<http://www.w3.org/2001/XMLSchema#double>",
        ),
        (
            json!(1e21),
            "\"1.0E21\"^^<http://www.w3.org/2001/XMLSchema#double>",
        ),
        (
            json!(1e20),
            "\"100000000000000000000\"^^<http://www.w3.org/2001/XMLSchema#integer>",
        ),
        (
            json!(true),
            "\"true\"^^<http://www.w3.org/2001/XMLSchema#boolean>",
        ),
    ] {
        let found = lines(json!({"@context": context, "@id": "urn:a:b", "n": number}));
        assert_eq!(
            found,
            [format!("<urn:a:b> <https://example.org/n> {expected} .\n")]
        );
    }
}

#[test]
fn an_integer_that_no_double_is_is_refused() {
    let vocabulary = json!({"@vocab": "https://example.org/"});
    let number = json!(9_007_199_254_740_993_u64);
    assert_eq!(
        rule(json!({"@context": vocabulary, "n": number})),
        "rdf.dropped"
    );
}

#[test]
fn what_a_reader_sees_and_rdf_would_lose_is_refused() {
    let inline = json!({
        "by": {"@id": "https://example.org/by", "@container": "@index"},
        "ex": "https://example.org/",
    });
    for (case, members) in [
        ("null", json!({"ex:a": null})),
        ("null in an array", json!({"ex:a": ["x", null]})),
        ("an empty array", json!({"ex:a": []})),
        ("an empty set", json!({"ex:a": {"@set": []}})),
        ("a null literal", json!({"ex:a": {"@value": null}})),
        ("a relative identifier", json!({"ex:a": {"id": "x"}})),
        (
            "an identifier with a space",
            json!({"ex:a": {"id": "urn:a b"}}),
        ),
        (
            "an identifier with a bracket",
            json!({"ex:a": {"id": "urn:a:<b>"}}),
        ),
        ("a blank node as a property", json!({"_:a": "x"})),
        ("a property with a space", json!({"ex:a b": "x"})),
        (
            "a malformed language",
            json!({"ex:a": {"@value": "x", "@language": "a b"}}),
        ),
        (
            "a direction",
            json!({"ex:a": {"@value": "x", "@direction": "rtl"}}),
        ),
        (
            "an index",
            json!({"ex:a": {"@value": "x", "@index": "one"}}),
        ),
        ("an index of a node", json!({"ex:a": {"@index": "one"}})),
        ("an index map", json!({"by": {"one": "x"}})),
        (
            "a lone literal in a graph",
            json!({"@graph": [{"@value": "x"}]}),
        ),
        (
            "a lone reference in a graph",
            json!({"@graph": [{"id": "urn:a:b"}]}),
        ),
        (
            "a lone included reference",
            json!({"@included": [{"id": "urn:a:b"}]}),
        ),
        (
            "a relative datatype",
            json!({"ex:a": {"@value": "x", "@type": "a b"}}),
        ),
        ("a malformed blank node", json!({"ex:a": {"id": "_:a b"}})),
    ] {
        let mut value = credential("name", json!("A"));
        value["@context"] = json!([V2, inline]);
        for (name, member) in members.as_object().unwrap() {
            value[name] = member.clone();
        }
        assert_eq!(rule(value), "rdf.dropped", "{case}");
    }
}

#[test]
fn an_undefined_term_is_refused() {
    assert_eq!(
        rule(credential("colour", json!("red"))),
        "context.undefined-term"
    );
    assert_eq!(
        rule(credential("@colour", json!("red"))),
        "context.undefined-term"
    );
    let subject = json!({"type": "Shoe"});
    assert_eq!(
        rule(credential("credentialSubject", subject)),
        "context.undefined-type"
    );
}

#[test]
fn a_protected_term_is_said_in_its_own_word_at_its_own_place() {
    let valid_until = "https://www.w3.org/2018/credentials#validUntil";
    let typed = json!({"@value": "2026-01-01T00:00:00Z", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"});
    let nested = json!({"validUntil": "2026-01-01T00:00:00Z"});
    for (case, value) in [
        ("by its IRI", credential(valid_until, typed.clone())),
        ("nested", credential("@nest", nested.clone())),
        (
            "in an included twin of the credential",
            credential(
                "@included",
                json!([{"id": "urn:a:credential", "validUntil": "2026-01-01T00:00:00Z"}]),
            ),
        ),
        (
            "in a twin of the credential below its subject",
            credential(
                "credentialSubject",
                json!({"id": "did:example:subject",
                "@reverse": {"https://example.org/of": {"id": "urn:a:credential", valid_until: typed}}}),
            ),
        ),
        (
            "from the other side",
            credential(
                "@included",
                json!([{"id": "urn:a:status", "@reverse": {"https://www.w3.org/2018/credentials#credentialStatus": {"id": "urn:a:credential"}}}]),
            ),
        ),
        (
            "an identifier",
            credential("credentialSubject", json!({"@id": "did:example:subject"})),
        ),
        (
            "a type",
            credential(
                "credentialSubject",
                json!({"@type": "VerifiableCredential"}),
            ),
        ),
    ] {
        assert_eq!(
            rdf(value).map_err(|e| e.rule()),
            Err("rdf.disguised"),
            "{case}"
        );
    }
    for protected in [false, true] {
        let alias = json!({"until": {"@id": valid_until, "@protected": protected,
            "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}});
        let mut aliased = credential("until", json!("2026-01-01T00:00:00Z"));
        aliased["@context"] = json!([V2, alias]);
        assert_eq!(rule(aliased), "rdf.disguised");
    }
}

#[test]
fn labels_of_the_document_do_not_meet_generated_ones() {
    let vocabulary = json!({"@vocab": "https://example.org/"});
    let dataset = rdf(json!({"@context": vocabulary, "@id": "urn:a:b",
        "p": [{"@id": "_:b0", "q": "x"}, {"q": "y"}, {"@id": "_:s1", "q": "z"}]}))
    .unwrap();
    assert_eq!(
        dataset.blank_nodes().into_iter().collect::<Vec<_>>(),
        ["_b0", "b0", "s1"]
    );
}

#[test]
fn nodes_can_be_named_without_changing_what_is_said() {
    let contexts = Contexts::embedded();
    let mut value = credential("credentialSubject", json!([{"name": "A"}, {"name": "B"}]));
    value["proof"] = json!({"type": "DataIntegrityProof", "cryptosuite": "x"});
    value["name"] = json!({"@value": "N", "@language": "en"});
    let plain = document(value);
    let named = name_blank_nodes(&plain, &contexts, "s").unwrap();
    assert_eq!(named["credentialSubject"][1]["id"], "_:s1");
    let of = |map| {
        let dataset = to_rdf(map, &contexts).unwrap();
        canonicalize(&dataset, RdfHash::Sha256, Budget::CREDENTIAL).unwrap()
    };
    assert_eq!(of(&named).lines(), of(&plain).lines());
    assert!(of(&named).labels().contains_key("s0"));
}

#[test]
fn many_short_keys_of_a_long_vocabulary_run_out_of_bytes() {
    let vocabulary = format!("https://example.org/{}", "x".repeat(2_000));
    let many: Vec<Value> = (0..10_000).map(|n| json!({"a": n})).collect();
    assert_eq!(
        rule(json!({"@context": {"@vocab": vocabulary}, "p": many})),
        "rdf.too-large"
    );
}

#[test]
fn a_document_too_deep_is_refused() {
    let mut value = json!("x");
    for _ in 0..70 {
        value = json!({"a": value});
    }
    value["@context"] = json!({"@vocab": "https://example.org/"});
    assert_eq!(rule(value), "rdf.too-deep");
}

#[test]
fn nquads_are_read_as_they_are_written() {
    let vocabulary = json!({"@vocab": "https://example.org/"});
    let odd = "\u{1}\t\n\r\u{8}\u{c}\"\\\u{7f}ü€𝄞";
    let dataset = rdf(json!({"@context": vocabulary, "@id": "urn:a:ü", "p": [odd, {"q": {"@value": odd, "@language": "de-CH"}}]})).unwrap();
    assert_eq!(Dataset::parse(&dataset.lines().concat()).unwrap(), dataset);
}

#[test]
fn lines_that_are_no_statements_are_refused() {
    for line in [
        "<urn:a> <urn:b> <urn:c>",
        "<urn:a> <urn:b> .",
        "<urn:a> _:b <urn:c> .",
        "\"a\" <urn:b> <urn:c> .",
        "<a> <urn:b> <urn:c> .",
        "<urn:a> <urn:b> \"c .",
        "<urn:a> <urn:b> \"c\"@ .",
        "<urn:a> <urn:b> \"c\"@toolonglanguage .",
        "<urn:a> <urn:b> \"\\q\" .",
        "<urn:a> <urn:b> \"\\uD800\" .",
        "<urn:a> <urn:b> <urn:c d> .",
        "<urn:a> <urn:b> <urn:c> . <urn:a>",
        "_: <urn:b> <urn:c> .",
        "<urn:a> <urn:b> <urn:c> \"g\" .",
    ] {
        assert!(
            matches!(Dataset::parse(line), Err(RdfError::Syntax { line: 1, .. })),
            "{line}"
        );
    }
}

//! Documents as quads, and quads in their canonical form.

use crate::mutate;
use chop_credential::Contexts;
use chop_credential::rdf::{Budget, Dataset, RdfHash, name_blank_nodes, to_rdf};
use chop_integrity::json::{self, Limits};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A document says the same with its blank nodes named, and its quads are read as they are written.
pub(super) fn document(input: &[u8]) {
    let bytes = mutate::bytes(&TEMPLATE, input);
    let Ok(Value::Object(document)) = json::parse(&bytes, &Limits::CREDENTIAL) else {
        return;
    };
    let Ok(dataset) = to_rdf(&document, &CONTEXTS) else {
        return;
    };
    let written = dataset.lines().concat();
    assert_eq!(
        Dataset::parse(&written).as_ref(),
        Ok(&dataset),
        "quads are read as they are written"
    );
    let named = name_blank_nodes(&document, &CONTEXTS, "s");
    let named = named.and_then(|named| to_rdf(&named, &CONTEXTS));
    assert_eq!(
        canonical(&dataset),
        named.ok().as_ref().and_then(canonical),
        "names of blank nodes say nothing"
    );
}

/// The canonical form is its own canonical form, and stays within the budget.
pub(super) fn canonicalize(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(dataset) = Dataset::parse(&text) else {
        return;
    };
    if let Some(once) = canonical(&dataset) {
        let again = Dataset::parse(&once).ok();
        assert_eq!(
            again.as_ref().and_then(canonical),
            Some(once),
            "the canonical form is its own"
        );
    }
}

fn canonical(dataset: &Dataset) -> Option<String> {
    chop_credential::rdf::canonicalize(dataset, RdfHash::Sha256, Budget::CREDENTIAL)
        .ok()
        .map(|canonical| canonical.nquads())
}

static CONTEXTS: LazyLock<Contexts> = LazyLock::new(Contexts::embedded);

static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            {
                "ex": "https://example.org/",
                "list": {"@id": "ex:list", "@container": "@list"},
                "text": {"@id": "ex:text", "@container": "@language"},
                "byId": {"@id": "ex:by-id", "@container": "@id"},
                "graph": {"@id": "ex:graph", "@container": "@graph"},
                "json": {"@id": "ex:json", "@type": "@json"},
                "of": {"@reverse": "ex:part"},
            },
        ],
        "id": "urn:a:credential",
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {
            "ex:part": [{"ex:name": "a"}, {"ex:name": "a"}, 1, 2.5, true],
            "ex:list": {"@list": [1, ["x"]]},
        },
    })
});

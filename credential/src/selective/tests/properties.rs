//! What holds for every document and every choice of pointers.

use super::super::{Reveal, derive};
use super::*;
use crate::rdf::{Budget, RdfHash, canonicalize, to_rdf};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Members: plain words, a slash, a tilde, other scripts, and what sorts apart in UTF-16.
const NAMES: [&str; 8] = ["a", "b", "c/d", "e~f", "größe", "名", "😀", "ﬀ"];

/// A value below a subject: literals of every kind, arrays, nodes without a name within nodes without a name.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(|number| json!(number)),
        "[ -~äß😀ﬀ\u{1}]{0,12}".prop_map(Value::from),
        "[a-z]{1,6}".prop_map(|text| json!({"@value": text, "@language": "de"})),
    ];
    scalar.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::Array),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), value, 0..4).prop_map(|members| {
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

fn document() -> impl Strategy<Value = Map<String, Value>> {
    (members(value()), any::<bool>()).prop_map(|(mut subject, named)| {
        if named {
            subject.insert("id".to_owned(), json!("did:example:subject"));
        }
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", {"@vocab": "https://example.org/terms#"}],
            "type": ["VerifiableCredential"],
            "issuer": "did:example:issuer",
            "validFrom": "2026-01-01T00:00:00Z",
            "credentialSubject": subject,
        })
        .as_object()
        .unwrap()
        .clone()
    })
}

/// Lists pointers to every value that can be shown by itself.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let step = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(object) if object.contains_key("@value") => {}
        Value::Object(object) => {
            for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('@')) {
                found.push(step(name));
                pointers(value, &step(name), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.push(step(&index.to_string()));
                pointers(item, &step(&index.to_string()), found);
            }
        }
        _ => {}
    }
}

/// Lists the leaves of a document, with the way to them but without the indexes of arrays.
fn leaves(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object
            .iter()
            .for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, at, found)),
        leaf => {
            found.insert(format!("{at}={leaf}"));
        }
    }
}

/// Lists the leaves that pointers ask for, and those that name and type the nodes on the way.
fn asked_for(document: &Map<String, Value>, pointers: &[String]) -> BTreeSet<String> {
    let whole = Value::Object(document.clone());
    let mut found = BTreeSet::new();
    for pointer in pointers {
        let (mut way, mut place) = (String::new(), String::new());
        for step in std::iter::once("").chain(pointer.split('/').skip(1)) {
            if !place.is_empty() || !step.is_empty() {
                place = format!("{place}/{step}");
                let parent = whole.pointer(place.rsplit_once('/').unwrap().0).unwrap();
                if parent.is_object() {
                    way = format!("{way}/{}", step.replace("~1", "/").replace("~0", "~"));
                }
            }
            let here = whole.pointer(&place).unwrap();
            for name in ["@context", "id", "type"] {
                if let Some(value) = here.as_object().and_then(|object| object.get(name)) {
                    leaves(value, &format!("{way}/{name}"), &mut found);
                }
            }
        }
        leaves(whole.pointer(pointer).unwrap(), &way, &mut found);
    }
    found
}

/// Changes one leaf of the document, below the root and outside proof and context.
fn changed(document: &Value, which: prop::sample::Index) -> Option<Value> {
    fn walk(value: &mut Value, left: &mut usize) -> bool {
        match value {
            Value::Object(object) => object
                .iter_mut()
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "@context" | "proof" | "type" | "@language")
                })
                .any(|(_, value)| walk(value, left)),
            Value::Array(items) => items.iter_mut().any(|item| walk(item, left)),
            leaf => {
                if *left > 0 {
                    *left -= 1;
                    return false;
                }
                *leaf = match &*leaf {
                    Value::String(text) => json!(format!("{text}x")),
                    Value::Bool(flag) => json!(!*flag),
                    Value::Number(number) => json!(number.as_f64().unwrap() + 1.5),
                    _ => json!("x"),
                };
                true
            }
        }
    }
    let mut count = usize::MAX;
    walk(&mut document.clone(), &mut count);
    let leaves = usize::MAX - count;
    let mut changed = document.clone();
    let mut left = which.index(leaves.max(1));
    walk(&mut changed, &mut left).then_some(changed)
}

/// What a credential says without its proof, in canonical form.
fn said(credential: &Value) -> Option<String> {
    let mut document = credential.as_object()?.clone();
    document.remove("proof");
    let dataset = to_rdf(&document, &Contexts::embedded()).ok()?;
    let canonical = canonicalize(&dataset, RdfHash::Sha256, Budget::CREDENTIAL);
    Some(canonical.ok()?.nquads())
}

fn holds_for_every_choice(
    suite: Suite,
    document: &Map<String, Value>,
    choice: &[prop::sample::Index],
    which: prop::sample::Index,
) -> Result<(), TestCaseError> {
    let contexts = Contexts::embedded();
    let mut all = Vec::new();
    pointers(&Value::Object(document.clone()), "", &mut all);
    let mut chosen: Vec<String> = choice.iter().map(|index| index.get(&all).clone()).collect();
    let mandatory = chosen.split_off(choice.len() / 2);
    let issued = match suite.issue(document, &contexts, &mandatory) {
        // Blank nodes that are too alike are refused by their budget, never disclosed wrongly.
        Err(SelectiveError::Rdf(_)) => return Err(TestCaseError::reject("alike")),
        issued => issued.unwrap(),
    };
    let reveal = Reveal {
        pointers: &chosen,
        ..Reveal::default()
    };
    let derived = derive(&issued, &contexts, &reveal).unwrap();
    let key = suite.key();
    if let Err(error) = verify(&derived, &contexts, key.public_key()) {
        return Err(TestCaseError::fail(format!("{error}: {derived:#}")));
    }
    let mut shown = derived.as_object().unwrap().clone();
    shown.remove("proof");
    let mut found = BTreeSet::new();
    leaves(&Value::Object(shown), "", &mut found);
    let asked = asked_for(document, &[mandatory, chosen].concat());
    prop_assert_eq!(found, asked);

    // A repeated value says nothing more: only a change of what is said is a forgery.
    if let Some(forged) = changed(&derived, which).filter(|forged| said(forged) != said(&derived)) {
        prop_assert!(
            verify(&forged, &contexts, key.public_key()).is_err(),
            "{:#}",
            forged
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn ecdsa_sd_shows_what_was_asked_for_and_no_more(
        document in document(),
        choice in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        which: prop::sample::Index,
    ) {
        holds_for_every_choice(Suite::EcdsaSd, &document, &choice, which)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn bbs_shows_what_was_asked_for_and_no_more(
        document in document(),
        choice in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        which: prop::sample::Index,
    ) {
        holds_for_every_choice(Suite::Bbs, &document, &choice, which)?;
    }
}

#[test]
fn a_literal_or_list_is_shown_whole_or_not_at_all() {
    let contexts = Contexts::embedded();
    let document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", {
            "@vocab": "https://example.org/terms#",
            "steps": {"@id": "https://example.org/terms#steps", "@container": "@list"},
        }],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {
            "label": {"@value": "Apfel", "@language": "de"},
            "steps": [{"no": 1}, "two", {"no": 3}],
            "other": true,
        },
    });
    let document = document.as_object().unwrap();
    let issued = Suite::EcdsaSd
        .issue(document, &contexts, &["/issuer".to_owned()])
        .unwrap();
    let try_pointers = |pointers: &[&str]| {
        let pointers: Vec<String> = pointers.iter().map(|text| (*text).to_owned()).collect();
        derive(
            &issued,
            &contexts,
            &Reveal {
                pointers: &pointers,
                ..Reveal::default()
            },
        )
    };
    for cut in [
        "/credentialSubject/label/@value",
        "/credentialSubject/steps/0",
        "/credentialSubject/steps/2/no",
    ] {
        assert!(
            matches!(try_pointers(&[cut]), Err(SelectiveError::CutsStatement)),
            "{cut}"
        );
    }
    for whole in [
        &["/credentialSubject/label"][..],
        &["/credentialSubject/steps"],
        &[
            "/credentialSubject/steps/0",
            "/credentialSubject/steps/1",
            "/credentialSubject/steps/2",
        ],
        &[""],
    ] {
        let derived = try_pointers(whole).unwrap();
        verify(&derived, &contexts, Suite::EcdsaSd.key().public_key()).unwrap();
    }
}

#[test]
fn a_document_that_names_its_blank_nodes_is_disclosed_too() {
    let contexts = Contexts::embedded();
    let document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", {"@vocab": "https://example.org/terms#"}],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {
            "knows": {"id": "_:b0", "name": "A", "trusts": {"id": "_:n1"}},
            "likes": {"id": "_:n1", "name": "B", "trusts": {"id": "_:b0"}},
        },
    });
    for suite in [Suite::EcdsaSd, Suite::Bbs] {
        let issued = suite
            .issue(document.as_object().unwrap(), &contexts, &[])
            .unwrap();
        for pointers in [
            &["/credentialSubject/knows/name"][..],
            &[
                "/credentialSubject/likes",
                "/credentialSubject/knows/trusts",
            ],
        ] {
            let pointers: Vec<String> = pointers.iter().map(|text| (*text).to_owned()).collect();
            let derived = derive(
                &issued,
                &contexts,
                &Reveal {
                    pointers: &pointers,
                    ..Reveal::default()
                },
            )
            .unwrap();
            verify(&derived, &contexts, suite.key().public_key()).unwrap();
        }
    }
}

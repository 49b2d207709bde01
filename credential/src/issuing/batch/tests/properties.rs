//! Whatever the template and the cells: a batch agrees with single issuing.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

const ANY_TERM: &str = "https://www.w3.org/ns/credentials/examples/v2";

/// A value of a template: fixed, or with placeholders for the columns `a` to `d`.
fn value() -> impl Strategy<Value = Value> {
    let texts = [
        "{{a}}",
        "{{b}}",
        "{{c:number}}",
        "{{c:integer}}",
        "{{d:boolean}}",
        "did:example:{{a}}",
        "https://{{a}}/{{b}}",
        "urn:uuid:{{@uuid}}",
        "{{@now}}",
        "2026-0{{c}}-01T00:00:00Z",
        "{{a}}{{b}}",
        "fixed",
        "2026-11-21T09:00:00Z",
        "urn:fixed:1",
    ];
    select(texts.to_vec()).prop_map(Value::from)
}

/// A cell: what passes, and what attacks.
fn cell() -> impl Strategy<Value = String> {
    let cells = [
        "1",
        "-0",
        "1.0",
        "12.50",
        "1e21",
        "9007199254740993",
        "true",
        "did:example:a",
        "urn:x:y",
        "https://a.example/b",
        "",
        "@id",
        "@type",
        "_:b",
        "id",
        "type",
        "VerifiableCredential",
        "2026-11-21T09:00:00Z",
        "2027-01-01T00:00:00+08:00",
        "2026-13-01T00:00:00Z",
        "\"},\"issuer\":\"did:evil:x\",\"x\":{\"y\":\"",
        "{{a}}",
        "\\u0000",
        "https://",
        "did:a:",
        "a b",
        "\u{0}",
        "\u{e000}\u{1f600}",
        "http:x",
        "mailto:a@b.example",
    ];
    prop_oneof![
        3 => select(cells.to_vec()).prop_map(str::to_owned),
        1 => (-20_000_000_000_000_000_i64..20_000_000_000_000_000).prop_map(|number| number.to_string()),
        1 => (-200_i64..200).prop_map(|number| number.to_string()),
        1 => any::<String>(),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let places = [
        "/id",
        "/name",
        "/description",
        "/validFrom",
        "/validUntil",
        "/credentialSubject/id",
        "/credentialSubject/name",
        "/credentialSubject/anything",
        "/credentialSubject/type",
        "/credentialSubject/@type",
        "/credentialSubject/@id",
        "/credentialSubject/nested/id",
        "/credentialSubject/nested/value",
        "/credentialSubject/nested/type",
        "/credentialSubject/literal/@value",
        "/credentialSubject/literal/@language",
        "/credentialSubject/literal/@type",
        "/credentialSubject/list/@list",
        "/credentialSubject/@context",
        "/name/@value",
        "/name/@language",
        "/evidence/id",
        "/evidence/type",
        "/credentialSchema/id",
        "/termsOfUse/type",
        "/refreshService/id",
        "/relatedResource/id",
        "/credentialStatus/id",
        "/confidenceMethod/id",
        "/proof/type",
        "/issuer/name",
        "/vc",
        "/undefined",
    ];
    let fillings = prop::collection::vec((select(places.to_vec()), value()), 1..6);
    (fillings, any::<bool>()).prop_map(|(fillings, open)| {
        let issuer = key(KeyType::Ed25519).public_key().did_key();
        let mut document = json!({
            "@context": [V2, if open { ANY_TERM } else { APPLE }],
            "type": ["VerifiableCredential"],
            "issuer": issuer,
            "credentialSubject": {"name": "Somebody"},
        });
        for (place, value) in fillings {
            put(&mut document, place, value);
        }
        document
    })
}

/// Sets a member, making or replacing what stands in the way.
fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for name in pointer.split('/').skip(1) {
        if name == "name" && pointer.starts_with("/issuer") {
            *place = json!({"id": place.as_str().unwrap_or("did:example:i")});
        }
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_batch_issues_and_refuses_as_single_issuing_does(
        document in document(),
        cells in prop::array::uniform4(cell()),
        jwt in any::<bool>(),
    ) {
        let both = Both::new(KeyType::Ed25519, if jwt { Form::Jwt } else { PROOF });
        let [a, b, c, d] = &cells;
        let (batch, single, _) = both.issue(document, &[("a", a), ("b", b), ("c", c), ("d", d)]);
        prop_assert_eq!(batch, single);
    }

    #[test]
    fn whatever_is_pressed_is_as_single_issuing_makes_it(cells in prop::array::uniform4(cell()), jwt in any::<bool>()) {
        let both = Both::new(KeyType::Ed25519, if jwt { Form::Jwt } else { PROOF });
        let [did, season, orchard_name, number] = &cells;
        let row = [("did", did.as_str()), ("season", season), ("orchard", orchard_name), ("number", number)];
        let (batch, single, pressed) = both.issue(orchard(&both.issuer_did()), &row);
        prop_assert!(pressed);
        prop_assert_eq!(batch, single);
    }

    #[test]
    fn no_document_makes_the_template_reader_panic(name in "[a-z{}@:]{0,8}", text in "[a-z{}@: ]{0,24}") {
        let _ = Template::parse(object(json!({name: [text]})));
    }
}

//! Tests: a batch issues and refuses what single issuing does.

mod properties;

use super::*;
use chop_integrity::json;
use chop_keys::{KeyType, PrivateKey};
use serde_json::{Map, json};
use std::sync::LazyLock;

const UUID: &str = "6e9e3c1e-58ab-4b9f-9c0a-0d5f3a0a7b11";
const V2: &str = "https://www.w3.org/ns/credentials/v2";
const APPLE: &str = "https://chopmark.dev/ns/apple/v1";
const PROOF: Form<'static> = Form::Proof {
    cryptosuite: None,
    mandatory_pointers: &[],
};

/// Processed once for all tests.
static CONTEXTS: LazyLock<Contexts> = LazyLock::new(Contexts::embedded);

fn key(key_type: KeyType) -> PrivateKey {
    PrivateKey::from_seed(key_type, &vec![3; key_type.secret_len()]).unwrap()
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T09:00:00.000Z").unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn orchard(issuer: &str) -> Value {
    json!({
        "@context": [V2, APPLE],
        "type": ["VerifiableCredential", "GeographicalIndication"],
        "id": "urn:uuid:{{@uuid}}",
        "issuer": issuer,
        "name": "Origin of {{season}} at {{orchard}}",
        "validFrom": "{{@now}}",
        "credentialSubject": {
            "id": "{{did}}",
            "type": "CertifiedOrchard",
            "name": "{{orchard}}",
            "indication": {"indicationName": "{{season}}", "registrationNumber": "EXAMPLE-{{number}}"},
            "parcels": ["TR-{{number}}", "{{season}}"],
            "certifiedArea": {"mantissa": "{{number:integer}}", "scale": 2, "unit": "HAR"},
        },
    })
}

/// Issues one row in both ways: as the batch does, and from JSON text as a single credential is.
struct Both {
    key: PrivateKey,
    contexts: &'static Contexts,
    form: Form<'static>,
}

impl Both {
    fn new(key_type: KeyType, form: Form<'static>) -> Self {
        Self {
            key: key(key_type),
            contexts: &CONTEXTS,
            form,
        }
    }

    fn issuer_did(&self) -> String {
        self.key.public_key().did_key()
    }

    /// The batch's answer, the single way's, and whether the template is pressed.
    fn issue(
        &self,
        template: Value,
        cells: &[(&str, &str)],
    ) -> (Result<Value, String>, Result<Value, String>, bool) {
        let template = Template::parse(object(template)).unwrap();
        let method = self.key.public_key().did_key_url();
        let terms = BatchTerms {
            contexts: self.contexts,
            verification_method: &method,
            form: self.form,
            signer: &self.key,
        };
        let issuer = BatchIssuer::new(&template, terms);
        let cells: Vec<&str> = template
            .columns()
            .iter()
            .map(|column| {
                let found = cells.iter().find(|(name, _)| name == column);
                found.map_or("", |(_, cell)| *cell)
            })
            .collect();
        let mut out = b"before".to_vec();
        let batch = issuer
            .issue(&cells, UUID, &issuer.moment(now()), &mut out)
            .map_err(|error| error.to_string());
        let batch = batch.map(|()| {
            let written = out.strip_prefix(b"before").unwrap();
            json::parse(written, &Limits::CREDENTIAL).unwrap()
        });
        (
            batch,
            self.single(&template, &cells, &method),
            issuer.is_pressed(),
        )
    }

    fn single(&self, template: &Template, cells: &[&str], method: &str) -> Result<Value, String> {
        let now_text = now().to_string();
        let values = Values {
            cells,
            uuid: UUID,
            now: &now_text,
        };
        let filled = template.fill(&values).map_err(|error| error.to_string())?;
        let text = filled.to_string();
        let read = json::parse(text.as_bytes(), &Limits::CREDENTIAL).unwrap();
        let issued = match self.form {
            Form::Proof { .. } => issue(
                read,
                self.contexts,
                &ProofRequest::new(method, now()),
                &self.key,
            ),
            Form::Jwt => issue_jwt(read, self.contexts, method, &self.key).map(Value::String),
        };
        // As the batch writes it: its minus zero is a zero.
        issued
            .map(|value| {
                let written = canonicalize(&value).unwrap();
                json::parse(&written, &Limits::CREDENTIAL).unwrap()
            })
            .map_err(|error| error.to_string())
    }
}

const ROW: [(&str, &str); 4] = [
    ("did", "did:example:orchard"),
    ("season", "2026 \"late\"\n"),
    ("orchard", "泰原 \u{1f34e} \\ {{season}}"),
    ("number", "417"),
];

#[test]
fn a_pressed_row_is_the_credential_that_single_issuing_makes() {
    for form in [PROOF, Form::Jwt] {
        let both = Both::new(KeyType::Ed25519, form);
        let (batch, single, pressed) = both.issue(orchard(&both.issuer_did()), &ROW);
        assert!(pressed, "{form:?}");
        assert_eq!(batch, single);
        assert!(batch.is_ok(), "{batch:?}");
    }
}

#[test]
fn a_pressed_row_of_an_ecdsa_key_verifies() {
    use crate::securing::{ProofTerms, SecuredCredential};
    use crate::verdict::{Finding, KeyFact, KeyHistory};
    for key_type in [KeyType::P256, KeyType::P384] {
        let both = Both::new(key_type, PROOF);
        let (batch, _, pressed) = both.issue(orchard(&both.issuer_did()), &ROW);
        assert!(pressed);
        let secured = SecuredCredential::from_value(batch.unwrap()).unwrap();
        let public = both.key.public_key();
        let fact = KeyFact {
            id: public.did_key_url(),
            controller: public.did_key(),
            key: public.clone(),
            relationships: vec!["assertionMethod".to_owned()],
            history: KeyHistory::default(),
        };
        let keys = [(public.did_key_url(), Finding::Found(fact))].into();
        let terms = ProofTerms {
            purpose: "assertionMethod",
            contexts: both.contexts,
            as_of: now(),
            clock_skew_ms: 0,
        };
        let reports = secured.secured().verify(&keys, &terms);
        assert!(
            reports.len() == 1 && reports[0].result.is_ok(),
            "{reports:?}"
        );
    }
}

#[test]
fn a_row_is_refused_for_the_reason_that_single_issuing_gives() {
    let both = Both::new(KeyType::Ed25519, PROOF);
    let mut until = orchard(&both.issuer_did());
    until["validUntil"] = json!("{{until}}");
    for (bad, cells) in [
        (
            "no URL",
            [
                ("did", "an orchard"),
                ("number", "1"),
                ("until", "2027-01-01T00:00:00Z"),
            ],
        ),
        (
            "no URL",
            [
                ("did", ""),
                ("number", "1"),
                ("until", "2027-01-01T00:00:00Z"),
            ],
        ),
        (
            "no integer",
            [
                ("did", "did:a:b"),
                ("number", "1.5"),
                ("until", "2027-01-01T00:00:00Z"),
            ],
        ),
        (
            "no time",
            [("did", "did:a:b"), ("number", "1"), ("until", "tomorrow")],
        ),
        (
            "reversed",
            [
                ("did", "did:a:b"),
                ("number", "1"),
                ("until", "2020-01-01T00:00:00Z"),
            ],
        ),
        (
            "inexact",
            [
                ("did", "did:a:b"),
                ("number", "9007199254740993"),
                ("until", "2027-01-01T00:00:00Z"),
            ],
        ),
    ] {
        let (batch, single, pressed) = both.issue(until.clone(), &cells);
        assert!(pressed);
        assert_eq!(batch, single, "{bad}");
        assert!(batch.is_err(), "{bad}");
    }
}

#[test]
fn a_cell_error_names_column_type_and_what_was_found() {
    let error = CellError::new("weight", CellType::Number, &"x".repeat(100)).to_string();
    assert!(
        error.starts_with("column \"weight\" holds \"xxx") && error.ends_with("which is no number")
    );
    assert!(error.len() < 120, "{error}");
}

#[test]
fn a_row_larger_than_a_credential_is_refused() {
    let both = Both::new(KeyType::Ed25519, PROOF);
    let huge = "x".repeat(Limits::CREDENTIAL.max_bytes);
    let template = Template::parse(object(orchard(&both.issuer_did()))).unwrap();
    let method = both.key.public_key().did_key_url();
    let issuer = BatchIssuer::new(
        &template,
        BatchTerms {
            contexts: both.contexts,
            verification_method: &method,
            form: PROOF,
            signer: &both.key,
        },
    );
    let cells: Vec<&str> = template
        .columns()
        .iter()
        .map(|column| match column.as_str() {
            "orchard" => huge.as_str(),
            "number" => "1",
            _ => "did:example:a",
        })
        .collect();
    let mut out = b"before".to_vec();
    let refused = issuer
        .issue(&cells, UUID, &issuer.moment(now()), &mut out)
        .unwrap_err();
    assert_eq!(refused.rule(), "batch.too-large");
    assert!(refused.is_of_row());
    assert_eq!(out, b"before");
}

#[test]
fn what_more_than_a_kind_is_looked_for_in_goes_the_whole_way() {
    let both = Both::new(KeyType::Ed25519, PROOF);
    let issuer = both.issuer_did();
    let with = |pointer: &str, value: Value| {
        let mut template = orchard(&issuer);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        template.pointer_mut(parent).unwrap()[name] = value;
        template
    };
    let cases = [
        with("/type", json!(["VerifiableCredential", "{{season}}"])),
        with("/issuer", json!("{{did}}")),
        with("/@context", json!([V2, APPLE, "{{did}}"])),
        with("/@context", json!([V2, APPLE, {"own": "urn:example:own"}])),
        with("/credentialSubject/type", json!("{{season}}")),
        with("/credentialSubject/@type", json!("{{season}}")),
        with("/credentialSubject/@context", json!("{{season}}")),
        with(
            "/credentialSchema",
            json!({"id": "{{did}}", "type": "JsonSchema"}),
        ),
        with("/proof", json!({"type": "{{season}}"})),
    ];
    for template in cases {
        let (batch, single, pressed) = both.issue(template.clone(), &ROW);
        assert!(!pressed, "{template}");
        assert_eq!(batch, single, "{template}");
    }
}

#[test]
fn a_malformed_placeholder_is_refused_where_it_stands() {
    for (value, expected) in [
        (json!({"a": "{{b"}), "not closed"),
        (json!({"a": ["x {{ }}"]}), "names no column"),
        (json!({"a": "{{b:date}}"}), "no known type"),
        (json!({"a": "{{@date}}"}), "neither"),
        (json!({"a": "kg {{b:number}}"}), "must be the whole value"),
        (json!({"a": {"{{b}}": 1}}), "in its name"),
    ] {
        let refused = Template::parse(object(value)).unwrap_err().to_string();
        assert!(
            refused.contains(expected) && refused.contains(" a "),
            "{refused}"
        );
    }
}

#[test]
fn numbers_are_json_and_nothing_else() {
    for (cell, number, integer) in [
        ("0", true, true),
        ("-17", true, true),
        ("3.50", true, false),
        ("1e3", true, false),
        ("01", false, false),
        ("+1", false, false),
        (" 1", false, false),
        ("1 ", false, false),
        ("", false, false),
        ("NaN", false, false),
        ("1e999", false, false),
        ("0x10", false, false),
        ("1,5", false, false),
    ] {
        assert_eq!(CellType::Number.read(cell).is_some(), number, "{cell:?}");
        assert_eq!(CellType::Integer.read(cell).is_some(), integer, "{cell:?}");
    }
    assert_eq!(CellType::Boolean.read("true"), Some(json!(true)));
    assert_eq!(CellType::Boolean.read("TRUE"), None);
}

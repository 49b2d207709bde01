//! For documents and choices at random: what comes out is exactly what was disclosed.

use crate::support::{key, randomness};
use chop_credential::securing::sd_jwt::{Concealed, SdJwt, conceal, undisclosed};
use chop_keys::{JwsSigningInput, Signer};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-zß-ü ~/]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-f~/0-3]{1,3}", inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn document() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-f]{1,2}", value(), 1..6)
        .prop_map(|members| members.into_iter().collect())
}

/// Lists a pointer to every claim.
fn pointers(value: &Value, prefix: &str, all: &mut Vec<String>) {
    let mut below = |token: &str, value: &Value| {
        let pointer = format!("{prefix}/{}", token.replace('~', "~0").replace('/', "~1"));
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(index, value)| below(&index.to_string(), value)),
        _ => {}
    }
}

fn chosen(all: &[String], mask: u64) -> Vec<String> {
    all.iter()
        .enumerate()
        .filter(|(index, _)| mask >> (index % 64) & 1 == 1)
        .map(|(_, pointer)| pointer.clone())
        .collect()
}

fn sign(concealed: &Concealed) -> String {
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = encode(&json!({"alg": "ES256"}));
    let payload = encode(&Value::Object(concealed.payload.clone()));
    let input = JwsSigningInput::new(format!("{header}.{payload}")).unwrap();
    let signature = BASE64URL_NOPAD.encode(key(1).sign_jws(&input).unwrap().as_bytes());
    concealed.serialize(&format!("{}.{signature}", input.as_str()))
}

/// What a reader must see: the document without what is concealed and not disclosed.
fn seen(value: &Value, pointer: &str, concealed: &[String], disclosed: &[String]) -> Option<Value> {
    let below = |token: &str, value: &Value| {
        let pointer = format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"));
        seen(value, &pointer, concealed, disclosed)
    };
    // A pointer discloses what it names, all that is in it, and what encloses it.
    let inside =
        |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
    let shown = disclosed
        .iter()
        .any(|wanted| inside(wanted, pointer) || inside(pointer, wanted));
    if concealed.iter().any(|hidden| hidden == pointer) && !shown {
        return None;
    }
    Some(match value {
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), below(name, value)?)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .filter_map(|(index, value)| below(&index.to_string(), value))
            .collect(),
        plain => plain.clone(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_comes_out_is_exactly_what_was_disclosed(document in document(), hide in any::<u64>(), show in any::<u64>(), decoys in 0_usize..4) {
        let whole = Value::Object(document.clone());
        let mut all = Vec::new();
        pointers(&whole, "", &mut all);
        let (hidden, shown) = (chosen(&all, hide), chosen(&all, show & show.rotate_left(7)));
        let concealed = conceal(&document, &hidden, decoys, &mut randomness()).unwrap();
        prop_assert_eq!(concealed.disclosures.len(), hidden.len());
        let (issued, claims) = SdJwt::parse(&sign(&concealed)).unwrap();
        prop_assert_eq!(&Value::Object(claims), &whole);
        let (disclosed, claims) = SdJwt::parse(&issued.disclose(&shown).unwrap()).unwrap();
        prop_assert_eq!(Value::Object(claims), seen(&whole, "", &hidden, &shown).unwrap());
        prop_assert!(disclosed.token().check_signature(key(1).public_key()).is_ok());
        let nothing = Value::Object(undisclosed(&concealed.payload).unwrap());
        prop_assert_eq!(nothing, seen(&whole, "", &hidden, &[]).unwrap());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "e[A-Za-z0-9_.~=-]{0,200}") {
        let _ = SdJwt::parse(&text);
    }
}

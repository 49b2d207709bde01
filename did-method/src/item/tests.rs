use super::*;
use crate::resolution::resolve_chop;
use serde_json::json;

fn template() -> Template {
    Template::parse(json!({
        "class": "product",
        "fields": ["gtin", "serial"],
        "document": {
            "alsoKnownAs": ["https://id.example/01/{gtin}/21/{serial}"],
            "service": [{"id": "#info", "type": "LinkedDomains", "serviceEndpoint": "https://fruit.example/"}],
        },
    }))
    .unwrap()
}

fn item(data: &[&str]) -> Item {
    Item {
        data: data.iter().map(|value| (*value).to_owned()).collect(),
        key: None,
    }
}

fn did(byte: u8) -> ChopDid {
    let ledger = LedgerId::new(Hash::from_bytes([0; 32]));
    ChopDid::new(
        ledger.short(),
        Scid::of_genesis(Hash::from_bytes([byte; 32])),
    )
}

#[test]
fn hashes_of_known_items_stay() {
    let ledger = LedgerId::new(Hash::from_bytes([0; 32]));
    let context = ItemContext {
        batch: batch_id(&ledger, &did(1), "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a").unwrap(),
        template: template().digest(),
    };
    assert_eq!(
        context.batch.to_string(),
        "j2alhnnu345xgyxv4irkwrhrmsudq6b5wh6ctgudqdx3rdl5tptq"
    );
    assert_eq!(
        context.template.to_string(),
        "z6ax7z2g7vkvq3modzog5fdqmyrmvjky3xh2v3cr4mn2t34otltq"
    );
    let bytes = item(&["09506000134352", "A/1"]).bytes().unwrap();
    assert_eq!(bytes, br#"{"data":["09506000134352","A/1"]}"#);
    assert_eq!(
        context.scid(&bytes).to_string(),
        "bki3hfccgqtojqemqg2ad24hqdqpu7ago557gvfl5vykvebjgpqda"
    );
}

#[test]
fn an_item_resolves_to_the_template_with_its_values() {
    let did = ChopDid::new(
        did(1).ledger(),
        Scid::of_batch_item(Hash::from_bytes([9; 32])),
    );
    let time = Timestamp::from_unix_ms(1_793_606_400_000);
    let state = item(&["09506000134352", "A/1 é"])
        .state(&template(), did, (self::did(1), time))
        .unwrap();
    let resolved = resolve_chop(&state);
    let document = resolved.document.unwrap();
    assert_eq!(
        document["alsoKnownAs"],
        json!(["https://id.example/01/09506000134352/21/A%2F1%20%C3%A9"])
    );
    assert_eq!(document["controller"], json!(self::did(1)));
    assert_eq!(
        resolved.metadata.version_id,
        Some(format!("0-{}", did.scid().digest()))
    );
    assert_eq!(state.record().unwrap().operation, *did.scid().digest());
}

#[test]
fn refuses_items_that_are_not_of_the_template() {
    let template = template();
    let parse = |text: &str| Item::parse(text.as_bytes(), &template).unwrap_err();
    assert!(matches!(
        parse(r#"{"data":["1"]}"#),
        ItemError::Count {
            found: 1,
            expected: 2
        }
    ));
    assert!(matches!(
        parse(r#"{"data":["1",""]}"#),
        ItemError::Value { index: 1 }
    ));
    assert!(matches!(
        parse("{\"data\":[\"1\",\"a\\u0007\"]}"),
        ItemError::Value { index: 1 }
    ));
    assert!(matches!(
        parse(r#"{"data": ["1","2"]}"#),
        ItemError::NotCanonical
    ));
    assert!(matches!(
        parse(r#"{"data":["1","2"],"key":null}"#),
        ItemError::NotCanonical
    ));
    assert!(matches!(
        parse(r#"{"data":["1","2"],"more":1}"#),
        ItemError::Shape { .. }
    ));
    assert!(matches!(
        parse(r#"{"data":["1",1.5]}"#),
        ItemError::Profile { .. }
    ));
    let huge = format!(r#"{{"data":["1","{}"]}}"#, "x".repeat(600));
    assert!(matches!(parse(&huge), ItemError::Profile { .. }));
    let long = format!(r#"{{"data":["1","{}"]}}"#, "x".repeat(129));
    assert!(matches!(parse(&long), ItemError::Value { index: 1 }));
    let wide = format!(r#"{{"data":["{0}","{0}"]}}"#, "ü".repeat(64));
    assert!(matches!(parse(&wide), ItemError::Document { .. }));
}

#[test]
fn refuses_templates_that_leave_something_open() {
    let with = |uri: &str| {
        Template::parse(
            json!({"class": "product", "fields": ["a"], "document": {"alsoKnownAs": [uri]}}),
        )
    };
    assert!(with("urn:x:{a}").is_ok());
    for uri in ["{a}:x", "urn:x:{b}", "urn:x:{a", "urn:x:a}"] {
        assert!(with(uri).is_err(), "{uri}");
    }
    let fields = |fields: Value, class: &str| {
        Template::parse(json!({"class": class, "fields": fields, "document": {}})).unwrap_err()
    };
    assert_eq!(fields(json!(["a", "a"]), "product"), TemplateError::Fields);
    assert_eq!(fields(json!(["1"]), "product"), TemplateError::Fields);
    assert_eq!(
        fields(json!([]), "organisation"),
        TemplateError::Organisation
    );
    let id = json!({"class": "product", "fields": [], "document": {"id": "did:x:y"}});
    assert!(matches!(
        Template::parse(id),
        Err(TemplateError::Document { .. })
    ));
    let big = json!({"class": "product", "fields": [], "document": {"alsoKnownAs": ["urn:x:".to_owned() + &"y".repeat(2_100)]}});
    assert!(matches!(
        Template::parse(big),
        Err(TemplateError::Profile { .. })
    ));
}

#[test]
fn refuses_values_that_make_two_aliases_one() {
    let template = Template::parse(json!({
        "class": "product", "fields": ["a", "b"],
        "document": {"alsoKnownAs": ["urn:x:{a}", "urn:x:{b}"]},
    }))
    .unwrap();
    assert!(item(&["1", "2"]).check(&template).is_ok());
    assert!(matches!(
        item(&["1", "1"]).check(&template),
        Err(ItemError::Document { .. })
    ));
}

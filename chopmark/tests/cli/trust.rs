//! Accreditations as lists of trusted entities and as entity statements, from a real ledger, read by others' software.

mod federation;
mod lote;
mod reader;

use crate::desk::{Desk, Up};
use serde_json::{Value, json};

/// The type that is accredited here.
pub(super) const TYPE: &str = "QualityInspection";

/// A ledger with an authority that is a member: `ministry`, and the DIDs named, each with an https name.
pub(super) fn founded(names: &[&str]) -> (Desk, Up) {
    let mut desk = Desk::new("");
    let up = Up::start(&desk.folder.path().join("chopmark-data"));
    desk.url.clone_from(&up.url);
    for name in names.iter().chain(&["ministry"]) {
        let alias = format!("https://{name}.example");
        let create = ["did", "create", "--name", name, "--also-known-as", &alias];
        assert_eq!(desk.json(&create).0, 0);
    }
    let admit = [
        "member", "propose", "admit", "ministry", "--name", "Ministry",
    ];
    assert_eq!(desk.json(&admit).0, 0);
    (desk, up)
}

/// Accredits, and gives the accreditation's id.
pub(super) fn accredited(desk: &Desk, by: &str, to: &str, more: &[&str]) -> String {
    let base = ["trust", "accredit", to, "--type", TYPE, "--as", by];
    let (code, answer) = desk.json(&[&base, more].concat());
    assert_eq!(code, 0, "{answer}");
    answer["accreditation"].as_str().unwrap().to_owned()
}

/// The DID behind a name of the key folder.
pub(super) fn did(desk: &Desk, name: &str) -> String {
    let text = std::fs::read_to_string(desk.folder.path().join("chopmark-keys/dids.json"));
    let names: Value = serde_json::from_str(&text.unwrap()).unwrap();
    names[name].as_str().unwrap().to_owned()
}

/// A directory with the operator, and an address for each of the DIDs named.
pub(super) fn directory(desk: &Desk, names: &[&str]) -> String {
    let entities: serde_json::Map<_, _> = names
        .iter()
        .map(|name| {
            let information = json!({
                "TEName": [{"lang": "en", "value": format!("The {name}")}],
                "TEAddress": {
                    "TEPostalAddress": [{"lang": "en", "StreetAddress": "1 Orchard Road", "Locality": "Yan'an",
                        "PostalCode": "716000", "Country": "CN"}],
                    "TEElectronicAddress": [{"lang": "en", "uriValue": format!("mailto:desk@{name}.example")}],
                },
                "TEInformationURI": [{"lang": "en", "uriValue": format!("https://{name}.example/about")}],
            });
            (did(desk, name), information)
        })
        .collect();
    let whole = json!({
        "scheme": {
            "SchemeOperatorName": [{"lang": "en", "value": "Ministry of Orchards"}],
            "SchemeTerritory": "CN",
        },
        "entities": entities,
    });
    desk.write("names.json", &whole.to_string())
}

/// Checks that a command was refused with these words.
pub(super) fn refused((code, value): (i32, Value), expected: i32, words: &str) {
    assert!(
        code == expected && value.to_string().contains(words),
        "{code}: {value}"
    );
}

use chop_conformance::interop::vectors::replay;
use serde_json::{Value, json};
use std::path::Path;

fn vectors() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/valid/interop");
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let vector = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                vector,
            )
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn what_peers_made_is_accepted() {
    let vectors = vectors();
    let wrong: Vec<String> = vectors
        .iter()
        .filter_map(|(name, vector)| {
            let error = replay(vector).err()?;
            Some(format!("{name}: {error}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        vectors.len() >= 10,
        "only {} vectors were found",
        vectors.len()
    );
}

#[test]
fn what_peers_made_is_refused_once_it_is_changed() {
    for (name, mut vector) in vectors() {
        match &mut vector["secured"] {
            // A token: one character of what is signed.
            Value::String(token) => {
                let place = token.find('.').map_or(token.len() / 2, |dot| dot + 9);
                let other = if token[place..].starts_with('A') {
                    "B"
                } else {
                    "A"
                };
                token.replace_range(place..=place, other);
            }
            document => {
                // A derived proof has no time; its statements about the issuer are mandatory.
                let place = match document.get("issuer") {
                    Some(Value::String(_)) => document.pointer_mut("/issuer"),
                    Some(_) => document.pointer_mut("/issuer/id"),
                    None => document.pointer_mut("/holder"),
                };
                *place.unwrap() = json!("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp");
            }
        }
        assert!(replay(&vector).is_err(), "{name}");
    }
}

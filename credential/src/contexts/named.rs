//! Which contexts a document names.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Lists the URLs that stand under `@context` or `@import` anywhere in a document: all that processing it may ask for.
pub fn named_contexts(document: &Map<String, Value>) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    let mut rest = vec![document];
    while let Some(members) = rest.pop() {
        for (name, value) in members {
            let is_context = name == "@context" || name == "@import";
            let mut values = vec![value];
            while let Some(value) = values.pop() {
                match value {
                    Value::String(url) if is_context => {
                        named.insert(url.as_str());
                    }
                    Value::Array(items) => values.extend(items),
                    Value::Object(members) => rest.push(members),
                    _ => {}
                }
            }
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn contexts_are_named_anywhere_and_nothing_else_is() {
        let document = json!({
            "@context": ["https://a.example/1", {"@import": "https://a.example/2", "term": {"@context": "https://a.example/3"}}],
            "id": "https://a.example/not",
            "credentialSubject": [[{"@context": "https://a.example/4"}]],
        });
        let named = named_contexts(document.as_object().unwrap());
        let expected = [1, 2, 3, 4].map(|n| format!("https://a.example/{n}"));
        assert_eq!(named.into_iter().collect::<Vec<_>>(), expected);
    }
}

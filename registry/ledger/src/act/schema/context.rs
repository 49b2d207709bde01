//! When a context may take the place of the one before: every term means what it meant.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

use super::Break;

/// Says whether documents under the old context mean the same under the new one, which may only define more terms.
///
/// A new term must not be one that the old context already speaks of, as a prefix or as the name of a term: that would change
/// what stands there (JSON-LD 1.1 API §5.2, IRI expansion).
pub(super) fn follows(old: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), Break> {
    let terms = |members: &Map<String, Value>| match members.get("@context") {
        Some(Value::Object(terms)) => terms.clone(),
        _ => Map::new(),
    };
    let (old, new) = (terms(old), terms(new));
    for (term, meaning) in &old {
        match new.get(term) {
            None => return Err(broken(term, "a term is gone")),
            Some(now) if now != meaning => {
                return Err(broken(term, "a term or setting is changed"));
            }
            Some(_) => {}
        }
    }
    let spoken = spoken_of(&old);
    for term in new.keys().filter(|term| !old.contains_key(*term)) {
        if term.starts_with('@') {
            return Err(broken(
                term,
                "a setting is added, which changes what other terms mean",
            ));
        }
        if spoken.contains(term.as_str()) {
            return Err(broken(
                term,
                "a term is added that the context already spoke of",
            ));
        }
    }
    Ok(())
}

fn broken(term: &str, reason: &'static str) -> Break {
    Break::at(&["@context", term], reason)
}

/// Collects every text in a context, and what stands before its colon.
fn spoken_of(terms: &Map<String, Value>) -> BTreeSet<&str> {
    let mut spoken: BTreeSet<&str> = BTreeSet::new();
    let mut say = |text| {
        spoken.insert(text);
        spoken.extend(text.split_once(':').map(|(prefix, _)| prefix));
    };
    let mut rest: Vec<&Value> = Vec::new();
    for (term, meaning) in terms {
        say(term.as_str());
        rest.push(meaning);
    }
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => say(text),
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => {
                for (name, value) in members {
                    say(name.as_str());
                    rest.push(value);
                }
            }
            _ => {}
        }
    }
    spoken
}

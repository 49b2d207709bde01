//! What may be disclosed of a set of claims, what is, and what a verifier then sees (RFC 9901 §4.2, §7.1).

use super::random::Random;
use super::values;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Is a choice of claims, each by its JSON Pointer.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The claims that the issuer lets the holder disclose, outer ones first.
    pub disclosable: Vec<String>,
    /// The claims among them that the holder discloses, each with all that lie around it.
    pub disclosed: Vec<String>,
}

/// Generates the claims of an SD-JWT VC.
pub fn claims(random: &mut Random, issuer: &str, holder: &Value) -> Value {
    let mut claims = Map::from_iter([
        ("iss".to_owned(), Value::from(issuer)),
        ("iat".to_owned(), json!(1_717_200_000)),
        (
            "vct".to_owned(),
            json!("https://vocab.example/types/passport"),
        ),
        ("cnf".to_owned(), json!({"jwk": holder})),
    ]);
    for index in 0..=random.below(6) {
        claims.insert(
            format!("{}{index}", values::name(random)),
            values::any(random, 4),
        );
    }
    Value::Object(claims)
}

impl Selection {
    /// Chooses from what a credential says of its subjects; what makes it a credential stays plain, and so does each subject's `id`.
    pub fn of_subjects(random: &mut Random, credential: &Value) -> Self {
        let mut selection = Self::default();
        let at = "/credentialSubject";
        let subjects = match credential.pointer(at) {
            Some(Value::Array(all)) => all
                .iter()
                .enumerate()
                .map(|(index, subject)| (child(at, &index.to_string()), subject))
                .collect(),
            Some(one) => vec![(at.to_owned(), one)],
            None => Vec::new(),
        };
        for (at, subject) in subjects {
            for (name, value) in subject.as_object().into_iter().flatten() {
                if name != "id" {
                    selection.offer(random, &child(&at, name), value, true);
                }
            }
        }
        selection
    }

    /// Chooses from everything at and below the members for which `open` says yes.
    pub fn choose(random: &mut Random, claims: &Value, open: impl Fn(&str) -> bool) -> Self {
        let mut selection = Self::default();
        for (name, value) in claims.as_object().into_iter().flatten() {
            if open(name) {
                selection.offer(random, &child("", name), value, true);
            }
        }
        selection
    }

    fn offer(&mut self, random: &mut Random, at: &str, value: &Value, reachable: bool) {
        let mut reachable = reachable;
        if random.percent(45) {
            self.disclosable.push(at.to_owned());
            reachable &= random.percent(60);
            if reachable {
                self.disclosed.push(at.to_owned());
            }
        }
        match value {
            // A value object of JSON-LD is nothing without one of its members.
            Value::Object(members) if members.keys().any(|name| name.starts_with('@')) => {}
            Value::Object(members) => {
                for (name, inner) in members {
                    self.offer(random, &child(at, name), inner, reachable);
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    self.offer(random, &child(at, &index.to_string()), inner, reachable);
                }
            }
            _ => {}
        }
    }

    /// Discloses, of every claim that is disclosed, all that is in it: what a pointer means to our own holder.
    pub fn disclose_within(&mut self) {
        let outer = std::mem::take(&mut self.disclosed);
        let within = |pointer: &&String| {
            outer
                .iter()
                .any(|outer| *pointer == outer || pointer.starts_with(&format!("{outer}/")))
        };
        self.disclosed = self.disclosable.iter().filter(within).cloned().collect();
    }

    /// Returns what a verifier sees of the claims.
    pub fn visible(&self, claims: &Value) -> Value {
        let disclosed: BTreeSet<&str> = self.disclosed.iter().map(String::as_str).collect();
        let hidden: BTreeSet<&str> = self
            .disclosable
            .iter()
            .map(String::as_str)
            .filter(|pointer| !disclosed.contains(pointer))
            .collect();
        without(claims, "", &hidden)
    }
}

fn without(value: &Value, at: &str, hidden: &BTreeSet<&str>) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, inner)| (name, child(at, name), inner))
                .filter(|(_, pointer, _)| !hidden.contains(pointer.as_str()))
                .map(|(name, pointer, inner)| (name.clone(), without(inner, &pointer, hidden)))
                .collect(),
        ),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, inner)| (child(at, &index.to_string()), inner))
            .filter(|(pointer, _)| !hidden.contains(pointer.as_str()))
            .map(|(pointer, inner)| without(inner, &pointer, hidden))
            .collect(),
        other => other.clone(),
    }
}

/// Goes one step down a JSON Pointer (RFC 6901 §3).
fn child(at: &str, step: &str) -> String {
    format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_disclosed_is_not_visible() {
        let claims = json!({"a": 1, "b/": {"c": 2, "d": [3, 4, 5]}});
        let selection = Selection {
            disclosable: ["/a", "/b~1", "/b~1/d/1"].map(str::to_owned).to_vec(),
            disclosed: ["/b~1"].map(str::to_owned).to_vec(),
        };
        assert_eq!(
            selection.visible(&claims),
            json!({"b/": {"c": 2, "d": [3, 5]}})
        );
    }

    #[test]
    fn nothing_is_disclosed_without_what_lies_around_it() {
        let mut random = Random::new(3);
        for _ in 0..200 {
            let claims = values::any(&mut random, 5);
            let selection = Selection::choose(&mut random, &claims, |_| true);
            for inner in &selection.disclosed {
                let around = selection
                    .disclosable
                    .iter()
                    .filter(|outer| inner.starts_with(&format!("{outer}/")));
                for outer in around {
                    assert!(
                        selection.disclosed.contains(outer),
                        "{inner} without {outer}"
                    );
                }
            }
        }
    }
}

//! The part of a document that pointers select (vc-di-ecdsa §3.4.13).

use super::SelectiveError;
use super::pointer::{Pointer, index};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What goes with any part of an object: what it is called, of which type it is (§3.4.11), and what its terms mean.
const ALWAYS: [&str; 5] = ["@context", "@id", "@type", "id", "type"];

/// Is what is selected at one place of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Selection {
    /// All of it.
    Whole,
    /// Some members of an object.
    Members(BTreeMap<String, Selection>),
    /// Some items of an array.
    Items(BTreeMap<usize, Selection>),
}

impl Selection {
    /// Selects nothing of an object yet.
    pub(crate) fn nothing() -> Self {
        Self::Members(BTreeMap::new())
    }

    /// Selects what each pointer points to.
    ///
    /// # Errors
    /// When one points to nothing.
    pub(crate) fn of(
        document: &Map<String, Value>,
        pointers: &[Pointer<'_>],
    ) -> Result<Self, SelectiveError> {
        let mut selection = Self::nothing();
        for pointer in pointers {
            match pointer.steps.split_first() {
                None => selection = Self::Whole,
                Some((first, rest)) => selection.member(document, first, rest, pointer)?,
            }
        }
        Ok(selection)
    }

    /// Joins two selections of one document.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Members(mut members), Self::Members(others)) => {
                for (name, other) in others {
                    let joined = match members.remove(&name) {
                        Some(member) => member.or(other),
                        None => other,
                    };
                    members.insert(name, joined);
                }
                Self::Members(members)
            }
            (Self::Items(mut items), Self::Items(others)) => {
                for (index, other) in others {
                    let joined = match items.remove(&index) {
                        Some(item) => item.or(other),
                        None => other,
                    };
                    items.insert(index, joined);
                }
                Self::Items(items)
            }
            // Selections of one document differ in kind only when one is whole.
            _ => Self::Whole,
        }
    }

    /// Copies what is selected; members that name or type a node, and contexts, go with any part of their object.
    pub(crate) fn apply(&self, document: &Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::Members(members) => document
                .iter()
                .filter_map(|(name, value)| {
                    let copied = if ALWAYS.contains(&name.as_str()) {
                        value.clone()
                    } else {
                        members.get(name)?.copy(value)
                    };
                    Some((name.clone(), copied))
                })
                .collect(),
            _ => document.clone(),
        }
    }

    fn copy(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Members(_), Value::Object(object)) => Value::Object(self.apply(object)),
            (Self::Items(items), Value::Array(array)) => items
                .iter()
                .filter_map(|(index, item)| Some(item.copy(array.get(*index)?)))
                .collect(),
            _ => value.clone(),
        }
    }

    fn add(
        &mut self,
        value: &Value,
        steps: &[String],
        pointer: &Pointer<'_>,
    ) -> Result<(), SelectiveError> {
        let Some((first, rest)) = steps.split_first() else {
            *self = Self::Whole;
            return Ok(());
        };
        match value {
            Value::Object(object) => self.member(object, first, rest, pointer),
            Value::Array(array) => {
                let found = index(first).and_then(|index| Some((index, array.get(index)?)));
                let (index, item) = found.ok_or_else(|| missing(pointer))?;
                self.below(item, rest, pointer, |selection| {
                    if let Self::Members(members) = selection
                        && members.is_empty()
                    {
                        *selection = Self::Items(BTreeMap::new());
                    }
                    match selection {
                        Self::Items(items) => {
                            Some(items.entry(index).or_insert_with(Self::nothing))
                        }
                        _ => None,
                    }
                })
            }
            _ => Err(missing(pointer)),
        }
    }

    fn member(
        &mut self,
        object: &Map<String, Value>,
        name: &str,
        rest: &[String],
        pointer: &Pointer<'_>,
    ) -> Result<(), SelectiveError> {
        let value = object.get(name).ok_or_else(|| missing(pointer))?;
        self.below(value, rest, pointer, |selection| match selection {
            Self::Members(members) => {
                Some(members.entry(name.to_owned()).or_insert_with(Self::nothing))
            }
            _ => None,
        })
    }

    /// Goes on below; where all is selected already, only to see that the pointer points to something.
    fn below(
        &mut self,
        value: &Value,
        rest: &[String],
        pointer: &Pointer<'_>,
        slot: impl FnOnce(&mut Self) -> Option<&mut Self>,
    ) -> Result<(), SelectiveError> {
        match slot(self) {
            Some(inner) => inner.add(value, rest, pointer),
            None => Self::nothing().add(value, rest, pointer),
        }
    }
}

fn missing(pointer: &Pointer<'_>) -> SelectiveError {
    SelectiveError::NoSuchValue {
        pointer: pointer.text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn select(document: &Value, pointers: &[&str]) -> Result<Value, SelectiveError> {
        let document = document.as_object().unwrap();
        let pointers: Vec<Pointer<'_>> = pointers
            .iter()
            .map(|text| Pointer::parse(text).unwrap())
            .collect();
        Selection::of(document, &pointers).map(|selection| Value::Object(selection.apply(document)))
    }

    #[test]
    fn names_and_types_on_the_way_go_with_what_is_selected() {
        let document = json!({
            "@context": ["https://example.com/c"], "id": "urn:a", "type": ["A"], "other": 1,
            "x": {"id": "urn:x", "type": "X", "y": {"z": 1, "w": 2}, "v": 3},
        });
        assert_eq!(
            select(&document, &["/x/y/z"]).unwrap(),
            json!({"@context": ["https://example.com/c"], "id": "urn:a", "type": ["A"],
                "x": {"id": "urn:x", "type": "X", "y": {"z": 1}}})
        );
    }

    #[test]
    fn items_keep_their_order_and_lose_their_gaps() {
        let document = json!({"a": [0, {"b": 1, "c": 2}, 2, [3, 4]]});
        assert_eq!(
            select(&document, &["/a/3/1", "/a/1/c", "/a/0"]).unwrap(),
            json!({"a": [0, {"c": 2}, [4]]})
        );
        assert_eq!(
            select(&document, &["/a/1/c", "/a", "/a/3/0"]).unwrap(),
            document
        );
        assert_eq!(select(&document, &[""]).unwrap(), document);
        assert_eq!(select(&document, &[]).unwrap(), json!({}));
    }

    #[test]
    fn refuses_a_pointer_to_nothing() {
        let document = json!({"a": [0, {"b": 1}], "c": "text"});
        for pointer in [
            "/x", "/a/2", "/a/-", "/a/00", "/a/b", "/c/0", "/a/1/b/0", "/", "/a/",
        ] {
            for pointers in [vec![pointer], vec!["/a", "/c", pointer]] {
                assert_eq!(
                    select(&document, &pointers),
                    Err(SelectiveError::NoSuchValue {
                        pointer: pointer.to_owned()
                    })
                );
            }
        }
    }

    #[test]
    fn joining_selections_selects_what_either_does() {
        let document = json!({"a": [0, {"b": 1, "c": 2}, 2], "d": {"e": 1, "f": 2}, "g": 1});
        let object = document.as_object().unwrap();
        let of = |pointers: &[&'static str]| {
            let pointers: Vec<Pointer<'_>> = pointers
                .iter()
                .map(|text| Pointer::parse(text).unwrap())
                .collect();
            Selection::of(object, &pointers).unwrap()
        };
        let (one, two) = (["/a/1/b", "/d/e", "/a/0"], ["/a/1", "/d/f", "/a/2"]);
        assert_eq!(of(&one).or(of(&two)), of(&[one, two].concat()));
        assert_eq!(of(&two).or(of(&one)), of(&[one, two].concat()));
    }
}

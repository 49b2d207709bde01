//! The claims as they were issued: those that are plain, those that are disclosed, and the places of those that are not.

use super::process::placeholder;
use super::{Disclosure, SdJwt, Step};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Looks into an SD-JWT without losing count of what is not disclosed.
pub struct Issued<'a> {
    payload: &'a Map<String, Value>,
    by_digest: BTreeMap<String, &'a Disclosure>,
}

/// Is a claim as it was issued.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// Its value, in which digests may stand; none if it is not disclosed.
    pub value: Option<&'a Value>,
    /// Whether it is itself selectively disclosable, and not only something around it.
    pub disclosable: bool,
}

impl SdJwt {
    /// Looks at the claims as they were issued.
    pub fn issued(&self) -> Issued<'_> {
        Issued {
            payload: &self.payload,
            by_digest: self
                .disclosures
                .iter()
                .map(|disclosure| (disclosure.digest(self.hash), disclosure))
                .collect(),
        }
    }
}

impl<'a> Issued<'a> {
    /// Returns the members at the top.
    pub fn payload(&self) -> &'a Map<String, Value> {
        self.payload
    }

    /// Finds a member of an object; one that is concealed cannot be told from one that is not there.
    pub fn member(&self, object: &'a Map<String, Value>, name: &str) -> Option<Claim<'a>> {
        if let Some(value) = object
            .get(name)
            .filter(|_| name != "_sd" && name != "_sd_alg")
        {
            return Some(Claim {
                value: Some(value),
                disclosable: false,
            });
        }
        let digests = object.get("_sd").and_then(Value::as_array);
        let disclosure = digests
            .into_iter()
            .flatten()
            .filter_map(|digest| self.by_digest.get(digest.as_str()?))
            .find(|disclosure| disclosure.name() == Some(name))?;
        Some(Claim {
            value: Some(disclosure.value()),
            disclosable: true,
        })
    }

    /// Says whether an object has members that are not disclosed, or seems to.
    pub fn hides(&self, object: &Map<String, Value>) -> bool {
        let digests = object.get("_sd").and_then(Value::as_array);
        digests.into_iter().flatten().any(|digest| {
            digest
                .as_str()
                .is_none_or(|digest| !self.by_digest.contains_key(digest))
        })
    }

    /// Lists the elements of an array, disclosed or not.
    pub fn elements(&self, array: &'a [Value]) -> impl Iterator<Item = Claim<'a>> {
        array.iter().map(|element| match placeholder(element) {
            Ok(Some(digest)) => Claim {
                value: self
                    .by_digest
                    .get(digest)
                    .map(|disclosure| disclosure.value()),
                disclosable: true,
            },
            _ => Claim {
                value: Some(element),
                disclosable: false,
            },
        })
    }

    /// Follows the tokens of a JSON pointer to a claim whose value is disclosed.
    pub(super) fn follow(&self, tokens: &[String]) -> Option<Vec<Step>> {
        let (first, rest) = tokens.split_first()?;
        let mut steps = vec![Step::Name(first.clone())];
        let mut at = self.member(self.payload, first)?.value?;
        for token in rest {
            at = match at {
                Value::Object(members) => {
                    steps.push(Step::Name(token.clone()));
                    self.member(members, token)?.value?
                }
                Value::Array(elements) => {
                    let index = super::pointer::index(token)?;
                    steps.push(Step::Index(index));
                    self.elements(elements).nth(index)?.value?
                }
                _ => return None,
            };
        }
        Some(steps)
    }
}

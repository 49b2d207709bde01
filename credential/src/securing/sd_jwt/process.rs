//! Putting disclosures in the place of their digests (RFC 9901 §7.1, step 3).

use super::{Disclosure, HashAlgorithm, MAX_DEPTH, SdJwtError};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Is one step on the way to a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an object, to the member of this name.
    Name(String),
    /// Into an array as issued, to the element at this place.
    Index(usize),
}

/// Is where a disclosure belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The way from the top to the claim that it discloses.
    pub path: Vec<Step>,
    /// The disclosure whose value holds its digest; none if the payload does.
    pub parent: Option<usize>,
}

/// Returns the claims as they are disclosed, and the place of every disclosure.
///
/// # Errors
/// As RFC 9901 §7.1 steps 3 to 5 say, and where §4.1 and §4.2 forbid a use of `_sd`, `_sd_alg` or `...`.
pub(super) fn process(
    payload: &Map<String, Value>,
    disclosures: &[Disclosure],
    hash: HashAlgorithm,
) -> Result<(Map<String, Value>, Vec<Place>), SdJwtError> {
    let mut by_digest = BTreeMap::new();
    for (index, disclosure) in disclosures.iter().enumerate() {
        if by_digest.insert(disclosure.digest(hash), index).is_some() {
            return Err(SdJwtError::Repeated { index });
        }
    }
    let mut walk = Walk {
        disclosures,
        by_digest: &by_digest,
        seen: BTreeSet::new(),
        places: vec![None; disclosures.len()],
        path: Vec::new(),
        parent: None,
    };
    let claims = walk.object(payload)?;
    let places = walk
        .places
        .into_iter()
        .enumerate()
        .map(|(index, place)| place.ok_or(SdJwtError::Unused { index }))
        .collect::<Result<_, _>>()?;
    Ok((claims, places))
}

struct Walk<'a> {
    disclosures: &'a [Disclosure],
    by_digest: &'a BTreeMap<String, usize>,
    /// The digests met so far.
    seen: BTreeSet<&'a str>,
    places: Vec<Option<Place>>,
    /// The way to where the walk is.
    path: Vec<Step>,
    /// The disclosure whose value the walk is in.
    parent: Option<usize>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value) -> Result<Value, SdJwtError> {
        match value {
            Value::Object(members) => self.object(members).map(Value::Object),
            Value::Array(elements) => self.array(elements).map(Value::Array),
            plain => Ok(plain.clone()),
        }
    }

    fn object(
        &mut self,
        members: &'a Map<String, Value>,
    ) -> Result<Map<String, Value>, SdJwtError> {
        let mut claims = Map::new();
        for (name, value) in members {
            match name.as_str() {
                "_sd" => {}
                "..." => return Err(SdJwtError::Placeholder),
                // Only at the top, where it has been read (RFC 9901 §4.1.1).
                "_sd_alg" if self.path.is_empty() => {}
                "_sd_alg" => return Err(SdJwtError::NestedAlgorithm),
                _ => {
                    let value = self.inside(Step::Name(name.clone()), |walk| walk.value(value))?;
                    claims.insert(name.clone(), value);
                }
            }
        }
        let digests = match members.get("_sd") {
            None => return Ok(claims),
            Some(Value::Array(digests)) => digests,
            Some(_) => return Err(SdJwtError::Digests),
        };
        for digest in digests {
            let digest = digest.as_str().ok_or(SdJwtError::Digests)?;
            let Some((index, disclosure)) = self.meet(digest)? else {
                continue;
            };
            let name = disclosure.name().ok_or(SdJwtError::Kind {
                index,
                place: "an object",
                expected: 3,
                found: 2,
            })?;
            if claims.contains_key(name) {
                return Err(SdJwtError::Collision { index });
            }
            let value = self.reveal(index, disclosure, Step::Name(name.to_owned()))?;
            claims.insert(name.to_owned(), value);
        }
        Ok(claims)
    }

    fn array(&mut self, elements: &'a [Value]) -> Result<Vec<Value>, SdJwtError> {
        let mut shown = Vec::with_capacity(elements.len());
        for (position, element) in elements.iter().enumerate() {
            let step = Step::Index(position);
            let Some(digest) = placeholder(element)? else {
                shown.push(self.inside(step, |walk| walk.value(element))?);
                continue;
            };
            let Some((index, disclosure)) = self.meet(digest)? else {
                continue;
            };
            if disclosure.name().is_some() {
                return Err(SdJwtError::Kind {
                    index,
                    place: "an array",
                    expected: 2,
                    found: 3,
                });
            }
            shown.push(self.reveal(index, disclosure, step)?);
        }
        Ok(shown)
    }

    /// Meets a digest, for the first time, and finds its disclosure; without one it is ignored.
    fn meet(&mut self, digest: &'a str) -> Result<Option<(usize, &'a Disclosure)>, SdJwtError> {
        if !self.seen.insert(digest) {
            return Err(SdJwtError::RepeatedDigest);
        }
        let found = self.by_digest.get(digest).copied();
        Ok(found.and_then(|index| Some((index, self.disclosures.get(index)?))))
    }

    /// Puts a disclosure's value in its place, in which further digests may stand.
    fn reveal(
        &mut self,
        index: usize,
        disclosure: &'a Disclosure,
        step: Step,
    ) -> Result<Value, SdJwtError> {
        let outer = self.parent.replace(index);
        let value = self.inside(step, |walk| {
            if let Some(place) = walk.places.get_mut(index) {
                *place = Some(Place {
                    path: walk.path.clone(),
                    parent: outer,
                });
            }
            walk.value(disclosure.value())
        })?;
        self.parent = outer;
        Ok(value)
    }

    fn inside<T>(
        &mut self,
        step: Step,
        go: impl FnOnce(&mut Self) -> Result<T, SdJwtError>,
    ) -> Result<T, SdJwtError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(SdJwtError::TooDeep { max: MAX_DEPTH });
        }
        self.path.push(step);
        let gone = go(self);
        self.path.pop();
        gone
    }
}

/// Reads the digest of an element that is not shown (RFC 9901 §4.2.4.2).
pub(super) fn placeholder(element: &Value) -> Result<Option<&str>, SdJwtError> {
    let Value::Object(members) = element else {
        return Ok(None);
    };
    match members.get("...") {
        None => Ok(None),
        Some(Value::String(digest)) if members.len() == 1 => Ok(Some(digest)),
        Some(_) => Err(SdJwtError::Placeholder),
    }
}

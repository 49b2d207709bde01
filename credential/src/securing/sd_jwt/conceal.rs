//! Making claims selectively disclosable (RFC 9901 §4.2).

use super::disclosure::RESERVED;
use super::pointer::resolve;
use super::{ConcealError, Disclosure, HashAlgorithm, MAX_DISCLOSURES, Step};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Draws 128 fresh random bits; every salt and every decoy takes its own (RFC 9901 §9.3).
pub type Randomness<'a> = &'a mut dyn FnMut() -> [u8; 16];

/// Is a payload whose chosen claims are digests, and their disclosures.
#[derive(Clone, Debug, PartialEq)]
pub struct Concealed {
    /// The payload to sign.
    pub payload: Map<String, Value>,
    /// What the holder is given; an inner disclosure comes before the one that holds its digest.
    pub disclosures: Vec<Disclosure>,
}

impl Concealed {
    /// Joins a signed payload with its disclosures: the compact SD-JWT (RFC 9901 §4).
    pub fn serialize(&self, jwt: &str) -> String {
        let mut text = format!("{jwt}~");
        for disclosure in &self.disclosures {
            text.push_str(disclosure.encoded());
            text.push('~');
        }
        text
    }
}

/// Conceals the claims at JSON pointers (RFC 6901) in a payload, with some decoy digests in every object that conceals any.
///
/// A pointer may lead to an array's element, and below another one of the list: the claim is then disclosed in two steps
/// (RFC 9901 §4.2.6). Digests are sorted, so that their order tells nothing.
///
/// # Errors
/// When a pointer leads nowhere, the payload uses a reserved name, or too much is asked for.
pub fn conceal(
    payload: &Map<String, Value>,
    pointers: &[String],
    decoys: usize,
    randomness: Randomness<'_>,
) -> Result<Concealed, ConcealError> {
    for asked in [pointers.len(), decoys] {
        if asked > MAX_DISCLOSURES {
            return Err(ConcealError::TooMany {
                found: asked,
                max: MAX_DISCLOSURES,
            });
        }
    }
    reserved(payload)?;
    let whole = Value::Object(payload.clone());
    let mut plan = Plan::default();
    for pointer in pointers {
        plan.add(&resolve(&whole, pointer)?);
    }
    let mut work = Work {
        hash: HashAlgorithm::default(),
        decoys,
        randomness,
        disclosures: Vec::with_capacity(pointers.len()),
    };
    let mut payload = work.object(payload, &plan);
    if !work.disclosures.is_empty() {
        payload.insert("_sd_alg".to_owned(), json!(work.hash.name()));
    }
    Ok(Concealed {
        payload,
        disclosures: work.disclosures,
    })
}

/// Refuses claims that would be taken for digests.
fn reserved(members: &Map<String, Value>) -> Result<(), ConcealError> {
    fn within(value: &Value) -> Result<(), ConcealError> {
        match value {
            Value::Object(members) => reserved(members),
            Value::Array(elements) => elements.iter().try_for_each(within),
            _ => Ok(()),
        }
    }
    if let Some(name) = members
        .keys()
        .find(|name| RESERVED.contains(&name.as_str()))
    {
        return Err(ConcealError::Reserved { name: name.clone() });
    }
    members.values().try_for_each(within)
}

/// Says which claims to conceal, as the tree that their paths make.
#[derive(Default)]
struct Plan {
    concealed: bool,
    below: BTreeMap<Step, Plan>,
}

impl Plan {
    fn add(&mut self, steps: &[Step]) {
        match steps.split_first() {
            None => self.concealed = true,
            Some((step, rest)) => self.below.entry(step.clone()).or_default().add(rest),
        }
    }
}

struct Work<'a> {
    hash: HashAlgorithm,
    decoys: usize,
    randomness: Randomness<'a>,
    disclosures: Vec<Disclosure>,
}

impl Work<'_> {
    fn value(&mut self, value: &Value, plan: &Plan) -> Value {
        match value {
            Value::Object(members) => Value::Object(self.object(members, plan)),
            Value::Array(elements) => Value::Array(self.array(elements, plan)),
            other => other.clone(),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, plan: &Plan) -> Map<String, Value> {
        let mut payload = Map::new();
        let mut digests = Vec::new();
        for (name, value) in members {
            match plan.below.get(&Step::Name(name.clone())) {
                None => {
                    payload.insert(name.clone(), value.clone());
                }
                Some(plan) => {
                    let value = self.value(value, plan);
                    if plan.concealed {
                        digests.push(self.disclose(Some(name), value));
                    } else {
                        payload.insert(name.clone(), value);
                    }
                }
            }
        }
        if !digests.is_empty() {
            digests.extend((0..self.decoys).map(|_| self.decoy()));
            digests.sort_unstable();
            payload.insert("_sd".to_owned(), json!(digests));
        }
        payload
    }

    fn array(&mut self, elements: &[Value], plan: &Plan) -> Vec<Value> {
        elements
            .iter()
            .enumerate()
            .map(
                |(index, element)| match plan.below.get(&Step::Index(index)) {
                    None => element.clone(),
                    Some(plan) => {
                        let value = self.value(element, plan);
                        if plan.concealed {
                            json!({"...": self.disclose(None, value)})
                        } else {
                            value
                        }
                    }
                },
            )
            .collect()
    }

    fn disclose(&mut self, name: Option<&str>, value: Value) -> String {
        let disclosure = Disclosure::new(&(self.randomness)(), name, value);
        let digest = disclosure.digest(self.hash);
        self.disclosures.push(disclosure);
        digest
    }

    /// A digest of nothing but random bits (RFC 9901 §4.2.5).
    fn decoy(&mut self) -> String {
        let bits = [(self.randomness)(), (self.randomness)()].concat();
        self.hash
            .digest(&data_encoding::BASE64URL_NOPAD.encode(&bits))
    }
}

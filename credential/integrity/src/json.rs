//! Strict parsing of JSON that comes from outside.
//!
//! What two readers could understand differently is refused: a member that stands twice, a lone surrogate, bytes
//! after the value (RFC 7493). Depth and size are bounded. The restricted mode is that of operations and envelopes:
//! integers only, within ±(2^53 − 1).

mod plain;

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::{JcsError, canonicalize};

pub use plain::{Item, Items, Members, Plain};

/// The largest integer of the restricted mode, 2^53 − 1; the smallest is its negative (RFC 7493 §2.2).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Bounds on a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that the text may have.
    pub max_bytes: usize,
    /// The most arrays and objects that may be nested; at most 127.
    pub max_depth: usize,
}

impl Limits {
    /// Bounds on a credential or presentation: 1 MiB, 64 levels.
    pub const CREDENTIAL: Self = Self {
        max_bytes: 1024 * 1024,
        max_depth: 64,
    };
    /// Bounds on a DID operation: 8 KiB, 16 levels.
    pub const OPERATION: Self = Self {
        max_bytes: 8 * 1024,
        max_depth: 16,
    };
    /// Bounds on a ledger envelope: 128 KiB, 32 levels.
    pub const ENVELOPE: Self = Self {
        max_bytes: 128 * 1024,
        max_depth: 32,
    };
}

/// Says why a JSON text or value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is too long.
    #[error("JSON has {found} bytes, at most {max} are read")]
    TooLarge {
        /// The most bytes read.
        max: usize,
        /// The bytes found.
        found: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("JSON is nested more than {max} levels deep")]
    TooDeep {
        /// The most levels read.
        max: usize,
    },
    /// An object holds a member twice.
    #[error("member {member:?} stands twice in one object")]
    Duplicate {
        /// The member's name.
        member: String,
    },
    /// A number is written with a fraction or exponent, is a negative zero, or exceeds 64 bits, where only integers may stand.
    #[error("number is not an integer")]
    NotInteger,
    /// An integer lies outside ±(2^53 − 1).
    #[error("integer {integer} lies outside ±(2^53 − 1)")]
    IntegerRange {
        /// The integer.
        integer: i128,
    },
    /// The value has no canonical form.
    #[error("{reason}")]
    Canonical {
        /// What the canonicaliser said.
        reason: String,
    },
    /// The text is not JSON in UTF-8.
    #[error("not JSON: {reason}")]
    Syntax {
        /// What the parser said, with line and column.
        reason: String,
    },
}

/// Parses one JSON value.
///
/// # Errors
/// When the text is too long, too deep, not JSON, holds a member twice or a lone surrogate, or goes on after the value.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read(bytes, limits, false)
}

/// Parses one JSON value whose numbers are all integers within ±(2^53 − 1).
///
/// # Errors
/// As [`parse`], and when a number is not such an integer.
pub fn parse_restricted(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read(bytes, limits, true)
}

/// Checks a value that is already parsed against the restricted mode; its size is that of its canonical form.
///
/// # Errors
/// When it is too large or too deep, or a number is not an integer within ±(2^53 − 1).
pub fn check_restricted(value: &Value, limits: &Limits) -> Result<(), JsonError> {
    check(value, limits, 0)?;
    let found = canonicalize(value)
        .map_err(|error: JcsError| JsonError::Canonical {
            reason: error.to_string(),
        })?
        .len();
    if found > limits.max_bytes {
        return Err(JsonError::TooLarge {
            max: limits.max_bytes,
            found,
        });
    }
    Ok(())
}

fn check(value: &Value, limits: &Limits, depth: usize) -> Result<(), JsonError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => check_number(number),
        Value::Array(_) | Value::Object(_) if depth >= limits.max_depth => {
            Err(JsonError::TooDeep {
                max: limits.max_depth,
            })
        }
        Value::Array(elements) => elements
            .iter()
            .try_for_each(|element| check(element, limits, depth + 1)),
        Value::Object(members) => members
            .values()
            .try_for_each(|member| check(member, limits, depth + 1)),
    }
}

fn check_number(number: &Number) -> Result<(), JsonError> {
    if let Some(integer) = number.as_u64() {
        return check_magnitude(integer, integer.into());
    }
    match number.as_i64() {
        Some(integer) => check_magnitude(integer.unsigned_abs(), integer.into()),
        None => Err(JsonError::NotInteger),
    }
}

fn check_magnitude(magnitude: u64, integer: i128) -> Result<(), JsonError> {
    if magnitude > MAX_INTEGER {
        return Err(JsonError::IntegerRange { integer });
    }
    Ok(())
}

fn read(bytes: &[u8], limits: &Limits, restricted: bool) -> Result<Value, JsonError> {
    if bytes.len() > limits.max_bytes {
        return Err(JsonError::TooLarge {
            max: limits.max_bytes,
            found: bytes.len(),
        });
    }
    let strict = Strict {
        max_depth: limits.max_depth,
        restricted,
        refusal: RefCell::new(None),
    };
    // Checked once, so that not every string has to be checked by itself.
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Syntax {
        reason: error.to_string(),
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = Level {
        strict: &strict,
        depth: 0,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| {
        strict.refusal.take().unwrap_or_else(|| JsonError::Syntax {
            reason: error.to_string(),
        })
    })
}

/// The rules of one parse, and why it was stopped if one of them stopped it.
struct Strict {
    max_depth: usize,
    restricted: bool,
    refusal: RefCell<Option<JsonError>>,
}

/// Reads one value that lies inside `depth` arrays and objects.
#[derive(Clone, Copy)]
struct Level<'a> {
    strict: &'a Strict,
    depth: usize,
}

impl Level<'_> {
    fn refuse<E: de::Error>(self, refusal: JsonError) -> E {
        self.strict.refusal.replace(Some(refusal));
        E::custom("refused")
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.strict.max_depth {
            return Err(self.refuse(JsonError::TooDeep {
                max: self.strict.max_depth,
            }));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn number<E: de::Error>(self, number: Number) -> Result<Value, E> {
        if self.strict.restricted {
            check_number(&number).map_err(|refusal| self.refuse(refusal))?;
        }
        Ok(Value::Number(number))
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.number(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.number(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => self.number(number),
            None => Err(E::custom("number out of range")),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let level = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(level)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let level = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(level)?;
            match object.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(place) => {
                    let member = place.key().clone();
                    return Err(self.refuse(JsonError::Duplicate { member }));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;

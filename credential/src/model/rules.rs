//! The checks that the data model's properties share.

use super::error::ModelError;
use chop_integrity::Timestamp;
use serde_json::{Map, Value};

/// The most entries that a property of objects may have; more are work without meaning.
pub(super) const MAX_ENTRIES: usize = 1_000;

/// Names a value's kind for an error.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Says whether a text is one absolute URL: an RFC 3986 scheme and something after it, and nothing that a URL may not hold.
pub(crate) fn is_url(text: &str) -> bool {
    let bytes = text.as_bytes();
    let in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = bytes.iter().take_while(|byte| in_scheme(byte)).count();
    let Some((scheme, rest)) = text.split_at_checked(length) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(':') else {
        return false;
    };
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic)
        || rest.is_empty()
        || rest.bytes().any(is_forbidden)
    {
        return false;
    }
    match scheme {
        "http" | "https" => rest
            .strip_prefix("//")
            .is_some_and(|rest| !matches!(rest.bytes().next(), None | Some(b'/' | b'?' | b'#'))),
        "did" => rest
            .split_once(':')
            .is_some_and(|(method, id)| !method.is_empty() && !id.is_empty() && !id.ends_with(':')),
        _ => true,
    }
}

/// The bytes that no URL may hold: a space, control characters, and what RFC 3986 leaves out of ASCII.
const FORBIDDEN: [bool; 256] = forbidden();

fn is_forbidden(byte: u8) -> bool {
    FORBIDDEN.get(usize::from(byte)) == Some(&true)
}

#[expect(
    clippy::indexing_slicing,
    reason = "it runs when the crate is compiled"
)]
const fn forbidden() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        table[byte as usize] = byte <= b' '
            || byte == 0x7f
            || matches!(
                byte,
                b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
            );
        byte += 1;
    }
    table
}

/// Says whether a text has the form of a media type without white space (RFC 6838 §4.2).
pub(super) fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default();
    let name = |part: &str| {
        (1..=127).contains(&part.len())
            && part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.is_ascii()
        && !text.bytes().any(|byte| byte.is_ascii_control())
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| name(kind) && name(subtype.trim_end()))
}

/// Checks that a value is a string that is one URL.
pub(super) fn url<'a>(value: &'a Value, property: &'static str) -> Result<&'a str, ModelError> {
    let Value::String(text) = value else {
        return Err(ModelError::Kind {
            property,
            expected: "a string that is one URL",
            found: kind(value),
        });
    };
    if is_url(text) {
        Ok(text)
    } else {
        Err(ModelError::NotUrl {
            property,
            value: text.clone(),
        })
    }
}

/// Checks an optional `id`.
pub(super) fn optional_id(
    object: &Map<String, Value>,
    property: &'static str,
) -> Result<(), ModelError> {
    object
        .get("id")
        .map_or(Ok(()), |id| url(id, property).map(|_| ()))
}

/// Reads `type`: one string or more.
pub(super) fn types<'a>(
    value: Option<&'a Value>,
    property: &'static str,
) -> Result<Vec<&'a str>, ModelError> {
    let text = |value: &'a Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text.as_str()),
        Value::String(_) => Err(ModelError::Empty { property }),
        other => Err(ModelError::Kind {
            property,
            expected: "a string or an array of strings",
            found: kind(other),
        }),
    };
    match value {
        None => Err(ModelError::Missing { property }),
        Some(Value::Array(items)) if items.is_empty() => Err(ModelError::Empty { property }),
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(one) => Ok(vec![text(one)?]),
    }
}

/// Visits a property that holds one object or more.
pub(super) fn each_object<'a>(
    value: &'a Value,
    property: &'static str,
    mut visit: impl FnMut(&'a Map<String, Value>) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let wrong = |found| ModelError::Kind {
        property,
        expected: "an object or an array of objects",
        found: kind(found),
    };
    match value {
        Value::Object(object) => visit(object),
        Value::Array(items) if items.is_empty() => Err(ModelError::Empty { property }),
        Value::Array(items) if items.len() > MAX_ENTRIES => Err(ModelError::TooMany {
            property,
            found: items.len(),
            max: MAX_ENTRIES,
        }),
        Value::Array(items) => items.iter().try_for_each(|item| match item {
            Value::Object(object) => visit(object),
            other => Err(wrong(other)),
        }),
        other => Err(wrong(other)),
    }
}

/// Reads an optional time.
pub(super) fn time(
    object: &Map<String, Value>,
    name: &str,
    property: &'static str,
) -> Result<Option<Timestamp>, ModelError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => {
            Timestamp::parse_xml(text)
                .map(Some)
                .map_err(|_| ModelError::Time {
                    property,
                    value: text.clone(),
                })
        }
        Some(other) => Err(ModelError::Kind {
            property,
            expected: "an XML Schema dateTime",
            found: kind(other),
        }),
    }
}

/// Checks `name` and `description`: a text, a language value object, or several of them (VC Data Model 2.0 §11.1).
pub(super) fn language(
    object: &Map<String, Value>,
    name: &str,
    property: &'static str,
) -> Result<(), ModelError> {
    let one = |value: &Value| match value {
        Value::Object(object) => language_object(object, property),
        Value::String(_) => Ok(()),
        other => Err(ModelError::Kind {
            property,
            expected: "a string or a language value object",
            found: kind(other),
        }),
    };
    match object.get(name) {
        None => Ok(()),
        Some(Value::Array(items)) if items.is_empty() => Err(ModelError::Empty { property }),
        Some(Value::Array(items)) => items.iter().try_for_each(one),
        Some(value) => one(value),
    }
}

fn language_object(object: &Map<String, Value>, property: &'static str) -> Result<(), ModelError> {
    let wrong = |reason| ModelError::Language { property, reason };
    if !object.get("@value").is_some_and(Value::is_string) {
        return Err(wrong("@value is not a string"));
    }
    for (key, value) in object {
        let holds = match key.as_str() {
            "@value" => true,
            "@language" => value.as_str().is_some_and(is_language_tag),
            "@direction" => matches!(value.as_str(), Some("ltr" | "rtl" | "auto")),
            _ => {
                return Err(wrong(
                    "only @value, @language and @direction may stand in it",
                ));
            }
        };
        if !holds {
            return Err(wrong(
                "@language is no language tag, or @direction no direction",
            ));
        }
    }
    Ok(())
}

/// Says whether a text has the form of a BCP 47 tag.
fn is_language_tag(text: &str) -> bool {
    text.split('-').all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Reads the version off `@context`, which must be an array that begins with a base context and goes on with URLs and objects.
pub(super) fn version(json: &Map<String, Value>) -> Result<super::Version, ModelError> {
    use super::Version;
    const CONTEXT: &str = "@context";
    let items = match json.get(CONTEXT) {
        None => return Err(ModelError::Missing { property: CONTEXT }),
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(ModelError::Kind {
                property: CONTEXT,
                expected: "an array",
                found: kind(other),
            });
        }
    };
    if items.len() > MAX_CONTEXTS {
        return Err(ModelError::TooMany {
            property: CONTEXT,
            found: items.len(),
            max: MAX_CONTEXTS,
        });
    }
    let (first, rest) = items
        .split_first()
        .ok_or(ModelError::Empty { property: CONTEXT })?;
    let version = [Version::V2, Version::V1]
        .into_iter()
        .find(|version| first.as_str() == Some(version.base_context()))
        .ok_or_else(|| ModelError::BaseContext {
            found: first
                .as_str()
                .map_or_else(|| kind(first).to_owned(), str::to_owned),
        })?;
    for item in rest {
        match item {
            Value::Object(_) => {}
            Value::String(_) => {
                url(item, CONTEXT)?;
            }
            other => {
                return Err(ModelError::Kind {
                    property: CONTEXT,
                    expected: "an array of URLs and objects",
                    found: kind(other),
                });
            }
        }
    }
    Ok(version)
}

/// The most contexts that one document may name.
pub(super) const MAX_CONTEXTS: usize = 64;

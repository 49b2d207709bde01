//! The template of a batch: one document for all items, with places for what tells them apart (SPEC §13.1).

use super::ItemError;
use crate::document::Document;
use crate::genesis::Class;
use chop_integrity::Hash;
use chop_integrity::json::{self, Limits};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The domain tag of a template's digest.
pub const TEMPLATE_TAG: &str = "chop/batch-template/v1";
/// The most bytes of a template in JCS form.
pub const MAX_TEMPLATE_BYTES: usize = 2_048;
/// The most fields.
pub const MAX_FIELDS: usize = 16;
/// The most bytes of a URI in a document (SPEC §4.5).
const MAX_URI_BYTES: usize = 512;
/// The most characters of a field's name.
const MAX_NAME: usize = 32;

const LIMITS: Limits = Limits {
    max_bytes: MAX_TEMPLATE_BYTES,
    max_depth: 12,
};

/// A well-formed template: `{"class", "fields": [names], "document"}`.
///
/// A place `{name}` in a URI of `alsoKnownAs` or `serviceEndpoint` takes the item's value of that field as the simple
/// expansion of RFC 6570 §3.2.2 writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    raw: Raw,
    digest: Hash,
    /// The URIs that have places, in pieces.
    uris: Vec<Vec<Piece>>,
    /// Which of them stand in `alsoKnownAs`.
    aliases: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    class: Class,
    fields: Vec<String>,
    document: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Field(usize),
}

/// Says why something is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Not restricted JSON, or too large.
    #[error("the template is outside the restricted JSON profile: {reason}")]
    Profile {
        /// What the JSON layer said.
        reason: String,
    },
    /// A member is missing, unknown or of the wrong type.
    #[error("the template is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// An organisation has keys of its own, which no item has.
    #[error("an organisation is no item of a batch")]
    Organisation,
    /// Too many fields, a name twice, or a name that is none.
    #[error(
        "fields are at most {MAX_FIELDS} different names of a letter and up to 31 letters, digits and underscores"
    )]
    Fields,
    /// A place names no field, a brace is left open, or the URI's scheme is not fixed.
    #[error("{uri:?}: a place is {{field}}, of a field of the template, behind the scheme")]
    Place {
        /// The URI.
        uri: String,
    },
    /// The document breaks SPEC §4.5.
    #[error("the template's document: {reason}")]
    Document {
        /// What is wrong.
        reason: String,
    },
}

impl Template {
    /// Checks a template (SPEC §13.1).
    ///
    /// # Errors
    /// Returns [`TemplateError`], which says which rule is broken.
    pub fn parse(value: Value) -> Result<Self, TemplateError> {
        json::check_restricted(&value, &LIMITS).map_err(|e| TemplateError::Profile {
            reason: e.to_string(),
        })?;
        let digest = Hash::of_json(TEMPLATE_TAG, &value).map_err(|e| TemplateError::Profile {
            reason: e.to_string(),
        })?;
        let raw: Raw = serde_json::from_value(value).map_err(|e| TemplateError::Shape {
            reason: e.to_string(),
        })?;
        if raw.class == Class::Organisation {
            return Err(TemplateError::Organisation);
        }
        check_fields(&raw.fields)?;
        let mut template = Self {
            raw,
            digest,
            uris: Vec::new(),
            aliases: 0,
        };
        let aliases = texts(template.raw.document.get("alsoKnownAs"));
        let services = template
            .raw
            .document
            .get("service")
            .and_then(Value::as_array);
        let endpoints = services
            .into_iter()
            .flatten()
            .flat_map(|service| texts(service.get("serviceEndpoint")));
        let (mut uris, mut alias_count) = (Vec::new(), 0);
        for uri in &aliases {
            uris.push(template.pieces(uri)?);
            alias_count += 1;
        }
        for uri in endpoints {
            uris.push(template.pieces(uri)?);
        }
        (template.uris, template.aliases) = (uris, alias_count);
        // What no place changes is checked once, for all items.
        let sample = |(n, _): (usize, &String)| format!("{n}");
        let values: Vec<String> = template.raw.fields.iter().enumerate().map(sample).collect();
        Document::parse(Value::Object(template.filled(&values))).map_err(|e| {
            TemplateError::Document {
                reason: e.to_string(),
            }
        })?;
        Ok(template)
    }

    /// Returns the digest: SHA-256(`chop/batch-template/v1` ‖ JCS(template)).
    pub const fn digest(&self) -> Hash {
        self.digest
    }

    /// Returns what the items stand for.
    pub const fn class(&self) -> Class {
        self.raw.class
    }

    /// Returns the names of the fields, in the order of the items' values.
    pub fn fields(&self) -> &[String] {
        &self.raw.fields
    }

    /// Checks what depends on the values: the lengths of URIs and of the document, and that no alias stands twice.
    pub(super) fn check_values(&self, values: &[String]) -> Result<(), ItemError> {
        let mut aliases: Vec<String> = Vec::new();
        let mut grown = 0_usize;
        for (index, pieces) in self.uris.iter().enumerate() {
            let uri = expand(pieces, values);
            if uri.len() > MAX_URI_BYTES {
                return Err(ItemError::Document {
                    reason: "a URI of more than 512 bytes",
                });
            }
            grown = grown.saturating_add(uri.len());
            if index < self.aliases {
                if aliases.contains(&uri) {
                    return Err(ItemError::Document {
                        reason: "the same alsoKnownAs twice",
                    });
                }
                aliases.push(uri);
            }
        }
        // The template itself has at most 2,048 bytes.
        if grown.saturating_add(MAX_TEMPLATE_BYTES) > crate::document::MAX_DOCUMENT_BYTES {
            return Err(ItemError::Document {
                reason: "URIs of more than 2,560 bytes together",
            });
        }
        Ok(())
    }

    /// Returns the document with the values in their places.
    pub(super) fn filled(&self, values: &[String]) -> Map<String, Value> {
        let mut document = self.raw.document.clone();
        let mut uris = self.uris.iter().map(|pieces| expand(pieces, values));
        fill(document.get_mut("alsoKnownAs"), &mut uris);
        let services = document.get_mut("service").and_then(Value::as_array_mut);
        for service in services.into_iter().flatten() {
            fill(service.get_mut("serviceEndpoint"), &mut uris);
        }
        document
    }

    /// Takes a URI apart at its places.
    fn pieces(&self, uri: &str) -> Result<Vec<Piece>, TemplateError> {
        let refuse = || TemplateError::Place {
            uri: uri.chars().take(80).collect(),
        };
        let mut pieces = Vec::new();
        let mut rest = uri;
        while let Some((text, after)) = rest.split_once('{') {
            // The scheme says how the rest is read: no item chooses it.
            if pieces.is_empty() && !text.contains(':') {
                return Err(refuse());
            }
            let (name, after) = after.split_once('}').ok_or_else(refuse)?;
            let field = self.raw.fields.iter().position(|field| field == name);
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Field(field.ok_or_else(refuse)?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(pieces)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::parse(value).map_err(serde::de::Error::custom)
    }
}

fn check_fields(fields: &[String]) -> Result<(), TemplateError> {
    let is_name = |name: &String| {
        name.len() <= MAX_NAME
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let once = |(n, name): (usize, &String)| !fields.iter().take(n).any(|before| before == name);
    if fields.len() <= MAX_FIELDS
        && fields.iter().all(is_name)
        && fields.iter().enumerate().all(once)
    {
        Ok(())
    } else {
        Err(TemplateError::Fields)
    }
}

/// Lists the texts of a text or a list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Puts the next URIs into the places that [`texts`] lists.
fn fill(value: Option<&mut Value>, uris: &mut impl Iterator<Item = String>) {
    let mut put = |text: &mut String| {
        if let Some(uri) = uris.next() {
            *text = uri;
        }
    };
    let entries = match value {
        Some(Value::Array(entries)) => entries.as_mut_slice(),
        Some(single) => std::slice::from_mut(single),
        None => &mut [],
    };
    for entry in entries {
        if let Value::String(text) = entry {
            put(text);
        }
    }
}

/// RFC 6570 §3.2.2: unreserved characters stand, every other byte is percent-encoded.
fn expand(pieces: &[Piece], values: &[String]) -> String {
    let mut uri = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => uri.push_str(text),
            Piece::Field(index) => {
                for byte in values.get(*index).map_or("", String::as_str).bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        uri.push(char::from(byte));
                    } else {
                        // Writing to a text cannot fail.
                        let _written = write!(uri, "%{byte:02X}");
                    }
                }
            }
        }
    }
    uri
}

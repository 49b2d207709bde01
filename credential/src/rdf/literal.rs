//! JSON values as literals, and what texts may stand in quads (JSON-LD 1.1 API §8.2.2, §8.6).

use super::term::{Literal, RDF_LANG_STRING, XSD_STRING};
use serde_json::{Number, Value};
use std::sync::{Arc, LazyLock};

pub(super) const RDF_JSON: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON";
const XSD_BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";
const XSD_INTEGER: &str = "http://www.w3.org/2001/XMLSchema#integer";
pub(super) const XSD_DOUBLE: &str = "http://www.w3.org/2001/XMLSchema#double";

/// Shares one copy of each datatype that values have by themselves.
pub(super) struct Datatypes {
    string: Arc<str>,
    lang_string: Arc<str>,
    json: Arc<str>,
    boolean: Arc<str>,
    integer: Arc<str>,
    double: Arc<str>,
}

pub(super) static DATATYPES: LazyLock<Datatypes> = LazyLock::new(|| Datatypes {
    string: XSD_STRING.into(),
    lang_string: RDF_LANG_STRING.into(),
    json: RDF_JSON.into(),
    boolean: XSD_BOOLEAN.into(),
    integer: XSD_INTEGER.into(),
    double: XSD_DOUBLE.into(),
});

impl Literal {
    /// Is a plain string.
    pub(super) fn string(text: &str) -> Self {
        Self {
            lexical: text.into(),
            datatype: Arc::clone(&DATATYPES.string),
            language: None,
        }
    }

    pub(super) fn typed(text: &str, datatype: &Arc<str>) -> Self {
        Self {
            lexical: text.into(),
            datatype: Arc::clone(datatype),
            language: None,
        }
    }

    pub(super) fn in_language(text: &str, tag: Arc<str>) -> Self {
        Self {
            lexical: text.into(),
            datatype: Arc::clone(&DATATYPES.lang_string),
            language: Some(tag),
        }
    }

    /// Is a JSON literal in its canonical form (JSON-LD 1.1 §10.2, RFC 8785).
    pub(super) fn json(value: &Value) -> Option<Self> {
        let bytes = chop_integrity::canonicalize(value).ok()?;
        Some(Self {
            lexical: String::from_utf8(bytes).ok()?.into(),
            datatype: Arc::clone(&DATATYPES.json),
            language: None,
        })
    }

    pub(super) fn boolean(value: bool, datatype: Option<&Arc<str>>) -> Self {
        let text = if value { "true" } else { "false" };
        Self::typed(text, datatype.unwrap_or(&DATATYPES.boolean))
    }

    /// Is a number in its canonical form; none: readers would differ about its value.
    pub(super) fn number(number: &Number, datatype: Option<&Arc<str>>) -> Option<Self> {
        let value = number.as_f64()?;
        let as_double = datatype.is_some_and(|iri| iri.as_ref() == XSD_DOUBLE);
        if as_double || value.fract() != 0.0 || value.abs() >= 1e21 {
            let text = double(value);
            return Some(Self::typed(&text, datatype.unwrap_or(&DATATYPES.double)));
        }
        // JSON numbers are doubles to most readers (RFC 8785 §3.2.2.3): an integer that no double is would be read
        // differently from what is signed.
        let text = format!("{:.0}", value + 0.0);
        let written = number
            .as_u64()
            .map(i128::from)
            .or(number.as_i64().map(i128::from));
        if written.is_some_and(|written| text.parse() != Ok(written)) {
            return None;
        }
        Some(Self::typed(&text, datatype.unwrap_or(&DATATYPES.integer)))
    }
}

/// Writes a double as `%1.15E` does, without zeros at its end (JSON-LD 1.1 API §8.6).
fn double(value: f64) -> String {
    let text = format!("{value:.15E}");
    let Some((mantissa, exponent)) = text.split_once('E') else {
        return text;
    };
    let mantissa = mantissa.trim_end_matches('0');
    let digit = if mantissa.ends_with('.') { "0" } else { "" };
    format!("{mantissa}{digit}E{exponent}")
}

/// Says whether a text is an absolute IRI that N-Quads can hold as it is (N-Quads `IRIREF`).
pub(super) fn is_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    rest.matches('#').count() <= 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && rest.bytes().all(|byte| {
            byte > b' '
                && !matches!(
                    byte,
                    b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'^' | b'`' | b'\\'
                )
        })
}

/// Says whether a text has the form of a language tag (BCP 47, N-Quads `LANGTAG`).
pub(super) fn is_language_tag(text: &str) -> bool {
    let subtag = |part: &str| (1..=8).contains(&part.len());
    let mut parts = text.split('-');
    parts
        .next()
        .is_some_and(|first| subtag(first) && first.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && parts.all(|part| subtag(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

//! The shortcut: a template's canonical text with gaps, written anew for each row without building its JSON.
//!
//! It is taken only where it is certain that the row passes every check: a gap stands where no check looks at more than the
//! kind of a value (claims, names), or where what is looked at is looked at here as well (identifiers, times). Whatever
//! is not certain is left to the whole way, which alone refuses.

use super::cell::CellType;
use super::template::{Node, Part, Template, Values};
use super::{BatchTerms, Form};
use crate::contexts::Contexts;
use crate::issuing::integrity::{options, suite};
use crate::issuing::token::{self, encode_header, refuse_wrappers};
use crate::issuing::{check_credential, is_of};
use crate::model::{Credential, is_url};
use crate::securing::jose::TokenKind;
use chop_integrity::json::Limits;
use chop_integrity::proof::{JcsSuite, PreparedProof};
use chop_integrity::{Timestamp, canonicalize, escape_into};
use serde_json::Value;
use std::borrow::Cow;
use std::convert::Infallible;

/// Credentials up to this size, in bytes, are certain to be within the bounds, however their numbers are written.
const CERTAIN: usize = Limits::CREDENTIAL.max_bytes / 2;

/// Is a template whose rows are written from its canonical text.
pub(super) struct Press {
    pieces: Vec<Piece>,
    urls: Vec<Vec<Part>>,
    valid_from: Option<Vec<Part>>,
    valid_until: Option<Vec<Part>>,
    context: Value,
}

/// Is what the rows of one moment are secured with.
pub(super) enum Seal {
    /// A proof that lacks the document.
    Proof(PreparedProof),
    /// A token's header, encoded.
    Jwt(String),
}

/// Is a stretch of canonical text, or a gap in it.
enum Piece {
    Text(Vec<u8>),
    Gap(Part),
}

impl Press {
    /// Prepares a template; `None` when a row may need the whole way for a reason that is not looked for here.
    pub(super) fn new(template: &Template, terms: &BatchTerms<'_>) -> Option<Self> {
        let mut survey = Survey::default();
        let sample = survey.sample(&template.root)?;
        let context = sample.get("@context")?.clone();
        // Terms that a document defines for itself might be anything.
        if !context.as_array()?.iter().all(Value::is_string) {
            return None;
        }
        // A template with a proof, or of an envelope, goes the whole way.
        let credential = Credential::from_value(sample).ok()?;
        check_credential(&credential, terms.contexts).ok()?;
        is_of(terms.verification_method, credential.issuer()).ok()?;
        if terms.form == Form::Jwt {
            refuse_wrappers(credential.json()).ok()?;
        }
        if crate::model::is_envelope(credential.json(), "EnvelopedVerifiableCredential")
            || !survey.avoids_keywords(credential.json(), terms.contexts)
        {
            return None;
        }
        let press = Self {
            pieces: pieces(&template.root)?,
            urls: survey.urls,
            valid_from: survey.valid_from,
            valid_until: survey.valid_until,
            context,
        };
        // Whether there is a suite for it does not depend on the time.
        press.seal(terms, Timestamp::from_unix_ms(0))?;
        Some(press)
    }

    /// Prepares what the rows of a moment are secured with; `None` when the whole way must say why it cannot be.
    pub(super) fn seal(&self, terms: &BatchTerms<'_>, now: Timestamp) -> Option<Seal> {
        let signer = terms.signer;
        let Some(request) = terms.proof_request(now) else {
            let header = encode_header(
                TokenKind::Credential,
                Some(terms.verification_method),
                signer,
            );
            return header.ok().map(Seal::Jwt);
        };
        let key = signer.public_key();
        let suite = suite(&request, key.key_type()).ok()?;
        JcsSuite::from_name(suite.name).filter(|_| request.mandatory_pointers.is_empty())?;
        let options = options(suite, "assertionMethod", &request);
        let prepared = PreparedProof::new(&options, Some(&self.context), key).ok()?;
        Some(Seal::Proof(prepared))
    }

    /// Appends a row's credential; `false` when the whole way must decide, whatever was appended.
    pub(super) fn issue(
        &self,
        values: &Values<'_>,
        seal: &Seal,
        terms: &BatchTerms<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        self.passes(values) && self.write(values, seal, terms, out).is_some()
    }

    /// Looks at identifiers and times as the data model's rules do.
    fn passes(&self, values: &Values<'_>) -> bool {
        let time = |parts: &Option<Vec<Part>>| match parts {
            None => Some(None),
            Some(parts) => Timestamp::parse_xml(&text(parts, values)).ok().map(Some),
        };
        let are_ordered = match (time(&self.valid_from), time(&self.valid_until)) {
            (Some(Some(from)), Some(Some(until))) => from <= until,
            (Some(_), Some(_)) => true,
            _ => false,
        };
        are_ordered && self.urls.iter().all(|parts| is_url(&text(parts, values)))
    }

    fn write(
        &self,
        values: &Values<'_>,
        seal: &Seal,
        terms: &BatchTerms<'_>,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        match seal {
            Seal::Proof(prepared) => {
                let start = out.len();
                self.document(values, out)?;
                let sign = |input: &_| terms.signer.sign_credential(input);
                let proof = prepared.sign(out.get(start..)?, sign).ok()?;
                out.pop();
                out.extend_from_slice(b",\"proof\":");
                out.extend_from_slice(&proof);
                out.push(b'}');
            }
            Seal::Jwt(header) => {
                let mut payload = Vec::with_capacity(2_048);
                self.document(values, &mut payload)?;
                let token = token::sign(header, &payload, terms.signer).ok()?;
                out.push(b'"');
                out.extend_from_slice(token.as_bytes());
                out.push(b'"');
            }
        }
        Some(())
    }

    /// Appends the filled template as canonical JSON.
    fn document(&self, values: &Values<'_>, out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Gap(Part::Cell(column, kind)) if *kind != CellType::Text => {
                    let cell = values.cell(*column);
                    if *kind != CellType::Boolean && is_canonical_integer(cell) {
                        out.extend_from_slice(cell.as_bytes());
                    } else {
                        out.extend_from_slice(&canonicalize(&kind.read(cell)?).ok()?);
                    }
                }
                Piece::Gap(part) => escape_into(out, values.of(part)),
            }
        }
        (out.len() - start <= CERTAIN).then_some(())
    }
}

/// Looks at a template's strings: where they stand and what is looked for in them.
#[derive(Default)]
struct Survey {
    path: Vec<String>,
    /// The members on the way to each string whose content nobody looks at.
    free: Vec<Vec<String>>,
    urls: Vec<Vec<Part>>,
    valid_from: Option<Vec<Part>>,
    valid_until: Option<Vec<Part>>,
}

impl Survey {
    /// Fills a template with values that pass, if any do; `None` where more is looked for than is known here.
    fn sample(&mut self, node: &Node) -> Option<Value> {
        Some(match node {
            Node::Fixed(value) => {
                self.fixed(value);
                value.clone()
            }
            Node::Text(parts) => self.string(parts)?,
            Node::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| self.sample(item))
                    .collect::<Option<_>>()?,
            ),
            Node::Object(members) => {
                let mut object = serde_json::Map::new();
                for (name, member) in members {
                    self.path.push(name.clone());
                    object.insert(name.clone(), self.sample(member)?);
                    self.path.pop();
                }
                Value::Object(object)
            }
        })
    }

    /// Keeps a time that rows are compared with.
    fn fixed(&mut self, value: &Value) {
        let literal = || {
            value
                .as_str()
                .map(|text| vec![Part::Literal(text.to_owned())])
        };
        match self.path.as_slice() {
            [one] if one == "validFrom" => self.valid_from = literal(),
            [one] if one == "validUntil" => self.valid_until = literal(),
            _ => {}
        }
    }

    fn string(&mut self, parts: &[Part]) -> Option<Value> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["name" | "description"] => Some(sample_of(parts, "")),
            ["validFrom"] => {
                self.valid_from = Some(parts.to_vec());
                Some(sample_of(parts, "2026-01-01T00:00:00Z"))
            }
            ["validUntil"] => {
                self.valid_until = Some(parts.to_vec());
                Some(sample_of(parts, "2026-01-01T00:00:00Z"))
            }
            ["id"] | ["credentialSubject", .., "id"] => {
                self.urls.push(parts.to_vec());
                let (_, above) = self.path.split_last()?;
                self.free.push(above.to_vec());
                Some(sample_of(parts, "urn:example:1"))
            }
            ["credentialSubject", .., _] => {
                self.free.push(self.path.clone());
                Some(sample_of(parts, "1"))
            }
            _ => None,
        }
    }

    /// Says whether no gap stands below a member that means a keyword, such as an alias of `@type`.
    fn avoids_keywords(
        &self,
        document: &serde_json::Map<String, Value>,
        contexts: &Contexts,
    ) -> bool {
        let Ok(keywords) = contexts.keywords(document) else {
            return false;
        };
        let mut members = self.free.iter().flatten();
        members.all(|name| name == "@value" || !keywords.contains(name.as_str()))
    }
}

/// A string of a sample; what stands alone is `alone`, of its type.
fn sample_of(parts: &[Part], alone: &str) -> Value {
    match parts {
        [Part::Cell(_, CellType::Number | CellType::Integer)] => Value::from(1),
        [Part::Cell(_, CellType::Boolean)] => Value::Bool(true),
        [Part::Cell(_, CellType::Text)] => Value::from(alone),
        parts => {
            let values = Values {
                cells: &[],
                uuid: "00000000-0000-4000-8000-000000000000",
                now: "2026-01-01T00:00:00Z",
            };
            let part = |part| match part {
                &Part::Cell(..) => "1",
                other => values.of(other),
            };
            Value::String(parts.iter().map(part).collect())
        }
    }
}

/// Says whether a cell is an integer as canonical JSON has it, and within what is certain to be a double: of at most 15 digits.
fn is_canonical_integer(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell).as_bytes();
    match digits {
        [b'1'..=b'9', rest @ ..] => rest.len() < 15 && rest.iter().all(u8::is_ascii_digit),
        _ => cell == "0",
    }
}

/// Gives a string's content, borrowed where it is one part.
fn text<'a>(parts: &'a [Part], values: &'a Values<'_>) -> Cow<'a, str> {
    match parts {
        [one] => Cow::Borrowed(values.of(one)),
        several => Cow::Owned(super::template::join(several, values)),
    }
}

/// Cuts a template's canonical text at its gaps.
///
/// Each gap is written as `{{number}}` first; no name and no fixed text of a template holds `{{`, nor does JSON itself.
fn pieces(root: &Node) -> Option<Vec<Piece>> {
    let mut gaps = Vec::new();
    let marked = root.fill(&mut |parts: &[Part]| {
        let mut text = String::new();
        for part in parts {
            if let Part::Literal(literal) = part {
                text.push_str(literal);
            } else {
                text.extend(["{{", &gaps.len().to_string(), "}}"]);
                gaps.push(part.clone());
            }
        }
        Ok::<_, Infallible>(Value::String(text))
    });
    let canonical = String::from_utf8(canonicalize(&marked.ok()?).ok()?).ok()?;
    let mut pieces = Vec::new();
    let mut rest = canonical.as_str();
    while let Some((mut before, from)) = rest.split_once("{{") {
        let (number, mut after) = from.split_once("}}")?;
        let gap = gaps.get(number.parse::<usize>().ok()?)?.clone();
        if let Part::Cell(_, kind) = gap
            && kind != CellType::Text
        {
            before = before.strip_suffix('"')?;
            after = after.strip_prefix('"')?;
        }
        pieces.push(Piece::Text(before.as_bytes().to_vec()));
        pieces.push(Piece::Gap(gap));
        rest = after;
    }
    pieces.push(Piece::Text(rest.as_bytes().to_vec()));
    Some(pieces)
}

//! A strict reader of N-Quads (RDF 1.1 N-Quads §4).

use super::error::RdfError;
use super::literal::{is_iri, is_language_tag};
use super::term::{Dataset, Literal, Quad, RDF_LANG_STRING, Term, XSD_STRING};
use std::sync::Arc;

/// The longest N-Quads text that is read, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

impl Dataset {
    /// Reads N-Quads: one statement a line, blank lines and comments apart.
    ///
    /// # Errors
    /// When the text is too long, a line is no statement, an IRI is relative or has characters that it may not have, or a
    /// language tag is malformed.
    pub fn parse(text: &str) -> Result<Self, RdfError> {
        if text.len() > MAX_BYTES {
            return Err(RdfError::TooLarge { max: MAX_BYTES });
        }
        let mut quads = Vec::new();
        for (index, line) in text.split(['\n', '\r']).enumerate() {
            let mut reader = Reader { rest: line };
            let quad = reader.statement().map_err(|reason| RdfError::Syntax {
                line: index + 1,
                reason,
            })?;
            quads.extend(quad);
        }
        Ok(quads.into_iter().collect())
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Reads a line; none: it holds no statement.
    fn statement(&mut self) -> Result<Option<Quad>, &'static str> {
        self.space();
        if self.rest.is_empty() || self.rest.starts_with('#') {
            return Ok(None);
        }
        let subject = self
            .resource()?
            .ok_or("the subject is no IRI or blank node")?;
        self.space();
        let Some(Term::Iri(predicate)) = self.resource()? else {
            return Err("the predicate is no IRI");
        };
        self.space();
        let object = match self.resource()? {
            Some(resource) => resource,
            None => Term::Literal(self.literal()?),
        };
        self.space();
        let graph = self.resource()?;
        self.space();
        self.rest = self
            .rest
            .strip_prefix('.')
            .ok_or("it does not end in a dot")?;
        self.space();
        if !(self.rest.is_empty() || self.rest.starts_with('#')) {
            return Err("it goes on after the dot");
        }
        Ok(Some(Quad {
            subject,
            predicate,
            object,
            graph,
        }))
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Reads an IRI or a blank node; none: neither begins here.
    fn resource(&mut self) -> Result<Option<Term>, &'static str> {
        if let Some(rest) = self.rest.strip_prefix('<') {
            self.rest = rest;
            return self.iri().map(|iri| Some(Term::Iri(iri)));
        }
        if let Some(rest) = self.rest.strip_prefix("_:") {
            self.rest = rest;
            return self.label().map(|label| Some(Term::Blank(label.into())));
        }
        Ok(None)
    }

    fn iri(&mut self) -> Result<Arc<str>, &'static str> {
        let (text, rest) = self.rest.split_once('>').ok_or("an IRI does not end")?;
        self.rest = rest;
        let iri = unescape(text, false)?;
        if is_iri(&iri) {
            Ok(iri.into())
        } else {
            Err("an IRI is not absolute, or has a character that it may not have")
        }
    }

    fn label(&mut self) -> Result<&'a str, &'static str> {
        let end = self
            .rest
            .find(|c: char| !(is_label_character(c) || c == '.'))
            .unwrap_or(self.rest.len());
        let (found, _) = self.rest.split_at(end);
        // A dot within the label belongs to it, one behind it ends the statement.
        let label = found.trim_end_matches('.');
        self.rest = self.rest.get(label.len()..).unwrap_or_default();
        if is_label(label) {
            Ok(label)
        } else {
            Err("a blank node has no label, or a malformed one")
        }
    }

    fn literal(&mut self) -> Result<Literal, &'static str> {
        let body = self.rest.strip_prefix('"').ok_or("the object is no term")?;
        let end = closing_quote(body).ok_or("a literal does not end")?;
        let (text, rest) = body.split_at(end);
        self.rest = rest.strip_prefix('"').unwrap_or(rest);
        let lexical: Arc<str> = unescape(text, true)?.into();
        if let Some(rest) = self.rest.strip_prefix('@') {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .unwrap_or(rest.len());
            let (tag, rest) = rest.split_at(end);
            self.rest = rest;
            if !is_language_tag(tag) {
                return Err("a language tag is malformed");
            }
            return Ok(Literal {
                lexical,
                datatype: RDF_LANG_STRING.into(),
                language: Some(tag.into()),
            });
        }
        let datatype = match self.rest.strip_prefix("^^<") {
            None => XSD_STRING.into(),
            Some(rest) => {
                self.rest = rest;
                self.iri()?
            }
        };
        if datatype.as_ref() == RDF_LANG_STRING {
            return Err("a literal with language has none");
        }
        Ok(Literal {
            lexical,
            datatype,
            language: None,
        })
    }
}

/// Says whether a text is the label of a blank node (N-Quads `BLANK_NODE_LABEL`).
pub(super) fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| {
        is_label_character(first)
            && !matches!(first, '-' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    }) && !text.ends_with('.')
        && text.chars().all(|c| is_label_character(c) || c == '.')
}

/// N-Quads `PN_CHARS`.
fn is_label_character(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | ':' | '-' | '\u{b7}'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
        | '\u{200c}'..='\u{200d}' | '\u{203f}'..='\u{2040}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn closing_quote(body: &str) -> Option<usize> {
    let mut escaped = false;
    body.char_indices()
        .find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        })
        .map(|(at, _)| at)
}

/// Undoes escapes: in IRIs only `\u` and `\U`, in literals also those of one letter.
fn unescape(text: &str, letters: bool) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escaped = characters.next().ok_or("an escape does not end")?;
        let plain = match escaped {
            'u' => code_point(&mut characters, 4)?,
            'U' => code_point(&mut characters, 8)?,
            't' if letters => '\t',
            'b' if letters => '\u{8}',
            'n' if letters => '\n',
            'r' if letters => '\r',
            'f' if letters => '\u{c}',
            '"' | '\'' | '\\' if letters => escaped,
            _ => return Err("an escape is not known"),
        };
        out.push(plain);
    }
    Ok(out)
}

fn code_point(characters: &mut std::str::Chars<'_>, digits: usize) -> Result<char, &'static str> {
    let mut value = 0u32;
    for _ in 0..digits {
        let digit = characters
            .next()
            .and_then(|c| c.to_digit(16))
            .ok_or("an escape has too few digits")?;
        value = value.wrapping_mul(16).wrapping_add(digit);
    }
    char::from_u32(value).ok_or("an escape is no character")
}

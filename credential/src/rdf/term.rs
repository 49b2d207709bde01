//! Terms, quads and datasets (RDF 1.1 Concepts §3, §4), and their canonical N-Quads lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::sync::Arc;

pub(crate) const XSD_STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
pub(crate) const RDF_LANG_STRING: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString";

/// Is an IRI, a blank node or a literal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// An absolute IRI.
    Iri(Arc<str>),
    /// A blank node, by its label without `_:`.
    Blank(Arc<str>),
    /// A literal.
    Literal(Literal),
}

/// Is a literal: its text, and a datatype or a language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Literal {
    /// The text.
    pub lexical: Arc<str>,
    /// The datatype's IRI; `rdf:langString` if there is a language.
    pub datatype: Arc<str>,
    /// The language tag.
    pub language: Option<Arc<str>>,
}

/// Is a statement in a graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quad {
    /// An IRI or a blank node.
    pub subject: Term,
    /// An IRI.
    pub predicate: Arc<str>,
    /// Any term.
    pub object: Term,
    /// The graph's name, an IRI or a blank node; none: the default graph.
    pub graph: Option<Term>,
}

/// Is a set of quads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    quads: Vec<Quad>,
}

impl Term {
    /// Returns the blank node's label.
    pub fn blank(&self) -> Option<&str> {
        match self {
            Self::Blank(label) => Some(label),
            Self::Iri(_) | Self::Literal(_) => None,
        }
    }

    /// Writes the term as canonical N-Quads do; a blank node by what `label` makes of its label.
    pub(crate) fn write<'a>(&'a self, out: &mut String, label: &impl Fn(&'a str) -> &'a str) {
        match self {
            Self::Iri(iri) => write_iri(out, iri),
            Self::Blank(name) => {
                out.push_str("_:");
                out.push_str(label(name));
            }
            Self::Literal(literal) => literal.write(out),
        }
    }

    /// Counts the bytes of its texts.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Iri(text) | Self::Blank(text) => text.len(),
            Self::Literal(literal) => {
                literal.lexical.len()
                    + literal.datatype.len()
                    + literal.language.as_ref().map_or(0, |tag| tag.len())
            }
        }
    }
}

impl Literal {
    fn write(&self, out: &mut String) {
        out.push('"');
        escape(out, &self.lexical);
        out.push('"');
        if let Some(language) = &self.language {
            out.push('@');
            out.push_str(language);
        } else if self.datatype.as_ref() != XSD_STRING {
            out.push_str("^^");
            write_iri(out, &self.datatype);
        }
    }
}

impl Quad {
    /// Writes the quad as a canonical N-Quads line with its line feed; blank nodes by what `label` makes of their labels.
    pub(crate) fn write<'a>(&'a self, out: &mut String, label: &impl Fn(&'a str) -> &'a str) {
        self.subject.write(out, label);
        out.push(' ');
        write_iri(out, &self.predicate);
        out.push(' ');
        self.object.write(out, label);
        out.push(' ');
        if let Some(graph) = &self.graph {
            graph.write(out, label);
            out.push(' ');
        }
        out.push_str(".\n");
    }

    /// Lists the terms that may be blank nodes, each with its letter in RDFC-1.0: subject, object, graph.
    pub(crate) fn places(&self) -> [(char, Option<&Term>); 3] {
        [
            ('s', Some(&self.subject)),
            ('o', Some(&self.object)),
            ('g', self.graph.as_ref()),
        ]
    }

    fn relabelled(&self, labels: &BTreeMap<String, String>) -> Self {
        let term = |term: &Term| match term {
            Term::Blank(label) => match labels.get(label.as_ref()) {
                Some(new) => Term::Blank(new.as_str().into()),
                None => term.clone(),
            },
            other => other.clone(),
        };
        Self {
            subject: term(&self.subject),
            predicate: Arc::clone(&self.predicate),
            object: term(&self.object),
            graph: self.graph.as_ref().map(term),
        }
    }
}

/// Writes a canonical N-Quads line, without its line feed.
impl fmt::Display for Quad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        self.write(&mut line, &|label| label);
        f.write_str(line.trim_end_matches('\n'))
    }
}

impl Dataset {
    /// Lists the quads, sorted, each once.
    pub fn quads(&self) -> &[Quad] {
        &self.quads
    }

    /// Lists the labels of the blank nodes, sorted.
    pub fn blank_nodes(&self) -> BTreeSet<&str> {
        self.quads
            .iter()
            .flat_map(|quad| quad.places())
            .filter_map(|(_, term)| term?.blank())
            .collect()
    }

    /// Gives blank nodes other labels; one that the map does not name keeps its own.
    #[must_use]
    pub fn relabelled(&self, labels: &BTreeMap<String, String>) -> Self {
        self.quads
            .iter()
            .map(|quad| quad.relabelled(labels))
            .collect()
    }

    /// Writes the quads as canonical N-Quads lines with their line feeds, sorted by code point.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .quads
            .iter()
            .map(|quad| {
                let mut line = String::with_capacity(128);
                quad.write(&mut line, &|label| label);
                line
            })
            .collect();
        lines.sort_unstable();
        lines
    }
}

impl FromIterator<Quad> for Dataset {
    fn from_iter<I: IntoIterator<Item = Quad>>(quads: I) -> Self {
        let mut quads: Vec<Quad> = quads.into_iter().collect();
        quads.sort_unstable();
        quads.dedup();
        Self { quads }
    }
}

fn write_iri(out: &mut String, iri: &str) {
    out.push('<');
    out.push_str(iri);
    out.push('>');
}

/// Escapes a literal's text as canonical N-Quads do (RDF 1.2 N-Quads §4).
fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || matches!(c, '"' | '\\' | '\u{7f}')) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some(control) => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

//! JSON-LD documents as RDF: expansion and deserialisation in one walk (JSON-LD 1.1 API §5.1, §8.1).
//!
//! The walk writes quads as it goes; there is no expanded document in between. It differs from the specification in what
//! it refuses: what would be passed over in silence, and what says a protected term in disguise.

mod container;
mod node;
mod value;

use super::error::RdfError;
use super::literal::is_iri;
use super::nquads::is_label;
use super::term::{Dataset, Quad, Term};
use crate::contexts::{Contexts, Meaning, Place, Processor, Term as Definition, initial};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::sync::Arc;

/// The most bytes that the terms of all quads together may have.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How deep arrays and objects may be nested: as deep as in a credential.
const MAX_DEPTH: usize = chop_integrity::json::Limits::CREDENTIAL.max_depth;

/// Turns a document into quads; its `proof`, if it has one, is a part of it like any other.
///
/// Blank nodes without a label of their own are called `b0`, `b1`, … in the order of the walk. A label in the document
/// stays, but for one that begins with `b` or `_`, which is led by `_`.
///
/// # Errors
/// When a context is refused, a value is malformed or would be lost, a protected term is said in disguise, or the
/// document is too deep or its quads too long.
pub fn to_rdf(document: &Map<String, Value>, contexts: &Contexts) -> Result<Dataset, RdfError> {
    let mut walk = Walk::new(contexts);
    walk.document(document)?;
    Ok(walk.quads.into_iter().collect())
}

/// Returns the document with an identifier, `_:` and `prefix` and a number, in every node object that has none.
///
/// Parts taken from what comes out then name their blank nodes as the whole does. The prefix should begin with a letter
/// other than `b`, so that [`to_rdf`] keeps the labels.
///
/// # Errors
/// As [`to_rdf`].
pub fn name_blank_nodes(
    document: &Map<String, Value>,
    contexts: &Contexts,
    prefix: &str,
) -> Result<Map<String, Value>, RdfError> {
    let mut walk = Walk::new(contexts);
    walk.unnamed = Some(Vec::new());
    walk.document(document)?;
    let mut named = Value::Object(document.clone());
    for (number, (pointer, key)) in walk.unnamed.iter().flatten().enumerate() {
        if let Some(Value::Object(node)) = named.pointer_mut(pointer) {
            node.insert(key.clone(), Value::String(format!("_:{prefix}{number}")));
        }
    }
    match named {
        Value::Object(named) => Ok(named),
        _ => Ok(Map::new()),
    }
}

/// Is a step into the document.
#[derive(Clone, Copy)]
enum Step<'d> {
    Key(&'d str),
    Item(usize),
}

struct Walk<'d, 'c> {
    contexts: &'c Contexts,
    processor: Processor<'c>,
    quads: Vec<Quad>,
    bytes: usize,
    blanks: usize,
    graph: Option<Term>,
    /// The node at the top; its properties stand there and nowhere else.
    root: Option<Term>,
    path: Vec<Step<'d>>,
    /// Pointers to the node objects without an identifier, each with the key that it would have, if they are asked for.
    unnamed: Option<Vec<(String, String)>>,
}

/// Is where a value stands: below which property, and what its container adds to it.
#[derive(Clone, Copy)]
struct Slot<'s> {
    name: &'s str,
    term: Option<&'s Arc<Definition>>,
    place: &'s Place,
    /// Whether the value comes out of a map, whose keys are no properties.
    from_map: bool,
    wrap: Wrap,
    adds: Adds<'s>,
}

/// Says whether a value becomes a graph of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrap {
    No,
    Always,
    /// Unless it is a graph object already.
    Unless,
}

/// Is what a map's key adds to the values below it.
#[derive(Clone, Copy)]
enum Adds<'s> {
    Nothing,
    Id(&'s Term),
    Type(&'s Arc<str>),
    Property(&'s Arc<str>, &'s Term),
}

/// Is a value whose own quads are written.
struct Item {
    term: Term,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literal,
    Node,
    List,
}

impl<'d, 'c> Walk<'d, 'c> {
    fn new(contexts: &'c Contexts) -> Self {
        Self {
            contexts,
            processor: Processor::new(contexts),
            quads: Vec::with_capacity(64),
            bytes: 0,
            blanks: 0,
            graph: None,
            root: None,
            path: Vec::new(),
            unnamed: None,
        }
    }

    fn document(&mut self, document: &'d Map<String, Value>) -> Result<(), RdfError> {
        let active = match document.get("@context") {
            Some(context) => self.contexts.table(context, &self.processor)?,
            None => initial(),
        };
        let place = Place::at(active);
        let only_graph = document.iter().all(|(key, _)| {
            key == "@context" || place.active.meaning(key).0 == Meaning::Keyword("@graph")
        });
        if only_graph {
            for (key, value) in document.iter().filter(|(key, _)| *key != "@context") {
                self.step(Step::Key(key), |walk| walk.free(value, &place))?;
            }
            return Ok(());
        }
        self.root_node(document, &place)
    }

    /// Goes one step into the document and comes back.
    fn step<T>(
        &mut self,
        step: Step<'d>,
        below: impl FnOnce(&mut Self) -> Result<T, RdfError>,
    ) -> Result<T, RdfError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(RdfError::TooDeep { max: MAX_DEPTH });
        }
        self.path.push(step);
        let result = below(self)?;
        self.path.pop();
        Ok(result)
    }

    /// Writes a quad in the graph at hand.
    fn quad(&mut self, subject: &Term, predicate: &Arc<str>, object: Term) -> Result<(), RdfError> {
        self.bytes = self.bytes.saturating_add(
            subject.weight()
                + predicate.len()
                + object.weight()
                + self.graph.as_ref().map_or(0, Term::weight),
        );
        if self.bytes > MAX_BYTES {
            return Err(RdfError::TooLarge { max: MAX_BYTES });
        }
        self.quads.push(Quad {
            subject: subject.clone(),
            predicate: Arc::clone(predicate),
            object,
            graph: self.graph.clone(),
        });
        Ok(())
    }

    fn fresh(&mut self) -> Term {
        let label = format!("b{}", self.blanks);
        self.blanks += 1;
        Term::Blank(label.into())
    }

    /// Takes an expanded identifier or type for a term.
    fn resource(&self, iri: Option<Arc<str>>) -> Result<Term, RdfError> {
        match iri {
            Some(iri) if iri.starts_with("_:") => {
                let label = iri.get(2..).unwrap_or_default();
                if !is_label(label) {
                    return Err(self.dropped("its blank node label is malformed"));
                }
                // What is generated begins with `b` and a digit; nothing in the document may meet it.
                let kept = if label.starts_with(['b', '_']) {
                    format!("_{label}").into()
                } else {
                    label.into()
                };
                Ok(Term::Blank(kept))
            }
            Some(iri) if is_iri(&iri) => Ok(Term::Iri(iri)),
            _ => Err(self.dropped("it is no absolute IRI")),
        }
    }

    /// Takes a property's IRI.
    fn predicate(&self, iri: Option<Arc<str>>) -> Result<Arc<str>, RdfError> {
        iri.filter(|iri| is_iri(iri))
            .ok_or_else(|| self.dropped("its property is no absolute IRI"))
    }

    fn dropped(&self, reason: &'static str) -> RdfError {
        RdfError::Dropped {
            at: self.pointer(),
            reason,
        }
    }

    fn refused(&self, reason: &'static str) -> RdfError {
        RdfError::Value {
            at: self.pointer(),
            reason,
        }
    }

    /// Says where the walk is, as a JSON pointer (RFC 6901).
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            // Writing to a string does not fail.
            let _ = match step {
                Step::Key(key) => write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")),
                Step::Item(index) => write!(pointer, "/{index}"),
            };
        }
        pointer
    }
}

//! Values: scalars, literals in objects, lists and sets (JSON-LD 1.1 API §5.1.2, §5.3, §8.2).

use super::super::error::RdfError;
use super::super::literal::{is_iri, is_language_tag};
use super::super::term::{Literal, Term};
use super::node::Entries;
use super::{Adds, Item, Kind, Slot, Step, Walk, Wrap};
use crate::contexts::{Active, Meaning, Place, Term as Definition};
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

static RDF_FIRST: LazyLock<Arc<str>> =
    LazyLock::new(|| "http://www.w3.org/1999/02/22-rdf-syntax-ns#first".into());
static RDF_REST: LazyLock<Arc<str>> =
    LazyLock::new(|| "http://www.w3.org/1999/02/22-rdf-syntax-ns#rest".into());
static RDF_NIL: LazyLock<Arc<str>> =
    LazyLock::new(|| "http://www.w3.org/1999/02/22-rdf-syntax-ns#nil".into());

impl<'d> Walk<'d, '_> {
    /// Expands a value below a property; says whether it is an array, or a set in the form of an object.
    pub(super) fn expand(
        &mut self,
        value: &'d Value,
        slot: &Slot<'_>,
        out: &mut Vec<Item>,
    ) -> Result<bool, RdfError> {
        match value {
            Value::Null => Err(self.dropped("it is null")),
            Value::Array(items) => {
                self.array(items, slot, out)?;
                Ok(true)
            }
            Value::Object(object) => self.object(object, slot, out),
            scalar => {
                let item = self.scalar(scalar, slot)?;
                self.emit(item, slot, out)?;
                Ok(false)
            }
        }
    }

    /// Expands the items of an array; within a list container, an array in the array is a list in the list.
    fn array(
        &mut self,
        items: &'d [Value],
        slot: &Slot<'_>,
        out: &mut Vec<Item>,
    ) -> Result<(), RdfError> {
        let lists = slot.term.is_some_and(|term| term.holds("@list"));
        for (index, item) in items.iter().enumerate() {
            self.step(Step::Item(index), |walk| {
                if !lists {
                    return walk.expand(item, slot, out).map(drop);
                }
                let mut inner = Vec::new();
                if walk.expand(item, slot, &mut inner)? {
                    let list = walk.list(inner)?;
                    out.push(list);
                } else {
                    out.append(&mut inner);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        object: &'d Map<String, Value>,
        slot: &Slot<'_>,
        out: &mut Vec<Item>,
    ) -> Result<bool, RdfError> {
        let named = slot.term.map(|term| (slot.name, term.as_ref()));
        let entered = slot
            .place
            .enter(&self.processor, object, named, slot.from_map)?;
        let place = entered.typed(&self.processor, object)?;
        let entries = Entries::of(object, &place.active);
        if entries.keyword("@value").is_some() {
            let literal = self.literal(&entries, &entered.active)?;
            let item = Item {
                term: Term::Literal(literal),
                kind: Kind::Literal,
            };
            self.emit(item, slot, out)?;
            return Ok(false);
        }
        for keyword in ["@list", "@set"] {
            let Some(entry) = entries.keyword(keyword) else {
                continue;
            };
            if entries.len() > 1 {
                return Err(self.refused("a list or set has other members"));
            }
            let below = Slot {
                place: &place,
                from_map: false,
                ..*slot
            };
            return self.step(Step::Key(entry.key), |walk| {
                if keyword == "@set" {
                    walk.expand(entry.value, &below, out)?;
                    return Ok(true);
                }
                let below = Slot {
                    wrap: Wrap::No,
                    adds: Adds::Nothing,
                    ..below
                };
                let mut items = Vec::new();
                walk.expand(entry.value, &below, &mut items)?;
                let list = walk.list(items)?;
                walk.emit(list, slot, out)?;
                Ok(false)
            });
        }
        let item = self.node(&entries, &entered.active, &place, slot)?;
        out.push(item);
        Ok(false)
    }

    /// Hands a value on; a literal or list cannot take what a container adds to a node.
    fn emit(&mut self, item: Item, slot: &Slot<'_>, out: &mut Vec<Item>) -> Result<(), RdfError> {
        match (slot.wrap, slot.adds, item.kind) {
            (Wrap::No, Adds::Nothing, _) => {}
            (Wrap::No, Adds::Type(_) | Adds::Property(..), Kind::Node) => {
                self.added(&item.term, slot.adds)?;
            }
            _ => return Err(self.refused("a map or graph holds something else than nodes")),
        }
        out.push(item);
        Ok(())
    }

    /// Writes a list and returns its head (JSON-LD 1.1 API §8.3).
    pub(super) fn list(&mut self, items: Vec<Item>) -> Result<Item, RdfError> {
        let cells: Vec<Term> = items.iter().map(|_| self.fresh()).collect();
        let nil = Term::Iri(Arc::clone(&RDF_NIL));
        let rest = cells.iter().skip(1).chain(std::iter::once(&nil));
        for ((item, cell), rest) in items.into_iter().zip(&cells).zip(rest) {
            self.quad(cell, &RDF_FIRST, item.term)?;
            self.quad(cell, &RDF_REST, rest.clone())?;
        }
        Ok(Item {
            term: cells.into_iter().next().unwrap_or(nil),
            kind: Kind::List,
        })
    }

    /// Expands a scalar (JSON-LD 1.1 API §5.3).
    fn scalar(&mut self, value: &Value, slot: &Slot<'_>) -> Result<Item, RdfError> {
        let named = slot.term.map(|term| (slot.name, term.as_ref()));
        let place = slot.place.below(&self.processor, named)?;
        let scoped = slot.term.is_some_and(|term| term.context.is_some());
        let term = if scoped {
            place.active.terms.get(slot.name)
        } else {
            slot.term
        };
        self.coerced(value, term, &place)
    }

    /// Gives a scalar the type, language or identity that its term says.
    pub(super) fn coerced(
        &self,
        value: &Value,
        term: Option<&Arc<Definition>>,
        place: &Place,
    ) -> Result<Item, RdfError> {
        let active = &place.active;
        let coercion = term.and_then(|term| term.coercion.as_ref());
        if let (Value::String(text), Some("@id" | "@vocab")) = (value, coercion.map(AsRef::as_ref))
        {
            let vocab = coercion.is_some_and(|coercion| coercion.as_ref() == "@vocab");
            return Ok(Item {
                term: self.resource(active.expand_relative(text, vocab))?,
                kind: Kind::Node,
            });
        }
        let datatype = coercion.filter(|iri| !iri.starts_with('@'));
        let literal = match (value, datatype) {
            (_, Some(iri)) => self.typed(value, iri)?,
            (Value::String(text), None) if coercion.is_none() => {
                let default = active.language.as_ref();
                match term.map_or(default, |term| term.language.over(default)) {
                    Some(tag) => self.in_language(text, tag)?,
                    None => Literal::string(text),
                }
            }
            (value, None) => self.plain(value)?,
        };
        let default = active.direction.as_ref();
        let direction = term.map_or(default, |term| term.direction.over(default));
        if direction.is_some() && coercion.is_none() && value.is_string() {
            return Err(self.dropped("its base direction has no place in RDF"));
        }
        Ok(Item {
            term: Term::Literal(literal),
            kind: Kind::Literal,
        })
    }

    /// Reads an object that stands for a literal (JSON-LD 1.1 API §5.1.2 step 15, §8.2.2).
    fn literal(&self, entries: &Entries<'d, '_>, typing: &Active) -> Result<Literal, RdfError> {
        let (mut value, mut language, mut datatype) = (&Value::Null, None, None);
        for entry in entries.iter() {
            match entry.meaning {
                Meaning::Keyword("@value") => value = entry.value,
                Meaning::Keyword("@language") => language = Some(entry.value),
                Meaning::Keyword("@type") => datatype = Some(entry.value),
                Meaning::Keyword("@direction") => {
                    return Err(self.dropped("its base direction has no place in RDF"));
                }
                Meaning::Keyword("@index") => {
                    return Err(self.dropped("its index has no place in RDF"));
                }
                _ => return Err(self.refused("a literal has members that it may not have")),
            }
        }
        match (language, datatype) {
            (None, None) => self.plain(value),
            (Some(Value::String(tag)), None) => match value {
                Value::String(text) => self.in_language(text, tag),
                _ => Err(self.refused("a value with a language is no string")),
            },
            (None, Some(Value::String(name))) => match typing.expand_relative(name, true) {
                Some(iri) if iri.as_ref() == "@json" => self.json(value),
                Some(iri) => self.typed(value, &iri),
                None => Err(self.dropped("its type is no absolute IRI")),
            },
            (Some(_), Some(_)) => Err(self.refused("a literal has a language and a type")),
            _ => Err(self.refused("the language or type of a literal is no string")),
        }
    }

    /// Takes a scalar with a datatype.
    fn typed(&self, value: &Value, datatype: &Arc<str>) -> Result<Literal, RdfError> {
        if !is_iri(datatype) {
            return Err(self.dropped("its type is no absolute IRI"));
        }
        match value {
            Value::String(text) => Ok(Literal::typed(text, datatype)),
            Value::Bool(flag) => Ok(Literal::boolean(*flag, Some(datatype))),
            Value::Number(number) => Literal::number(number, Some(datatype))
                .ok_or_else(|| self.dropped("no double has its value")),
            Value::Null => Err(self.dropped("it is null")),
            Value::Array(_) | Value::Object(_) => Err(self.refused("a literal is no scalar")),
        }
    }

    /// Takes a scalar without a datatype.
    fn plain(&self, value: &Value) -> Result<Literal, RdfError> {
        match value {
            Value::String(text) => Ok(Literal::string(text)),
            Value::Bool(flag) => Ok(Literal::boolean(*flag, None)),
            Value::Number(number) => {
                Literal::number(number, None).ok_or_else(|| self.dropped("no double has its value"))
            }
            Value::Null => Err(self.dropped("it is null")),
            Value::Array(_) | Value::Object(_) => Err(self.refused("a literal is no scalar")),
        }
    }

    /// Takes a string in a language; tags are written in lower case, as their values are compared (RDF 1.1 §3.3).
    pub(super) fn in_language(&self, text: &str, tag: &str) -> Result<Literal, RdfError> {
        if !is_language_tag(tag) {
            return Err(self.dropped("its language tag is malformed"));
        }
        Ok(Literal::in_language(text, tag.to_ascii_lowercase().into()))
    }

    pub(super) fn json(&self, value: &Value) -> Result<Literal, RdfError> {
        Literal::json(value).ok_or_else(|| self.refused("it has no canonical form"))
    }
}

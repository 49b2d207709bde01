//! Properties and their containers (JSON-LD 1.1 API §5.1.2 steps 13.5 to 13.12).

use super::super::error::RdfError;
use super::super::term::{Literal, Term};
use super::{Adds, Item, Kind, Slot, Step, Walk, Wrap};
use crate::contexts::{Place, Term as Definition};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Is a property as it stands in a node: its key, and what its term says.
#[derive(Clone, Copy)]
pub(super) struct Property<'d, 'a> {
    pub(super) key: &'d str,
    pub(super) term: Option<&'a Arc<Definition>>,
}

impl<'d> Walk<'d, '_> {
    /// Expands the values of a property.
    pub(super) fn values(
        &mut self,
        property: Property<'d, '_>,
        value: &'d Value,
        place: &Place,
    ) -> Result<Vec<Item>, RdfError> {
        let mut out = Vec::new();
        let holds = |container| property.term.is_some_and(|term| term.holds(container));
        let mut slot = Slot {
            name: property.key,
            term: property.term,
            place,
            from_map: false,
            wrap: Wrap::No,
            adds: Adds::Nothing,
        };
        if let Some(term) = property.term {
            if term.coercion.as_deref() == Some("@json") {
                let literal = self.json(value)?;
                out.push(Item {
                    term: Term::Literal(literal),
                    kind: Kind::Literal,
                });
                return Ok(out);
            }
            if let Value::Object(map) = value {
                if term.holds("@language") {
                    self.language_map(map, term, place, &mut out)?;
                    return self.some(out);
                }
                if ["@index", "@id", "@type"].into_iter().any(holds) {
                    self.map(map, term, &slot, &mut out)?;
                    return self.some(out);
                }
            }
        }
        if holds("@list") {
            return self.list_of(value, &slot).map(|list| vec![list]);
        }
        if holds("@graph") && !holds("@id") && !holds("@index") {
            slot.wrap = Wrap::Always;
        }
        self.expand(value, &slot, &mut out)?;
        self.some(out)
    }

    /// Refuses a property without any value: RDF does not have it.
    fn some(&self, out: Vec<Item>) -> Result<Vec<Item>, RdfError> {
        if out.is_empty() {
            return Err(self.dropped("it is empty"));
        }
        Ok(out)
    }

    /// Takes a list container's value: what is no list yet becomes one.
    fn list_of(&mut self, value: &'d Value, slot: &Slot<'_>) -> Result<Item, RdfError> {
        let mut items = Vec::new();
        let array = self.expand(value, slot, &mut items)?;
        match items.pop() {
            Some(only) if !array && items.is_empty() && only.kind == Kind::List => Ok(only),
            last => {
                items.extend(last);
                self.list(items)
            }
        }
    }

    fn language_map(
        &mut self,
        map: &'d Map<String, Value>,
        term: &Definition,
        place: &Place,
        out: &mut Vec<Item>,
    ) -> Result<(), RdfError> {
        if term
            .direction
            .over(place.active.direction.as_ref())
            .is_some()
        {
            return Err(self.dropped("its base direction has no place in RDF"));
        }
        for (tag, value) in map {
            let none = is_none(place, tag);
            let items = match value {
                Value::Array(items) if items.is_empty() => {
                    return Err(self.dropped("it is empty"));
                }
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            self.step(Step::Key(tag), |walk| {
                for item in items {
                    let text = match item {
                        Value::String(text) => text,
                        Value::Null => return Err(walk.dropped("it is null")),
                        _ => return Err(walk.refused("a language map holds strings")),
                    };
                    let literal = if none {
                        Literal::string(text)
                    } else {
                        walk.in_language(text, tag)?
                    };
                    out.push(Item {
                        term: Term::Literal(literal),
                        kind: Kind::Literal,
                    });
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Expands a map by index, identifier or type.
    fn map(
        &mut self,
        map: &'d Map<String, Value>,
        term: &Arc<Definition>,
        slot: &Slot<'_>,
        out: &mut Vec<Item>,
    ) -> Result<(), RdfError> {
        let wrap = if term.holds("@graph") {
            Wrap::Unless
        } else {
            Wrap::No
        };
        let by_property = self.index_property(term, slot.place)?;
        for (key, value) in map {
            self.step(Step::Key(key), |walk| {
                let none = is_none(slot.place, key);
                let place = if term.holds("@type") {
                    slot.place.of_type(&walk.processor, key)?
                } else {
                    slot.place.clone()
                };
                let (mut id, mut kind, mut index) = (None, None, None);
                if none {
                } else if term.holds("@id") {
                    id = Some(walk.resource(slot.place.active.expand_relative(key, false))?);
                } else if term.holds("@type") {
                    kind = slot.place.active.expand_relative(key, true);
                } else if let Some(property) = &by_property {
                    let key = Value::String(key.clone());
                    let item = walk.coerced(&key, property.term.as_ref(), slot.place)?;
                    index = Some((&property.predicate, item.term));
                } else {
                    return Err(walk.dropped("its index has no place in RDF"));
                }
                let adds = match (&id, &kind, &index) {
                    (Some(id), ..) => Adds::Id(id),
                    (_, Some(kind), _) => Adds::Type(kind),
                    (.., Some((predicate, item))) => Adds::Property(predicate, item),
                    _ => Adds::Nothing,
                };
                let below = Slot {
                    place: &place,
                    from_map: true,
                    wrap,
                    adds,
                    ..*slot
                };
                let before = out.len();
                walk.expand(value, &below, out)?;
                if out.len() == before {
                    return Err(walk.dropped("it is empty"));
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Finds the property that an index map's keys are values of, if they are.
    fn index_property(
        &self,
        term: &Definition,
        place: &Place,
    ) -> Result<Option<IndexProperty>, RdfError> {
        match term.index.as_deref() {
            Some(name) if name != "@index" && term.holds("@index") => Ok(Some(IndexProperty {
                predicate: self.predicate(place.active.expand(name, true))?,
                term: place.active.terms.get(name).cloned(),
            })),
            _ => Ok(None),
        }
    }
}

/// Is the property that the keys of an index map are values of.
struct IndexProperty {
    predicate: Arc<str>,
    term: Option<Arc<Definition>>,
}

/// Says whether a map's key stands for no key.
fn is_none(place: &Place, key: &str) -> bool {
    key == "@none"
        || place
            .active
            .terms
            .get(key)
            .is_some_and(|term| term.iri.as_deref() == Some("@none"))
}

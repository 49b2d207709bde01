//! Node objects (JSON-LD 1.1 API §5.1.2 steps 11 to 19, §8.1).

use super::super::error::RdfError;
use super::super::term::Term;
use super::container::Property;
use super::{Adds, Item, Kind, Slot, Step, Walk, Wrap};
use crate::contexts::{Active, ContextError, Meaning, Place, Term as Definition};
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

static RDF_TYPE: LazyLock<Arc<str>> =
    LazyLock::new(|| "http://www.w3.org/1999/02/22-rdf-syntax-ns#type".into());

/// Is a member of an object, with what its key means.
#[derive(Clone, Copy)]
pub(super) struct Entry<'d, 'a> {
    pub(super) key: &'d str,
    pub(super) value: &'d Value,
    pub(super) meaning: Meaning<'a>,
    term: Option<&'a Arc<Definition>>,
}

/// Are the members of an object, but for its `@context`.
pub(super) struct Entries<'d, 'a>(Vec<Entry<'d, 'a>>);

impl<'d, 'a> Entries<'d, 'a>
where
    'd: 'a,
{
    pub(super) fn of(object: &'d Map<String, Value>, active: &'a Active) -> Self {
        let entries = object.iter().filter(|(key, _)| *key != "@context");
        Self(
            entries
                .map(|(key, value)| {
                    let (meaning, term) = active.meaning(key);
                    Entry {
                        key,
                        value,
                        meaning,
                        term,
                    }
                })
                .collect(),
        )
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<'d, 'a>> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Finds the member whose key means a keyword.
    pub(super) fn keyword(&self, keyword: &str) -> Option<&Entry<'d, 'a>> {
        self.0
            .iter()
            .find(|entry| entry.meaning == Meaning::Keyword(keyword))
    }

    /// Says whether the object is a graph and nothing else.
    fn is_graph(&self) -> bool {
        self.keyword("@graph").is_some()
            && self
                .0
                .iter()
                .all(|entry| matches!(entry.meaning, Meaning::Keyword("@graph" | "@id" | "@index")))
    }

    /// Says whether the object only names a node.
    fn is_reference(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only.meaning == Meaning::Keyword("@id"))
    }
}

/// Is a node while its members are written.
struct Node<'s> {
    subject: &'s Term,
    place: &'s Place,
    /// The context in which its types are read.
    typing: &'s Active,
    nested: bool,
}

impl<'d> Walk<'d, '_> {
    /// Writes the node at the top.
    pub(super) fn root_node(
        &mut self,
        document: &'d Map<String, Value>,
        entered: &Place,
    ) -> Result<(), RdfError> {
        let place = entered.typed(&self.processor, document)?;
        let entries = Entries::of(document, &place.active);
        if ["@value", "@list", "@set"]
            .into_iter()
            .any(|keyword| entries.keyword(keyword).is_some())
        {
            return Err(self.dropped("a literal, list or set stands alone"));
        }
        let subject = self.subject(&entries, &place, None)?;
        self.root = Some(subject.clone());
        let node = Node {
            subject: &subject,
            place: &place,
            typing: &entered.active,
            nested: false,
        };
        self.members(&entries, &node)?;
        self.written(0)
    }

    /// Writes a node below a property, and returns it or the graph that its container makes of it.
    pub(super) fn node(
        &mut self,
        entries: &Entries<'d, '_>,
        typing: &Active,
        place: &Place,
        slot: &Slot<'_>,
    ) -> Result<Item, RdfError> {
        let item = |term| Item {
            term,
            kind: Kind::Node,
        };
        let wraps = match slot.wrap {
            Wrap::No => false,
            Wrap::Always => true,
            Wrap::Unless => !entries.is_graph(),
        };
        if wraps {
            let name = match slot.adds {
                Adds::Id(id) => id.clone(),
                _ => self.fresh(),
            };
            self.added(&name, slot.adds)?;
            self.within(&name, |walk| {
                let before = walk.quads.len();
                walk.described(entries, typing, place, None)?;
                walk.written(before)
            })?;
            return Ok(item(name));
        }
        let id = match slot.adds {
            Adds::Id(id) => Some(id),
            _ => None,
        };
        let subject = self.described(entries, typing, place, id)?;
        self.added(&subject, slot.adds)?;
        Ok(item(subject))
    }

    /// Writes what a map's key says about a node.
    pub(super) fn added(&mut self, subject: &Term, adds: Adds<'_>) -> Result<(), RdfError> {
        match adds {
            Adds::Nothing | Adds::Id(_) => Ok(()),
            Adds::Type(name) => {
                let object = self.resource(Some(Arc::clone(name)))?;
                self.quad(subject, &RDF_TYPE, object)
            }
            Adds::Property(predicate, object) => self.quad(subject, predicate, object.clone()),
        }
    }

    /// Writes a node object's own members.
    fn described(
        &mut self,
        entries: &Entries<'d, '_>,
        typing: &Active,
        place: &Place,
        id: Option<&Term>,
    ) -> Result<Term, RdfError> {
        let subject = self.subject(entries, place, id)?;
        if !entries.is_reference() && entries.len() > 0 {
            self.not_root(&subject)?;
        }
        let node = Node {
            subject: &subject,
            place,
            typing,
            nested: false,
        };
        self.members(entries, &node)?;
        Ok(subject)
    }

    /// Refuses a statement about the node at the top that stands elsewhere: a reader looks for it at the top.
    fn not_root(&self, subject: &Term) -> Result<(), RdfError> {
        if self.graph.is_none() && self.root.as_ref() == Some(subject) {
            return Err(RdfError::Disguised {
                at: self.pointer(),
                term: "the document's own members".to_owned(),
            });
        }
        Ok(())
    }

    /// Finds a node's identifier, or gives it one; `id` is what a map's key says it is.
    fn subject(
        &mut self,
        entries: &Entries<'d, '_>,
        place: &Place,
        id: Option<&Term>,
    ) -> Result<Term, RdfError> {
        let Some(entry) = entries.keyword("@id") else {
            if let Some(id) = id {
                return Ok(id.clone());
            }
            if self.unnamed.is_some() {
                let pointer = self.pointer();
                let mut names = place.active.names("@id").iter();
                let key = names.find(|(_, protected)| *protected);
                let key = key.map_or_else(|| "@id".to_owned(), |(name, _)| name.clone());
                self.unnamed.get_or_insert_default().push((pointer, key));
            }
            return Ok(self.fresh());
        };
        self.step(Step::Key(entry.key), |walk| {
            let Value::String(text) = entry.value else {
                return Err(walk.refused("its identifier is not one string"));
            };
            let own = walk.resource(place.active.expand_relative(text, false))?;
            if id.is_some_and(|id| *id != own) {
                return Err(walk.dropped("the map's key is not its identifier"));
            }
            Ok(own)
        })
    }

    /// Writes the members of a node, or of what is nested in it.
    fn members(&mut self, entries: &Entries<'d, '_>, node: &Node<'_>) -> Result<(), RdfError> {
        for entry in entries.iter() {
            self.step(Step::Key(entry.key), |walk| match entry.meaning {
                Meaning::Nothing => Err(ContextError::UndefinedTerm {
                    term: entry.key.to_owned(),
                    at: walk.pointer(),
                }
                .into()),
                Meaning::Keyword(keyword) => {
                    if entries.iter().any(|other| {
                        other.key != entry.key
                            && other.meaning == entry.meaning
                            && !matches!(keyword, "@nest" | "@included")
                    }) {
                        return Err(walk.refused("its keyword stands twice in one object"));
                    }
                    walk.keyword(keyword, entry, node)
                }
                Meaning::Iri => walk.property(entry, node, false),
            })?;
        }
        Ok(())
    }

    fn keyword(
        &mut self,
        keyword: &str,
        entry: &Entry<'d, '_>,
        node: &Node<'_>,
    ) -> Result<(), RdfError> {
        match keyword {
            "@id" if node.nested => Err(self.refused("an identifier is nested")),
            "@id" => self.undisguised(keyword, entry, node),
            "@type" => {
                self.undisguised(keyword, entry, node)?;
                self.types(entry.value, node)
            }
            "@graph" => {
                let (name, place) = (node.subject.clone(), node.place);
                self.within(&name, |walk| walk.free(entry.value, place))
            }
            "@included" => self.free(entry.value, node.place),
            "@nest" => self.nested(entry, node),
            "@reverse" => self.reversed(entry.value, node),
            "@index" => Err(self.dropped("its index has no place in RDF")),
            _ => Err(self.refused("this keyword has no place in a node")),
        }
    }

    /// Refuses a word for what another term says too: the quads do not tell under which of them it stood.
    ///
    /// A keyword may be written as it is beside terms that nobody protects.
    fn undisguised(
        &self,
        iri: &str,
        entry: &Entry<'d, '_>,
        node: &Node<'_>,
    ) -> Result<(), RdfError> {
        let other = node
            .place
            .active
            .names(iri)
            .iter()
            .find(|(name, protected)| {
                (name != entry.key || node.nested) && (*protected || !iri.starts_with('@'))
            });
        match other {
            // What no one protects may be nested under its own name.
            Some((name, false)) if name == entry.key => Ok(()),
            Some((term, _)) => Err(RdfError::Disguised {
                at: self.pointer(),
                term: term.clone(),
            }),
            None => Ok(()),
        }
    }

    fn types(&mut self, value: &'d Value, node: &Node<'_>) -> Result<(), RdfError> {
        let items = match value {
            Value::Array(items) if items.is_empty() => return Err(self.dropped("it is empty")),
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            let Value::String(name) = item else {
                return Err(self.refused("a type is no string"));
            };
            let object = self
                .resource(node.typing.expand_relative(name, true))
                .map_err(|_| ContextError::UndefinedType {
                    name: name.clone(),
                    at: self.pointer(),
                })?;
            self.quad(node.subject, &RDF_TYPE, object)?;
        }
        Ok(())
    }

    /// Writes a property; `inverted` in a reverse map.
    fn property(
        &mut self,
        entry: &Entry<'d, '_>,
        node: &Node<'_>,
        inverted: bool,
    ) -> Result<(), RdfError> {
        let active = &node.place.active;
        let iri = match entry.term {
            Some(term) => term.iri.clone(),
            None => active.expand(entry.key, true),
        };
        let predicate = self.predicate(iri)?;
        self.undisguised(&predicate, entry, node)?;
        let property = Property {
            key: entry.key,
            term: entry.term,
        };
        let reverse = entry.term.is_some_and(|term| term.reverse) != inverted;
        for item in self.values(property, entry.value, node.place)? {
            if reverse {
                if item.kind != Kind::Node {
                    return Err(self.refused("a literal or list has no properties"));
                }
                self.not_root(&item.term)?;
                self.quad(&item.term, &predicate, node.subject.clone())?;
            } else {
                self.quad(node.subject, &predicate, item.term)?;
            }
        }
        Ok(())
    }

    /// Writes what a nesting property holds, as if it stood in the node itself (JSON-LD 1.1 API §5.1.2 step 14).
    fn nested(&mut self, entry: &Entry<'d, '_>, node: &Node<'_>) -> Result<(), RdfError> {
        let items = match entry.value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let named = entry.term.map(|term| (entry.key, term.as_ref()));
        let place = node.place.below(&self.processor, named)?;
        let before = self.quads.len();
        for item in items {
            let Value::Object(object) = item else {
                return Err(self.refused("what is nested is no object"));
            };
            let entries = Entries::of(object, &place.active);
            if object.contains_key("@context") || entries.keyword("@value").is_some() {
                return Err(self.refused("what is nested is a literal, or has a context"));
            }
            let inner = Node {
                place: &place,
                nested: true,
                ..*node
            };
            self.members(&entries, &inner)?;
        }
        self.written(before)
    }

    fn reversed(&mut self, value: &'d Value, node: &Node<'_>) -> Result<(), RdfError> {
        let Value::Object(object) = value else {
            return Err(self.refused("@reverse is no object"));
        };
        let entered = node.place.enter(&self.processor, object, None, false)?;
        let place = entered.typed(&self.processor, object)?;
        let entries = Entries::of(object, &place.active);
        let inner = Node {
            place: &place,
            ..*node
        };
        let before = self.quads.len();
        for entry in entries.iter() {
            self.step(Step::Key(entry.key), |walk| match entry.meaning {
                Meaning::Iri => walk.property(entry, &inner, true),
                Meaning::Keyword(_) => Err(walk.refused("a keyword has no reverse")),
                Meaning::Nothing => Err(ContextError::UndefinedTerm {
                    term: entry.key.to_owned(),
                    at: walk.pointer(),
                }
                .into()),
            })?;
        }
        self.written(before)
    }

    /// Writes nodes that no property leads to: in a graph, or included.
    pub(super) fn free(&mut self, value: &'d Value, place: &Place) -> Result<(), RdfError> {
        let slot = Slot {
            name: "",
            term: None,
            place,
            from_map: false,
            wrap: Wrap::No,
            adds: Adds::Nothing,
        };
        match value {
            Value::Array(items) if items.is_empty() => Err(self.dropped("it is empty")),
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.step(Step::Item(index), |walk| walk.free(item, place))
            }),
            one => {
                let before = self.quads.len();
                let mut out = Vec::new();
                self.expand(one, &slot, &mut out)?;
                if out.iter().any(|item| item.kind != Kind::Node) {
                    return Err(self.dropped("a literal or list stands alone"));
                }
                self.written(before)
            }
        }
    }

    /// Refuses what left no trace among the quads.
    fn written(&self, before: usize) -> Result<(), RdfError> {
        if self.quads.len() > before {
            Ok(())
        } else {
            Err(self.dropped("nothing is said about it"))
        }
    }

    /// Writes into the graph of a name, and comes back.
    fn within(
        &mut self,
        name: &Term,
        inside: impl FnOnce(&mut Self) -> Result<(), RdfError>,
    ) -> Result<(), RdfError> {
        let outer = self.graph.replace(name.clone());
        inside(self)?;
        self.graph = outer;
        Ok(())
    }
}

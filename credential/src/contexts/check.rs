//! The walk through a document: every term and type must mean something (JSON-LD 1.1 API §5.1, without output).

use super::active::{Active, Meaning, Term};
use super::error::ContextError;
use super::place::Place;
use super::process::Processor;
use super::shapes::{Looked, Outline};
use super::store::Contexts;
use crate::model::Credential;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Contexts {
    /// Checks that every term and type of a credential is defined by its contexts, and that related resources that are
    /// embedded contexts have their digests.
    ///
    /// # Errors
    /// When a term or type is not defined, a protected term is redefined, a context is malformed or not known here, or a
    /// digest differs.
    pub fn check(&self, credential: &Credential) -> Result<(), ContextError> {
        let is_known = credential
            .written()
            .and_then(Outline::of_written)
            .is_some_and(|outline| self.shapes.pass(&outline).is_ok());
        if !is_known {
            self.check_document(credential.json())?;
        }
        for resource in credential.related_resources() {
            if resource
                .digests
                .iter()
                .any(|digest| digest.published(resource.id) == Some(false))
            {
                return Err(ContextError::Digest {
                    id: resource.id.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Checks that every term and type of a document without `proof` is defined by its contexts.
    ///
    /// # Errors
    /// When a term or type is not defined, a protected term is redefined, or a context is malformed or not known here.
    pub fn check_document(&self, document: &Map<String, Value>) -> Result<(), ContextError> {
        let Some(outline) = Outline::of(document) else {
            return self.walk(document, false).map(drop);
        };
        let Err(era) = self.shapes.pass(&outline) else {
            return Ok(());
        };
        let looked = self.walk(document, false)?;
        self.shapes.keep(outline, looked, era);
        Ok(())
    }

    /// Checks, beyond [`Self::check`], that a context names every property of the credential itself.
    ///
    /// A context with `@vocab` gives any word a meaning, a misspelt `validUntil` too: who signs does not sign that.
    ///
    /// # Errors
    /// As [`Self::check`], and when only an `@vocab` defines such a property.
    pub fn check_named(&self, credential: &Credential) -> Result<(), ContextError> {
        self.check(credential)?;
        self.walk(credential.json(), true).map(drop)
    }

    /// Walks through a document, and lists the texts whose content was looked at.
    pub(super) fn walk<'d>(
        &self,
        document: &'d Map<String, Value>,
        named: bool,
    ) -> Result<Vec<Looked<'d>>, ContextError> {
        let processor = Processor::new(self);
        let active = match document.get("@context") {
            Some(context) => self.table(context, &processor)?,
            None => {
                return Err(ContextError::Malformed {
                    at: "@context".to_owned(),
                    reason: "the document has none",
                });
            }
        };
        let mut walk = Walk {
            processor,
            path: Vec::new(),
            looked: Vec::new(),
            keywords: None,
            named,
        };
        walk.typed_node(document, &Place::at(active), false)?;
        Ok(walk.looked)
    }

    /// Lists the members of a document that mean keywords, such as `id` where a context makes it `@id`.
    ///
    /// # Errors
    /// As [`check_document`](Self::check_document).
    pub(crate) fn keywords<'d>(
        &self,
        document: &'d Map<String, Value>,
    ) -> Result<BTreeSet<&'d str>, ContextError> {
        let processor = Processor::new(self);
        let context = document.get("@context").unwrap_or(&Value::Null);
        let active = self.table(context, &processor)?;
        let mut walk = Walk {
            processor,
            path: Vec::new(),
            looked: Vec::new(),
            keywords: Some(BTreeSet::from(["@context"])),
            named: false,
        };
        walk.typed_node(document, &Place::at(active), false)?;
        Ok(walk.keywords.unwrap_or_default())
    }
}

struct Walk<'d, 'c> {
    processor: Processor<'c>,
    path: Vec<&'d str>,
    /// The texts whose content was looked at so far.
    looked: Vec<Looked<'d>>,
    /// The members that meant keywords so far, where somebody asks for them.
    keywords: Option<BTreeSet<&'d str>>,
    /// Whether the document's own properties must be named, beyond `@vocab`.
    named: bool,
}

impl<'d> Walk<'d, '_> {
    fn value(
        &mut self,
        value: &'d Value,
        term: Option<(&str, &Arc<Term>)>,
        place: &Place,
        from_map: bool,
    ) -> Result<(), ContextError> {
        match value {
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.value(item, term, place, from_map)),
            Value::Object(object) => self.object(object, term, place, from_map),
            _ => Ok(()),
        }
    }

    fn object(
        &mut self,
        object: &'d Map<String, Value>,
        term: Option<(&str, &Arc<Term>)>,
        place: &Place,
        from_map: bool,
    ) -> Result<(), ContextError> {
        let term = term.map(|(name, term)| (name, term.as_ref()));
        let here = place.enter(&self.processor, object, term, from_map)?;
        self.typed_node(object, &here, true)
    }

    /// Walks a node whose own `@context` is already applied.
    fn typed_node(
        &mut self,
        object: &'d Map<String, Value>,
        place: &Place,
        nested: bool,
    ) -> Result<(), ContextError> {
        let before_types = Arc::clone(&place.active);
        let names = place.active.type_names().iter();
        for value in names.filter_map(|name| object.get(name.as_str())) {
            self.looked_for_types(value);
        }
        let place = place.typed(&self.processor, object)?;
        for (key, value) in object {
            if key == "@context" || (!nested && key == "proof") {
                continue;
            }
            self.path.push(key);
            let unnamed = || matches!(place.active.meaning(key), (Meaning::Iri, None));
            if self.named && !nested && !key.contains(':') && unnamed() {
                return Err(ContextError::UndefinedTerm {
                    term: key.clone(),
                    at: self.at(),
                });
            }
            self.member(key, value, object, &place, &before_types)?;
            self.path.pop();
        }
        Ok(())
    }

    fn member(
        &mut self,
        key: &'d str,
        value: &'d Value,
        object: &'d Map<String, Value>,
        place: &Place,
        before_types: &Active,
    ) -> Result<(), ContextError> {
        match place.active.meaning(key) {
            (Meaning::Nothing, _) => Err(ContextError::UndefinedTerm {
                term: key.to_owned(),
                at: self.at(),
            }),
            (Meaning::Keyword(keyword), _) => {
                if let Some(keywords) = &mut self.keywords {
                    keywords.insert(key);
                }
                self.keyword(keyword, value, object, place, before_types)
            }
            (Meaning::Iri, None) => self.value(value, None, place, false),
            (Meaning::Iri, Some(term)) => self.property(key, term, value, place),
        }
    }

    fn property(
        &mut self,
        key: &'d str,
        term: &Arc<Term>,
        value: &'d Value,
        place: &Place,
    ) -> Result<(), ContextError> {
        if term.coercion.as_deref() == Some("@json") {
            return Ok(());
        }
        let named = Some((key, term));
        match value {
            Value::Object(map) if term.holds("@language") => {
                map.values().try_for_each(|entry| match entry {
                    Value::Null | Value::String(_) => Ok(()),
                    Value::Array(items)
                        if items.iter().all(|item| item.is_null() || item.is_string()) =>
                    {
                        Ok(())
                    }
                    _ => Err(self.refused("a language map holds strings")),
                })
            }
            Value::Object(map)
                if term.holds("@index") || term.holds("@id") || term.holds("@type") =>
            {
                map.values()
                    .try_for_each(|entry| self.value(entry, named, place, true))
            }
            _ => self.value(value, named, place, false),
        }
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &'d Value,
        object: &'d Map<String, Value>,
        place: &Place,
        before_types: &Active,
    ) -> Result<(), ContextError> {
        match keyword {
            "@id" => match value {
                Value::String(id) if place.active.is_identifier(id) => {
                    let looked = Looked::Identifier(value, Arc::clone(&place.active));
                    self.looked.push(looked);
                    Ok(())
                }
                Value::String(_) => Err(self.refused("its identifier is no absolute IRI")),
                _ => Err(self.refused("its identifier is not one string")),
            },
            "@type" => self.types(value, before_types),
            "@value" => self.value_object(object, value, &place.active),
            "@language" | "@direction" | "@index" => match value {
                Value::String(_) => Ok(()),
                _ => Err(self.refused("it is not a string")),
            },
            "@list" | "@set" | "@graph" | "@included" | "@nest" => {
                self.value(value, None, place, false)
            }
            "@reverse" => match value {
                Value::Object(map) => map.iter().try_for_each(|(key, value)| {
                    self.path.push(key);
                    self.member(key, value, object, place, before_types)?;
                    self.path.pop();
                    Ok(())
                }),
                _ => Err(self.refused("@reverse is no object")),
            },
            _ => Err(self.refused("this keyword has no place in a document")),
        }
    }

    /// Notes the texts of a member that says of which type something is.
    fn looked_for_types(&mut self, value: &'d Value) {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let texts = items.iter().filter(|item| item.is_string());
        self.looked.extend(texts.map(Looked::Type));
    }

    fn types(&mut self, value: &'d Value, active: &Active) -> Result<(), ContextError> {
        self.looked_for_types(value);
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            let Value::String(name) = item else {
                return Err(self.refused("a type is not a string"));
            };
            let known = match active.meaning(name).0 {
                Meaning::Iri => true,
                Meaning::Keyword(keyword) => keyword == "@json",
                Meaning::Nothing => false,
            };
            if !known {
                return Err(ContextError::UndefinedType {
                    name: name.clone(),
                    at: self.at(),
                });
            }
        }
        Ok(())
    }

    /// Checks an object that stands for a literal (JSON-LD 1.1 §9.5).
    fn value_object(
        &mut self,
        object: &'d Map<String, Value>,
        value: &Value,
        active: &Active,
    ) -> Result<(), ContextError> {
        let mut typed = None;
        for (key, member) in object {
            match active.meaning(key).0 {
                Meaning::Keyword("@type") => {
                    typed = member.as_str();
                    self.looked_for_types(member);
                }
                Meaning::Keyword("@value" | "@language" | "@direction" | "@index" | "@context") => {
                }
                _ => return Err(self.refused("a value object has members that it may not have")),
            }
        }
        if typed != Some("@json") && (value.is_array() || value.is_object()) {
            return Err(self.refused("@value is no scalar"));
        }
        Ok(())
    }

    fn refused(&self, reason: &'static str) -> ContextError {
        ContextError::Value {
            at: self.at(),
            reason,
        }
    }

    fn at(&self) -> String {
        self.path.join(".")
    }
}

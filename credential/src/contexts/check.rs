//! The walk through a document: every term and type must mean something (JSON-LD 1.1 API §5.1, without output).

use super::active::{Active, Meaning, Term, is_absolute};
use super::error::ContextError;
use super::process::{Processor, Scope, propagates};
use super::store::Contexts;
use crate::model::Credential;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

impl Contexts {
    /// Checks that every term and type of a credential is defined by its contexts, and that related resources that are
    /// embedded contexts have their digests.
    ///
    /// # Errors
    /// When a term or type is not defined, a protected term is redefined, a context is malformed or not known here, or a
    /// digest differs.
    pub fn check(&self, credential: &Credential) -> Result<(), ContextError> {
        self.check_document(credential.json())?;
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
        };
        walk.typed_node(document, &Place::at(active), false)
    }
}

struct Walk<'d, 'c> {
    processor: Processor<'c>,
    path: Vec<&'d str>,
}

/// Is the context at one place: the active one, and the one to fall back to below a node.
#[derive(Clone)]
struct Place {
    active: Arc<Active>,
    previous: Option<Arc<Active>>,
}

impl Place {
    fn at(active: Arc<Active>) -> Self {
        Self {
            active,
            previous: None,
        }
    }

    /// Goes on with another context; one that does not propagate leaves a way back.
    fn with(&self, active: Arc<Active>, propagates: bool) -> Self {
        let previous = if propagates {
            self.previous.clone()
        } else {
            Some(
                self.previous
                    .clone()
                    .unwrap_or_else(|| Arc::clone(&self.active)),
            )
        };
        Self { active, previous }
    }
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
        let mut here = Cow::Borrowed(place);
        if let Some(previous) = &place.previous
            && !from_map
            && !stays(object, &place.active)
        {
            here = Cow::Owned(Place::at(Arc::clone(previous)));
        }
        if let Some((name, term)) = term
            && let Some(context) = &term.context
        {
            let active = here.active.derive(&format!("property\n{name}"), || {
                self.processor.apply(&here.active, context, Scope::Property)
            })?;
            here = Cow::Owned(here.with(active, propagates(context, true)));
        }
        if let Some(context) = object.get("@context") {
            let active = self
                .processor
                .apply(&here.active, context, Scope::Guarded)?;
            here = Cow::Owned(here.with(active, propagates(context, true)));
        }
        self.typed_node(object, &here, true)
    }

    /// Walks a node whose own `@context` is already applied.
    fn typed_node(
        &mut self,
        object: &'d Map<String, Value>,
        place: &Place,
        nested: bool,
    ) -> Result<(), ContextError> {
        let mut place = Cow::Borrowed(place);
        let before_types = Arc::clone(&place.active);
        let mut types: Vec<&str> = before_types
            .type_names()
            .iter()
            .filter_map(|name| object.get(name.as_str()))
            .flat_map(texts)
            .filter(|name| {
                before_types
                    .terms
                    .get(*name)
                    .is_some_and(|term| term.context.is_some())
            })
            .collect();
        if !types.is_empty() {
            types.sort_unstable();
            let active = before_types.derive(&format!("types\n{}", types.join("\n")), || {
                let mut active = Arc::clone(&before_types);
                for name in &types {
                    if let Some(context) = before_types
                        .terms
                        .get(*name)
                        .and_then(|term| term.context.as_ref())
                    {
                        active = self.processor.apply(&active, context, Scope::Guarded)?;
                    }
                }
                Ok(active)
            })?;
            let all_propagate = types.iter().all(|name| {
                before_types
                    .terms
                    .get(*name)
                    .and_then(|term| term.context.as_ref())
                    .is_some_and(|context| propagates(context, false))
            });
            place = Cow::Owned(place.with(active, all_propagate));
        }
        for (key, value) in object {
            if key == "@context" || (!nested && key == "proof") {
                continue;
            }
            self.path.push(key);
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
                Value::String(id)
                    if place
                        .active
                        .expand(id, false)
                        .is_some_and(|iri| is_absolute(&iri)) =>
                {
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

    fn types(&self, value: &Value, active: &Active) -> Result<(), ContextError> {
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
        &self,
        object: &Map<String, Value>,
        value: &Value,
        active: &Active,
    ) -> Result<(), ContextError> {
        let mut typed = None;
        for (key, member) in object {
            match active.meaning(key).0 {
                Meaning::Keyword("@type") => typed = member.as_str(),
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

/// Says whether an object keeps the context of the node around it: a literal, or a mere reference.
fn stays(object: &Map<String, Value>, active: &Active) -> bool {
    let keyword = |key: &str, keyword: &str| active.meaning(key).0 == Meaning::Keyword(keyword);
    object.keys().any(|key| keyword(key, "@value"))
        || (object.len() == 1 && object.keys().all(|key| keyword(key, "@id")))
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

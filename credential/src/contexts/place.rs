//! The context at one place of a document, and how it changes on the way down (JSON-LD 1.1 API §5.1.2 steps 7 to 11).

use super::active::{Active, By, Meaning, Term};
use super::error::ContextError;
use super::process::{Processor, Scope, propagates};
use crate::model::strings;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Is the context at one place: the active one, and the one to fall back to below a node.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) active: Arc<Active>,
    previous: Option<Arc<Active>>,
}

impl Place {
    pub(crate) fn at(active: Arc<Active>) -> Self {
        Self {
            active,
            previous: None,
        }
    }

    /// Returns the context to fall back to, or the active one.
    pub(crate) fn before(&self) -> &Arc<Active> {
        self.previous.as_ref().unwrap_or(&self.active)
    }

    /// Goes on with another context; one that does not propagate leaves a way back.
    fn with(&self, active: Arc<Active>, propagates: bool) -> Self {
        let previous = if propagates {
            self.previous.clone()
        } else {
            Some(Arc::clone(self.before()))
        };
        Self { active, previous }
    }

    /// Goes below a property: its scoped context applies.
    pub(crate) fn below<'p>(
        &'p self,
        processor: &Processor<'_>,
        term: Option<(&str, &Term)>,
    ) -> Result<Cow<'p, Self>, ContextError> {
        let Some((name, context)) =
            term.and_then(|(name, term)| Some((name, term.context.as_ref()?)))
        else {
            return Ok(Cow::Borrowed(self));
        };
        let active = self.active.derive(By::Property, name, || {
            processor.apply(&self.active, context, Scope::Property)
        })?;
        Ok(Cow::Owned(self.with(active, propagates(context, true))))
    }

    /// Enters an object below a property: a type's context ends, the property's and the object's own apply.
    pub(crate) fn enter<'p>(
        &'p self,
        processor: &Processor<'_>,
        object: &Map<String, Value>,
        term: Option<(&str, &Term)>,
        from_map: bool,
    ) -> Result<Cow<'p, Self>, ContextError> {
        let mut here = Cow::Borrowed(self);
        if let Some(previous) = &self.previous
            && !from_map
            && !stays(object, &self.active)
        {
            here = Cow::Owned(Self::at(Arc::clone(previous)));
        }
        if term.is_some_and(|(_, term)| term.context.is_some()) {
            here = Cow::Owned(here.below(processor, term)?.into_owned());
        }
        if let Some(context) = object.get("@context") {
            let active = processor.apply(&here.active, context, Scope::Guarded)?;
            here = Cow::Owned(here.with(active, propagates(context, true)));
        }
        Ok(here)
    }

    /// Applies the contexts of an object's types.
    pub(crate) fn typed<'p>(
        &'p self,
        processor: &Processor<'_>,
        object: &Map<String, Value>,
    ) -> Result<Cow<'p, Self>, ContextError> {
        let mut types: Vec<&str> = self
            .active
            .type_names()
            .iter()
            .filter_map(|name| object.get(name.as_str()))
            .flat_map(|value| strings(Some(value)))
            .filter(|name| scoped(&self.active, name).is_some())
            .collect();
        types.sort_unstable();
        let key = match types.as_slice() {
            [] => return Ok(Cow::Borrowed(self)),
            [one] => Cow::Borrowed(*one),
            several => Cow::Owned(several.join("\n")),
        };
        let compute = || {
            let mut active = Arc::clone(&self.active);
            for context in types.iter().filter_map(|name| scoped(&self.active, name)) {
                active = processor.apply(&active, context, Scope::Guarded)?;
            }
            Ok(active)
        };
        // A name with a line feed in it could be taken for several names.
        let active = if types.iter().any(|name| name.contains('\n')) {
            compute()?
        } else {
            self.active.derive(By::Types, &key, compute)?
        };
        let all_propagate = types
            .iter()
            .filter_map(|name| scoped(&self.active, name))
            .all(|context| propagates(context, false));
        Ok(Cow::Owned(self.with(active, all_propagate)))
    }

    /// Applies the context of the type that a type map names (JSON-LD 1.1 API §5.1.2 step 13.8.3).
    pub(crate) fn of_type(
        &self,
        processor: &Processor<'_>,
        name: &str,
    ) -> Result<Self, ContextError> {
        let before = Self::at(Arc::clone(self.before()));
        let Some(context) = scoped(&before.active, name) else {
            return Ok(before);
        };
        let compute = || processor.apply(&before.active, context, Scope::Guarded);
        let active = if name.contains('\n') {
            compute()?
        } else {
            before.active.derive(By::Types, name, compute)?
        };
        Ok(before.with(active, propagates(context, false)))
    }
}

fn scoped<'a>(active: &'a Active, name: &str) -> Option<&'a Value> {
    active
        .terms
        .get(name)
        .and_then(|term| term.context.as_ref())
}

/// Says whether an object keeps the context of the node around it: a literal, or a mere reference.
fn stays(object: &Map<String, Value>, active: &Active) -> bool {
    let keyword = |key: &str, keyword: &str| active.meaning(key).0 == Meaning::Keyword(keyword);
    object.keys().any(|key| keyword(key, "@value"))
        || (object.len() == 1 && object.keys().all(|key| keyword(key, "@id")))
}

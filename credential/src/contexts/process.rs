//! Context processing and term definitions (JSON-LD 1.1 API §4.1, §4.2).

mod definition;

use super::active::{Active, is_absolute, is_keyword};
use super::error::ContextError;
use super::store::Contexts;
use crate::model::is_url;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) use definition::define;

/// The most steps spent on the contexts of one document: a step is one term copied or defined.
const MAX_STEPS: usize = 200_000;

/// How many contexts may name each other before the chain is called endless.
const MAX_REMOTE: usize = 16;

/// Processes contexts for one document, counting its work.
pub(super) struct Processor<'a> {
    contexts: &'a Contexts,
    steps: Cell<usize>,
}

/// How a context is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the document, or by the type of a node: protected terms stay.
    Guarded,
    /// By a property: it may redefine what is protected.
    Property,
}

impl<'a> Processor<'a> {
    pub(super) fn new(contexts: &'a Contexts) -> Self {
        Self {
            contexts,
            steps: Cell::new(0),
        }
    }

    /// Applies a context to the active one.
    pub(super) fn apply(
        &self,
        active: &Arc<Active>,
        local: &Value,
        scope: Scope,
    ) -> Result<Arc<Active>, ContextError> {
        self.apply_at(active, local, scope, 0)
    }

    fn apply_at(
        &self,
        active: &Arc<Active>,
        local: &Value,
        scope: Scope,
        depth: usize,
    ) -> Result<Arc<Active>, ContextError> {
        let mut result = Arc::clone(active);
        let items = match local {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            self.spend(1)?;
            result = match item {
                Value::Null => match result.protects() {
                    Some(term) if scope == Scope::Guarded => {
                        return Err(ContextError::Protected {
                            term: term.to_owned(),
                        });
                    }
                    _ => Arc::new(result.emptied()),
                },
                Value::String(url) => {
                    if depth >= MAX_REMOTE {
                        return Err(malformed(url, "contexts name each other without end"));
                    }
                    if !is_url(url) {
                        return Err(malformed(url, "it is no absolute URL"));
                    }
                    let loaded = self.contexts.document(url)?;
                    self.apply_at(&result, &loaded, Scope::Guarded, depth + 1)?
                }
                Value::Object(local) => Arc::new(self.definitions(&result, local, scope)?),
                _ => {
                    return Err(malformed(
                        "@context",
                        "it is neither null, nor a URL, nor an object",
                    ));
                }
            };
        }
        Ok(result)
    }

    fn definitions(
        &self,
        active: &Active,
        local: &Map<String, Value>,
        scope: Scope,
    ) -> Result<Active, ContextError> {
        self.spend(active.terms.len() + local.len())?;
        let mut result = active.fork();
        keywords(&mut result, local)?;
        let protected = flag(local, "@protected")?.unwrap_or(false);
        let mut defining = Defining {
            local,
            protected,
            scope,
            done: HashMap::new(),
        };
        for term in local.keys() {
            if !is_keyword(term) || term == "@type" {
                define(&mut result, &mut defining, term)?;
            }
        }
        Ok(result)
    }

    fn spend(&self, steps: usize) -> Result<(), ContextError> {
        let spent = self.steps.get().saturating_add(steps);
        self.steps.set(spent);
        if spent > MAX_STEPS {
            Err(ContextError::Budget { max: MAX_STEPS })
        } else {
            Ok(())
        }
    }
}

/// Is the state while the terms of one context are being defined.
pub(super) struct Defining<'a> {
    local: &'a Map<String, Value>,
    protected: bool,
    scope: Scope,
    /// Terms begun (`false`) and finished (`true`).
    done: HashMap<&'a str, bool>,
}

/// Says whether a context holds below the node that it applies to.
pub(super) fn propagates(context: &Value, default: bool) -> bool {
    context
        .get("@propagate")
        .and_then(Value::as_bool)
        .unwrap_or(default)
}

fn keywords(result: &mut Active, local: &Map<String, Value>) -> Result<(), ContextError> {
    if let Some(version) = local.get("@version")
        && version.as_f64() != Some(1.1)
    {
        return Err(malformed("@version", "it is not 1.1"));
    }
    if local.contains_key("@import") {
        return Err(malformed("@import", "contexts are not imported here"));
    }
    flag(local, "@propagate")?;
    for (keyword, reason) in [
        ("@base", "it is neither null nor a string"),
        ("@language", "it is neither null nor a string"),
        ("@direction", "it is neither null nor a string"),
    ] {
        if local
            .get(keyword)
            .is_some_and(|value| !value.is_null() && !value.is_string())
        {
            return Err(malformed(keyword, reason));
        }
    }
    match local.get("@vocab") {
        None => {}
        Some(Value::Null) => result.vocab = None,
        Some(Value::String(vocab)) => {
            let iri = result
                .expand(vocab, true)
                .filter(|iri| is_absolute(iri))
                .ok_or_else(|| malformed("@vocab", "it is no IRI"))?;
            result.vocab = Some(iri);
        }
        Some(_) => return Err(malformed("@vocab", "it is neither null nor a string")),
    }
    Ok(())
}

pub(super) fn flag(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, ContextError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(malformed(name, "it is not a boolean")),
    }
}

pub(super) fn malformed(at: &str, reason: &'static str) -> ContextError {
    ContextError::Malformed {
        at: at.to_owned(),
        reason,
    }
}

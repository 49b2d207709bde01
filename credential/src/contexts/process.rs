//! Context processing and term definitions (JSON-LD 1.1 API §4.1, §4.2).

mod definition;

use super::active::{Active, Setting, is_absolute, is_keyword};
use super::error::ContextError;
use super::iri::resolve;
use super::store::Contexts;
use crate::model::is_url;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) use definition::define;

/// The most steps spent on the contexts of one document: a step is one term copied or defined.
const MAX_STEPS: usize = 200_000;

/// The longest IRI, in bytes, that a context may give a term: many short keys must not become a flood of long IRIs.
pub(super) const MAX_IRI: usize = 2_048;

/// How many contexts may name each other before the chain is called endless.
const MAX_REMOTE: usize = 16;

/// Processes contexts for one document, counting its work.
pub(crate) struct Processor<'a> {
    contexts: &'a Contexts,
    steps: Cell<usize>,
}

/// How a context is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In the document, or by the type of a node: protected terms stay.
    Guarded,
    /// By a property: it may redefine what is protected.
    Property,
}

impl<'a> Processor<'a> {
    pub(crate) fn new(contexts: &'a Contexts) -> Self {
        Self {
            contexts,
            steps: Cell::new(0),
        }
    }

    /// Applies a context to the active one.
    pub(crate) fn apply(
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
                Value::Object(local) => match local.get("@import") {
                    None => Arc::new(self.definitions(&result, local, scope, depth)?),
                    Some(import) => {
                        let merged = self.imported(import, local)?;
                        Arc::new(self.definitions(&result, &merged, scope, depth)?)
                    }
                },
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

    /// Lays a context over the one that it imports (JSON-LD 1.1 API §4.1.2 step 5.6).
    fn imported(
        &self,
        import: &Value,
        local: &Map<String, Value>,
    ) -> Result<Map<String, Value>, ContextError> {
        let url = import
            .as_str()
            .filter(|url| is_url(url))
            .ok_or_else(|| malformed("@import", "it is no absolute URL"))?;
        let loaded = self.contexts.document(url)?;
        let Value::Object(base) = loaded.as_ref() else {
            return Err(malformed("@import", "the imported context is no object"));
        };
        if base.contains_key("@import") {
            return Err(malformed("@import", "the imported context imports another"));
        }
        self.spend(base.len() + local.len())?;
        let mut merged = base.clone();
        merged.extend(
            local
                .iter()
                .filter(|(name, _)| *name != "@import")
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        Ok(merged)
    }

    fn definitions(
        &self,
        active: &Active,
        local: &Map<String, Value>,
        scope: Scope,
        depth: usize,
    ) -> Result<Active, ContextError> {
        self.spend(active.terms.len() + local.len())?;
        let mut result = active.fork();
        keywords(&mut result, local, depth)?;
        let protected = flag(local, "@protected")?.unwrap_or(false);
        let mut defining = Defining {
            local,
            protected,
            scope,
            done: HashMap::new(),
        };
        for term in local.keys() {
            if SETTINGS.contains(&term.as_str()) {
                continue;
            }
            // JSON-LD 1.1 API §4.2.2 step 5.
            if is_keyword(term) && term != "@type" {
                return Err(malformed(
                    term,
                    "it is a keyword, and no context redefines one",
                ));
            }
            define(&mut result, &mut defining, term)?;
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

/// The keywords that stand in a context for themselves (JSON-LD 1.1 API §4.1.2 step 5.13).
const SETTINGS: [&str; 8] = [
    "@base",
    "@direction",
    "@import",
    "@language",
    "@propagate",
    "@protected",
    "@version",
    "@vocab",
];

/// Is the state while the terms of one context are being defined.
pub(super) struct Defining<'a> {
    local: &'a Map<String, Value>,
    protected: bool,
    scope: Scope,
    /// Terms begun (`false`) and finished (`true`).
    done: HashMap<&'a str, bool>,
}

/// Says whether a context holds below the node that it applies to.
pub(crate) fn propagates(context: &Value, default: bool) -> bool {
    context
        .get("@propagate")
        .and_then(Value::as_bool)
        .unwrap_or(default)
}

fn keywords(
    result: &mut Active,
    local: &Map<String, Value>,
    depth: usize,
) -> Result<(), ContextError> {
    if let Some(version) = local.get("@version")
        && version.as_f64() != Some(1.1)
    {
        return Err(malformed("@version", "it is not 1.1"));
    }
    flag(local, "@propagate")?;
    match setting(local, "@base", "@base")? {
        Setting::Null if depth == 0 => result.base = None,
        Setting::To(base) if depth == 0 => result.base = Some(against(result, &base)?.into()),
        // A context that is referred to has no say in the base of the document.
        _ => {}
    }
    match setting(local, "@vocab", "@vocab")? {
        Setting::Default => {}
        Setting::Null => result.vocab = None,
        Setting::To(vocab) => {
            let expanded = result
                .expand_relative(&vocab, true)
                .filter(|iri| is_absolute(iri) && iri.len() <= MAX_IRI)
                .ok_or_else(|| malformed("@vocab", "it is no IRI"))?;
            result.vocab = Some(expanded);
        }
    }
    let language = setting(local, "@language", "@language")?;
    result.language = language.over(result.language.as_ref()).cloned();
    let direction = direction(local, "@direction")?;
    result.direction = direction.over(result.direction.as_ref()).cloned();
    Ok(())
}

/// Resolves a base against the one before.
fn against(active: &Active, base: &str) -> Result<String, ContextError> {
    let resolved = if is_absolute(base) {
        Some(base.to_owned())
    } else {
        active
            .base
            .as_deref()
            .and_then(|before| resolve(before, base))
    };
    resolved
        .filter(|base| base.len() <= MAX_IRI)
        .ok_or_else(|| malformed("@base", "it is relative to nothing, or too long"))
}

/// Reads a member that is a string or null, of a context or of the definition of a term.
pub(super) fn setting(
    members: &Map<String, Value>,
    name: &str,
    at: &str,
) -> Result<Setting, ContextError> {
    match members.get(name) {
        None => Ok(Setting::Default),
        Some(Value::Null) => Ok(Setting::Null),
        Some(Value::String(text)) => Ok(Setting::To(text.as_str().into())),
        Some(_) => Err(malformed(at, "it is neither null nor a string")),
    }
}

/// Reads a base direction.
pub(super) fn direction(members: &Map<String, Value>, at: &str) -> Result<Setting, ContextError> {
    match setting(members, "@direction", at)? {
        Setting::To(text) if !matches!(text.as_ref(), "ltr" | "rtl") => {
            Err(malformed(at, "its direction is neither ltr nor rtl"))
        }
        setting => Ok(setting),
    }
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

//! The contexts at hand, and their processed form, kept once computed.

use super::active::{Active, Table};
use super::error::ContextError;
use super::process::{Processor, Scope};
use super::shapes::Shapes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError, RwLock};

/// The most lists of contexts whose processed form is kept.
const MAX_TABLES: usize = 256;
/// The most sets of further contexts that are kept with their processed forms.
const MAX_EXTENSIONS: usize = 32;

/// Holds the contexts that documents may name: the embedded ones, and those that the caller adds from committed state.
///
/// A list of contexts is processed once; every later document that names the same list finds its terms ready, and one that has
/// the shape of an earlier one is not walked through again.
#[derive(Debug)]
pub struct Contexts {
    documents: RwLock<BTreeMap<String, Arc<Value>>>,
    tables: RwLock<Table<Arc<Active>>>,
    extensions: RwLock<HashMap<Vec<u8>, Arc<Contexts>>>,
    /// What is known of documents that were checked.
    pub(super) shapes: Shapes,
}

impl Default for Contexts {
    fn default() -> Self {
        Self::embedded()
    }
}

impl Contexts {
    /// Holds the contexts of `chop-schemas`.
    pub fn embedded() -> Self {
        let documents = chop_schemas::CONTEXTS
            .iter()
            .filter_map(|file| Some((file.url.to_owned(), Arc::new(context_of(file.text).ok()?))))
            .collect();
        Self {
            documents: RwLock::new(documents),
            tables: RwLock::default(),
            extensions: RwLock::default(),
            shapes: Shapes::default(),
        }
    }

    /// Returns these contexts with further ones beside them, such as those that a ledger holds, each as URL and text.
    ///
    /// What a caller adds for one document does not reach another. The same set is kept, with what was computed from it, for the
    /// next document that names it; an embedded context is never replaced.
    ///
    /// # Errors
    /// When a text is no JSON object with `@context`, or a URL is that of an embedded context.
    pub fn extended<'a>(
        self: &Arc<Self>,
        further: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Arc<Self>, ContextError> {
        let further: BTreeMap<&str, &str> = further.into_iter().collect();
        if further.is_empty() {
            return Ok(Arc::clone(self));
        }
        let key = set_key(&further);
        let kept = self
            .extensions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&key) {
            return Ok(Arc::clone(found));
        }
        drop(kept);
        let documents = self
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let extended = Self {
            documents: RwLock::new(documents),
            tables: RwLock::default(),
            extensions: RwLock::default(),
            shapes: Shapes::default(),
        };
        for (url, text) in further {
            extended.add(url, text)?;
        }
        let extended = Arc::new(extended);
        let mut kept = self
            .extensions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_EXTENSIONS {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&extended));
        Ok(extended)
    }

    /// Adds a context, or replaces one that was added; an embedded one stays.
    ///
    /// # Errors
    /// When the text is no JSON object with `@context`, or the URL is that of an embedded context.
    pub fn add(&self, url: &str, text: &str) -> Result<(), ContextError> {
        if chop_schemas::context(url).is_some() {
            return Err(ContextError::Malformed {
                at: url.to_owned(),
                reason: "an embedded context is not replaced",
            });
        }
        let context = context_of(text)?;
        self.documents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(url.to_owned(), Arc::new(context));
        self.tables
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.shapes.forget();
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn kept_extensions(&self) -> usize {
        let kept = self.extensions.read();
        kept.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Says whether a context is known here.
    pub fn knows(&self, url: &str) -> bool {
        self.document(url).is_ok()
    }

    /// Finds a context's `@context` by its URL.
    pub(super) fn document(&self, url: &str) -> Result<Arc<Value>, ContextError> {
        self.documents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(url)
            .cloned()
            .ok_or_else(|| ContextError::Unknown {
                url: url.to_owned(),
            })
    }

    /// Returns the terms under a document's `@context`.
    pub(crate) fn table(
        &self,
        context: &Value,
        processor: &Processor<'_>,
    ) -> Result<Arc<Active>, ContextError> {
        let Some(key) = key(context) else {
            return processor.apply(&initial(), context, Scope::Guarded);
        };
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key).filter(|found| !found.is_full()) {
            return Ok(Arc::clone(found));
        }
        drop(known);
        let table = processor.apply(&initial(), context, Scope::Guarded)?;
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= MAX_TABLES {
            tables.clear();
        }
        tables.insert(key, Arc::clone(&table));
        Ok(table)
    }
}

/// Is the active context before any other: nothing is defined.
pub(crate) fn initial() -> Arc<Active> {
    Arc::new(Active::new(Arc::new(AtomicUsize::new(0))))
}

/// Digests a set of URLs and texts, each with its length.
fn set_key(further: &BTreeMap<&str, &str>) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in further.iter().flat_map(|(url, text)| [url, text]) {
        hasher.update(part.len().to_string());
        hasher.update(":");
        hasher.update(part);
    }
    hasher.finalize().to_vec()
}

/// Joins a list of URLs; a context with terms of its own is not kept.
fn key(context: &Value) -> Option<String> {
    let items = match context {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut key = String::with_capacity(128);
    for item in items {
        key.push_str(item.as_str()?);
        key.push('\n');
    }
    Some(key)
}

fn context_of(text: &str) -> Result<Value, ContextError> {
    let wrong = |reason| ContextError::Malformed {
        at: "@context".to_owned(),
        reason,
    };
    let limits = chop_integrity::json::Limits::CREDENTIAL;
    match chop_integrity::json::parse(text.as_bytes(), &limits) {
        Ok(Value::Object(mut object)) => object
            .remove("@context")
            .ok_or(wrong("the document has none")),
        Ok(_) => Err(wrong("the document is no object")),
        Err(_) => Err(wrong("the document is not strict JSON")),
    }
}

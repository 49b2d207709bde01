//! The active context: what each term means at one place of a document.

use super::error::ContextError;
use super::iri::resolve;
use foldhash::fast::RandomState;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The most processed contexts kept beyond those that documents name directly.
const MAX_DERIVED: usize = 2_048;

/// Is a table under texts. Its hash is seeded anew in every process; the sizes of what contexts define are bounded besides.
pub(super) type Table<V> = HashMap<String, V, RandomState>;

/// Is a table of terms, with the contexts that its scoped terms lead to, kept once computed.
#[derive(Debug, Default)]
pub(crate) struct Active {
    pub(crate) terms: Table<Arc<Term>>,
    pub(super) vocab: Option<Arc<str>>,
    pub(super) base: Option<Arc<str>>,
    pub(crate) language: Option<Arc<str>>,
    pub(crate) direction: Option<Arc<str>>,
    by_property: RwLock<Table<Arc<Active>>>,
    by_types: RwLock<Table<Arc<Active>>>,
    tally: Arc<AtomicUsize>,
    type_names: OnceLock<Vec<String>>,
    names: OnceLock<Names>,
}

/// Is what leads from one context to another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// A property with a context of its own.
    Property,
    /// Types with contexts of their own: their names in order, a line feed between them.
    Types,
}

/// Are the terms that mean an IRI, each with whether it is protected.
type Names = HashMap<Arc<str>, Vec<(String, bool)>>;

/// Is a term definition (JSON-LD 1.1 API §4.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Term {
    /// What it means; none: explicitly nothing.
    pub(crate) iri: Option<Arc<str>>,
    pub(crate) reverse: bool,
    pub(crate) protected: bool,
    pub(super) prefix: bool,
    pub(crate) coercion: Option<Arc<str>>,
    pub(crate) container: Vec<String>,
    /// The language of its strings.
    pub(crate) language: Setting,
    /// The base direction of its strings.
    pub(crate) direction: Setting,
    pub(crate) index: Option<String>,
    pub(crate) nest: Option<String>,
    /// The context that holds below it.
    pub(crate) context: Option<Value>,
}

/// Is what a context or term says of a language or base direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Setting {
    /// Nothing: the default counts.
    #[default]
    Default,
    /// That there is none.
    Null,
    /// Which it is.
    To(Arc<str>),
}

impl Setting {
    /// Returns what counts, given the default.
    pub(crate) fn over<'a>(&'a self, default: Option<&'a Arc<str>>) -> Option<&'a Arc<str>> {
        match self {
            Self::Default => default,
            Self::Null => None,
            Self::To(value) => Some(value),
        }
    }
}

impl Term {
    /// Says whether both define the same, protection aside.
    pub(super) fn same_meaning(&self, other: &Self) -> bool {
        let unprotected = |term: &Self| Self {
            protected: false,
            ..term.clone()
        };
        unprotected(self) == unprotected(other)
    }

    pub(crate) fn holds(&self, container: &str) -> bool {
        self.container.iter().any(|name| name == container)
    }
}

/// Is what a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    Keyword(&'a str),
    Iri,
    Nothing,
}

impl Active {
    pub(super) fn new(tally: Arc<AtomicUsize>) -> Self {
        Self {
            tally,
            ..Self::default()
        }
    }

    /// Copies terms and defaults, to be changed; what was derived stays behind.
    pub(super) fn fork(&self) -> Self {
        Self {
            terms: self.terms.clone(),
            vocab: self.vocab.clone(),
            base: self.base.clone(),
            language: self.language.clone(),
            direction: self.direction.clone(),
            tally: Arc::clone(&self.tally),
            ..Self::default()
        }
    }

    /// Lists the keys that mean `@type`, in their order.
    pub(crate) fn type_names(&self) -> &[String] {
        self.type_names.get_or_init(|| {
            let aliases = self
                .terms
                .iter()
                .filter(|(_, term)| term.iri.as_deref() == Some("@type"));
            let mut names: Vec<String> = aliases.map(|(name, _)| name.clone()).collect();
            names.push("@type".to_owned());
            names.sort_unstable();
            names.dedup();
            names
        })
    }

    /// Forgets every term, as the context `null` does.
    pub(super) fn emptied(&self) -> Self {
        Self::new(Arc::clone(&self.tally))
    }

    pub(super) fn protects(&self) -> Option<&str> {
        self.terms
            .iter()
            .filter(|(_, term)| term.protected)
            .map(|(name, _)| name.as_str())
            .min()
    }

    /// Finds a context derived before, or computes and keeps it.
    pub(crate) fn derive(
        &self,
        by: By,
        key: &str,
        compute: impl FnOnce() -> Result<Arc<Self>, ContextError>,
    ) -> Result<Arc<Self>, ContextError> {
        let derived = match by {
            By::Property => &self.by_property,
            By::Types => &self.by_types,
        };
        let known = derived.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(key) {
            return Ok(Arc::clone(found));
        }
        drop(known);
        let computed = compute()?;
        if self.tally.fetch_add(1, Ordering::Relaxed) < MAX_DERIVED {
            derived
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key.to_owned(), Arc::clone(&computed));
        }
        Ok(computed)
    }

    /// Says whether no more derived contexts are kept, so that a fresh table would serve better.
    pub(super) fn is_full(&self) -> bool {
        self.tally.load(Ordering::Relaxed) >= MAX_DERIVED
    }

    /// Resolves a key or type (JSON-LD 1.1 API §5.2, `vocab` true).
    pub(crate) fn meaning<'a>(&'a self, text: &'a str) -> (Meaning<'a>, Option<&'a Arc<Term>>) {
        if text.starts_with('@') && (is_keyword(text) || looks_like_keyword(text)) {
            let meaning = if is_keyword(text) {
                Meaning::Keyword(text)
            } else {
                Meaning::Nothing
            };
            return (meaning, None);
        }
        if let Some(term) = self.terms.get(text) {
            let meaning = match term.iri.as_deref() {
                None => Meaning::Nothing,
                Some(iri) if is_keyword(iri) => Meaning::Keyword(iri),
                Some(_) => Meaning::Iri,
            };
            return (meaning, Some(term));
        }
        if is_absolute(text) || self.vocab.is_some() {
            (Meaning::Iri, None)
        } else {
            (Meaning::Nothing, None)
        }
    }

    /// Expands a text to an IRI or keyword; `vocab` says whether terms and the vocabulary count (JSON-LD 1.1 API §5.2).
    pub(crate) fn expand(&self, text: &str, vocab: bool) -> Option<Arc<str>> {
        if is_keyword(text) {
            return Some(text.into());
        }
        if looks_like_keyword(text) {
            return None;
        }
        if let Some(term) = self.terms.get(text)
            && (vocab || term.iri.as_deref().is_some_and(is_keyword))
        {
            return term.iri.clone();
        }
        if let Some((prefix, suffix)) = split_prefix(text) {
            if prefix == "_" || suffix.starts_with("//") {
                return Some(text.into());
            }
            if let Some(term) = self.terms.get(prefix)
                && term.prefix
                && let Some(iri) = &term.iri
            {
                return Some(format!("{iri}{suffix}").into());
            }
            if is_absolute(text) {
                return Some(text.into());
            }
        }
        match &self.vocab {
            Some(base) if vocab => Some(format!("{base}{text}").into()),
            _ => None,
        }
    }

    /// Says whether a text names something: whether it expands to an absolute IRI as the value of `@id` does.
    pub(crate) fn is_identifier(&self, text: &str) -> bool {
        // A scheme that no term spells is the text's own, as nearly every one is; nothing is built then.
        let own = split_prefix(text).is_some_and(|(scheme, _)| !self.terms.contains_key(scheme))
            && !self.terms.contains_key(text);
        if own {
            return is_absolute(text);
        }
        self.expand(text, false)
            .is_some_and(|iri| is_absolute(&iri))
    }

    /// Expands a text that may be relative to the base IRI of the document (JSON-LD 1.1 API §5.2, `document relative` true).
    pub(crate) fn expand_relative(&self, text: &str, vocab: bool) -> Option<Arc<str>> {
        if let Some(known) = self.expand(text, vocab) {
            return Some(known);
        }
        if is_keyword(text) || looks_like_keyword(text) || (vocab && self.terms.contains_key(text))
        {
            return None;
        }
        resolve(self.base.as_deref()?, text).map(Arc::from)
    }

    /// Lists the terms that mean an IRI or keyword, with whether they are protected, by name.
    pub(crate) fn names(&self, iri: &str) -> &[(String, bool)] {
        let all = self.names.get_or_init(|| {
            let mut all = Names::new();
            for (name, term) in &self.terms {
                if let Some(iri) = &term.iri {
                    let same = all.entry(Arc::clone(iri)).or_default();
                    same.push((name.clone(), term.protected));
                }
            }
            for same in all.values_mut() {
                same.sort_unstable();
            }
            all
        });
        all.get(iri).map_or(&[], Vec::as_slice)
    }
}

/// Splits at a colon that is not the first character.
pub(super) fn split_prefix(text: &str) -> Option<(&str, &str)> {
    text.split_once(':')
        .filter(|(prefix, _)| !prefix.is_empty())
}

/// Says whether a text begins with a scheme, or names a blank node.
pub(crate) fn is_absolute(text: &str) -> bool {
    split_prefix(text).is_some_and(|(scheme, _)| {
        scheme == "_"
            || (scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))
    })
}

pub(crate) fn is_keyword(text: &str) -> bool {
    // Nearly every text is told apart by its first character.
    text.starts_with('@')
        && matches!(
            text,
            "@base"
                | "@container"
                | "@context"
                | "@direction"
                | "@graph"
                | "@id"
                | "@import"
                | "@included"
                | "@index"
                | "@json"
                | "@language"
                | "@list"
                | "@nest"
                | "@none"
                | "@prefix"
                | "@propagate"
                | "@protected"
                | "@reverse"
                | "@set"
                | "@type"
                | "@value"
                | "@version"
                | "@vocab"
        )
}

/// Says whether a text has the form that JSON-LD reserves: `@` and letters.
pub(crate) fn looks_like_keyword(text: &str) -> bool {
    text.strip_prefix('@')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

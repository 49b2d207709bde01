//! Term definitions (JSON-LD 1.1 API §4.2).

use super::super::active::{
    Active, Term, is_absolute, is_keyword, looks_like_keyword, split_prefix,
};
use super::super::error::ContextError;
use super::{Defining, MAX_IRI, Scope, direction, flag, malformed, setting};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The members that an expanded term definition may have.
const MEMBERS: [&str; 11] = [
    "@container",
    "@context",
    "@direction",
    "@id",
    "@index",
    "@language",
    "@nest",
    "@prefix",
    "@protected",
    "@reverse",
    "@type",
];

/// Defines one term of the local context, after the terms that it builds on.
pub(crate) fn define(
    active: &mut Active,
    defining: &mut Defining<'_>,
    name: &str,
) -> Result<(), ContextError> {
    let Some((name, value)) = defining.local.get_key_value(name) else {
        return Ok(());
    };
    match defining.done.get(name.as_str()) {
        Some(true) => return Ok(()),
        Some(false) => return Err(malformed(name, "its definition leads back to itself")),
        None => {}
    }
    if name.is_empty() {
        return Err(malformed(name, "a term is not empty"));
    }
    if is_keyword(name) && name != "@type" {
        return Err(malformed(name, "a keyword cannot be redefined"));
    }
    if looks_like_keyword(name) && name != "@type" {
        return Ok(());
    }
    defining.done.insert(name, false);
    let previous = active.terms.remove(name);
    if let Some(term) = definition(active, defining, name, value)? {
        let term = guarded(name, term, previous, defining.scope)?;
        active.terms.insert(name.clone(), term);
    } else if previous.is_some_and(|previous| previous.protected)
        && defining.scope == Scope::Guarded
    {
        return Err(ContextError::Protected { term: name.clone() });
    }
    defining.done.insert(name, true);
    Ok(())
}

/// Keeps a protected term unless the new definition says the same (JSON-LD 1.1 API §4.2.2 step 27).
fn guarded(
    name: &str,
    term: Term,
    previous: Option<Arc<Term>>,
    scope: Scope,
) -> Result<Arc<Term>, ContextError> {
    match previous {
        Some(previous) if previous.protected && scope == Scope::Guarded => {
            if previous.same_meaning(&term) {
                Ok(previous)
            } else {
                Err(ContextError::Protected {
                    term: name.to_owned(),
                })
            }
        }
        _ => Ok(Arc::new(term)),
    }
}

/// Reads a definition; none: the term is passed over because its `@id` is reserved.
fn definition(
    active: &mut Active,
    defining: &mut Defining<'_>,
    name: &str,
    value: &Value,
) -> Result<Option<Term>, ContextError> {
    let empty = Map::new();
    let (members, simple) = match value {
        Value::Null => {
            return Ok(Some(Term {
                protected: defining.protected,
                ..Term::default()
            }));
        }
        Value::String(_) => (&empty, true),
        Value::Object(members) => (members, false),
        _ => {
            return Err(malformed(
                name,
                "its definition is neither null, nor a string, nor an object",
            ));
        }
    };
    if members
        .keys()
        .any(|member| !MEMBERS.contains(&member.as_str()))
    {
        return Err(malformed(name, "its definition has an unknown member"));
    }
    let mut term = Term {
        protected: flag(members, "@protected")?.unwrap_or(defining.protected),
        ..Term::default()
    };
    if name == "@type" {
        return keyword_type(term, members).map(Some);
    }
    coercion(active, defining, name, members, &mut term)?;
    let id = if simple {
        Some(value)
    } else {
        members.get("@id")
    };
    if let Some(reverse) = members.get("@reverse") {
        self::reverse(active, defining, name, members, reverse, &mut term)?;
        return Ok(Some(term));
    }
    match id {
        Some(Value::Null) => {}
        Some(Value::String(id)) if id != name => {
            if looks_like_keyword(id) && !is_keyword(id) {
                return Ok(None);
            }
            let iri = expand(active, defining, id)?
                .ok_or_else(|| malformed(name, "its @id is no IRI"))?;
            if iri.as_ref() == "@context" || !(is_keyword(&iri) || is_absolute(&iri)) {
                return Err(malformed(name, "its @id is no IRI"));
            }
            same_when_compact(active, defining, name, &iri)?;
            term.prefix = simple && !name.contains([':', '/']) && ends_as_prefix(&iri);
            term.iri = Some(iri);
        }
        Some(Value::String(_)) | None => term.iri = Some(own_iri(active, defining, name)?),
        Some(_) => return Err(malformed(name, "its @id is neither null nor a string")),
    }
    rest(members, name, &mut term)?;
    if term.iri.as_ref().is_some_and(|iri| iri.len() > MAX_IRI) {
        return Err(malformed(name, "its IRI is too long"));
    }
    Ok(Some(term))
}

/// The one keyword that a context may define: as a set, or protected.
fn keyword_type(mut term: Term, members: &Map<String, Value>) -> Result<Term, ContextError> {
    let allowed = members.iter().all(|(member, value)| match member.as_str() {
        "@container" => value == "@set",
        "@protected" => true,
        _ => false,
    });
    if members.is_empty() || !allowed {
        return Err(malformed("@type", "it may only be a set, or protected"));
    }
    term.iri = Some("@type".into());
    term.container = members
        .get("@container")
        .map(|_| "@set".to_owned())
        .into_iter()
        .collect();
    Ok(term)
}

fn coercion(
    active: &mut Active,
    defining: &mut Defining<'_>,
    name: &str,
    members: &Map<String, Value>,
    term: &mut Term,
) -> Result<(), ContextError> {
    let Some(value) = members.get("@type") else {
        return Ok(());
    };
    let text = value
        .as_str()
        .ok_or_else(|| malformed(name, "its @type is not a string"))?;
    let iri = expand(active, defining, text)?
        .filter(|iri| {
            matches!(iri.as_ref(), "@id" | "@vocab" | "@json" | "@none") || is_absolute(iri)
        })
        .ok_or_else(|| malformed(name, "its @type is no IRI"))?;
    term.coercion = Some(iri);
    Ok(())
}

fn reverse(
    active: &mut Active,
    defining: &mut Defining<'_>,
    name: &str,
    members: &Map<String, Value>,
    value: &Value,
    term: &mut Term,
) -> Result<(), ContextError> {
    if members.contains_key("@id") || members.contains_key("@nest") {
        return Err(malformed(name, "@reverse stands beside @id or @nest"));
    }
    let text = value
        .as_str()
        .ok_or_else(|| malformed(name, "its @reverse is not a string"))?;
    let iri = expand(active, defining, text)?
        .filter(|iri| is_absolute(iri))
        .ok_or_else(|| malformed(name, "its @reverse is no IRI"))?;
    term.iri = Some(iri);
    term.reverse = true;
    rest(members, name, term)
}

/// Reads the members that do not bear on what the term means.
fn rest(members: &Map<String, Value>, name: &str, term: &mut Term) -> Result<(), ContextError> {
    if let Some(prefix) = flag(members, "@prefix")? {
        if name.contains([':', '/']) {
            return Err(malformed(name, "a compact term is no prefix"));
        }
        term.prefix = prefix;
    }
    term.container = container(members, name)?;
    term.index = text(members, name, "@index")?;
    if term.index.is_some() && !term.holds("@index") {
        return Err(malformed(name, "its @index is of no use without an index"));
    }
    term.nest = text(members, name, "@nest")?;
    if term
        .nest
        .as_deref()
        .is_some_and(|nest| nest != "@nest" && is_keyword(nest))
    {
        return Err(malformed(name, "its @nest is another keyword"));
    }
    // A coerced value is no plain string: its language and direction are not read.
    if term.coercion.is_none() {
        term.language = setting(members, "@language", name)?;
        term.direction = direction(members, name)?;
    }
    term.context = members.get("@context").cloned();
    Ok(())
}

fn container(members: &Map<String, Value>, name: &str) -> Result<Vec<String>, ContextError> {
    let wrong = || malformed(name, "its @container is not known");
    let known = |value: &Value| {
        value
            .as_str()
            .filter(|text| {
                matches!(
                    *text,
                    "@graph" | "@id" | "@index" | "@language" | "@list" | "@set" | "@type"
                )
            })
            .map(str::to_owned)
            .ok_or_else(wrong)
    };
    let containers = match members.get("@container") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(known).collect::<Result<_, _>>()?,
        Some(one) => vec![known(one)?],
    };
    if go_together(&containers) {
        Ok(containers)
    } else {
        Err(wrong())
    }
}

/// Says whether containers may stand beside each other (JSON-LD 1.1 API §4.2.2 step 19).
fn go_together(containers: &[String]) -> bool {
    let mut others: Vec<&str> = containers
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "@set")
        .collect();
    others.sort_unstable();
    match others.as_slice() {
        [] | ["@graph", "@id" | "@index"] => true,
        [only] => *only != "@list" || containers.len() == 1,
        _ => false,
    }
}

fn text(
    members: &Map<String, Value>,
    name: &str,
    member: &str,
) -> Result<Option<String>, ContextError> {
    match members.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(name, "its @index or @nest is not a string")),
    }
}

/// What a term means whose definition does not say: itself, by prefix, or within the vocabulary.
fn own_iri(
    active: &mut Active,
    defining: &mut Defining<'_>,
    name: &str,
) -> Result<Arc<str>, ContextError> {
    if let Some((prefix, suffix)) = split_prefix(name) {
        if defining.local.contains_key(prefix) {
            define(active, defining, prefix)?;
        }
        return match active
            .terms
            .get(prefix)
            .and_then(|term| term.iri.as_deref())
        {
            Some(iri) => Ok(format!("{iri}{suffix}").into()),
            None => Ok(name.into()),
        };
    }
    match &active.vocab {
        Some(vocab) => Ok(format!("{vocab}{name}").into()),
        None => Err(malformed(name, "it has no @id, and there is no @vocab")),
    }
}

/// A compact term must mean what its spelling says.
fn same_when_compact(
    active: &mut Active,
    defining: &mut Defining<'_>,
    name: &str,
    iri: &str,
) -> Result<(), ContextError> {
    let inner = name
        .get(1..name.len().saturating_sub(1))
        .unwrap_or_default();
    if !inner.contains(':') && !name.contains('/') {
        return Ok(());
    }
    if let Some((name, _)) = defining.local.get_key_value(name) {
        defining.done.insert(name, true);
    }
    if expand(active, defining, name)?.as_deref() == Some(iri) {
        Ok(())
    } else {
        Err(malformed(name, "its @id is not what its spelling says"))
    }
}

/// Expands an IRI within the local context: terms that it builds on are defined first (JSON-LD 1.1 API §5.2).
fn expand(
    active: &mut Active,
    defining: &mut Defining<'_>,
    text: &str,
) -> Result<Option<Arc<str>>, ContextError> {
    if is_keyword(text) {
        return Ok(Some(text.into()));
    }
    let prefix = split_prefix(text)
        .filter(|(_, suffix)| !suffix.starts_with("//"))
        .map(|(prefix, _)| prefix);
    for needed in [Some(text), prefix].into_iter().flatten() {
        if defining.local.contains_key(needed) && defining.done.get(needed) != Some(&true) {
            define(active, defining, needed)?;
        }
    }
    Ok(active.expand(text, true))
}

/// Says whether an IRI ends as one that other IRIs may be built on (RFC 3986 `gen-delims`).
fn ends_as_prefix(iri: &str) -> bool {
    iri.ends_with([':', '/', '?', '#', '[', ']', '@']) || iri.starts_with("_:")
}

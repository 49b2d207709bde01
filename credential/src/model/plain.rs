//! Credentials that are written plainly: the data model's rules, looked at where the text lies.
//!
//! What is certain to hold is taken; whatever else there is, [`Credential::from_map`](super::Credential) decides. So nothing is
//! refused here, and nothing that would be refused there is taken.

use super::Version;
use super::credential::BASIC;
use super::rules::{MAX_CONTEXTS, MAX_ENTRIES, is_url};
use chop_integrity::Timestamp;
use chop_integrity::json::{Item, Items, Members, Plain};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Is what a look at a credential's members finds, when every rule about [`BASIC`] ones holds.
pub(super) struct Survey {
    pub(super) valid_from: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
    /// The members that are not [`BASIC`] ones.
    pub(super) further: Map<String, Value>,
}

/// Looks at the members of a credential of version 2.0; `None` when it is not certain that it is a good one.
pub(super) fn survey(members: Members<'_>) -> Option<Survey> {
    let mut found = Survey {
        valid_from: None,
        valid_until: None,
        further: Map::new(),
    };
    let mut needed = 0;
    for (name, value) in members {
        let holds = match name {
            "@context" | "type" | "issuer" | "credentialSubject" => {
                needed += 1;
                match name {
                    "@context" => are_contexts(value),
                    "type" => are_types(value),
                    "issuer" => is_issuer(value),
                    _ => are_subjects(value),
                }
            }
            "id" => is_url_text(value),
            "name" | "description" => value.as_text().is_some(),
            "validFrom" => time(value, &mut found.valid_from),
            "validUntil" => time(value, &mut found.valid_until),
            _ => {
                found.further.insert(name.to_owned(), value.to_value());
                true
            }
        };
        if !holds {
            return None;
        }
    }
    let is_reversed = found
        .valid_until
        .is_some_and(|until| found.valid_from.is_some_and(|from| until < from));
    // No member stands twice, so these are four different ones.
    (needed == 4 && !is_reversed).then_some(found)
}

fn are_contexts(value: Item<'_>) -> bool {
    let Item::Array(mut items) = value else {
        return false;
    };
    items.clone().count() <= MAX_CONTEXTS
        && items.next().and_then(Item::as_text) == Some(Version::V2.base_context())
        && items.all(|item| match item {
            Item::Text(url) => is_url(url),
            Item::Object(_) => true,
            _ => false,
        })
}

fn are_types(value: Item<'_>) -> bool {
    let is_type = |item: Item<'_>| item.as_text().is_some_and(|name| !name.is_empty());
    let is_credential = |item: Item<'_>| item.as_text() == Some("VerifiableCredential");
    match value {
        Item::Array(mut items) => items.clone().any(is_credential) && items.all(is_type),
        one => is_credential(one),
    }
}

fn is_issuer(value: Item<'_>) -> bool {
    match value {
        Item::Text(url) => is_url(url),
        Item::Object(mut issuer) => {
            let has_id = issuer.clone().member("id").is_some_and(is_url_text);
            let is_plain = |(name, value): (&str, Item<'_>)| {
                !matches!(name, "name" | "description") || value.as_text().is_some()
            };
            has_id && issuer.all(is_plain)
        }
        _ => false,
    }
}

fn are_subjects(value: Item<'_>) -> bool {
    match value {
        Item::Object(subject) => is_subject(subject),
        Item::Array(mut items) => {
            let is_subject = |item| match item {
                Item::Object(subject) => is_subject(subject),
                _ => false,
            };
            (1..=MAX_ENTRIES).contains(&items.clone().count()) && items.all(is_subject)
        }
        _ => false,
    }
}

fn is_subject(subject: Members<'_>) -> bool {
    let mut members = 0;
    for (name, value) in subject {
        members += 1;
        let holds = match name {
            "id" => is_url_text(value),
            "confidenceMethod" => false,
            _ => true,
        };
        if !holds {
            return false;
        }
    }
    members > 0
}

fn is_url_text(value: Item<'_>) -> bool {
    value.as_text().is_some_and(is_url)
}

fn time(value: Item<'_>, place: &mut Option<Timestamp>) -> bool {
    *place = value
        .as_text()
        .and_then(|text| Timestamp::parse_xml(text).ok());
    place.is_some()
}

/// Is a credential as the text in which it came.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    plain: Plain,
    /// The members that are not [`BASIC`] ones.
    extensions: Map<String, Value>,
    /// Whether the text has members that are not the credential's: a token's claims, or `proof`.
    has_others: bool,
    json: OnceLock<Map<String, Value>>,
}

impl Written {
    pub(super) fn new(plain: Plain, extensions: Map<String, Value>, has_others: bool) -> Self {
        Self {
            plain,
            extensions,
            has_others,
            json: OnceLock::new(),
        }
    }

    /// Goes through the credential's members.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Item<'_>)> {
        self.plain.members().filter(|(name, _)| self.is_own(name))
    }

    /// Says whether a member of the text is the credential's.
    fn is_own(&self, name: &str) -> bool {
        !self.has_others || BASIC.contains(&name) || self.extensions.contains_key(name)
    }

    /// Writes the credential's members as canonical JSON (RFC 8785).
    pub(crate) fn canonical(&self) -> Vec<u8> {
        self.plain.canonical(|name| self.is_own(name))
    }

    /// Writes all members of the text as canonical JSON (RFC 8785); `None` where its proofs stand in an array: an anchor's digest
    /// is the same for one proof by itself and in an array, so the text does not serve.
    pub(crate) fn canonical_whole(&self) -> Option<Vec<u8>> {
        match self.plain.members().member("proof") {
            Some(Item::Array(_)) => None,
            _ => Some(self.plain.canonical(|_| true)),
        }
    }

    /// Says whether this is its `@context`.
    pub(crate) fn has_context(&self, context: &Value) -> bool {
        let own = self.plain.members().member("@context");
        own.is_some_and(|own| own.is(context))
    }

    /// Says whether the members stand in ascending order.
    pub(crate) fn are_ascending(&self) -> bool {
        self.plain.members().are_ascending()
    }

    pub(super) fn extension(&self, property: &str) -> Option<&Value> {
        self.extensions.get(property)
    }

    pub(super) fn types(&self) -> impl Iterator<Item = &str> {
        one_or_many(self.plain.members().member("type")).filter_map(Item::as_text)
    }

    /// Reads the identifier of a property that is a text or an object with `id`.
    pub(super) fn id_of(&self, property: &str) -> Option<&str> {
        match self.plain.members().member(property)? {
            Item::Text(id) => Some(id),
            Item::Object(object) => object.member("id")?.as_text(),
            _ => None,
        }
    }

    pub(super) fn named_contexts(&self) -> BTreeSet<&str> {
        let mut named = BTreeSet::new();
        for (name, value) in self.members() {
            name_contexts(name, value, &mut named);
        }
        named
    }

    pub(crate) fn json(&self) -> &Map<String, Value> {
        self.json.get_or_init(|| self.build())
    }

    pub(super) fn into_json(self) -> Map<String, Value> {
        match self.json.into_inner() {
            Some(json) => json,
            None => Self {
                json: OnceLock::new(),
                ..self
            }
            .build(),
        }
    }

    fn build(&self) -> Map<String, Value> {
        let members = self.members();
        members
            .map(|(name, value)| (name.to_owned(), value.to_value()))
            .collect()
    }
}

/// Lists the URLs under `@context` and `@import` in a member, as [`crate::named_contexts`] does.
fn name_contexts<'p>(name: &str, value: Item<'p>, named: &mut BTreeSet<&'p str>) {
    match value {
        Item::Text(url) if matches!(name, "@context" | "@import") => {
            named.insert(url);
        }
        Item::Array(items) => {
            for item in items {
                name_contexts(name, item, named);
            }
        }
        Item::Object(members) => {
            for (name, value) in members {
                name_contexts(name, value, named);
            }
        }
        _ => {}
    }
}

/// Says whether an object names itself of a type.
pub(crate) fn has_type(object: Members<'_>, name: &str) -> bool {
    one_or_many(object.member("type")).any(|found| found.as_text() == Some(name))
}

/// Lists the values of a property that is one or several.
fn one_or_many(value: Option<Item<'_>>) -> impl Iterator<Item = Item<'_>> {
    let (one, many): (_, Option<Items<'_>>) = match value {
        Some(Item::Array(items)) => (None, Some(items)),
        other => (other, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}

//! Schemas: a name belongs to its first publisher, a version never changes, and only a major one may break what held before.

mod context;
mod document;
mod json_schema;

use chop_integrity::Hash;
use chop_protocol::schema::{MAX_USES, MAX_VERSIONS};
use chop_protocol::{
    DeprecateSchema, Deprecation, PublishSchema, Schema, SchemaKind, SchemaRef, SchemaVersion, keys,
};
use serde_json::{Map, Value};

use super::Act;
use crate::refusal::Refusal;
use crate::state::{StateReader, Stop, View};

/// The longest place in a document that a refusal names, in characters.
const MAX_PLACE: usize = 200;

/// What a version does to those who rely on the one before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Break {
    /// Where in the document, as a JSON pointer.
    at: String,
    /// What it does.
    reason: &'static str,
}

impl Break {
    fn at(path: &[&str], reason: &'static str) -> Self {
        let mut at = String::new();
        for name in path {
            at.push('/');
            at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        }
        let at = at.chars().take(MAX_PLACE).collect();
        Self { at, reason }
    }
}

pub(super) fn publish<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &PublishSchema,
) -> Result<(), Stop<S::Error>> {
    let (name, version) = (&body.name, body.version);
    document::check(body.kind, body.body.members())
        .map_err(|reason| Refusal::SchemaDocument { reason })?;
    let key = keys::schema(name);
    let mut schema = view.read::<Schema>(&key)?.unwrap_or_else(|| Schema {
        name: name.clone(),
        kind: body.kind,
        owner: act.actor,
        time: act.header.time,
        height: act.header.height,
        versions: Vec::new(),
    });
    owned(act, &schema)?;
    if schema.kind != body.kind {
        return Err(Refusal::SchemaKind {
            name: name.clone(),
            kind: schema.kind.as_str(),
        }
        .into());
    }
    if let Some(last) = schema.versions.last().copied() {
        if version <= last {
            return Err(Refusal::SchemaOrder { version, last }.into());
        }
        if schema.versions.len() >= MAX_VERSIONS {
            return Err(Refusal::SchemaHistory { name: name.clone() }.into());
        }
        if version.major == last.major {
            let before = SchemaRef {
                name: name.clone(),
                version: last,
            };
            follow(view, body, &before)?;
        }
    }
    let digest = body.body.digest();
    store(view, digest, body)?;
    schema.versions.push(version);
    view.write(key, &schema)?;
    let record = SchemaVersion {
        name: name.clone(),
        version,
        kind: body.kind,
        owner: act.actor,
        digest,
        size: u32::try_from(body.body.text().len()).unwrap_or(u32::MAX),
        time: act.header.time,
        height: act.header.height,
        deprecated: None,
    };
    Ok(view.write(keys::schema_version(name, &version), &record)?)
}

pub(super) fn deprecate<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &DeprecateSchema,
) -> Result<(), Stop<S::Error>> {
    let named = SchemaRef {
        name: body.name.clone(),
        version: body.version,
    };
    let mut record = version(view, &named)?;
    let schema: Schema = view.read_linked(&keys::schema(&body.name))?;
    owned(act, &schema)?;
    if record.deprecated.is_some() {
        return Err(Refusal::SchemaDeprecated { schema: named }.into());
    }
    if let Some(successor) = &body.replaced_by {
        let found = version(view, successor)?;
        if *successor == named || found.kind != record.kind {
            return Err(Refusal::SchemaSuccessor {
                schema: named,
                successor: successor.clone(),
            }
            .into());
        }
    }
    record.deprecated = Some(Deprecation {
        time: act.header.time,
        height: act.header.height,
        reason: body.reason.clone(),
        replaced_by: body.replaced_by.clone(),
    });
    Ok(view.write(keys::schema_version(&body.name, &body.version), &record)?)
}

fn owned(act: &Act<'_>, schema: &Schema) -> Result<(), Refusal> {
    if schema.owner == act.actor {
        Ok(())
    } else {
        Err(Refusal::NotSchemaOwner {
            name: schema.name.clone(),
            owner: schema.owner,
        })
    }
}

fn version<S: StateReader>(
    view: &View<'_, S>,
    named: &SchemaRef,
) -> Result<SchemaVersion, Stop<S::Error>> {
    let found = view.read(&keys::schema_version(&named.name, &named.version))?;
    found.ok_or_else(|| {
        Refusal::SchemaUnknown {
            schema: named.clone(),
        }
        .into()
    })
}

/// Checks that a version of the same major breaks nothing that held under the one before.
fn follow<S: StateReader>(
    view: &View<'_, S>,
    body: &PublishSchema,
    before: &SchemaRef,
) -> Result<(), Stop<S::Error>> {
    let key = keys::schema_version(&before.name, &before.version);
    let last: SchemaVersion = view.read_linked(&key)?;
    let old: Map<String, Value> = view.read_linked(&keys::schema_body(&last.digest))?;
    let new = body.body.members();
    let compared = match body.kind {
        SchemaKind::JsonSchema => json_schema::follows(&old, new),
        SchemaKind::JsonLdContext => context::follows(&old, new),
    };
    compared.map_err(|Break { at, reason }| {
        Refusal::SchemaIncompatible {
            before: before.clone(),
            at,
            reason,
        }
        .into()
    })
}

/// Stores the document under its digest, and that this version publishes it.
///
/// The same document may be published under several names: whoever publishes it first takes nothing from the others.
fn store<S: StateReader>(
    view: &mut View<'_, S>,
    digest: Hash,
    body: &PublishSchema,
) -> Result<(), Stop<S::Error>> {
    let key = keys::schema_body(&digest);
    if !view.contains(&key)? {
        view.write(key, body.body.members())?;
    }
    let key = keys::schema_uses(&digest);
    let mut uses: Vec<SchemaRef> = view.read(&key)?.unwrap_or_default();
    if uses.len() < MAX_USES {
        uses.push(SchemaRef {
            name: body.name.clone(),
            version: body.version,
        });
        view.write(key, &uses)?;
    }
    Ok(())
}

//! Contexts and schemas that a ledger holds: known to the issuer by proof, never fetched from a URL's host.

use crate::app::IssuerApp;
use crate::error::IssueError;
use chop_credential::schema::Schema;
use chop_credential::{Contexts, named_contexts};
use chop_protocol::SchemaKind;
use chop_protocol::schema::digest_of_url;
use serde_json::{Map, Value};
use std::sync::Arc;
use tracing::warn;

/// The most contexts and schemas of ledgers that one credential may name.
const MAX_NAMED: usize = 16;

/// Adds the contexts that a credential names and a ledger holds to those that are known anyway.
pub(crate) async fn contexts(
    app: &IssuerApp,
    credential: &Map<String, Value>,
) -> Result<Arc<Contexts>, IssueError> {
    let mut named: Vec<String> = named_contexts(credential)
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    named.retain(|url| digest_of_url(url).is_some());
    named.truncate(MAX_NAMED);
    let found = app.resolver().published_contexts(&named).await?;
    let texts = found
        .iter()
        .map(|(url, document)| (url.as_str(), document.text.as_ref()));
    // The ledger takes no context that cannot be read; one that yet cannot is as good as unknown, and refused as such.
    Ok(app
        .contexts()
        .extended(texts)
        .unwrap_or_else(|_| Arc::clone(app.contexts())))
}

/// Finds the JSON Schemas of a ledger that a credential names.
pub(crate) async fn schemas(
    app: &IssuerApp,
    credential: &Map<String, Value>,
) -> Result<Vec<Schema>, IssueError> {
    let entries = match credential.get("credentialSchema") {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let text = |entry: &Value, member| entry.get(member)?.as_str().map(ToOwned::to_owned);
    let mut named: Vec<String> = entries
        .iter()
        .filter(|entry| text(entry, "type").as_deref() == Some("JsonSchema"))
        .filter_map(|entry| text(entry, "id"))
        .collect();
    named.retain(|id| digest_of_url(id).is_some());
    named.truncate(MAX_NAMED);
    let mut schemas = Vec::new();
    for id in named {
        let found = app.resolver().published(&id).await?;
        let found = found.filter(|document| document.kind == SchemaKind::JsonSchema);
        let Some(document) = found else {
            return Err(IssueError::UnknownSchema { id });
        };
        if let Some(deprecation) = document.deprecation() {
            warn!(schema = id, since = %deprecation.time, "issuing under a deprecated schema");
        }
        schemas.push(Schema::compile(document.text.as_bytes())?);
    }
    Ok(schemas)
}

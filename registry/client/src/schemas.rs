//! Contexts and schemas that a ledger holds, each proven: what documents of others name by URL and nobody fetches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chop_integrity::Hash;
use chop_protocol::schema::{Deprecation, deprecation_of, digest_of_url, schema_digest};
use chop_protocol::{Schema, SchemaKind, SchemaName, SchemaRef, SchemaVersion, keys};

use crate::registry::{Proven, ReadError, Registry};
use crate::resolver::Resolver;

/// How long a document is remembered after its last use.
const TERM: Duration = Duration::from_hours(1);

/// A document of a ledger.
#[derive(Debug, Clone)]
pub struct Published {
    /// The digest of its canonical form.
    pub digest: Hash,
    /// What it is.
    pub kind: SchemaKind,
    /// Its canonical form.
    pub text: Arc<str>,
    /// The versions that publish it, the oldest first.
    pub versions: Vec<SchemaVersion>,
}

impl Published {
    /// Says since when, why and for what successor the document is deprecated.
    pub fn deprecation(&self) -> Option<&Deprecation> {
        deprecation_of(&self.versions)
    }
}

/// Reads who owns a name, and its versions.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn schema(
    registry: &dyn Registry,
    name: &SchemaName,
) -> Result<Proven<Option<Schema>>, ReadError> {
    registry.read(&keys::schema(name)).await?.parse()
}

/// Reads one version of a schema.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn version(
    registry: &dyn Registry,
    named: &SchemaRef,
) -> Result<Proven<Option<SchemaVersion>>, ReadError> {
    let key = keys::schema_version(&named.name, &named.version);
    registry.read(&key).await?.parse()
}

/// Reads a document and what is said of it, each with its proof.
///
/// # Errors
/// When the registry gives no proven answer, or the ledger breaks its own rules.
pub async fn document(
    registry: &dyn Registry,
    digest: &Hash,
) -> Result<Option<Published>, ReadError> {
    let versions = publications(registry, digest).await?;
    let Some(kind) = versions.first().map(|version| version.kind) else {
        return Ok(None);
    };
    Ok(Some(Published {
        digest: *digest,
        kind,
        text: text(registry, digest).await?,
        versions,
    }))
}

/// Reads the versions that publish a document; none when the ledger does not hold it.
async fn publications(
    registry: &dyn Registry,
    digest: &Hash,
) -> Result<Vec<SchemaVersion>, ReadError> {
    let uses: Proven<Option<Vec<SchemaRef>>> =
        registry.read(&keys::schema_uses(digest)).await?.parse()?;
    let mut versions = Vec::new();
    for named in uses.value.unwrap_or_default() {
        versions.extend(version(registry, &named).await?.value);
    }
    Ok(versions)
}

/// Reads a document that some version publishes.
async fn text(registry: &dyn Registry, digest: &Hash) -> Result<Arc<str>, ReadError> {
    let key = keys::schema_body(digest);
    let bytes = registry.read(&key).await?.value;
    let bytes = bytes.filter(|bytes| schema_digest(bytes) == *digest);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Arc::from).ok_or(ReadError::Malformed {
        key,
        reason: "a version publishes it, and it is not the document of its digest",
    })
}

impl Resolver {
    /// Finds what a URL of the form `https://{any host}/schemas/{digest}` names, on any ledger whose trust root is pinned.
    ///
    /// The digest decides what it is, so it makes no difference which ledger has it. Nothing is fetched from the host. `None` when
    /// the URL is of another form, or every ledger proves that it has no such document.
    ///
    /// # Errors
    /// When no ledger has it and one gives no proven answer.
    pub async fn published(&self, url: &str) -> Result<Option<Arc<Published>>, ReadError> {
        let Some(digest) = digest_of_url(url) else {
            return Ok(None);
        };
        let mut failure = None;
        for registry in self.registries() {
            match self.published_on(registry.as_ref(), digest).await {
                Ok(Some(found)) => return Ok(Some(Arc::new(found))),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Reads what is said of a document anew; the document itself only once, for it never changes.
    async fn published_on(
        &self,
        registry: &dyn Registry,
        digest: Hash,
    ) -> Result<Option<Published>, ReadError> {
        let versions = publications(registry, &digest).await?;
        let Some(kind) = versions.first().map(|version| version.kind) else {
            return Ok(None);
        };
        let key = digest.to_string();
        let text = match self.documents().recall(&key) {
            Some(known) => known,
            None => text(registry, &digest).await?,
        };
        self.documents().remember(&key, Arc::clone(&text), TERM);
        Ok(Some(Published {
            digest,
            kind,
            text,
            versions,
        }))
    }

    /// Finds the JSON-LD contexts among URLs, as [`Self::published`] does; those that no ledger has are left out.
    ///
    /// # Errors
    /// When a ledger gives no proven answer.
    pub async fn published_contexts(
        &self,
        urls: &[String],
    ) -> Result<BTreeMap<String, Arc<Published>>, ReadError> {
        let mut found = BTreeMap::new();
        for url in urls {
            if let Some(document) = self.published(url).await?
                && document.kind == SchemaKind::JsonLdContext
            {
                found.insert(url.clone(), document);
            }
        }
        Ok(found)
    }
}

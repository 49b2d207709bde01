//! Gathers the evidence that a credential's judgement needs: keys, status lists, schemas, anchor, accreditations.
//!
//! Nothing is judged here. What cannot be reached is recorded as unreachable, which never counts as good.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chop_client::ReadError;
use chop_credential::schema::SchemaCredential;
use chop_credential::securing::Keys;
use chop_credential::status::StatusEntry;
use chop_credential::verdict::{
    CheckName, DeprecationFact, Evidence, Finding, HeldSchema, Policy, TokenStatusList,
};
use chop_credential::{AnyCredential, Contexts, SecuredCredential};

use chop_protocol::SchemaKind;
use chop_protocol::schema::digest_of_url;

use crate::session::{Session, unreachable};

mod documents;
mod keys;
mod ledger;
mod need;
mod sd_jwt_vc;
mod status;

pub(crate) use ledger::is_on_ledger;

/// Gathers what the checks of a policy need to know about a credential that names these documents of ledgers.
///
/// Most credentials need nothing that is not at hand; for them no search is set up, whose state is large.
async fn evidence(
    session: &Arc<Session>,
    credential: &SecuredCredential,
    policy: &Policy,
    registered: &Registered<'_>,
) -> Evidence {
    if !need::anything(credential, policy, registered)
        && let Some(keys) = keys::known(session, credential.verification_methods())
    {
        let (anchor, accreditations) = ledger::off_ledger(policy);
        return Evidence {
            keys,
            anchor,
            accreditations,
            ..Evidence::default()
        };
    }
    Box::pin(search(session, credential, policy, registered)).await
}

async fn search(
    session: &Arc<Session>,
    credential: &SecuredCredential,
    policy: &Policy,
    registered: &Registered<'_>,
) -> Evidence {
    let wanted = |check: CheckName| policy.checks.contains_key(&check);
    let keys = keys_of(session, credential.verification_methods());
    let status = async {
        if wanted(CheckName::Status) {
            (
                status_lists(session, credential).await,
                token_lists(session, credential).await,
            )
        } else {
            (BTreeMap::new(), BTreeMap::new())
        }
    };
    let documents = async {
        let (schemas, held) = if wanted(CheckName::Schema) {
            (
                schemas(session, credential).await,
                schema_credentials(session, credential, policy).await,
            )
        } else {
            (BTreeMap::new(), BTreeMap::new())
        };
        let related = wanted(CheckName::RelatedResource);
        (
            schemas,
            held,
            if related {
                resources(session, credential).await
            } else {
                BTreeMap::new()
            },
        )
    };
    let secured = || credential.secured_bytes().ok();
    let about = ledger::About {
        issuer: credential.credential().issuer(),
        types: credential.credential().specific_types().collect(),
        secured: &secured,
    };
    let ledger = ledger::facts(session, &about, policy);
    let (
        keys,
        (status_lists, token_lists),
        (schemas, schema_credentials, resources),
        (anchor, accreditations),
        deprecations,
    ) = tokio::join!(
        keys,
        status,
        documents,
        ledger,
        deprecations(session, registered)
    );
    Evidence {
        keys,
        status_lists,
        token_lists,
        schemas,
        schema_credentials,
        resources,
        anchor,
        accreditations,
        deprecations,
        ..Evidence::default()
    }
}

/// Gathers what the checks of a policy need to know about a credential of any kind.
pub(crate) async fn evidence_of(
    session: &Arc<Session>,
    credential: &AnyCredential,
    policy: &Policy,
    registered: &Registered<'_>,
) -> Evidence {
    match credential {
        AnyCredential::W3c(credential) => evidence(session, credential, policy, registered).await,
        AnyCredential::SdJwtVc(credential) => {
            Box::pin(sd_jwt_vc::evidence(session, credential, policy)).await
        }
    }
}

/// The most contexts of ledgers that one document, or a presentation with all that is in it, may name.
const MAX_CONTEXTS: usize = 16;

/// Are the documents of ledgers that are named, by their URLs.
#[derive(Debug, Default)]
pub(crate) struct Registered<'a> {
    contexts: BTreeSet<&'a str>,
    schemas: BTreeSet<&'a str>,
}

impl<'a> Registered<'a> {
    /// Those that a credential names.
    pub(crate) fn of(credential: &'a AnyCredential) -> Self {
        match credential {
            AnyCredential::W3c(credential) => Self::of_secured(credential),
            AnyCredential::SdJwtVc(_) => Self::default(),
        }
    }

    fn of_secured(credential: &'a SecuredCredential) -> Self {
        let credential = credential.credential();
        let schemas = credential.schemas().map(|schema| schema.id);
        Self {
            contexts: on_ledgers(credential.named_contexts()),
            schemas: schemas.filter(|url| digest_of_url(url).is_some()).collect(),
        }
    }

    /// Those among named contexts.
    pub(crate) fn contexts(named: BTreeSet<&'a str>) -> Self {
        Self {
            contexts: on_ledgers(named),
            schemas: BTreeSet::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.contexts.is_empty() && self.schemas.is_empty()
    }
}

fn on_ledgers(mut named: BTreeSet<&str>) -> BTreeSet<&str> {
    named.retain(|url| digest_of_url(url).is_some());
    named
}

/// Adds those of the named contexts that a ledger holds to those that are known anyway.
///
/// What no ledger holds, or none could be asked for, stays unknown: nothing is fetched, and the verdict is indeterminate.
pub(crate) async fn contexts(session: &Session, named: &Registered<'_>) -> Arc<Contexts> {
    if named.contexts.is_empty() {
        return Arc::clone(session.app.contexts());
    }
    Box::pin(published_contexts(session, &named.contexts)).await
}

async fn published_contexts(session: &Session, named: &BTreeSet<&str>) -> Arc<Contexts> {
    let known = session.app.contexts();
    let mut found = Vec::new();
    for url in named.iter().copied().take(MAX_CONTEXTS) {
        if let Finding::Found(document) = documents::published(session, url).await
            && document.kind == SchemaKind::JsonLdContext
        {
            found.push((url, document));
        }
    }
    let texts = found
        .iter()
        .map(|(url, document)| (*url, document.text.as_ref()));
    // A context that cannot be read stays unknown too.
    known.extended(texts).unwrap_or_else(|_| Arc::clone(known))
}

/// Finds which of the contexts and schemas that a credential names are deprecated on their ledger.
async fn deprecations(
    session: &Session,
    named: &Registered<'_>,
) -> BTreeMap<String, DeprecationFact> {
    let mut deprecations = BTreeMap::new();
    let named = named.contexts.union(&named.schemas).copied();
    for url in named.take(MAX_CONTEXTS) {
        if let Finding::Found(document) = documents::published(session, url).await
            && let Some(deprecation) = document.deprecation()
        {
            let fact = DeprecationFact {
                since: deprecation.time,
                reason: deprecation.reason.as_ref().map(ToString::to_string),
                replaced_by: deprecation.replaced_by.as_ref().map(ToString::to_string),
            };
            deprecations.insert(url.to_owned(), fact);
        }
    }
    deprecations
}

/// Says that the ledger could not be asked.
fn unanswered<T>(error: &ReadError) -> Finding<T> {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "a registry gave no proven answer"
    );
    unreachable("the ledger gave no proven answer")
}

/// Finds the keys behind verification methods.
pub(crate) async fn keys_of(session: &Session, methods: impl IntoIterator<Item = String>) -> Keys {
    let mut keys = Keys::new();
    for method in methods {
        let found = session
            .keys
            .once(method.clone(), || keys::find(session, &method))
            .await;
        keys.insert(method, found);
    }
    keys
}

async fn status_lists(
    session: &Session,
    credential: &SecuredCredential,
) -> BTreeMap<String, Finding<chop_credential::verdict::StatusList>> {
    let mut lists = BTreeMap::new();
    for entry in credential.credential().status_entries().unwrap_or_default() {
        if let StatusEntry::Bitstring(entry) = entry
            && !lists.contains_key(entry.list)
        {
            let url = entry.list.to_owned();
            let found = session
                .lists
                .once(url.clone(), || status::find(session, &url))
                .await;
            lists.insert(url, found);
        }
    }
    lists
}

async fn token_lists(
    session: &Session,
    credential: &SecuredCredential,
) -> BTreeMap<String, Finding<TokenStatusList>> {
    let entry = credential
        .claims()
        .status
        .as_ref()
        .and_then(|claim| claim.list.as_ref());
    let mut lists = BTreeMap::new();
    if let Some(entry) = entry {
        let issuer = credential.credential().issuer();
        lists.insert(
            entry.uri.clone(),
            token_list(session, &entry.uri, issuer).await,
        );
    }
    lists
}

/// Finds the status list token under a URI, for a token by this issuer.
pub(crate) async fn token_list(
    session: &Session,
    uri: &str,
    issuer: &str,
) -> Finding<TokenStatusList> {
    let key = (uri.to_owned(), issuer.to_owned());
    let search = || status::find_token(session, uri, issuer);
    session.token_lists.once(key, search).await
}

async fn schemas(
    session: &Session,
    credential: &SecuredCredential,
) -> BTreeMap<String, Finding<Vec<u8>>> {
    let mut schemas = BTreeMap::new();
    for schema in credential
        .credential()
        .schemas()
        .filter(|schema| schema.kind == "JsonSchema")
    {
        schemas.insert(
            schema.id.to_owned(),
            documents::schema(session, schema.id).await,
        );
    }
    schemas
}

async fn schema_credentials(
    session: &Arc<Session>,
    credential: &SecuredCredential,
    policy: &Policy,
) -> BTreeMap<String, Finding<HeldSchema>> {
    let mut held = BTreeMap::new();
    for schema in credential
        .credential()
        .schemas()
        .filter(|schema| schema.kind == "JsonSchemaCredential")
    {
        // A credential's schema is judged like a credential, save for its own schema; so this goes no deeper.
        let found = Box::pin(schema_credential(session, schema.id, policy)).await;
        held.insert(schema.id.to_owned(), found);
    }
    held
}

async fn schema_credential(
    session: &Arc<Session>,
    id: &str,
    policy: &Policy,
) -> Finding<HeldSchema> {
    let bytes = match documents::schema(session, id).await {
        Finding::Found(bytes) => bytes,
        Finding::Absent => return Finding::Absent,
        Finding::NotSought => return Finding::NotSought,
        Finding::Unreachable { reason } => return Finding::Unreachable { reason },
    };
    let own = SchemaCredential::policy(policy);
    let (about, contexts) = match SecuredCredential::parse(&bytes) {
        Ok(held) => {
            let registered = Registered::of_secured(&held);
            (
                evidence(session, &held, &own, &registered).await,
                contexts(session, &registered).await,
            )
        }
        // What does not parse is refused below for its own reason.
        Err(_) => (Evidence::default(), Arc::clone(session.app.contexts())),
    };
    let asked = policy.clone();
    let verifying =
        move || SchemaCredential::verify(&bytes, &about, &asked, &contexts).map(Arc::new);
    match tokio::task::spawn_blocking(verifying).await {
        Ok(held) => Finding::Found(held),
        Err(_) => unreachable("the schema's credential could not be verified"),
    }
}

async fn resources(
    session: &Session,
    credential: &SecuredCredential,
) -> BTreeMap<String, Finding<Vec<u8>>> {
    let mut resources = BTreeMap::new();
    for resource in credential.credential().related_resources() {
        if !session.app.contexts().knows(resource.id) {
            resources.insert(
                resource.id.to_owned(),
                documents::resource(session, &resource).await,
            );
        }
    }
    resources
}

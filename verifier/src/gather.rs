//! Gathers the evidence that a credential's judgement needs: keys, status lists, schemas, anchor, accreditations.
//!
//! Nothing is judged here. What cannot be reached is recorded as unreachable, which never counts as good.

use std::collections::BTreeMap;
use std::sync::Arc;

use chop_credential::schema::SchemaCredential;
use chop_credential::securing::Keys;
use chop_credential::status::StatusEntry;
use chop_credential::verdict::{CheckName, Evidence, Finding, HeldSchema, Policy, TokenStatusList};
use chop_credential::{AnyCredential, SecuredCredential};

use crate::session::{Session, unreachable};

mod documents;
mod keys;
mod ledger;
mod sd_jwt_vc;
mod status;

/// Gathers what the checks of a policy need to know about a credential.
pub(crate) async fn evidence(
    session: &Arc<Session>,
    credential: &SecuredCredential,
    policy: &Policy,
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
    let about = ledger::About {
        issuer: credential.credential().issuer(),
        types: credential.credential().specific_types().collect(),
        secured: credential.secured_bytes().ok(),
    };
    let ledger = ledger::facts(session, &about, policy);
    let (
        keys,
        (status_lists, token_lists),
        (schemas, schema_credentials, resources),
        (anchor, accreditations),
    ) = tokio::join!(keys, status, documents, ledger);
    Evidence {
        keys,
        status_lists,
        token_lists,
        schemas,
        schema_credentials,
        resources,
        anchor,
        accreditations,
        ..Evidence::default()
    }
}

/// Gathers what the checks of a policy need to know about a credential of any kind.
pub(crate) async fn evidence_of(
    session: &Arc<Session>,
    credential: &AnyCredential,
    policy: &Policy,
) -> Evidence {
    match credential {
        AnyCredential::W3c(credential) => evidence(session, credential, policy).await,
        AnyCredential::SdJwtVc(credential) => {
            sd_jwt_vc::evidence(session, credential, policy).await
        }
    }
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
    let about = match SecuredCredential::parse(&bytes) {
        Ok(held) => evidence(session, &held, &own).await,
        // What does not parse is refused below for its own reason.
        Err(_) => Evidence::default(),
    };
    let (app, asked) = (session.app.clone(), policy.clone());
    let verifying =
        move || SchemaCredential::verify(&bytes, &about, &asked, app.contexts()).map(Arc::new);
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

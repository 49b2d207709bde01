//! Verification methods: resolved now, with the history that says what they counted for before.

use std::time::Duration;

use chop_client::ResolveOptions;
use chop_credential::securing::Keys;
use chop_credential::verdict::{Finding, KeyFact, KeyHistory};
use chop_did::document::LookupError;
use chop_did::resolution::{ErrorKind, ResolutionError};
use chop_did::{ChopDid, DidUrl, Relationship, VerificationMethod, verification_method};
use serde_json::Value;

use crate::session::{Session, unreachable};

/// How long a key is remembered that expands from its own DID; it never changes, so this only clears away what nobody uses.
const OWN_TERM: Duration = Duration::from_hours(1);

/// Finds the keys behind verification methods, if all of them are at hand.
pub(super) fn known(session: &Session, methods: impl IntoIterator<Item = String>) -> Option<Keys> {
    let find = |method: String| {
        let known = session.app.own_keys().recall(&method)?;
        Some((method, Finding::Found(known)))
    };
    methods.into_iter().map(find).collect()
}

/// Finds the key behind a verification method's URL.
pub(super) async fn find(session: &Session, method: &str) -> Finding<KeyFact> {
    if let Some(known) = session.app.own_keys().recall(method) {
        return Finding::Found(known);
    }
    let Ok(url) = DidUrl::parse(method) else {
        return if method.starts_with("https://") {
            unreachable("verification methods other than DID URLs are not resolved here")
        } else {
            Finding::Absent
        };
    };
    // did:key and did:jwk expand from themselves; anything else is a search.
    let found = if matches!(url.did().method(), "key" | "jwk") {
        let found = elsewhere(session, &url, method).await;
        if let Ok(Finding::Found(fact)) = &found {
            session
                .app
                .own_keys()
                .remember(method, fact.clone(), OWN_TERM);
        }
        found
    } else {
        match session.spend().await {
            Ok(_turn) if url.did().method() == "chop" => in_ledger(session, &url, method).await,
            Ok(_turn) => elsewhere(session, &url, method).await,
            Err(reason) => return unreachable(reason),
        }
    };
    found.unwrap_or_else(|error| not_found(&error))
}

/// Reads the key from the ledger's state, where it stays with its marks when it is retired or its DID has ended.
async fn in_ledger(
    session: &Session,
    url: &DidUrl,
    method: &str,
) -> Result<Finding<KeyFact>, ResolutionError> {
    let did = ChopDid::try_from(url.did())?;
    let resolver = session.app.resolver();
    let (document, deactivated) = resolver.last_document(&did).await?;
    let Some(found) = look_up(&document, method) else {
        return Ok(Finding::Absent);
    };
    let added = resolver.key_added(&did, method).await?;
    let history = KeyHistory {
        added,
        deactivated,
        ..history(&found)
    };
    Ok(Finding::Found(fact(url, &found, history)))
}

async fn elsewhere(
    session: &Session,
    url: &DidUrl,
    method: &str,
) -> Result<Finding<KeyFact>, ResolutionError> {
    let resolved = session
        .app
        .resolver()
        .resolve(url.did(), &ResolveOptions::default())
        .await?;
    let Some(found) = resolved
        .document
        .as_ref()
        .and_then(|document| look_up(document, method))
    else {
        return Ok(Finding::Absent);
    };
    Ok(Finding::Found(fact(url, &found, history(&found))))
}

fn look_up(document: &Value, method: &str) -> Option<VerificationMethod> {
    let found: Result<_, LookupError> = verification_method(document, method);
    found
        .inspect_err(|error| tracing::debug!(%error, "a verification method is not usable"))
        .ok()
}

fn fact(url: &DidUrl, method: &VerificationMethod, history: KeyHistory) -> KeyFact {
    let served = Relationship::ALL
        .into_iter()
        .filter(|relationship| method.serves(*relationship));
    KeyFact {
        id: method.id().to_owned(),
        // A method that names another controller than its document's subject is never found.
        controller: url.did().as_str().to_owned(),
        key: method.key().clone(),
        relationships: served
            .map(|relationship| relationship.as_str().to_owned())
            .collect(),
        history,
    }
}

fn history(method: &VerificationMethod) -> KeyHistory {
    KeyHistory {
        expires: method.expires(),
        retired: method.revoked(),
        compromised: method.compromised(),
        ..KeyHistory::default()
    }
}

/// A DID that is proven or certain not to be there is absent; anything else may be there.
fn not_found(error: &ResolutionError) -> Finding<KeyFact> {
    match error.kind() {
        ErrorKind::Internal
        | ErrorKind::LedgerNotSupported
        | ErrorKind::MethodNotSupported
        | ErrorKind::FeatureNotSupported => unreachable(error.detail()),
        _ => Finding::Absent,
    }
}

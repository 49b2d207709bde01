//! Status lists: fetched, verified like any credential or token, and kept no longer than they allow.

use std::sync::Arc;
use std::time::Duration;

use chop_credential::SecuredCredential;
use chop_credential::status::{StatusError, TokenList, VerifiedList, VerifiedTokenList};
use chop_credential::verdict::{Finding, StatusList, TokenStatusList};
use chop_http::outbound::{Fetched, Outgoing};
use chop_integrity::Timestamp;
use url::Url;

use super::keys_of;
use crate::session::{Session, unreachable};

/// The largest list credential, in bytes: 16 MiB of entries that compress badly do not fit, 1 MiB of them do.
const MAX_LIST: usize = 1024 * 1024;
/// How long a list is kept at most: a revocation is seen no later.
const MAX_TERM: Duration = Duration::from_mins(1);
/// The largest list that is remembered, in unfolded bytes, so that what is remembered of strangers stays bounded.
const MAX_REMEMBERED: usize = 1024 * 1024;

/// What an answer is, and whether it comes from the stack itself.
struct Answer {
    fetched: Fetched,
    is_ours: bool,
}

/// Finds the status list credential under this URL.
pub(super) async fn find(session: &Session, url: &str) -> Finding<StatusList> {
    if let Some(list) = session.app.lists().recall(url) {
        return Finding::Found(Ok(list));
    }
    let accept = "application/vc, application/vc+jwt, application/json;q=0.9";
    let answer = match fetch(session, url, accept).await {
        Ok(answer) => answer,
        Err(reason) => return unreachable(reason),
    };
    let found = verify(session, &answer.fetched).await;
    if let Finding::Found(Ok(list)) = &found
        && !answer.is_ours
        && list.unfolded_bytes() <= MAX_REMEMBERED
    {
        let term = term(session, answer.fetched.max_age(), list.keep_until());
        session.app.lists().remember(url, Arc::clone(list), term);
    }
    found
}

/// Finds the status list token under this URI, for a token by this issuer.
pub(super) async fn find_token(
    session: &Session,
    uri: &str,
    issuer: &str,
) -> Finding<TokenStatusList> {
    if let Some(list) = session.app.token_lists().recall(uri) {
        return Finding::Found(Ok(list));
    }
    let accept = "application/statuslist+jwt, application/statuslist+cwt";
    let answer = match fetch(session, uri, accept).await {
        Ok(answer) => answer,
        Err(reason) => return unreachable(reason),
    };
    let found = verify_token(session, &answer.fetched, issuer).await;
    if let Finding::Found(Ok(list)) = &found
        && !answer.is_ours
        && list.unfolded_bytes() <= MAX_REMEMBERED
    {
        // What the token says of its life goes before what HTTP says (draft-ietf-oauth-status-list-20 §8.2).
        let http = answer
            .fetched
            .max_age()
            .filter(|_| list.keep_until().is_none());
        let term = term(session, http, list.keep_until());
        session
            .app
            .token_lists()
            .remember(uri, Arc::clone(list), term);
    }
    found
}

/// Fetches a list, or says why it could not be had.
async fn fetch(session: &Session, url: &str, accept: &'static str) -> Result<Answer, String> {
    let Ok(target) = Url::parse(url) else {
        return Err("the status list's URL is none that can be fetched".to_owned());
    };
    let _turn = session.spend().await?;
    let outbound = session.app.resolver().outbound();
    // Our own lists are a step away, and a revocation in them counts at once.
    let is_ours = outbound.trusts(&target);
    let request = Outgoing::get(target).max_bytes(MAX_LIST).accept(accept);
    match outbound.fetch(request).await {
        Ok(fetched) => Ok(Answer { fetched, is_ours }),
        Err(error) => Err(format!("the status list could not be fetched: {error}")),
    }
}

async fn verify(session: &Session, fetched: &Fetched) -> Finding<StatusList> {
    // What does not parse has no keys, and is refused by the verification below for its own reason.
    let methods = SecuredCredential::parse(&fetched.body)
        .map(|list| list.verification_methods())
        .unwrap_or_default();
    let keys = keys_of(session, methods).await;
    for key in keys.values() {
        if let Finding::Unreachable { reason } = key {
            return unreachable(format!(
                "the status list's key could not be resolved: {reason}"
            ));
        }
    }
    let (body, app, now) = (fetched.body.clone(), session.app.clone(), session.app.now());
    let verifying = move || VerifiedList::verify(&body, app.contexts(), &keys, now).map(Arc::new);
    // Decompressing and hashing a list takes milliseconds.
    match tokio::task::spawn_blocking(verifying).await {
        Ok(list) => Finding::Found(list),
        Err(_) => unreachable("the status list could not be verified"),
    }
}

async fn verify_token(
    session: &Session,
    fetched: &Fetched,
    issuer: &str,
) -> Finding<TokenStatusList> {
    let list = match TokenList::parse(&fetched.body) {
        Ok(list) => list,
        Err(error) => return Finding::Found(Err(error)),
    };
    let keys = keys_of(session, list.verification_method(issuer)).await;
    for key in keys.values() {
        if let Finding::Unreachable { reason } = key {
            return unreachable(format!(
                "the status list's key could not be resolved: {reason}"
            ));
        }
    }
    let (issuer, now) = (issuer.to_owned(), session.app.now());
    let anchors = session.app.trust_anchors();
    let verifying = move || -> Result<Arc<VerifiedTokenList>, StatusError> {
        list.verify(&issuer, &keys, &anchors, now).map(Arc::new)
    };
    match tokio::task::spawn_blocking(verifying).await {
        Ok(list) => Finding::Found(list),
        Err(_) => unreachable("the status list could not be verified"),
    }
}

/// How long a list is kept: as long as both it and its server allow, a minute at most.
fn term(session: &Session, http: Option<Duration>, keep_until: Option<Timestamp>) -> Duration {
    let left = keep_until.map(|until| until.unix_ms() - session.app.now().unix_ms());
    let left = left.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    [left, http, Some(MAX_TERM)]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or_default()
}

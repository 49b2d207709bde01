//! Status lists: fetched, verified like any credential, and kept no longer than they allow.

use std::sync::Arc;
use std::time::Duration;

use chop_credential::SecuredCredential;
use chop_credential::status::VerifiedList;
use chop_credential::verdict::{Finding, StatusList};
use chop_http::outbound::{Fetched, Outgoing};
use url::Url;

use super::keys_of;
use crate::session::{Session, unreachable};

/// The largest list credential, in bytes: 16 MiB of entries that compress badly do not fit, 1 MiB of them do.
const MAX_LIST: usize = 1024 * 1024;
/// How long a list is kept at most: a revocation is seen no later.
const MAX_TERM: Duration = Duration::from_mins(1);

/// Finds the list under this URL.
pub(super) async fn find(session: &Session, url: &str) -> Finding<StatusList> {
    if let Some(list) = session.app.lists().recall(url) {
        return Finding::Found(Ok(list));
    }
    let Ok(target) = Url::parse(url) else {
        return unreachable("statusListCredential is no URL that can be fetched");
    };
    let turn = match session.spend().await {
        Ok(turn) => turn,
        Err(spent) => return spent,
    };
    let outbound = session.app.resolver().outbound();
    // Our own lists are a step away, and a revocation in them counts at once.
    let is_ours = outbound.trusts(&target);
    let request = Outgoing::get(target)
        .max_bytes(MAX_LIST)
        .accept("application/vc, application/vc+jwt, application/json;q=0.9");
    let fetched = match outbound.fetch(request).await {
        Ok(fetched) => fetched,
        Err(error) => {
            return unreachable(format!("the status list could not be fetched: {error}"));
        }
    };
    // The list's own key may need a turn of its own.
    drop(turn);
    let found = verify(session, &fetched).await;
    if let Finding::Found(Ok(list)) = &found
        && !is_ours
    {
        session
            .app
            .lists()
            .remember(url, Arc::clone(list), term(session, &fetched, list));
    }
    found
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

/// How long a list is kept: as long as both it and its server allow, a minute at most.
fn term(session: &Session, fetched: &Fetched, list: &VerifiedList) -> Duration {
    let left = list
        .keep_until()
        .map(|until| until.unix_ms() - session.app.now().unix_ms());
    let left = left.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    [left, fetched.max_age(), Some(MAX_TERM)]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or_default()
}

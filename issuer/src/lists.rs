//! Status lists: signed on demand, kept while they hold.

use crate::app::IssuerApp;
use crate::error::IssueError;
use crate::instance::Instance;
use crate::secure;
use chop_http::clock;
use chop_integrity::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A signed list holds for a day.
const VALID_MS: i64 = 24 * 60 * 60 * 1000;
/// It is signed anew after half of that, so that a copy fetched at any time holds for hours.
const RENEW_MS: i64 = VALID_MS / 2;
/// Lists kept in memory; the least recently signed goes first.
const KEPT: usize = 64;

/// The form in which a list is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// A JSON document with an embedded proof.
    Document,
    /// A compact `vc+jwt`.
    Jwt,
    /// A compact `statuslist+jwt`.
    TokenJwt,
    /// A `statuslist+cwt`.
    TokenCwt,
}

/// Signed lists by identifier and form.
#[derive(Debug, Default)]
pub(crate) struct ListCache {
    kept: Mutex<HashMap<(String, Form), Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    version: u64,
    signed_ms: i64,
    body: Arc<[u8]>,
}

impl ListCache {
    /// Forgets every list: an instance signs for another DID now.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn find(&self, key: &(String, Form), version: u64, now_ms: i64) -> Option<Arc<[u8]>> {
        let kept = self.lock();
        let found = kept.get(key)?;
        let fresh = found.version == version
            && (found.signed_ms..found.signed_ms + RENEW_MS).contains(&now_ms);
        fresh.then(|| Arc::clone(&found.body))
    }

    fn keep(&self, key: (String, Form), entry: Kept) {
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            let oldest = kept
                .iter()
                .min_by_key(|(_, entry)| entry.signed_ms)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        kept.insert(key, entry);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, Form), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The signed list of this identifier, as it stands now.
pub(crate) async fn signed(app: &IssuerApp, id: &str, form: Form) -> Result<Arc<[u8]>, IssueError> {
    let version = app
        .store()
        .list_version(id)
        .await?
        .ok_or(IssueError::UnknownList)?;
    let (now_ms, key) = (clock::now_ms(), (id.to_owned(), form));
    if let Some(body) = app.lists().find(&key, version, now_ms) {
        return Ok(body);
    }
    let list = app.store().list(id).await?.ok_or(IssueError::UnknownList)?;
    // It is signed under the DID of the credentials that refer to it, also after the instance was bound to another.
    let now_bound = app.instance(&list.instance).await?;
    let instance = Instance {
        // The certificates are for the DID that it is bound to now.
        certificates: now_bound
            .certificates
            .clone()
            .filter(|_| now_bound.did == list.did),
        did: list.did.clone(),
        verification_method: list.verification_method.clone(),
        ..now_bound
    };
    let now = Timestamp::from_unix_ms(now_ms);
    let signer = app.key(&instance)?;
    let pen = app.pen(&instance, signer.as_ref());
    let publication = secure::Publication {
        url: &app.list_url(id),
        aggregation: &app.aggregation_url(&instance.name),
        ttl_ms: app.config().list_ttl_ms,
        from: now,
        until: now.plus_ms(VALID_MS),
    };
    let body: Vec<u8> = match form {
        Form::Document => pen
            .embed(pen.list_credential(&list, &publication)?, now, None)?
            .to_string()
            .into_bytes(),
        Form::Jwt => pen
            .envelop(pen.list_credential(&list, &publication)?, None)?
            .into_bytes(),
        Form::TokenJwt => pen.token_list_jwt(&list, &publication)?.into_bytes(),
        Form::TokenCwt => pen.token_list_cwt(&list, &publication)?,
    };
    let body: Arc<[u8]> = body.into();
    app.lists().keep(
        key,
        Kept {
            version: list.version,
            signed_ms: now_ms,
            body: Arc::clone(&body),
        },
    );
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(version: u64, signed_ms: i64) -> Kept {
        Kept {
            version,
            signed_ms,
            body: (*b"x").into(),
        }
    }

    #[test]
    fn a_kept_list_serves_until_it_changes_or_is_half_through_its_life() {
        let cache = ListCache::default();
        let key = ("l".to_owned(), Form::Document);
        cache.keep(key.clone(), kept(3, 1_000));
        assert!(cache.find(&key, 3, 1_000 + RENEW_MS - 1).is_some());
        assert!(cache.find(&key, 3, 1_000 + RENEW_MS).is_none());
        assert!(cache.find(&key, 4, 2_000).is_none());
        assert!(
            cache.find(&key, 3, 500).is_none(),
            "a list signed in the future of the clock is signed anew"
        );
    }

    #[test]
    fn memory_stays_bounded() {
        let cache = ListCache::default();
        for number in 0..200 {
            cache.keep((number.to_string(), Form::Jwt), kept(0, number));
        }
        assert_eq!(cache.lock().len(), KEPT);
    }
}

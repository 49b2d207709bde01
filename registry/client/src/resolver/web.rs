//! did:web and did:webvh: fetched through the guarded client, remembered for a short while.

use std::sync::Arc;

use chop_did::did::Did;
use chop_did::resolution::{ErrorKind, ResolutionError, Resolved};
use chop_did::web;
use chop_did::webvh::{self, VerifiedLog, WebvhError};
use chop_http::outbound::{OutboundError, Outgoing};
use chop_integrity::Timestamp;
use url::Url;

use super::{ResolveOptions, Resolver, WEB_TERM};

/// The largest did:web document, and the largest witness file, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;
/// Logs longer than this, in bytes, are verified off the asynchronous threads.
const LONG_LOG: usize = 16 * 1024;

pub(super) async fn resolve_web(
    resolver: &Resolver,
    did: &Did,
    options: &ResolveOptions,
) -> Result<Resolved, ResolutionError> {
    options.selector.refuse_versions("web")?;
    let bytes = fetch(resolver, &web::document_url(did)?, MAX_DOCUMENT, options).await?;
    web::check_document(did, &bytes)
}

pub(super) async fn resolve_webvh(
    resolver: &Resolver,
    did: &Did,
    options: &ResolveOptions,
) -> Result<Resolved, ResolutionError> {
    let log = fetch(
        resolver,
        &webvh::log_url(did)?,
        webvh::MAX_LOG_BYTES,
        options,
    )
    .await?;
    let now = Timestamp::from_unix_ms((resolver.clock)());
    let verified = match verify(did, &log, None, now).await {
        Err(WebvhError::WitnessesNeeded) => {
            let witnesses =
                fetch(resolver, &webvh::witness_url(did)?, MAX_DOCUMENT, options).await?;
            verify(did, &log, Some(witnesses), now).await?
        }
        verified => verified?,
    };
    verified.resolve(&options.selector)
}

async fn verify(
    did: &Did,
    log: &Arc<Vec<u8>>,
    witnesses: Option<Arc<Vec<u8>>>,
    now: Timestamp,
) -> Result<VerifiedLog, WebvhError> {
    let (did, log) = (did.clone(), Arc::clone(log));
    let is_short = log.len() <= LONG_LOG;
    let work = move || {
        webvh::verify(
            &did,
            &log,
            witnesses.as_ref().map(|bytes| bytes.as_slice()),
            now,
        )
    };
    if is_short {
        return work();
    }
    let interrupted = |_| WebvhError::Did {
        reason: "the verification was interrupted".to_owned(),
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(interrupted)?
}

/// Fetches a document, or recalls it while its server's term, at most ours, lasts.
async fn fetch(
    resolver: &Resolver,
    url: &str,
    max_bytes: usize,
    options: &ResolveOptions,
) -> Result<Arc<Vec<u8>>, ResolutionError> {
    if !options.no_cache
        && let Some(bytes) = resolver.web.recall(url)
    {
        return Ok(bytes);
    }
    let target = Url::parse(url)
        .map_err(|_| ResolutionError::new(ErrorKind::InvalidDid, "the DID names no URL"))?;
    let request = Outgoing::get(target)
        .max_bytes(max_bytes)
        .accept("application/did, application/json;q=0.9, */*;q=0.1");
    let fetched = resolver
        .outbound
        .fetch(request)
        .await
        .map_err(|error| unfetched(&error))?;
    let term = fetched.max_age().unwrap_or(WEB_TERM).min(WEB_TERM);
    let bytes = Arc::new(fetched.body);
    resolver.web.remember(url, Arc::clone(&bytes), term);
    Ok(bytes)
}

/// Says what a failed fetch means for the DID, without a word about addresses.
fn unfetched(error: &OutboundError) -> ResolutionError {
    let kind = match error {
        OutboundError::Status { status } if matches!(status.as_u16(), 404 | 410) => {
            ErrorKind::NotFound
        }
        OutboundError::Unresolved { .. } => ErrorKind::NotFound,
        OutboundError::NotPublic { .. }
        | OutboundError::Scheme { .. }
        | OutboundError::UserInfo
        | OutboundError::NoHost => ErrorKind::InvalidDid,
        OutboundError::TooLarge { .. } => ErrorKind::InvalidDidDocument,
        _ => ErrorKind::Internal,
    };
    ResolutionError::new(kind, error.to_string())
}

//! DIDs of this node's own ledger: read from its store, their answers kept as long as the state stays the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chop_did::resolution::{ErrorKind, ResolutionError, Resolved, Selector, resolve_chop};
use chop_did::{ChopDid, DidState, ScidVersion};
use chop_integrity::Timestamp;
use chop_protocol::keys;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::accept::Form;
use super::answer;
use super::target::Target;
use crate::http::NodeApp;

/// The media type of the cached form.
const RESOLUTION: &str = "application/did-resolution";
/// Bytes of kept answers.
const KEPT_BYTES: usize = 72 * 1024 * 1024;
/// How old the header under a proof may be before a new one is made.
const FRESH: Duration = Duration::from_mins(1);

/// Answers kept ready: for hot DIDs nothing is parsed and nothing is proven twice.
#[derive(Default)]
pub(in crate::http) struct Bodies {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    bodies: HashMap<(ChopDid, bool), Body>,
    bytes: usize,
}

struct Body {
    /// Root of the ledger's state under which it was last right: while it stands, nothing needs to be read.
    root: [u8; 32],
    /// SHA-256 of the state that it was made from.
    state: [u8; 32],
    /// Hash of the header that its proof is under; zeros without proof.
    header: [u8; 32],
    bytes: Bytes,
}

impl Bodies {
    /// The answer, when the whole state is still the one under which it was right.
    fn unchanged(&self, key: (ChopDid, bool), root: &[u8; 32], header: &[u8; 32]) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let body = kept.bodies.get(&key)?;
        (body.root == *root && body.header == *header).then(|| body.bytes.clone())
    }

    /// The answer, when the DID's own state is still the one that it was made from.
    fn ready(&self, key: (ChopDid, bool), now: &Body) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let body = kept.bodies.get_mut(&key)?;
        if body.state != now.state || body.header != now.header {
            return None;
        }
        body.root = now.root;
        Some(body.bytes.clone())
    }

    fn keep(&self, key: (ChopDid, bool), body: Body) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + body.bytes.len() > KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += body.bytes.len();
        if let Some(old) = kept.bodies.insert(key, body) {
            kept.bytes -= old.bytes.len();
        }
    }
}

/// The whole answer for the common question: the latest version of a live DID of this ledger, as a resolution result.
pub(super) async fn body(app: &NodeApp, target: &Target, form: Form) -> Option<Response> {
    let did = own_did(app, target)?.ok()?;
    if form != Form::Resolution
        || target.dereferences()
        || target.options.selector != Selector::Latest
    {
        return None;
    }
    let key = keys::did(&did.scid());
    let view = if target.options.proof {
        app.engine().proven_view(FRESH, &key).await
    } else {
        app.engine().view()
    };
    let (entry, root) = ((did, target.options.proof), view.head().app_hash);
    let header = if target.options.proof {
        view.head().hash
    } else {
        [0; 32]
    };
    if let Some(bytes) = app.inner.bodies.unchanged(entry, &root, &header) {
        return Some(respond(bytes));
    }
    let value = view.value(&key).ok()??;
    let mut body = Body {
        root,
        state: Sha256::digest(&value).into(),
        header,
        bytes: Bytes::new(),
    };
    if let Some(bytes) = app.inner.bodies.ready(entry, &body) {
        return Some(respond(bytes));
    }
    let resolved = Box::pin(resolve(app, target)).await?.ok()?;
    if resolved.status() != 200 {
        return Some(answer::resolution(form, &resolved));
    }
    body.bytes = Bytes::from(serde_json::to_vec(&resolved.to_result()).ok()?);
    let answered = body.bytes.clone();
    app.inner.bodies.keep(entry, body);
    Some(respond(answered))
}

/// Resolves the latest version of a DID of this ledger; `None` when the question is for another ledger, method or version.
pub(super) async fn resolve(
    app: &NodeApp,
    target: &Target,
) -> Option<Result<Resolved, ResolutionError>> {
    let did = match own_did(app, target)? {
        Ok(did) => did,
        Err(error) => return Some(Err(error)),
    };
    if target.options.selector != Selector::Latest {
        return None;
    }
    Some(latest(app, &did, target.options.proof).await)
}

async fn latest(app: &NodeApp, did: &ChopDid, proof: bool) -> Result<Resolved, ResolutionError> {
    let internal = |error: &dyn std::fmt::Debug| {
        tracing::error!(?error, "resolving from the store failed");
        ResolutionError::new(ErrorKind::Internal, "the registry's store failed")
    };
    let key = keys::did(&did.scid());
    let (value, proof, head) = if proof {
        let view = app.engine().proven_view(FRESH, &key).await;
        let read = view.read(&key).map_err(|error| internal(&error))?;
        (read.value, Some(read.proof), view.head())
    } else {
        let view = app.engine().view();
        (
            view.value(&key).map_err(|error| internal(&error))?,
            None,
            view.head(),
        )
    };
    let record: Option<serde_json::Value> = value
        .as_deref()
        .map(serde_json::from_slice)
        .transpose()
        .map_err(|error| internal(&error))?;
    let shown = proof.map(|proof| {
        json!({
            "type": "ChopStateProof",
            "key": key,
            "value": record,
            "height": head.height,
            "time": Timestamp::from_unix_ms(head.time_ms),
            "validators": app.engine().trust_root().validators().validators().len(),
            "proof": proof,
        })
    });
    let shown = Vec::from_iter(shown);
    let Some(value) = value else {
        // SPEC §8.3 (8): proven by absence.
        let absent = format!("this ledger has no {did}");
        return Err(ResolutionError::new(ErrorKind::NotFound, absent).proven_by(shown));
    };
    let state: DidState = serde_json::from_slice(&value).map_err(|error| internal(&error))?;
    let mut resolved = resolve_chop(&state);
    resolved.metadata.proof = shown;
    Ok(resolved)
}

/// The DID as one of this ledger; `None` for other methods and ledgers, and for items of batches.
fn own_did(app: &NodeApp, target: &Target) -> Option<Result<ChopDid, ResolutionError>> {
    if target.url.did().method() != "chop" {
        return None;
    }
    match ChopDid::parse(target.url.did().as_str()) {
        // An item of a batch takes more than its own entry: the resolver puts it together.
        Ok(did) if did.scid().version() == ScidVersion::BatchItem => None,
        Ok(did) if did.ledger() == app.engine().genesis().id().short() => Some(Ok(did)),
        Ok(_) => None,
        Err(error) => Some(Err(error.into())),
    }
}

fn respond(bytes: Bytes) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, RESOLUTION)], bytes).into_response()
}

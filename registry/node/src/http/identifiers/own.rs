//! DIDs of this node's own ledger: read from its store, their answers kept as long as the state stays the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chop_did::resolution::{ErrorKind, ResolutionError, Resolved, Selector, resolve_chop};
use chop_did::{ChopDid, DidState, ScidVersion};
use chop_http::Ready;
use chop_integrity::Timestamp;
use chop_protocol::keys;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::PREFIX;
use super::accept::Form;
use super::target::Target;
use crate::engine::{PROOF_PATIENCE, View};
use crate::http::NodeApp;

/// The media type of the cached form.
const RESOLUTION: &str = "application/did-resolution";
/// The route of what is answered here.
const ROUTE: &str = "/1.0/identifiers/{*did}";
/// What stands behind a DID where a proof is wanted.
const PROOF: &str = "?proof=true";
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
    /// By what stands behind [`PREFIX`] in a request as most write it.
    bodies: HashMap<Box<str>, Body>,
    bytes: usize,
}

struct Body {
    under: Under,
    /// SHA-256 of the entry of the state that it was made from, unless it takes more than one.
    state: Option<[u8; 32]>,
    bytes: Bytes,
}

/// What an answer was right under.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Under {
    /// Root of the ledger's state: while it stands, nothing needs to be read.
    root: [u8; 32],
    /// Hash of the header that its proof is under; zeros without proof.
    header: [u8; 32],
}

impl Under {
    fn of(view: &View, proof: bool) -> Self {
        let head = view.head();
        Self {
            root: head.app_hash,
            header: if proof { head.hash } else { [0; 32] },
        }
    }
}

impl Bodies {
    /// The answer, when the whole state is still the one under which it was right.
    fn unchanged(&self, question: &str, under: Under) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let body = kept.bodies.get(question)?;
        (body.under == under).then(|| body.bytes.clone())
    }

    /// The answer, when the DID's own state is still the one that it was made from.
    fn ready(&self, question: &str, under: Under, state: [u8; 32]) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let body = kept.bodies.get_mut(question)?;
        if body.state != Some(state) || body.under.header != under.header {
            return None;
        }
        body.under.root = under.root;
        Some(body.bytes.clone())
    }

    fn keep(&self, question: String, body: Body) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = question.len() + body.bytes.len();
        if kept.bytes + size > KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += size;
        let length = question.len();
        if let Some(old) = kept.bodies.insert(question.into(), body) {
            kept.bytes -= length + old.bytes.len();
        }
    }
}

/// What is kept, before a request is routed.
pub(in crate::http) struct KeptAnswers(pub(in crate::http) NodeApp);

impl Ready for KeptAnswers {
    fn route(&self) -> &'static str {
        ROUTE
    }

    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let question = uri.path_and_query()?.as_str().strip_prefix(PREFIX)?;
        let proof = match uri.query() {
            None => false,
            Some(_) if question.ends_with(PROOF) => true,
            Some(_) => return None,
        };
        if Form::of(headers).ok()? != Form::Resolution {
            return None;
        }
        let engine = self.0.engine();
        let view = if proof {
            engine.proven_already(FRESH)?
        } else {
            engine.view()
        };
        let under = Under::of(&view, proof);
        self.0.inner.bodies.unchanged(question, under).map(respond)
    }
}

/// The common question: the latest version of a DID of this ledger, as a resolution result.
pub(super) struct Question {
    did: ChopDid,
    proof: bool,
    view: Arc<View>,
    /// SHA-256 of the DID's entry, which alone makes the answer; none of an item of a batch.
    state: Option<[u8; 32]>,
    asked: Instant,
}

impl Question {
    /// The question, when a request asks it.
    pub(super) async fn of(app: &NodeApp, target: &Target, form: Form) -> Option<Self> {
        if form != Form::Resolution
            || target.dereferences()
            || target.options.selector != Selector::Latest
            || target.options.batch.is_some()
        {
            return None;
        }
        let did = ledgers_did(app, target)?.ok()?;
        let proof = target.options.proof;
        let key = keys::did(&did.scid());
        let view = if proof {
            app.engine().proven_view(FRESH, &key).await
        } else {
            app.engine().view()
        };
        Some(Self {
            did,
            proof,
            view,
            state: None,
            asked: Instant::now(),
        })
    }

    fn text(&self) -> String {
        format!("{}{}", self.did, if self.proof { PROOF } else { "" })
    }

    fn under(&self) -> Under {
        Under::of(&self.view, self.proof)
    }

    /// The answer, when it is kept and right.
    pub(super) fn kept(&mut self, app: &NodeApp) -> Option<Response> {
        let (text, bodies) = (self.text(), &app.inner.bodies);
        if let Some(bytes) = bodies.unchanged(&text, self.under()) {
            return Some(respond(bytes));
        }
        if self.did.scid().version() == ScidVersion::BatchItem {
            return None;
        }
        let value = self.view.value(&keys::did(&self.did.scid())).ok()??;
        let state = *self.state.insert(Sha256::digest(&value).into());
        bodies.ready(&text, self.under(), state).map(respond)
    }

    /// Whether the answer may be that of a block before: an item is read from what headers prove, which is older where the
    /// last block's header does not come in time.
    fn may_be_older(&self) -> bool {
        self.state.is_none() && self.asked.elapsed() >= PROOF_PATIENCE
    }

    /// Answers with what was found, and keeps it unless the ledger has gone on meanwhile.
    pub(super) fn keep(self, app: &NodeApp, found: &Resolved) -> Option<Response> {
        if found.status() != 200 {
            return None;
        }
        let mut bytes = serde_json::to_vec(&found.to_result()).ok()?;
        // What is kept is counted by its length.
        bytes.shrink_to_fit();
        let bytes = Bytes::from(bytes);
        if self.may_be_older() {
            return Some(respond(bytes));
        }
        let now = if self.proof {
            app.engine().proven_already(FRESH)
        } else {
            Some(app.engine().view())
        };
        let under = self.under();
        if now.is_some_and(|now| Under::of(&now, self.proof) == under) {
            let body = Body {
                under,
                state: self.state,
                bytes: bytes.clone(),
            };
            app.inner.bodies.keep(self.text(), body);
        }
        Some(respond(bytes))
    }
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

/// The DID as one that has an entry of its own; `None` for items of batches too, which the resolver puts together.
fn own_did(app: &NodeApp, target: &Target) -> Option<Result<ChopDid, ResolutionError>> {
    ledgers_did(app, target).filter(|did| {
        did.as_ref()
            .map_or(true, |did| did.scid().version() != ScidVersion::BatchItem)
    })
}

/// The DID as one of this ledger; `None` for other methods and ledgers.
fn ledgers_did(app: &NodeApp, target: &Target) -> Option<Result<ChopDid, ResolutionError>> {
    if target.url.did().method() != "chop" {
        return None;
    }
    match ChopDid::parse(target.url.did().as_str()) {
        Ok(did) if did.ledger() == app.engine().genesis().id().short() => Some(Ok(did)),
        Ok(_) => None,
        Err(error) => Some(Err(error.into())),
    }
}

fn respond(bytes: Bytes) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, RESOLUTION)], bytes).into_response()
}

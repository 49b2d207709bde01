//! Several keyed reads under one header.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use chop_http::{JsonBytes, Problem};
use chop_proof::BatchProof;
use chop_protocol::http::ProofQuery;

use super::state::{FRESH, check_key};
use super::{NodeApp, failed};

/// The largest body, in bytes: all keys at their longest.
const BODY: usize = 160 * 1024;

#[utoipa::path(post, path = "/v1/proofs", tag = "registry", summary = "Read several values of the ledger's state with proof",
    description = "One header proves them all; a key that holds nothing is stated with value null. Values are text, exactly as the tree holds them.",
    request_body(content = Object, description = "`{\"keys\": [key]}`, at most 256 keys, each once"),
    responses((status = 200, description = "signedHeader, validators and statements", body = Object), (status = 400, description = "The keys are malformed, too many or repeated")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    JsonBytes(bytes): JsonBytes<BODY>,
) -> Result<Json<BatchProof>, Problem> {
    let query: ProofQuery = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad_request(format!("no list of keys: {error}")))?;
    let count = query.keys.len();
    let distinct: BTreeSet<&String> = query.keys.iter().collect();
    if count > BatchProof::MAX_STATEMENTS || distinct.len() < count {
        return Err(Problem::bad_request(format!(
            "at most {} keys, each once, got {count}",
            BatchProof::MAX_STATEMENTS
        )));
    }
    query.keys.iter().try_for_each(|key| check_key(key))?;
    let mut view = app.engine().proven_view(FRESH, "").await;
    // Each view is as late as the one before, and shows what the last block made of its key.
    for key in &query.keys {
        view = app.engine().proven_view(FRESH, key).await;
    }
    view.batch(&query.keys)
        .map(Json)
        .map_err(|error| failed(&error))
}

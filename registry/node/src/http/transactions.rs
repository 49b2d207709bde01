//! Envelopes: submitted, executed, remembered.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chop_http::{JsonBytes, Problem};
use chop_integrity::Hash;
use chop_protocol::http::{Transaction, TransactionStatus};
use chop_protocol::{
    BuildError, EnvelopeError, ExecutionResult, Outcome, SignedEnvelope, UnsignedEnvelope,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{NodeApp, failed};
use crate::engine::SubmitError;

/// How long a client waits for its block before it is told to ask again.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest envelope, in bytes; `chop_protocol::envelope::LIMITS` says the same.
pub(super) const ENVELOPE_BYTES: usize = 128 * 1024;

#[utoipa::path(post, path = "/v1/transactions", tag = "registry", summary = "Submit a signed envelope",
    description = "The node adds the sponsor's signature when the envelope names its operator as sponsor, and signs one without proof as its operator. The same envelope sent twice gets the first answer again.",
    request_body(content = Object, description = "A signed envelope"), security(("admin" = [])),
    responses(
        (status = 201, description = "Executed and durable, with height", body = Object),
        (status = 202, description = "Not executed yet; ask at Location", body = Object),
        (status = 400, description = "No signed envelope"),
        (status = 401, description = "No admin token"),
        (status = 409, description = "Executed and refused: it contradicts the present state"),
        (status = 422, description = "Executed and refused, with the rule"),
        (status = 503, description = "Busy, or read-only")))]
pub(super) async fn submit(
    State(app): State<NodeApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes<ENVELOPE_BYTES>,
) -> Result<Response, Problem> {
    app.inner.admin.check(&headers)?;
    let envelope = match UnsignedEnvelope::try_from(bytes.as_ref()) {
        Ok(unsigned) => as_operator(&app, unsigned)?,
        Err(_) if has_proof(bytes.as_ref()) => parse(bytes.as_ref())?,
        Err(error) => return Err(malformed(&error)),
    };
    execute(&app, envelope).await
}

#[utoipa::path(get, path = "/v1/transactions/{hash}", tag = "registry", summary = "Ask what became of an envelope",
    params(("hash" = String, Path, description = "The envelope's hash")),
    responses(
        (status = 200, description = "Pending, committed or refused", body = Object),
        (status = 404, description = "Unknown here", body = Object)))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(hash): Path<String>,
) -> Result<Response, Problem> {
    let hash: Hash = hash
        .parse()
        .map_err(|error| Problem::bad_request(format!("no envelope hash: {error}")))?;
    if let Some(outcome) = app
        .engine()
        .view()
        .outcome(&hash)
        .map_err(|error| failed(&error))?
    {
        return Ok(Json(Transaction::from(&outcome)).into_response());
    }
    if app.engine().is_pending(&hash) {
        return Ok(Json(Transaction {
            hash,
            status: TransactionStatus::Pending,
        })
        .into_response());
    }
    Ok((
        StatusCode::NOT_FOUND,
        Json(Transaction {
            hash,
            status: TransactionStatus::Unknown,
        }),
    )
        .into_response())
}

/// Whether somebody signed it, so that what is wrong with it is said of a signed envelope.
fn has_proof(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Shown {
        proof: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Shown>(bytes).is_ok_and(|shown| shown.proof.is_some())
}

/// Reads a signed envelope.
pub(super) fn parse(bytes: &[u8]) -> Result<SignedEnvelope, Problem> {
    SignedEnvelope::try_from(bytes).map_err(|error| malformed(&error))
}

/// Countersigns where this node sponsors, has the envelope executed, and answers.
pub(super) async fn execute(
    app: &NodeApp,
    mut envelope: SignedEnvelope,
) -> Result<Response, Problem> {
    let operator = &app.inner.operator;
    let key = operator.signer.public_key();
    if envelope.envelope().sponsor == operator.did && !envelope.signers().contains(key) {
        envelope
            .countersign(&*operator.signer)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
    }
    hand_in(app, envelope).await
}

/// Has an envelope executed as it is, and answers.
pub(super) async fn hand_in(app: &NodeApp, envelope: SignedEnvelope) -> Result<Response, Problem> {
    let hash = envelope.hash();
    match tokio::time::timeout(PATIENCE, app.engine().submit(envelope)).await {
        Ok(Ok(outcome)) => Ok(answer(&outcome)),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => {
            let location = format!("/v1/transactions/{hash}");
            let pending = Transaction {
                hash,
                status: TransactionStatus::Pending,
            };
            Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(pending)).into_response())
        }
    }
}

/// Signs an envelope that came without proofs: what the holder of the admin token has the operator do.
fn as_operator(app: &NodeApp, mut unsigned: UnsignedEnvelope) -> Result<SignedEnvelope, Problem> {
    let malformed = |error: BuildError| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-envelope",
            "The body is no signed envelope",
        )
        .detail(error)
    };
    let operator = app.inner.operator.did;
    let envelope = unsigned.envelope();
    if envelope.actor != operator || envelope.sponsor != operator {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-envelope",
            "The body is no signed envelope",
        )
        .detail("without proofs, actor and sponsor must both be this node's operator"));
    }
    unsigned
        .sign(&*app.inner.operator.signer)
        .map_err(malformed)?;
    unsigned.finish().map_err(malformed)
}

fn answer(outcome: &Outcome) -> Response {
    match &outcome.result {
        ExecutionResult::Committed => {
            let location = format!("/v1/transactions/{}", outcome.hash);
            (
                StatusCode::CREATED,
                [(LOCATION, location)],
                Json(Transaction::from(outcome)),
            )
                .into_response()
        }
        ExecutionResult::Refused { rule, detail, .. } => Problem::new(
            status_of(rule),
            "refused",
            "The ledger refused the envelope",
        )
        .detail(detail)
        .with("rule", rule.as_str())
        .with("hash", outcome.hash.to_string())
        .with("height", outcome.height)
        .into_response(),
    }
}

/// 409 where the same envelope could have been right at another moment, 422 where it could not; 503 where it may be soon.
fn status_of(rule: &str) -> StatusCode {
    match rule {
        "did.exists"
        | "did.stale"
        | "did.deactivated"
        | "anchor.exists"
        | "anchor.standing"
        | "anchor.revoked"
        | "batch.exists"
        | "code.standing"
        | "item.exists"
        | "claim.exists"
        | "accreditation.standing"
        | "accreditation.revoked"
        | "envelope.replayed"
        | "binding.exists"
        | "binding.ended"
        | "proposal.decided"
        | "proposal.expired"
        | "proposal.voted"
        | "proposal.too-many"
        | "member.standing"
        | "member.too-few"
        | "validators.unchanged"
        | "validators.quorum"
        | "validators.overlap"
        | "parameter.unchanged"
        | "did.recovery-pending" => StatusCode::CONFLICT,
        "block.full" | "quota.block" | "quota.day" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn malformed(error: &EnvelopeError) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed-envelope",
        "The body is no signed envelope",
    )
    .detail(error)
    .with("rule", error.rule())
}

fn refused(error: &SubmitError) -> Problem {
    match error {
        SubmitError::OtherLedger { .. } => {
            Problem::unprocessable("other-ledger", "The envelope is for another ledger", error)
        }
        SubmitError::NotAdmitted { rule, detail } => Problem::new(
            status_of(rule),
            "refused",
            "The ledger does not admit the envelope",
        )
        .detail(detail)
        .with("rule", rule.as_str()),
        SubmitError::Expired => {
            Problem::unprocessable("expired", "No block took the envelope in time", error)
        }
        SubmitError::ReadOnly => {
            Problem::unavailable("the ledger is read-only: its disk refused a write")
        }
        SubmitError::Busy { .. } | SubmitError::Stopped | SubmitError::Promoted => {
            Problem::unavailable(error)
        }
    }
}

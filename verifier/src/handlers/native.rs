//! `POST /v1/verifications`: the whole verdict, accepted or not.

use axum::extract::State;
use chop_http::{JsonAnswer, JsonBytes, Problem};

use crate::VerifierApp;
use crate::judgement::{Judgement, judge_request};
use crate::request::VerificationRequest;

#[utoipa::path(post, path = "/v1/verifications", tag = "verifier", summary = "Verify a credential or a presentation",
    description = "Answers 200 with every check, its outcome and its evidence, whether the credential is accepted or not.",
    request_body = VerificationRequest,
    responses(
        (status = 200, description = "The verdict: outcome, marks, checks; for a presentation also those of its credentials"),
        (status = 400, description = "The request cannot be read"),
        (status = 413, description = "The request is too large"),
        (status = 415, description = "The request is not JSON")))]
pub(crate) async fn verify(
    State(app): State<VerifierApp>,
    JsonBytes(bytes): JsonBytes,
) -> Result<JsonAnswer<Judgement>, Problem> {
    let request = VerificationRequest::parse(&bytes, app.now())?;
    Ok(JsonAnswer(judge_request(&app, request).await))
}

//! `POST /v1/verifications`, of one or many: the whole verdict, accepted or not.

use axum::extract::State;
use chop_http::{JsonAnswer, JsonBytes, Problem, ToJson};
use utoipa::ToSchema;

use crate::VerifierApp;
use crate::judgement::{Judgement, judge_batch, judge_request};
use crate::request::{BatchRequest, VerificationRequest};

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
    let (subject, terms) = VerificationRequest::parse(&bytes, app.now())?;
    Ok(JsonAnswer(judge_request(&app, subject, terms).await))
}

/// The answer to a batch.
#[derive(Debug, ToSchema)]
pub(crate) struct BatchAnswer {
    /// The verdicts, in the order of the credentials.
    #[schema(value_type = Vec<Object>)]
    results: Vec<Judgement>,
}

impl ToJson for BatchAnswer {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(b"{\"results\":[");
        for (place, judgement) in self.results.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            judgement.write(out)?;
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }
}

#[utoipa::path(post, path = "/v1/verifications/batch", tag = "verifier", summary = "Verify many credentials",
    description = "Judges each credential for itself, as `POST /v1/verifications` does, and answers in their order. What several of them need, such as \
                   a key, a status list or an accreditation, is looked for once; a batch may make the service look for 128 different things, anchors not counted.",
    request_body = BatchRequest,
    responses(
        (status = 200, description = "A verdict for each credential", body = BatchAnswer),
        (status = 400, description = "The request cannot be read, or there are none or too many credentials"),
        (status = 413, description = "The request is too large"),
        (status = 415, description = "The request is not JSON")))]
pub(crate) async fn verify_batch(
    State(app): State<VerifierApp>,
    JsonBytes(bytes): JsonBytes,
) -> Result<JsonAnswer<BatchAnswer>, Problem> {
    let (credentials, terms) = BatchRequest::parse(&bytes, app.now())?;
    let results = judge_batch(&app, credentials, terms).await;
    Ok(JsonAnswer(BatchAnswer { results }))
}

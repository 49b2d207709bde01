//! Deriving what a holder shows (VC-API): nothing is kept, and nobody is asked who they are.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use chop_credential::selective::{Binding, Reveal, SelectiveError, derive};
use chop_credential::{ProblemType, named_contexts};
use chop_http::{JsonBytes, Problem};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::VerifierApp;
use crate::gather::{Registered, contexts};
use crate::request::read;
use crate::session::Session;

/// The body of `POST /credentials/derive`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeriveBody {
    /// A credential with one base proof of `ecdsa-sd-2023` or `bbs-2023`.
    #[schema(value_type = Object)]
    verifiable_credential: Map<String, Value>,
    /// What to show of it.
    options: Option<DeriveOptions>,
}

/// What to show; members that are not known here are passed over.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeriveOptions {
    /// JSON Pointers to what is shown beside what the issuer made mandatory.
    #[serde(default)]
    selective_pointers: Vec<String>,
    /// `bbs-2023`: what the proof covers beside, in base64url after a `u`.
    presentation_header: Option<String>,
    /// `bbs-2023` bound to a holder: the secret, in base64url after a `u`.
    holder_secret: Option<String>,
    /// `bbs-2023` bound to a holder: the blinding factor of the commitment, likewise.
    prover_blind: Option<String>,
}

#[utoipa::path(post, path = "/credentials/derive", tag = "verifier", summary = "Derive a credential that shows some of its claims (VC-API)",
    description = "Also under /issuers/{instance} and /holders/{instance}, where the instance makes no difference.",
    request_body = DeriveBody,
    responses((status = 201, description = "Derived: `verifiableCredential`"), (status = 400, description = "Nothing can be derived as asked")))]
pub(crate) async fn derive_credential(
    State(app): State<VerifierApp>,
    JsonBytes(bytes): JsonBytes,
) -> Result<impl IntoResponse, Problem> {
    let body: DeriveBody = read(&bytes)?;
    let options = body.options.unwrap_or_default();
    let header = options
        .presentation_header
        .as_deref()
        .map(|text| decoded("presentationHeader", text))
        .transpose()?;
    let binding = options.binding()?;
    let reveal = Reveal {
        pointers: &options.selective_pointers,
        presentation_header: header.as_ref().map_or(&[], |bytes| bytes.as_slice()),
        binding: binding.as_ref(),
    };
    let session = Session::new(app.clone(), app.now());
    let named = Registered::contexts(named_contexts(&body.verifiable_credential));
    let contexts = contexts(&session, &named).await;
    let derived =
        derive(&body.verifiable_credential, &contexts, &reveal).map_err(|error| problem(&error))?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(json!({ "verifiableCredential": derived })),
    ))
}

impl DeriveOptions {
    fn binding(&self) -> Result<Option<Binding>, Problem> {
        match (&self.holder_secret, &self.prover_blind) {
            (None, None) => Ok(None),
            (Some(secret), Some(blind)) => {
                let blind = decoded("proverBlind", blind)?;
                let blind = <[u8; 32]>::try_from(blind.as_slice())
                    .map_err(|_| Problem::bad_request("proverBlind has not 32 bytes"))?;
                Ok(Some(Binding {
                    secret: decoded("holderSecret", secret)?,
                    blind: Zeroizing::new(blind),
                }))
            }
            _ => Err(Problem::bad_request(
                "holderSecret and proverBlind come together or not at all",
            )),
        }
    }
}

fn decoded(member: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    text.strip_prefix('u')
        .and_then(|encoded| BASE64URL_NOPAD.decode(encoded.as_bytes()).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| Problem::bad_request(format!("{member} is no base64url multibase text")))
}

fn problem(error: &SelectiveError) -> Problem {
    Problem::of_kind(
        StatusCode::BAD_REQUEST,
        ProblemType::MalformedValue.uri(),
        "Nothing can be derived",
    )
    .detail(error.to_string())
    .with("rule", error.rule())
}

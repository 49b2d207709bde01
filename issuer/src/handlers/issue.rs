//! Issuing: the VC-API contract and the native call.

use super::body;
use crate::app::IssuerApp;
use crate::disclosing::Disclosing;
use crate::error::IssueError;
use crate::issue::{self, Order, Repeat};
use crate::secure::{Secured, Selective};
use crate::status::StatusRequest;
use crate::suite::Form;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use chop_http::{JsonBytes, Problem};
use chop_integrity::{Hash, Timestamp};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A credential to issue.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body in OpenAPI; the body is read member by member"
)]
pub(super) struct IssueBody {
    /// The credential without proof, VCDM 2.0; for an instance of the suite `sd-jwt-vc` plain claims with `vct`.
    #[schema(value_type = Object)]
    credential: Value,
    /// Of an SD-JWT, `disclosable`: JSON pointers to the claims that its holder may disclose; `decoys`: how many digests of nothing; `holder`: the public JWK that presents it.
    /// `created`: the time that the proof states. `mandatoryPointers`: what the holder of a credential of a selective suite cannot withhold. `commitmentWithProof`: `bbs-2023`, a holder's commitment to a secret. `credentialStatus`: one or several `{statusPurpose, statusSize?, statusMessage?, statusReference?}` to assign, or `{type: TokenStatusList, statusSize?}` for a token's `status` claim.
    #[schema(value_type = Option<Object>)]
    options: Option<Value>,
}

/// An issued credential.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Issued {
    /// The secured credential; one that is a JWT comes as an `EnvelopedVerifiableCredential`.
    #[schema(value_type = Object)]
    verifiable_credential: Value,
    /// The digest under which the credential can be anchored; answers of the native call have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

#[utoipa::path(post, path = "/issuers/{instance}/credentials/issue", tag = "issuer", summary = "Issue a credential (VC-API)",
    params(("instance" = String, Path, description = "The instance's name")), request_body = IssueBody, security(("admin" = [])),
    responses((status = 201, description = "Issued", body = Issued), (status = 400, description = "The credential is refused")))]
pub(super) async fn vc_api(
    State(app): State<IssuerApp>,
    Path(instance): Path<String>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<impl IntoResponse, Problem> {
    app.config().admin.check(&headers)?;
    run(&app, &instance, &headers, &bytes, Call::VcApi).await
}

#[utoipa::path(post, path = "/issuers/{curve}/{suite}/credentials/issue", tag = "issuer", summary = "Issue with a conformance instance of a curve (VC-API)",
    params(("curve" = String, Path, description = "p256 or p384"), ("suite" = String, Path, description = "The suite")),
    request_body = IssueBody, security(("admin" = [])),
    responses((status = 201, description = "Issued", body = Issued), (status = 400, description = "The credential is refused")))]
pub(super) async fn vc_api_of_curve(
    State(app): State<IssuerApp>,
    Path((curve, suite)): Path<(String, String)>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<impl IntoResponse, Problem> {
    app.config().admin.check(&headers)?;
    run(
        &app,
        &format!("{curve}/{suite}"),
        &headers,
        &bytes,
        Call::VcApi,
    )
    .await
}

#[utoipa::path(post, path = "/v1/issuers/{instance}/credentials", tag = "issuer", summary = "Issue a credential, filling in what is left out",
    description = "Context, type, id, issuer and validFrom may be left out. A repeated Idempotency-Key gets the first answer again.",
    params(("instance" = String, Path, description = "The instance's name"), ("Idempotency-Key" = Option<String>, Header, description = "Names the request for repetitions")),
    request_body = IssueBody, security(("admin" = [])),
    responses(
        (status = 201, description = "Issued and recorded", body = Issued),
        (status = 400, description = "The credential is refused"),
        (status = 422, description = "The Idempotency-Key came with another request")))]
pub(super) async fn native(
    State(app): State<IssuerApp>,
    Path(instance): Path<String>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<impl IntoResponse, Problem> {
    app.config().admin.check(&headers)?;
    run(&app, &instance, &headers, &bytes, Call::Native).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    VcApi,
    Native,
}

async fn run(
    app: &IssuerApp,
    name: &str,
    headers: &HeaderMap,
    bytes: &[u8],
    call: Call,
) -> Result<impl IntoResponse + use<>, Problem> {
    let instance = app.instance(name).await?;
    let mut members = body::object(bytes)?;
    let Some(Value::Object(mut credential)) = members.remove("credential") else {
        return Err(IssueError::Member {
            member: "credential",
            expected: "an object",
        }
        .into());
    };
    let options = options(&members)?;
    let option = |name: &str| options.and_then(|options| options.get(name));
    let statuses =
        StatusRequest::parse_all(option("credentialStatus")).map_err(IssueError::from)?;
    let created = option("created").map(time).transpose()?;
    let disclosing = Disclosing::parse(options)?;
    if instance.suite.mechanism().form == Form::SdJwtVc {
        issue::complete_claims(&mut credential, Some(&instance.did));
    } else if call == Call::Native {
        issue::complete(&mut credential, &instance.did);
    }
    // The tag keeps one key apart on the two routes, whose answers differ.
    let tag = if call == Call::Native {
        "chop/issuer/native/v1"
    } else {
        "chop/issuer/vc-api/v1"
    };
    let request = Hash::of(tag, bytes);
    let repeat = idempotency_key(headers)?.map(|key| Repeat {
        key,
        request: request.as_bytes(),
    });
    let answer = if call == Call::Native {
        native_answer
    } else {
        vc_api_answer
    };
    let body = issue::issue(
        app,
        Order {
            instance: &instance,
            credential,
            statuses,
            selective: Selective {
                mandatory_pointers: pointers(option("mandatoryPointers"))?,
                commitment: option("commitmentWithProof").map(commitment).transpose()?,
            },
            disclosing,
            created,
            repeat,
        },
        answer,
    )
    .await?;
    Ok((
        StatusCode::CREATED,
        [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ],
        body,
    ))
}

fn options(members: &Map<String, Value>) -> Result<Option<&Map<String, Value>>, IssueError> {
    match members.get("options") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(options)) => Ok(Some(options)),
        Some(_) => Err(IssueError::Member {
            member: "options",
            expected: "an object",
        }),
    }
}

/// JSON Pointers to what a holder cannot withhold.
fn pointers(value: Option<&Value>) -> Result<Vec<String>, IssueError> {
    let refused = || IssueError::Member {
        member: "options.mandatoryPointers",
        expected: "an array of JSON Pointers",
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(refused))
            .collect(),
        Some(_) => Err(refused()),
    }
}

/// A holder's commitment to a secret, in base64url after a `u`.
fn commitment(value: &Value) -> Result<Vec<u8>, IssueError> {
    let encoded = value.as_str().and_then(|text| text.strip_prefix('u'));
    let bytes = encoded.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    bytes.ok_or(IssueError::Member {
        member: "options.commitmentWithProof",
        expected: "base64url multibase text",
    })
}

/// A time that the client states for the proof; who relies on a credential believes an anchor, not this.
fn time(value: &Value) -> Result<Timestamp, IssueError> {
    let time = value
        .as_str()
        .and_then(|text| Timestamp::parse_xml(text).ok());
    time.ok_or(IssueError::Member {
        member: "options.created",
        expected: "a time",
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, IssueError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key)),
        _ => Err(IssueError::IdempotencyKey),
    }
}

fn vc_api_answer(secured: &Secured, _digest: &Hash) -> Value {
    json!(Issued {
        verifiable_credential: secured.verifiable_credential(),
        digest: None
    })
}

fn native_answer(secured: &Secured, digest: &Hash) -> Value {
    json!(Issued {
        verifiable_credential: secured.verifiable_credential(),
        digest: Some(digest.to_string())
    })
}

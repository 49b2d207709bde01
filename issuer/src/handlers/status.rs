//! Setting the status of issued credentials.

use super::body;
use crate::app::IssuerApp;
use crate::error::IssueError;
use crate::store::{Change, Choice, NewValue, Position};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use chop_http::{JsonBytes, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;
use utoipa::ToSchema;

/// Which status to set, and to what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusBody {
    /// The `id` of the issued credential; every credential issued under it is meant.
    credential_id: Option<String>,
    /// The purpose; with list and index, exactly that entry.
    credential_status: Entry,
    /// `true`, `false`, or the value of a wider status; `true` when absent.
    #[schema(value_type = Option<Object>)]
    status: Option<Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "the members are named by Bitstring Status List §2.1"
)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// `revocation`, `suspension`, `message` or `refresh`; `revocation`, `suspension` or `status` for a Token Status List.
    status_purpose: Option<String>,
    /// The list's URL, for a Token Status List its URI.
    status_list_credential: Option<String>,
    /// The index, a decimal string.
    status_list_index: Option<String>,
}

/// What was set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Updated {
    /// The value that stands now.
    status: u8,
    /// Where it stands.
    entries: Vec<UpdatedEntry>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdatedEntry {
    status_list_credential: String,
    status_list_index: String,
}

#[utoipa::path(post, path = "/v1/issuers/{instance}/status", tag = "issuer", summary = "Set the status of a credential",
    params(("instance" = String, Path, description = "The instance's name")), request_body = StatusBody, security(("admin" = [])),
    responses(
        (status = 200, description = "Set and stored; the list shows it at once", body = Updated),
        (status = 404, description = "The instance assigned no such status"),
        (status = 409, description = "A revocation cannot be taken back")))]
pub(super) async fn native(
    State(app): State<IssuerApp>,
    Path(instance): Path<String>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Updated>, Problem> {
    app.config().admin.check(&headers)?;
    let instance = app.instance(&instance).await?;
    Ok(Json(run(&app, Some(&instance.name), &bytes).await?))
}

#[utoipa::path(post, path = "/credentials/status", tag = "issuer", summary = "Set the status of a credential of any instance (VC-API)",
    request_body = StatusBody, security(("admin" = [])),
    responses((status = 200, description = "Set and stored", body = Updated), (status = 404, description = "No such status")))]
pub(super) async fn vc_api(
    State(app): State<IssuerApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Updated>, Problem> {
    app.config().admin.check(&headers)?;
    Ok(Json(run(&app, None, &bytes).await?))
}

async fn run(app: &IssuerApp, instance: Option<&str>, bytes: &[u8]) -> Result<Updated, IssueError> {
    let StatusBody {
        credential_id,
        credential_status,
        status,
    } = body::shape(bytes)?;
    let value = value(status.as_ref())?;
    let new = NewValue {
        purpose: credential_status.status_purpose.clone(),
        value,
    };
    let choice = choice(app, credential_id, credential_status)?;
    match app.store().set_status(instance, &choice, &new).await? {
        Change::Set(positions) => {
            info!(entries = positions.len(), value, "set a status");
            let entries = positions
                .iter()
                .map(|position| shown(app, position))
                .collect();
            Ok(Updated {
                status: value,
                entries,
            })
        }
        Change::Unknown => Err(IssueError::UnknownStatus),
        Change::Irreversible => Err(IssueError::Irreversible),
        Change::TooWide { bits } => Err(IssueError::TooWide { value, bits }),
    }
}

fn choice(
    app: &IssuerApp,
    credential_id: Option<String>,
    entry: Entry,
) -> Result<Choice, IssueError> {
    match (
        entry.status_list_credential,
        entry.status_list_index,
        credential_id,
    ) {
        (Some(url), Some(index), _) => {
            let list = url
                .strip_prefix(&app.list_url(""))
                .ok_or(IssueError::UnknownStatus)?
                .to_owned();
            let index = index.parse().map_err(|_| IssueError::Member {
                member: "statusListIndex",
                expected: "a decimal string",
            })?;
            Ok(Choice::Position(Position { list, index }))
        }
        (None, None, Some(id)) => {
            if entry.status_purpose.is_none() {
                return Err(IssueError::Member {
                    member: "statusPurpose",
                    expected: "a string",
                });
            }
            Ok(Choice::Credential { id })
        }
        _ => Err(IssueError::Member {
            member: "credentialId",
            expected: "there, or statusListCredential and statusListIndex are",
        }),
    }
}

fn value(status: Option<&Value>) -> Result<u8, IssueError> {
    let number = match status {
        None | Some(Value::Bool(true)) => Some(1),
        Some(Value::Bool(false)) => Some(0),
        Some(Value::String(digits)) => digits.parse().ok(),
        Some(number) => number.as_u64().and_then(|number| u8::try_from(number).ok()),
    };
    number.ok_or(IssueError::Member {
        member: "status",
        expected: "a boolean or a number of at most 255",
    })
}

fn shown(app: &IssuerApp, position: &Position) -> UpdatedEntry {
    UpdatedEntry {
        status_list_credential: app.list_url(&position.list),
        status_list_index: position.index.to_string(),
    }
}

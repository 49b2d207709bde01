//! Why the service refuses, and the problem document that says so.

use crate::instance::NameError;
use crate::secure::SecureError;
use crate::status::StatusError;
use crate::store::StoreError;
use crate::suite::SuiteError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chop_client::ReadError;
use chop_credential::schema::SchemaError;
use chop_credential::securing::x5c::X5cError;
use chop_http::Problem;
use chop_integrity::json::JsonError;
use chop_keystore::KeystoreError;
use thiserror::Error;
use tracing::warn;

const MALFORMED: &str = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR";
const RETRIEVAL: &str = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR";
const PARSING: &str = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR";

/// A request that the service refuses or cannot answer.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The body is not the JSON that it must be.
    #[error("the body cannot be read: {0}")]
    Json(#[from] JsonError),
    /// A member is missing or of the wrong type.
    #[error("{member} is missing or is not {expected}")]
    Member {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The body is not of the shape that the call takes.
    #[error("the body cannot be read: {reason}")]
    Shape {
        /// What is wrong.
        reason: String,
    },
    /// No such instance.
    #[error("there is no issuing instance `{name}`")]
    UnknownInstance {
        /// The name in the path.
        name: String,
    },
    /// The name of a new instance is taken.
    #[error("an issuing instance `{name}` already exists")]
    InstanceExists {
        /// The name asked for.
        name: String,
    },
    /// The name of a new instance is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The suite or key type of a new instance is unknown or does not fit.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The DID to bind does not list the instance's key.
    #[error("the instance cannot sign for {did}: {reason}")]
    Binding {
        /// The DID asked for.
        did: String,
        /// What is missing.
        reason: String,
    },
    /// The certificates cannot be those of the instance.
    #[error(transparent)]
    Certificates(#[from] X5cError),
    /// The suite names its key by the verification method alone.
    #[error("{mechanism} brings no certificates along")]
    NoCertificates {
        /// How the instance secures credentials.
        mechanism: &'static str,
    },
    /// The credential names another issuer.
    #[error("the credential's issuer is {found}, but this instance signs for {expected}")]
    OtherIssuer {
        /// The issuer in the credential.
        found: String,
        /// The instance's DID.
        expected: String,
    },
    /// The credential cannot be secured.
    #[error(transparent)]
    Secure(#[from] SecureError),
    /// No ledger holds the schema that the credential names.
    #[error("no ledger that is known here holds the schema {id}")]
    UnknownSchema {
        /// Its URL.
        id: String,
    },
    /// The credential does not fit a schema of the ledger that it names.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The ledger that holds contexts and schemas gave no proven answer.
    #[error("the ledger gave no proven answer")]
    Ledger(#[from] ReadError),
    /// The status asked for cannot be assigned.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The instance's key signs no status lists.
    #[error("this instance's key signs selective disclosures only, and no status lists")]
    NoLists,
    /// No such status.
    #[error("this instance assigned no such status")]
    UnknownStatus,
    /// A revocation cannot be taken back.
    #[error(
        "a revocation or a notice to refresh cannot be taken back; use the purpose `suspension` for what may end"
    )]
    Irreversible,
    /// The status value does not fit its list.
    #[error("status value {value} does not fit into {bits} bits")]
    TooWide {
        /// The value asked for.
        value: u8,
        /// Bits per entry.
        bits: u8,
    },
    /// No such list.
    #[error("there is no such status list")]
    UnknownList,
    /// A list as it was is not kept.
    #[error("status lists are served as they are now; how they were is not kept")]
    Past,
    /// The idempotency key is none.
    #[error("an Idempotency-Key has 1 to 255 visible ASCII characters")]
    IdempotencyKey,
    /// The idempotency key came with another request before.
    #[error("this Idempotency-Key came with another request before")]
    IdempotencyReuse,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keystore failed.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let detail = error.to_string();
        let malformed = |title: &'static str| {
            Problem::of_kind(StatusCode::BAD_REQUEST, MALFORMED, title).detail(&detail)
        };
        let conflict = |slug: &str, title: &'static str| {
            Problem::new(StatusCode::CONFLICT, slug, title).detail(&detail)
        };
        match &error {
            IssueError::Json(_) => {
                Problem::of_kind(StatusCode::BAD_REQUEST, PARSING, "The body cannot be read")
                    .detail(&detail)
            }
            IssueError::Member { .. }
            | IssueError::Shape { .. }
            | IssueError::Name(_)
            | IssueError::Suite(_)
            | IssueError::IdempotencyKey
            | IssueError::NoLists
            | IssueError::TooWide { .. } => Problem::bad_request(&detail),
            IssueError::Ledger(failed) => {
                warn!(
                    error = failed as &dyn std::error::Error,
                    "the ledger gave no proven answer"
                );
                Problem::unavailable(&detail)
            }
            IssueError::Schema(refused) => {
                malformed("The credential cannot be issued").with("rule", refused.rule())
            }
            IssueError::OtherIssuer { .. }
            | IssueError::Status(_)
            | IssueError::UnknownSchema { .. } => malformed("The credential cannot be issued"),
            IssueError::Secure(refused) if refused.is_ours() => Problem::internal(&error),
            IssueError::Secure(refused) => refused.rule().into_iter().fold(
                malformed("The credential cannot be issued"),
                |problem, rule| problem.with("rule", rule),
            ),
            IssueError::UnknownInstance { .. }
            | IssueError::UnknownStatus
            | IssueError::UnknownList => Problem::not_found(&detail),
            IssueError::Past => Problem::of_kind(
                StatusCode::NOT_IMPLEMENTED,
                RETRIEVAL,
                "The list as it was cannot be had",
            )
            .detail(&detail),
            IssueError::InstanceExists { .. } => conflict("instance-exists", "The name is taken"),
            IssueError::Irreversible => conflict("irreversible", "A revocation is final"),
            IssueError::IdempotencyReuse => {
                Problem::unprocessable("idempotency-key-reused", "The key was used before", &detail)
            }
            IssueError::Binding { .. } => {
                Problem::unprocessable("binding-refused", "The DID does not list this key", &detail)
            }
            IssueError::Certificates(_) | IssueError::NoCertificates { .. } => {
                Problem::unprocessable(
                    "certificates-refused",
                    "The certificates do not fit the instance",
                    &detail,
                )
            }
            IssueError::Store(failed) if failed.is_full() => {
                Problem::unavailable("the service cannot store anything at the moment")
            }
            IssueError::Store(_) | IssueError::Keystore(_) => Problem::internal(&error),
        }
    }
}

impl IntoResponse for IssueError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

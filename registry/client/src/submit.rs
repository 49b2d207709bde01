//! Writes: one envelope goes in, one answer comes out.

use std::time::Duration;

use chop_integrity::Hash;
use chop_protocol::SignedEnvelope;
use chop_protocol::http::{Transaction, TransactionStatus};
use tokio::time::{Instant, sleep};

use crate::service::{Answer, Service, ServiceError};

const POLL: Duration = Duration::from_millis(500);

/// What became of a submitted envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Submission {
    /// 201: executed and durable.
    Committed {
        /// The envelope's hash.
        hash: Hash,
        /// Height of the block.
        height: u64,
    },
    /// 202: in order, not executed yet; ask again.
    Pending {
        /// The envelope's hash.
        hash: Hash,
    },
    /// 409 or 422: refused by a rule.
    Refused {
        /// The envelope's hash.
        hash: Hash,
        /// The stable code of the rule.
        rule: String,
        /// The refusal in words.
        detail: String,
    },
    /// Not executed, and too late for it.
    Expired {
        /// The envelope's hash.
        hash: Hash,
    },
    /// The node does not know it.
    Unknown {
        /// The envelope's hash.
        hash: Hash,
    },
}

/// Says why an envelope's fate is not known. It may have been executed: submit the same bytes again to learn it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The node was not reached, refused the request itself, or answered with something else.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The answer is not the one agreed.
    #[error("the node's answer with status {status} is not one to a transaction")]
    Malformed {
        /// The HTTP status.
        status: u16,
    },
}

/// Submits an envelope and returns the node's first answer.
///
/// # Errors
/// [`SubmitError`], when the fate of the envelope is not known.
pub async fn submit(
    service: &Service,
    envelope: &SignedEnvelope,
    token: Option<&str>,
) -> Result<Submission, SubmitError> {
    let url = service.url(&["v1", "transactions"]);
    let answer = service.post(url, envelope.bytes().to_vec(), token).await?;
    read(envelope.hash(), answer)
}

/// Submits an envelope and, while it is pending, asks on until `patience` is over.
///
/// # Errors
/// [`SubmitError`], when the fate of the envelope is not known.
pub async fn submit_and_wait(
    service: &Service,
    envelope: &SignedEnvelope,
    token: Option<&str>,
    patience: Duration,
) -> Result<Submission, SubmitError> {
    let deadline = Instant::now() + patience;
    let mut submission = submit(service, envelope, token).await?;
    while matches!(submission, Submission::Pending { .. }) && Instant::now() < deadline {
        sleep(POLL).await;
        submission = ask(service, envelope.hash()).await?;
    }
    Ok(submission)
}

/// Asks what became of an envelope.
///
/// # Errors
/// [`SubmitError`], when the fate of the envelope is not known.
pub async fn ask(service: &Service, hash: Hash) -> Result<Submission, SubmitError> {
    let answer = service
        .get(service.url(&["v1", "transactions", &hash.to_string()]))
        .await?;
    read(hash, answer)
}

fn read(hash: Hash, answer: Answer) -> Result<Submission, SubmitError> {
    let status = answer.status;
    // 409 and 422 are problem documents whose member `rule` says that the state machine spoke.
    if let (409 | 422, Some(rule)) = (status, answer.text("rule")) {
        let detail = answer.text("detail").unwrap_or_default().to_owned();
        return Ok(Submission::Refused {
            hash,
            rule: rule.to_owned(),
            detail,
        });
    }
    let body = if status == 404 {
        answer.body
    } else {
        answer.success()?
    };
    let transaction: Transaction =
        serde_json::from_value(body).map_err(|_| SubmitError::Malformed { status })?;
    if transaction.hash != hash {
        return Err(SubmitError::Malformed { status });
    }
    Ok(match transaction.status {
        TransactionStatus::Committed { height } => Submission::Committed { hash, height },
        TransactionStatus::Refused { rule, detail, .. } => {
            Submission::Refused { hash, rule, detail }
        }
        TransactionStatus::Pending => Submission::Pending { hash },
        TransactionStatus::Expired => Submission::Expired { hash },
        _ => Submission::Unknown { hash },
    })
}

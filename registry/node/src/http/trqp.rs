//! The Trust Registry Query Protocol, version 2.0, over HTTPS: who may do what, by whose word, and when.
//!
//! An authority is the DID that granted an accreditation somewhere in a chain; an entity is the DID that holds its end. Each
//! answer carries what proves it, beyond what the protocol asks for: the proven list of accreditations and every link of
//! every chain that was looked at, for a client to check against its own trust root.

mod query;

use axum::Json;
use axum::extract::State;
use chop_client::ledger::{self, AccreditationChain, MAX_ACCREDITATIONS};
use chop_client::{Proven, ReadError};
use chop_http::{JsonBytes, Problem, clock};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::http::ProvenValue;
use chop_protocol::{Accreditation, Standing};
use serde::Serialize;
use serde_json::{Map, Value};

use super::NodeApp;
use query::{Question, Received};

/// The largest query, in bytes.
const QUERY_BYTES: usize = 16 * 1024;

/// The answer to a query, in the words of the protocol.
#[derive(Debug, Serialize)]
pub(super) struct Reply {
    entity_id: String,
    authority_id: String,
    action: String,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recognized: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_requested: Option<Timestamp>,
    time_evaluated: Timestamp,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Map<String, Value>>,
    /// The statements of the ledger that the answer rests on, each with its proof.
    evidence: Vec<ProvenValue>,
}

#[utoipa::path(post, path = "/authorization", tag = "trust registry", summary = "Ask whether an authority authorises an entity",
    description = "Trust Registry Query Protocol 2.0. Actions: `issue` (credentials of the type that `resource` names) and `accredit` (others to do so). \
        `context.time` asks about another time, `context.jurisdiction` about a place. `evidence` proves the answer.",
    request_body(content = Object, description = "entity_id, authority_id, action, resource, context"),
    responses(
        (status = 200, description = "authorized is true or false", body = Object),
        (status = 400, description = "A member is missing or malformed"),
        (status = 404, description = "An identifier that this registry does not answer for"),
        (status = 415, description = "The query is not JSON")))]
pub(super) async fn authorization(
    State(app): State<NodeApp>,
    JsonBytes(bytes): JsonBytes<QUERY_BYTES>,
) -> Result<Json<Reply>, Problem> {
    let received = Received::parse(&bytes)?;
    let question = received.authorization(now())?;
    let found = look(&app, &question).await?;
    let mut reply = received.reply(&question, found.message(&question));
    reply.authorized = Some(found.is_granted());
    reply.evidence = found.evidence;
    Ok(Json(reply))
}

#[utoipa::path(post, path = "/recognition", tag = "trust registry", summary = "Ask whether an authority recognises another",
    description = "Trust Registry Query Protocol 2.0. An authority recognises another for `issue` on a credential type when the other may accredit issuers of \
        it by the first one's word; the action is `issue`, `accredit`, `recognize` or `govern`. `evidence` proves the answer.",
    request_body(content = Object, description = "entity_id, authority_id, action, resource, context"),
    responses(
        (status = 200, description = "recognized is true or false", body = Object),
        (status = 400, description = "A member is missing or malformed"),
        (status = 404, description = "An identifier that this registry does not answer for"),
        (status = 415, description = "The query is not JSON")))]
pub(super) async fn recognition(
    State(app): State<NodeApp>,
    JsonBytes(bytes): JsonBytes<QUERY_BYTES>,
) -> Result<Json<Reply>, Problem> {
    let received = Received::parse(&bytes)?;
    let question = received.recognition(now())?;
    let found = look(&app, &question).await?;
    let mut reply = received.reply(&question, found.message(&question));
    reply.recognized = Some(found.is_granted());
    reply.evidence = found.evidence;
    Ok(Json(reply))
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(clock::now_ms())
}

/// What the ledger says to a question.
struct Found {
    /// The accreditation that grants it, or how near the nearest one comes.
    verdict: Result<Hash, Shortfall>,
    evidence: Vec<ProvenValue>,
}

/// Why nothing grants it. Of several reasons the last in this order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shortfall {
    /// There is no accreditation for the type.
    None,
    /// There are more than are looked at.
    TooMany,
    /// Those that there are rest on another authority's word.
    OtherAuthority,
    /// They reach less far, or may not be passed on.
    Scope,
    /// The nearest one did not count then.
    Lapsed(Lapse),
}

/// The standing of the nearest accreditation, ordered by how near it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lapse {
    Broken,
    Voided,
    Revoked,
    Expired,
    NotYet,
    Suspended,
}

impl Found {
    fn is_granted(&self) -> bool {
        self.verdict.is_ok()
    }

    fn message(&self, question: &Question) -> String {
        let Question {
            entity,
            authority,
            resource,
            at,
            ..
        } = question;
        match &self.verdict {
            Ok(id) => format!(
                "accreditation {id} of {entity} for {resource}, by the word of {authority}, counts at {at}"
            ),
            Err(shortfall) => match shortfall {
                Shortfall::None => format!("{entity} has no accreditation for {resource}"),
                Shortfall::TooMany => format!(
                    "{entity} has more accreditations for {resource} than the newest {MAX_ACCREDITATIONS}, which do not answer this"
                ),
                Shortfall::OtherAuthority => format!(
                    "no accreditation of {entity} for {resource} rests on the word of {authority}"
                ),
                Shortfall::Scope => {
                    format!("the accreditation of {entity} for {resource} does not reach that far")
                }
                Shortfall::Lapsed(lapse) => {
                    let why = match lapse {
                        Lapse::Broken => "has no whole chain of parents",
                        Lapse::Voided => "was revoked from its beginning",
                        Lapse::Revoked => "was revoked",
                        Lapse::Expired => "had expired",
                        Lapse::NotYet => "was not yet valid",
                        Lapse::Suspended => "was suspended",
                    };
                    format!("the accreditation of {entity} for {resource} {why} at {at}")
                }
            },
        }
    }
}

/// Reads what the ledger says, with proofs.
async fn look(app: &NodeApp, question: &Question) -> Result<Found, Problem> {
    let tag = question.entity.ledger();
    let Some(registry) = app.inner.resolver.registry(tag) else {
        return Err(Problem::not_found(format!(
            "this registry knows no ledger {tag}"
        )));
    };
    let read =
        ledger::accreditations(registry.as_ref(), &question.entity, &question.resource).await;
    let (list, chains) = read.map_err(|error| unproven(&error))?;
    let mut evidence = vec![statement(&list)?];
    let mut verdict = Err(if list.value.len() > chains.len() {
        Shortfall::TooMany
    } else {
        Shortfall::None
    });
    for chain in &chains {
        for link in std::iter::once(&chain.accreditation).chain(&chain.ancestors) {
            if !evidence
                .iter()
                .any(|known: &ProvenValue| known.key == link.key)
            {
                evidence.push(statement(link)?);
            }
        }
        verdict = match (verdict, grants(chain, question)) {
            (Ok(id), _) | (Err(_), Ok(id)) => Ok(id),
            (Err(known), Err(other)) => Err(known.max(other)),
        };
        if verdict.is_ok() {
            break;
        }
    }
    Ok(Found { verdict, evidence })
}

/// Says whether a chain answers the question with yes.
fn grants(chain: &AccreditationChain, question: &Question) -> Result<Hash, Shortfall> {
    let granted = &chain.accreditation.value;
    let ancestors: Vec<Accreditation> = chain
        .ancestors
        .iter()
        .map(|link| link.value.clone())
        .collect();
    let by_word_of = |link: &Accreditation| link.accreditor == question.authority;
    if !std::iter::once(granted).chain(&ancestors).any(by_word_of) {
        return Err(Shortfall::OtherAuthority);
    }
    let place = question.jurisdiction.as_ref();
    if !granted.covers(&question.resource, place) || granted.depth < question.depth {
        return Err(Shortfall::Scope);
    }
    let lapse = match granted.liveness_at(question.at, &ancestors).standing {
        Standing::Live => return Ok(granted.id),
        Standing::Suspended => Lapse::Suspended,
        Standing::NotYet => Lapse::NotYet,
        Standing::Expired => Lapse::Expired,
        Standing::Revoked => Lapse::Revoked,
        Standing::Voided => Lapse::Voided,
        _ => Lapse::Broken,
    };
    Err(Shortfall::Lapsed(lapse))
}

fn statement<T: Serialize>(proven: &Proven<T>) -> Result<ProvenValue, Problem> {
    let value = serde_json::to_value(&proven.value).map_err(|error| Problem::internal(&error))?;
    // An empty list is what stands for no entry.
    let value = Some(value).filter(|value| !value.as_array().is_some_and(Vec::is_empty));
    Ok(ProvenValue {
        key: proven.key.clone(),
        value,
        proof: Some(proven.proof.clone()),
    })
}

fn unproven(error: &ReadError) -> Problem {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "the ledger gave no proven answer"
    );
    Problem::unavailable("the ledger gave no proven answer")
}

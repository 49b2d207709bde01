//! Queries: parsed, and turned into what is asked of the ledger.

use chop_did::ChopDid;
use chop_http::Problem;
use chop_integrity::Timestamp;
use chop_integrity::json::{self, Limits};
use chop_protocol::{CredentialType, Jurisdiction};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Reply, now};

const LIMITS: Limits = Limits {
    max_bytes: super::QUERY_BYTES,
    max_depth: 4,
};
/// How far ahead of our clock a time may be: what will be cannot be answered.
const CLOCK_SKEW_MS: i64 = 60_000;

/// A query as it came; the two kinds have the same members (TRQP 2.0, Authorization and Recognition Query Schemas).
#[derive(Debug, Deserialize)]
pub(super) struct Received {
    entity_id: String,
    authority_id: String,
    action: String,
    resource: String,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

/// What is asked of the ledger.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) entity: ChopDid,
    pub(super) authority: ChopDid,
    pub(super) resource: CredentialType,
    pub(super) jurisdiction: Option<Jurisdiction>,
    /// How many links must be able to hang below the accreditation.
    pub(super) depth: u8,
    /// The time that was asked about, or now.
    pub(super) at: Timestamp,
    requested: Option<Timestamp>,
}

impl Received {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let value =
            json::parse(bytes, &LIMITS).map_err(|error| Problem::bad_request(error.to_string()))?;
        let query: Self = serde_json::from_value(value)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        for (name, text) in [("action", &query.action), ("resource", &query.resource)] {
            if text.is_empty() {
                return Err(Problem::bad_request(format!(
                    "{name} is a text that is not empty"
                )));
            }
        }
        let odd = query
            .context
            .iter()
            .flatten()
            .find(|(_, value)| !value.is_string());
        if let Some((name, _)) = odd {
            return Err(Problem::bad_request(format!(
                "the context's {name} is a text"
            )));
        }
        Ok(query)
    }

    /// Takes it as an authorization query.
    pub(super) fn authorization(&self, now: Timestamp) -> Result<Question, Problem> {
        match self.action.as_str() {
            "issue" => self.question(now, 0),
            "accredit" => self.question(now, 1),
            _ => Err(self.unknown_action("issue, accredit")),
        }
    }

    /// Takes it as a recognition query.
    pub(super) fn recognition(&self, now: Timestamp) -> Result<Question, Problem> {
        match self.action.as_str() {
            "issue" | "accredit" | "recognize" | "govern" => self.question(now, 1),
            _ => Err(self.unknown_action("issue, accredit, recognize, govern")),
        }
    }

    /// Begins the answer; the members come back as they were sent.
    pub(super) fn reply(self, question: &Question, message: String) -> Reply {
        Reply {
            entity_id: self.entity_id,
            authority_id: self.authority_id,
            action: self.action,
            resource: self.resource,
            authorized: None,
            recognized: None,
            time_requested: question.requested,
            time_evaluated: now(),
            message,
            context: self.context,
            evidence: Vec::new(),
        }
    }

    fn question(&self, now: Timestamp, depth: u8) -> Result<Question, Problem> {
        let requested = self
            .condition("time")
            .map(|text| time(text, now))
            .transpose()?;
        let jurisdiction = self
            .condition("jurisdiction")
            .map(Jurisdiction::parse)
            .transpose();
        let (entity, authority) = (
            did("entity_id", &self.entity_id)?,
            did("authority_id", &self.authority_id)?,
        );
        if entity.ledger() != authority.ledger() {
            return Err(Problem::not_found(
                "entity_id and authority_id are of two ledgers, which say nothing of each other",
            ));
        }
        Ok(Question {
            entity,
            authority,
            resource: CredentialType::parse(&self.resource).map_err(|error| {
                Problem::not_found(format!("resource names no credential type: {error}"))
            })?,
            jurisdiction: jurisdiction.map_err(|error| {
                Problem::bad_request(format!("the context's jurisdiction is none: {error}"))
            })?,
            depth,
            at: requested.unwrap_or(now),
            requested,
        })
    }

    /// A member of the context; an empty text counts as none, as the protocol's schema has it for `time`.
    fn condition(&self, name: &str) -> Option<&str> {
        let found = self.context.as_ref()?.get(name)?.as_str();
        found.filter(|text| !text.is_empty())
    }

    fn unknown_action(&self, known: &str) -> Problem {
        Problem::not_found(format!(
            "action {:?} is not known here; known: {known}",
            self.action
        ))
    }
}

fn did(name: &str, text: &str) -> Result<ChopDid, Problem> {
    ChopDid::parse(text).map_err(|error| {
        Problem::not_found(format!(
            "this registry answers for did:chop identifiers; {name}: {error}"
        ))
    })
}

/// RFC 3339, and only in UTC, as the protocol's schema has it.
fn time(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let utc = text.ends_with(['Z', 'z']) || text.ends_with("+00:00");
    let parsed = Timestamp::parse_xml(text).ok().filter(|_| utc);
    let Some(time) = parsed else {
        return Err(Problem::bad_request(format!(
            "the context's time is written as in RFC 3339 and in UTC, got {text:?}"
        )));
    };
    if time > now.plus_ms(CLOCK_SKEW_MS) {
        return Err(Problem::bad_request(format!(
            "the context's time, {time}, is yet to come: it is {now}"
        )));
    }
    Ok(time)
}

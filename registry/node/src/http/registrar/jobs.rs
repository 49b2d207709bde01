//! Operations that wait for their signatures. They live in memory: after a restart the client begins again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chop_did::ChopDid;
use chop_did::build::{BuildError, Draft};
use chop_http::Problem;
use chop_keys::PublicKey;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Map, Value, json};

/// How many jobs wait at most.
const MAX_JOBS: usize = 1_000;
/// How long a job waits, in milliseconds.
const LIFE_MS: i64 = 10 * 60 * 1_000;

/// An operation and the keys that have to sign it.
pub(super) struct Job {
    pub(super) did: ChopDid,
    pub(super) draft: Draft,
    pub(super) keys: Vec<PublicKey>,
}

/// The waiting operations of a node.
#[derive(Default)]
pub(in crate::http) struct Jobs {
    waiting: Mutex<HashMap<String, (i64, Job)>>,
}

impl Job {
    pub(super) fn new(did: ChopDid, draft: Draft, keys: Vec<PublicKey>) -> Self {
        Self { did, draft, keys }
    }

    /// One signing request per key (DIF DID Registration, Signing Request Set).
    pub(super) fn signing_requests(&self) -> Result<Value, BuildError> {
        let mut requests = Map::new();
        for (index, key) in self.keys.iter().enumerate() {
            let input = self.draft.signing_input(key)?;
            let request = json!({
                "payload": Value::Object(self.draft.unsigned().clone()),
                "serializedPayload": BASE64.encode(input.as_bytes()),
                "kid": key.did_key_url(),
                "alg": key.key_type().algorithm(),
                "purpose": "assertionMethod",
            });
            requests.insert(request_id(index), request);
        }
        Ok(Value::Object(requests))
    }
}

impl Jobs {
    /// Keeps a job under a fresh id.
    pub(super) fn remember(&self, job: Job, now_ms: i64) -> Result<String, Problem> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| now_ms - *since < LIFE_MS);
        if waiting.len() >= MAX_JOBS {
            return Err(Problem::unavailable(
                "too many registrations wait for their signatures",
            ));
        }
        let id = HEXLOWER.encode(&chop_http::random::bytes::<16>());
        waiting.insert(id.clone(), (now_ms, job));
        Ok(id)
    }

    /// Takes a job out: it is finished once, or begun again.
    pub(super) fn take(&self, id: &str, now_ms: i64) -> Option<Job> {
        let (since, job) = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)?;
        (now_ms - since < LIFE_MS).then_some(job)
    }
}

/// The name of the signing request of the key at `index`.
pub(super) fn request_id(index: usize) -> String {
    format!("signingRequest{}", index + 1)
}

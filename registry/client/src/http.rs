//! A registry reached over HTTP. Nobody has to trust it: what it says is checked against the pinned trust root.

use chop_did::ChopDid;
use chop_http::clock;
use chop_proof::{Freshness, TrustRoot};
use chop_protocol::http::{LogEntry, ProvenValue, Status};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::registry::{DEFAULT_MAX_AGE_MS, Proven, ReadError, Reading, Registry};
use crate::service::Service;

/// A node's HTTP interface, checked against the trust root of its ledger.
#[derive(Debug, Clone)]
pub struct HttpRegistry {
    service: Service,
    root: TrustRoot,
    max_age_ms: i64,
}

impl HttpRegistry {
    /// Reads from the node at `service`, trusting `root` alone.
    pub fn new(service: Service, root: TrustRoot) -> Self {
        Self {
            service,
            root,
            max_age_ms: DEFAULT_MAX_AGE_MS,
        }
    }

    /// Bounds the age of headers, in milliseconds.
    #[must_use]
    pub fn with_max_age_ms(mut self, max_age_ms: i64) -> Self {
        self.max_age_ms = max_age_ms;
        self
    }

    /// Returns the node's service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Asks the node what it says about itself: unproven.
    ///
    /// # Errors
    /// When the node is not reached or does not answer as agreed.
    pub async fn status(&self) -> Result<Status, ReadError> {
        let answer = self
            .service
            .get(self.service.url(&["v1", "status"]))
            .await?;
        decode("status", answer.success()?)
    }

    async fn prove(&self, key: &str) -> Result<Proven<Option<Vec<u8>>>, ReadError> {
        let mut url = self.service.url(&["v1", "state", key]);
        url.set_query(Some("proof=true"));
        let answer = self.service.get(url).await?;
        // A proven absence may come as 404; what counts is the proof in the body.
        let body = if answer.status == 404 {
            answer.body
        } else {
            answer.success()?
        };
        let answer: ProvenValue = decode(key, body)?;
        let malformed = |reason| ReadError::Malformed {
            key: key.to_owned(),
            reason,
        };
        if answer.key != key {
            return Err(malformed("it is for another key"));
        }
        let value = answer
            .value_bytes()
            .map_err(|_| malformed("its value has no canonical form"))?;
        let proof = answer
            .proof
            .ok_or_else(|| malformed("it carries no proof"))?;
        let freshness = Freshness::within(clock::now_ms(), self.max_age_ms);
        Proven::check(&self.root, &freshness, key, value, proof)
    }

    async fn operations(&self, did: &ChopDid) -> Result<Vec<LogEntry>, ReadError> {
        let did = did.to_string();
        let answer = self
            .service
            .get(self.service.url(&["v1", "dids", &did, "log"]))
            .await?;
        decode(&did, answer.success()?)
    }
}

impl Registry for HttpRegistry {
    fn trust_root(&self) -> &TrustRoot {
        &self.root
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        Box::pin(self.prove(key))
    }

    fn log<'a>(&'a self, did: &'a ChopDid) -> Reading<'a, Vec<LogEntry>> {
        Box::pin(self.operations(did))
    }
}

fn decode<T: DeserializeOwned>(key: &str, body: Value) -> Result<T, ReadError> {
    serde_json::from_value(body).map_err(|source| ReadError::Value {
        key: key.to_owned(),
        source,
    })
}

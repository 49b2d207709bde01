//! The service's state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chop_client::{Cache, Resolver};
use chop_credential::Contexts;
use chop_credential::securing::x5c::TrustAnchor;
use chop_credential::status::{VerifiedList, VerifiedTokenList};
use chop_credential::verdict::KeyFact;
use chop_http::clock;
use chop_integrity::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;

/// How many status lists are remembered.
const LISTS: usize = 256;
/// How many fetched schemas are remembered.
const SCHEMAS: usize = 256;
/// How many keys are remembered that expand from their own DIDs.
const OWN_KEYS: usize = 256;
/// How many things are fetched from elsewhere at once, for all requests together.
const TURNS: usize = 64;

/// The verifying service; clones share everything.
#[derive(Clone, Debug)]
pub struct VerifierApp {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    resolver: Resolver,
    contexts: Arc<Contexts>,
    embedded_schemas: BTreeMap<String, &'static str>,
    lists: Cache<Arc<VerifiedList>>,
    token_lists: Cache<Arc<VerifiedTokenList>>,
    schemas: Cache<Arc<Vec<u8>>>,
    own_keys: Cache<KeyFact>,
    turns: Semaphore,
    clock: fn() -> i64,
    trust: Trust,
}

/// Is whose word the operator takes beside issuers' own.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// DIDs that may sign status lists in any issuer's stead.
    pub status_delegates: BTreeSet<String>,
    /// Authorities whose certificates on issuers' keys count (`x5c`).
    pub anchors: Arc<Vec<TrustAnchor>>,
}

impl VerifierApp {
    /// Judges with what this resolver can reach; its guarded client also fetches status lists and schemas.
    ///
    /// Status lists that the delegates sign in any issuer's stead are taken; a request may name more. It cannot name anchors.
    pub fn new(resolver: Resolver, trust: Trust) -> Self {
        Self::build(resolver, clock::now_ms, trust)
    }

    /// Judges by another clock, which tells the time in milliseconds since the Unix epoch.
    pub fn with_clock(resolver: Resolver, clock: fn() -> i64, trust: Trust) -> Self {
        Self::build(resolver, clock, trust)
    }

    fn build(resolver: Resolver, clock: fn() -> i64, trust: Trust) -> Self {
        let resolver = resolver.with_clock(clock);
        Self {
            inner: Arc::new(Inner {
                resolver,
                contexts: Arc::new(Contexts::embedded()),
                embedded_schemas: embedded_schemas(),
                lists: Cache::new(LISTS),
                token_lists: Cache::new(LISTS),
                schemas: Cache::new(SCHEMAS),
                own_keys: Cache::new(OWN_KEYS),
                turns: Semaphore::new(TURNS),
                clock,
                trust,
            }),
        }
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms((self.inner.clock)())
    }

    pub(crate) fn status_delegates(&self) -> &BTreeSet<String> {
        &self.inner.trust.status_delegates
    }

    pub(crate) fn trust_anchors(&self) -> Arc<Vec<TrustAnchor>> {
        Arc::clone(&self.inner.trust.anchors)
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.inner.resolver
    }

    /// The contexts that are known without a ledger.
    pub(crate) fn contexts(&self) -> &Arc<Contexts> {
        &self.inner.contexts
    }

    pub(crate) fn lists(&self) -> &Cache<Arc<VerifiedList>> {
        &self.inner.lists
    }

    pub(crate) fn token_lists(&self) -> &Cache<Arc<VerifiedTokenList>> {
        &self.inner.token_lists
    }

    pub(crate) fn schemas(&self) -> &Cache<Arc<Vec<u8>>> {
        &self.inner.schemas
    }

    /// Keys of did:key and did:jwk by verification method; they never change.
    pub(crate) fn own_keys(&self) -> &Cache<KeyFact> {
        &self.inner.own_keys
    }

    pub(crate) fn turns(&self) -> &Semaphore {
        &self.inner.turns
    }

    pub(crate) fn embedded_schema(&self, id: &str) -> Option<&'static str> {
        self.inner.embedded_schemas.get(id).copied()
    }
}

/// Collects the schemas that the scenario packs bring along: `pack.json` names them under `schemas`.
fn embedded_schemas() -> BTreeMap<String, &'static str> {
    let mut schemas = BTreeMap::new();
    for scenario in chop_schemas::SCENARIOS {
        let pack = scenario
            .file("pack.json")
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .unwrap_or_default();
        let listed = pack.get("schemas").and_then(Value::as_array);
        for schema in listed.into_iter().flatten() {
            let text = |name: &str| schema.get(name).and_then(Value::as_str);
            if let (Some(id), Some(file)) = (
                text("id"),
                text("file").and_then(|file| scenario.file(file)),
            ) {
                schemas.insert(id.to_owned(), file);
            }
        }
    }
    schemas
}

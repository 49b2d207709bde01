//! DIDs of all supported methods, resolved to documents.
//!
//! did:key and did:jwk expand from themselves. did:web and did:webvh are fetched through the guarded client, and did:webvh
//! logs are verified. did:chop is read, with proof, from the registry whose trust root is pinned for its ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chop_did::did::{Did, DidUrl};
use chop_did::resolution::{
    Dereferenced, ErrorKind, ResolutionError, Resolved, Selector, dereference,
};
use chop_did::{ChopDid, LedgerTag, jwk, key};
use chop_http::{Guarded, clock};
use chop_integrity::{Hash, Timestamp};

use serde_json::Value;

use crate::cache::Cache;
use crate::registry::Registry;

pub use self::chop::state_proof;
pub use self::item::item_state;
pub(crate) use self::past::check_log;

mod chop;
mod item;
mod past;
mod web;

/// How long a document of a web method is believed at most, and when its server does not say.
const WEB_TERM: Duration = Duration::from_mins(5);
/// How many documents of web methods are remembered.
const WEB_DOCUMENTS: usize = 256;
/// How many contexts and schemas of ledgers are remembered, of at most 64 KiB each.
const LEDGER_DOCUMENTS: usize = 128;

/// What a caller asks of a resolution.
#[derive(Debug, Clone, Default)]
pub struct ResolveOptions {
    /// Which version.
    pub selector: Selector,
    /// Whether a remembered document of a web method will not do.
    pub no_cache: bool,
    /// Whether `didDocumentMetadata.proof` shows what proves the answer.
    pub proof: bool,
    /// The batch that an item of a did:chop is looked for in, so that its absence can be proven.
    pub batch: Option<Hash>,
    /// The format of a did:key's verification methods, as [`key::KeyOptions`] names them.
    pub public_key_format: Option<String>,
    /// Whether to derive an X25519 key from an Ed25519 did:key.
    pub derive_encryption_key: bool,
}

impl ResolveOptions {
    fn key(&self) -> key::KeyOptions {
        key::KeyOptions {
            public_key_format: self.public_key_format.clone(),
            enable_encryption_key_derivation: self.derive_encryption_key,
        }
    }
}

/// Resolves DIDs; clones share registries and memory.
#[derive(Clone)]
pub struct Resolver {
    registries: Arc<BTreeMap<LedgerTag, Arc<dyn Registry>>>,
    outbound: Guarded,
    web: Arc<Cache<Arc<Vec<u8>>>>,
    documents: Arc<Cache<Arc<str>>>,
    clock: fn() -> i64,
}

impl Resolver {
    /// Starts without a registry: did:chop of any ledger is unsupported until one is added.
    pub fn new(outbound: Guarded) -> Self {
        Self {
            registries: Arc::default(),
            outbound,
            web: Arc::new(Cache::new(WEB_DOCUMENTS)),
            documents: Arc::new(Cache::new(LEDGER_DOCUMENTS)),
            clock: clock::now_ms,
        }
    }

    /// Reads the ledger of this registry's trust root from it.
    #[must_use]
    pub fn with_registry(mut self, registry: Arc<dyn Registry>) -> Self {
        let mut registries = (*self.registries).clone();
        if let Ok(tag) = LedgerTag::parse(registry.trust_root().ledger()) {
            registries.insert(tag, registry);
        }
        self.registries = Arc::new(registries);
        self
    }

    /// Reads the time, in milliseconds since the Unix epoch, from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> i64) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the registry of a ledger, when its trust root is pinned.
    pub fn registry(&self, ledger: LedgerTag) -> Option<&Arc<dyn Registry>> {
        self.registries.get(&ledger)
    }

    /// Lists the registries whose trust roots are pinned.
    pub(crate) fn registries(&self) -> impl Iterator<Item = &Arc<dyn Registry>> {
        self.registries.values()
    }

    /// The texts of contexts and schemas of ledgers, by digest.
    pub(crate) fn documents(&self) -> &Cache<Arc<str>> {
        &self.documents
    }

    /// Returns the guarded client.
    pub fn outbound(&self) -> &Guarded {
        &self.outbound
    }

    /// Resolves a DID.
    ///
    /// # Errors
    /// As W3C DID Resolution §10 names them; a did:chop of a ledger that is not pinned is `LEDGER_NOT_SUPPORTED`.
    pub async fn resolve(
        &self,
        did: &Did,
        options: &ResolveOptions,
    ) -> Result<Resolved, ResolutionError> {
        let selector = &options.selector;
        match did.method() {
            "chop" => {
                let did = ChopDid::try_from(did)?;
                chop::resolve(self.pinned(&did)?.as_ref(), &did, options).await
            }
            "key" => selector
                .refuse_versions("key")
                .and_then(|()| key::resolve(did, &options.key())),
            "jwk" => selector
                .refuse_versions("jwk")
                .and_then(|()| jwk::resolve(did)),
            "web" => web::resolve_web(self, did, options).await,
            "webvh" => web::resolve_webvh(self, did, options).await,
            // DID Resolution test suites use did:example as a name that nobody can resolve.
            "example" => Err(ResolutionError::new(
                ErrorKind::InvalidDid,
                "did:example names nothing",
            )),
            method => Err(ResolutionError::new(
                ErrorKind::MethodNotSupported,
                format!("did:{method} is not supported here"),
            )),
        }
    }

    /// Resolves and follows a DID URL; its `versionId` and `versionTime` take the place of the selector in `options`.
    ///
    /// # Errors
    /// As [`Self::resolve`], and when the URL leads to nothing in the document.
    pub async fn dereference(
        &self,
        url: &DidUrl,
        options: &ResolveOptions,
        relationship: Option<&str>,
    ) -> Result<Dereferenced, ResolutionError> {
        let options = ResolveOptions {
            selector: Selector::of_url(url)?,
            ..options.clone()
        };
        let resolved = self.resolve(url.did(), &options).await?;
        dereference(url, &resolved, relationship)
    }

    /// Returns the last document of a did:chop DID, also when it is deactivated, and when it was.
    ///
    /// Signatures from before a deactivation may still count; resolution alone would show no document.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub async fn last_document(
        &self,
        did: &ChopDid,
    ) -> Result<(Value, Option<Timestamp>), ResolutionError> {
        chop::last_document(self.pinned(did)?.as_ref(), did).await
    }

    /// Returns when a verification method entered the document of its did:chop DID: proven, or `None` if it is not there.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub async fn key_added(
        &self,
        did: &ChopDid,
        method: &str,
    ) -> Result<Option<Timestamp>, ResolutionError> {
        chop::key_added(self.pinned(did)?.as_ref(), did, method).await
    }

    fn pinned(&self, did: &ChopDid) -> Result<&Arc<dyn Registry>, ResolutionError> {
        self.registry(did.ledger()).ok_or_else(|| {
            let detail = format!("no trust root is pinned for ledger {}", did.ledger());
            ResolutionError::new(ErrorKind::LedgerNotSupported, detail)
        })
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("ledgers", &self.registries.keys())
            .finish_non_exhaustive()
    }
}

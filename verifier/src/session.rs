//! One request's search for evidence: what it may spend, and what it has learnt already.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chop_client::Published;
use chop_credential::verdict::{AccreditationFact, Finding, KeyFact, StatusList, TokenStatusList};
use chop_integrity::Timestamp;
use tokio::sync::{OnceCell, SemaphorePermit};

use crate::VerifierApp;

/// How many different things one request may make us look for.
const MAX_SEARCHES: usize = 128;

/// Shared by all credentials of one request: each thing is looked for once.
pub(crate) struct Session {
    pub(crate) app: VerifierApp,
    pub(crate) as_of: Timestamp,
    searches: AtomicUsize,
    pub(crate) keys: Memo<String, Finding<KeyFact>>,
    pub(crate) lists: Memo<String, Finding<StatusList>>,
    /// By URI and issuer: whose key signs may depend on who refers to the list.
    pub(crate) token_lists: Memo<(String, String), Finding<TokenStatusList>>,
    pub(crate) documents: Memo<String, Finding<Vec<u8>>>,
    pub(crate) published: Memo<String, Finding<Arc<Published>>>,
    pub(crate) accreditations: Memo<(String, String), Finding<Vec<AccreditationFact>>>,
}

impl Session {
    pub(crate) fn new(app: VerifierApp, as_of: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            app,
            as_of,
            searches: AtomicUsize::new(0),
            keys: Memo::new(),
            lists: Memo::new(),
            token_lists: Memo::new(),
            documents: Memo::new(),
            published: Memo::new(),
            accreditations: Memo::new(),
        })
    }

    /// Counts a search and waits for its turn; past the bound nothing more is looked for, and what was asked for stays unknown.
    ///
    /// # Errors
    /// Why there is no turn, fit to be shown to a client.
    pub(crate) async fn spend(&self) -> Result<SemaphorePermit<'_>, String> {
        if self.searches.fetch_add(1, Ordering::Relaxed) >= MAX_SEARCHES {
            return Err(format!(
                "the request needs more than {MAX_SEARCHES} things from elsewhere"
            ));
        }
        let turn = self.app.turns().acquire().await;
        turn.map_err(|_| "the service is ending".to_owned())
    }
}

/// Looks for each thing once, also when several ask at the same time.
pub(crate) struct Memo<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(crate) async fn once<F: Future<Output = V>>(
        &self,
        key: K,
        search: impl FnOnce() -> F,
    ) -> V {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        cell.get_or_init(search).await.clone()
    }
}

/// Says that something could not be learnt.
pub(crate) fn unreachable<T>(reason: impl Into<String>) -> Finding<T> {
    Finding::Unreachable {
        reason: reason.into(),
    }
}

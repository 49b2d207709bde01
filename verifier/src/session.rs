//! One request's search for evidence: what it may spend, and what it has learnt already.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chop_credential::verdict::{AccreditationFact, Finding, KeyFact, StatusList};
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
    pub(crate) documents: Memo<String, Finding<Vec<u8>>>,
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
            documents: Memo::new(),
            accreditations: Memo::new(),
        })
    }

    /// Counts a search and waits for its turn; past the bound nothing more is looked for, and what was asked for stays unknown.
    pub(crate) async fn spend<T>(&self) -> Result<SemaphorePermit<'_>, Finding<T>> {
        if self.searches.fetch_add(1, Ordering::Relaxed) >= MAX_SEARCHES {
            return Err(unreachable(format!(
                "the request needs more than {MAX_SEARCHES} things from elsewhere"
            )));
        }
        self.app
            .turns()
            .acquire()
            .await
            .map_err(|_| unreachable("the service is ending"))
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

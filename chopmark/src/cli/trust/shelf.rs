//! Where something signed is kept while it is young.

use crate::cli::Failure;
use chop_http::clock;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long a failure is the answer before the ledger is asked again, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Something signed, or nothing yet; whoever finds it stale has it made anew while the others wait.
pub(super) struct Shelf<T>(Arc<Mutex<Option<Kept<T>>>>);

/// Something signed, or that nothing could be, and until when that is the answer.
struct Kept<T> {
    value: Option<Arc<T>>,
    until_ms: i64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Send + Sync + 'static> Shelf<T> {
    /// Puts what is made now on a shelf; it comes with its end, in Unix milliseconds.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) async fn filled(
        refresh_ms: i64,
        made: impl Future<Output = Result<(T, i64), Failure>>,
    ) -> Result<Self, Failure> {
        let asked_ms = clock::now_ms();
        let (value, expires_ms) = made.await?;
        let kept = Kept::young(value, expires_ms.min(asked_ms + refresh_ms));
        Ok(Self(Arc::new(Mutex::new(Some(kept)))))
    }

    /// What is kept as long as it is young, else what is made anew, with the seconds for which it stays so; none when nothing
    /// can be made.
    ///
    /// It is made in a task of its own: a request that is given up while it waits does not have the next one begin again.
    pub(super) async fn young(
        &self,
        refresh_ms: i64,
        made: impl Future<Output = Result<(T, i64), Failure>> + Send + 'static,
    ) -> Option<(Arc<T>, i64)> {
        let mut place = Arc::clone(&self.0).lock_owned().await;
        let asked_ms = clock::now_ms();
        if place.as_ref().is_none_or(|kept| kept.until_ms <= asked_ms) {
            let renewal = tokio::spawn(async move {
                *place = Some(renewed(asked_ms + refresh_ms, made.await));
                place
            });
            place = renewal.await.ok()?;
        }
        let kept = place.as_ref()?;
        let left_ms = kept.until_ms - clock::now_ms();
        let value = kept.value.as_ref().filter(|_| left_ms > 0)?;
        Some((Arc::clone(value), left_ms / 1000))
    }
}

/// What failed is logged; a client learns only that there is no proof now.
fn renewed<T>(until_ms: i64, made: Result<(T, i64), Failure>) -> Kept<T> {
    match made {
        Ok((value, expires_ms)) => Kept::young(value, expires_ms.min(until_ms)),
        Err(failure) => {
            tracing::warn!(causes = ?failure.chain(), "nothing is proven anew");
            Kept::nothing()
        }
    }
}

impl<T> Kept<T> {
    /// What is past already is nothing: each request would else have it made anew.
    fn young(value: T, until_ms: i64) -> Self {
        if until_ms <= clock::now_ms() {
            tracing::warn!("what was proven anew is too old by now");
            return Self::nothing();
        }
        Self {
            value: Some(Arc::new(value)),
            until_ms,
        }
    }

    fn nothing() -> Self {
        Self {
            value: None,
            until_ms: clock::now_ms() + PAUSE_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use tokio::time::{sleep, timeout};

    const MINUTE_MS: i64 = 60_000;

    #[tokio::test]
    async fn a_request_that_is_given_up_leaves_what_it_began_to_the_next() {
        let shelf = Shelf::default();
        let ends_ms = clock::now_ms() + MINUTE_MS;
        let slow = async move {
            sleep(Duration::from_millis(100)).await;
            Ok(("first", ends_ms))
        };
        let given_up = timeout(Duration::from_millis(10), shelf.young(MINUTE_MS, slow)).await;
        assert!(given_up.is_err());
        let second = async move { Ok(("second", ends_ms)) };
        let (value, left) = shelf.young(MINUTE_MS, second).await.unwrap();
        assert_eq!((*value, left), ("first", 59));
    }

    #[tokio::test]
    async fn what_is_past_when_it_is_made_is_not_made_for_each_request() {
        let shelf = Shelf::default();
        let count = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            let made = Arc::clone(&count);
            let past = async move {
                made.fetch_add(1, Ordering::Relaxed);
                Ok(("past", clock::now_ms()))
            };
            assert!(shelf.young(MINUTE_MS, past).await.is_none());
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_is_made_at_the_start_is_the_first_answer() {
        let ends_ms = clock::now_ms() + MINUTE_MS;
        let shelf = Shelf::filled(MINUTE_MS, async { Ok(("start", ends_ms)) }).await;
        let again = async move { Ok(("again", ends_ms)) };
        let (value, _) = shelf.unwrap().young(MINUTE_MS, again).await.unwrap();
        assert_eq!(*value, "start");
    }
}

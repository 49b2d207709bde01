//! A small memory of answers, each with its own term.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bounded memory: entries end at their term, and the one that ends first makes room.
#[derive(Debug)]
pub struct Cache<V> {
    capacity: usize,
    entries: Mutex<HashMap<String, Entry<V>>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    ends: Instant,
}

impl<V: Clone> Cache<V> {
    /// Remembers at most `capacity` answers.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: Mutex::new(HashMap::new()),
        }
    }

    /// Returns an answer whose term has not ended.
    pub fn recall(&self, key: &str) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(key)
            .filter(|entry| Instant::now() < entry.ends)
            .map(|entry| entry.value.clone())
    }

    /// Remembers an answer for a term; a term of zero remembers nothing.
    pub fn remember(&self, key: &str, value: V, term: Duration) {
        let now = Instant::now();
        if term.is_zero() || self.capacity == 0 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity && !entries.contains_key(key) {
            entries.retain(|_, entry| now < entry.ends);
        }
        if entries.len() >= self.capacity && !entries.contains_key(key) {
            let first = entries
                .iter()
                .min_by_key(|(_, entry)| entry.ends)
                .map(|(key, _)| key.clone());
            first.and_then(|key| entries.remove(&key));
        }
        entries.insert(
            key.to_owned(),
            Entry {
                value,
                ends: now + term,
            },
        );
    }

    /// Forgets an answer.
    pub fn forget(&self, key: &str) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn forgets_at_the_end_of_the_term() {
        let cache = Cache::new(2);
        cache.remember("a", 1, Duration::from_millis(1));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(cache.recall("a"), None);
        cache.remember("b", 2, Duration::ZERO);
        assert_eq!(cache.recall("b"), None);
    }

    #[test]
    fn makes_room_by_dropping_what_ends_first() {
        let cache = Cache::new(2);
        cache.remember("late", 1, 3 * MINUTE);
        cache.remember("soon", 2, MINUTE);
        cache.remember("new", 3, 2 * MINUTE);
        assert_eq!(
            (
                cache.recall("late"),
                cache.recall("soon"),
                cache.recall("new")
            ),
            (Some(1), None, Some(3))
        );
    }
}

//! Keys that were parsed before, by the text that names them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{KeyError, PublicKey};

/// Keys that are kept at most.
const MAX_KEYS: usize = 1_024;

/// Keys that were parsed before: decoding base58 and decompressing a point take about a quarter of the time that checking a
/// signature does, and those who sign often sign with few keys.
#[derive(Debug, Default)]
pub struct KnownKeys {
    by_url: Mutex<HashMap<String, PublicKey>>,
}

impl KnownKeys {
    /// Parses the verification method URL of a did:key, `did:key:z…#z…`, unless that was done before.
    ///
    /// # Errors
    /// As [`PublicKey::from_did_key_url`]; what is no key is never kept.
    pub fn parse(&self, url: &str) -> Result<PublicKey, KeyError> {
        if let Some(known) = self.lock().get(url) {
            return Ok(known.clone());
        }
        let key = PublicKey::from_did_key_url(url)?;
        let mut by_url = self.lock();
        // Those who sign often are back at once, so that nobody has to keep count of them.
        if by_url.len() >= MAX_KEYS {
            by_url.clear();
        }
        by_url.insert(url.to_owned(), key.clone());
        Ok(key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, PublicKey>> {
        self.by_url.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyType, PrivateKey, Signer as _};

    fn url(n: u64) -> String {
        let seed = [n.to_be_bytes(); 4].concat();
        let key = PrivateKey::from_seed(KeyType::Ed25519, &seed).unwrap();
        key.public_key().did_key_url()
    }

    #[test]
    fn answers_as_parsing_does_every_time() {
        let known = KnownKeys::default();
        let p384 = PrivateKey::from_seed(KeyType::P384, &[7; 48]).unwrap();
        let good = [url(1), url(2), p384.public_key().did_key_url()];
        let bad = [
            String::new(),
            "did:key:z6Mk#z6Mk".to_owned(),
            good[0].replace('#', "#z"),
            good[0].split_once('#').unwrap().0.to_owned(),
            // The right keys in one another's place.
            format!(
                "{}#{}",
                good[0].split_once('#').unwrap().0,
                good[1].split_once('#').unwrap().1
            ),
        ];
        for _ in 0..2 {
            for text in good.iter().chain(&bad) {
                assert_eq!(known.parse(text), PublicKey::from_did_key_url(text));
            }
        }
        assert_eq!(known.lock().len(), good.len());
    }

    #[test]
    fn keeps_no_more_than_its_room_and_the_last_of_them() {
        let known = KnownKeys::default();
        for n in 0..=MAX_KEYS as u64 {
            known.parse(&url(n)).unwrap();
            assert!(known.lock().len() <= MAX_KEYS);
        }
        assert!(known.lock().contains_key(&url(MAX_KEYS as u64)));
    }
}

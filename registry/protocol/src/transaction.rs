//! Transactions: what blocks hold. One signed envelope, or a bundle of them that a gateway put together.
//!
//! ```text
//! one envelope   JCS(envelope)
//! a bundle       "[" JCS(envelope) "," JCS(envelope) … "]"     2 to 256 different envelopes, at most 256 KiB
//! ```
//!
//! The envelopes of a bundle are independent: each has an outcome of its own. A bundle costs the consensus engine one
//! transaction, whatever it holds.

use chop_integrity::Hash;
use chop_integrity::json::{self, JsonError, Limits};
use chop_keys::KnownKeys;
use std::collections::BTreeSet;

use crate::envelope::{EnvelopeError, LIMITS, SignedEnvelope};

/// Most envelopes of a bundle.
pub const MAX_BUNDLE: usize = 256;
/// Most bytes of a transaction.
pub const MAX_BYTES: usize = 256 * 1024;

/// Says why bytes are no transaction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// Not restricted JSON, too large or too deep.
    #[error("the transaction is outside the restricted JSON profile: {0}")]
    Json(#[from] JsonError),
    /// An envelope in it is none.
    #[error("envelope {index}: {reason}")]
    Envelope {
        /// Place in the bundle, from 0.
        index: usize,
        /// What is wrong with it.
        reason: EnvelopeError,
    },
    /// A bundle of one, of none, or of too many.
    #[error("a bundle has 2 to {max} envelopes, this one has {found}", max = MAX_BUNDLE)]
    Count {
        /// How many there are.
        found: usize,
    },
    /// The same envelope twice.
    #[error("envelope {hash} is in the bundle twice")]
    Repeated {
        /// Its hash.
        hash: Hash,
    },
    /// The same transaction could be written in other bytes, so that the mempool would take it for another.
    #[error("the transaction is not in canonical form")]
    NotCanonical,
}

/// Writes envelopes as one transaction; the bytes of a single one are its own.
pub fn bundle(envelopes: &[&SignedEnvelope]) -> Vec<u8> {
    if let [envelope] = envelopes {
        return envelope.bytes().to_vec();
    }
    let mut bytes = vec![b'['];
    for (index, envelope) in envelopes.iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(envelope.bytes());
    }
    bytes.push(b']');
    bytes
}

/// Parses a transaction and checks the bounds, the shape and every signature of each envelope in it, sooner where its keys
/// are known.
///
/// # Errors
/// Names the first rule that is broken.
pub fn unbundle(bytes: &[u8], known: &KnownKeys) -> Result<Vec<SignedEnvelope>, TransactionError> {
    let envelopes = if bytes.first() == Some(&b'[') {
        unbundle_many(bytes, known)?
    } else {
        let envelope = SignedEnvelope::parse(bytes, known)
            .map_err(|reason| TransactionError::Envelope { index: 0, reason })?;
        vec![envelope]
    };
    if is_bundle_of(bytes, &envelopes) {
        Ok(envelopes)
    } else {
        Err(TransactionError::NotCanonical)
    }
}

/// Says whether these bytes are what [`bundle`] makes of the envelopes.
fn is_bundle_of(bytes: &[u8], envelopes: &[SignedEnvelope]) -> bool {
    match envelopes {
        [envelope] => envelope.bytes() == bytes,
        several => bundle(&several.iter().collect::<Vec<_>>()) == bytes,
    }
}

fn unbundle_many(bytes: &[u8], known: &KnownKeys) -> Result<Vec<SignedEnvelope>, TransactionError> {
    let limits = Limits {
        max_bytes: MAX_BYTES,
        max_depth: LIMITS.max_depth + 1,
    };
    let serde_json::Value::Array(values) = json::parse_restricted(bytes, &limits)? else {
        return Err(TransactionError::NotCanonical);
    };
    let found = values.len();
    if !(2..=MAX_BUNDLE).contains(&found) {
        return Err(TransactionError::Count { found });
    }
    let mut seen = BTreeSet::new();
    let mut envelopes = Vec::with_capacity(found);
    for (index, value) in values.into_iter().enumerate() {
        // One level less than the list they stand in, of which the bounds were checked.
        let envelope = SignedEnvelope::from_restricted(value, known)
            .map_err(|reason| TransactionError::Envelope { index, reason })?;
        let hash = envelope.hash();
        if !seen.insert(hash) {
            return Err(TransactionError::Repeated { hash });
        }
        envelopes.push(envelope);
    }
    Ok(envelopes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, AnchorCredential, Envelope, Nonce};
    use chop_did::{ChopDid, LedgerId};
    use chop_integrity::Timestamp;
    use chop_keys::{KeyType, PrivateKey};

    fn unbundle(bytes: &[u8]) -> Result<Vec<SignedEnvelope>, TransactionError> {
        super::unbundle(bytes, &KnownKeys::default())
    }

    fn envelope(n: u8) -> SignedEnvelope {
        let ledger = LedgerId::new(Hash::of("test", b"ledger"));
        let text = format!("did:chop:{}:a{}", ledger.short(), "a".repeat(52));
        let actor = ChopDid::parse(&text).unwrap();
        Envelope {
            ledger,
            actor,
            sponsor: actor,
            nonce: Nonce::new([n; 16]),
            valid_until: Timestamp::from_unix_ms(1_793_491_200_000),
            actions: vec![Action::Anchor(AnchorCredential {
                digest: Hash::of("test", &[n]),
                credential_type: None,
                subject: None,
            })],
        }
        .sign(&[&PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap()])
        .unwrap()
    }

    #[test]
    fn a_single_envelope_is_its_own_transaction() {
        let one = envelope(1);
        assert_eq!(bundle(&[&one]), one.bytes());
        let parsed = unbundle(one.bytes()).unwrap();
        assert_eq!(parsed.len(), 1);
        assert_eq!(parsed[0].hash(), one.hash());
    }

    #[test]
    fn a_bundle_comes_back_in_its_order() {
        let envelopes: Vec<_> = (1..6).map(envelope).collect();
        let bytes = bundle(&envelopes.iter().collect::<Vec<_>>());
        let parsed = unbundle(&bytes).unwrap();
        let hashes =
            |list: &[SignedEnvelope]| list.iter().map(SignedEnvelope::hash).collect::<Vec<_>>();
        assert_eq!(hashes(&parsed), hashes(&envelopes));
    }

    #[test]
    fn refuses_a_transaction_that_could_be_written_otherwise() {
        let one = envelope(1);
        let spaced = [one.bytes(), b" "].concat();
        assert!(matches!(
            unbundle(&spaced),
            Err(TransactionError::NotCanonical)
        ));
        let two = envelope(2);
        let bytes = String::from_utf8(bundle(&[&one, &two])).unwrap();
        let spaced = bytes.replacen("[{", "[ {", 1);
        assert!(matches!(
            unbundle(spaced.as_bytes()),
            Err(TransactionError::NotCanonical)
        ));
    }

    #[test]
    fn refuses_bundles_of_none_of_one_and_of_the_same_envelope_twice() {
        let one = envelope(1);
        assert!(matches!(
            unbundle(b"[]"),
            Err(TransactionError::Count { found: 0 })
        ));
        let alone = [b"[", one.bytes(), b"]"].concat();
        assert!(matches!(
            unbundle(&alone),
            Err(TransactionError::Count { found: 1 })
        ));
        let twice = bundle(&[&one, &one]);
        assert!(matches!(
            unbundle(&twice),
            Err(TransactionError::Repeated { .. })
        ));
    }

    #[test]
    fn refuses_a_bundle_with_one_wrong_signature() {
        let (one, two) = (envelope(1), envelope(2));
        let mut bytes = String::from_utf8(bundle(&[&one, &two])).unwrap();
        let at = bytes.rfind("\"proofValue\":\"z").unwrap() + "\"proofValue\":\"z".len() + 10;
        let other = if bytes.as_bytes()[at] == b'3' {
            "4"
        } else {
            "3"
        };
        bytes.replace_range(at..=at, other);
        assert!(matches!(
            unbundle(bytes.as_bytes()),
            Err(TransactionError::Envelope {
                index: 1,
                reason: EnvelopeError::Signature { .. }
            })
        ));
    }

    #[test]
    fn refuses_what_is_larger_than_a_transaction_may_be() {
        let bytes = [b"[".as_slice(), &vec![b' '; MAX_BYTES], b"]"].concat();
        assert!(matches!(
            unbundle(&bytes),
            Err(TransactionError::Json(JsonError::TooLarge { .. }))
        ));
    }
}

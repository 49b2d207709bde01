//! Why the parties differ on a document: what is known of how the peer reads it, or something else.

use super::InteropError;
use super::act::Act;
use super::case::{Case, Side};
use super::known;
use super::spared::{self, Spared};
use chop_keys::KeyType;
use serde_json::Value;
use std::collections::BTreeSet;

/// The suite of whoever canonicalizes.
const CANONICAL: &str = "RDFC-1.0";

impl Case<'_, '_> {
    /// Says what known readings of the peer alone make the parties differ on what is signed; none if something else does, too.
    ///
    /// # Errors
    /// When a party gives no answer.
    pub(super) fn explanation(&mut self, document: &Value) -> Result<Option<String>, InteropError> {
        if !self.pair.peer.has(CANONICAL) {
            return Ok(None);
        }
        let mut all = BTreeSet::new();
        for signed in spared::signed(document) {
            if self.names_by_sha_256(&signed)? {
                all.insert(known::SHA_256_LABELS.to_owned());
            } else if !self.read_alike(&signed)? {
                let Some(findings) = self.known_of(&signed)? else {
                    return Ok(None);
                };
                all.insert(findings);
            }
        }
        let all: Vec<String> = all.into_iter().collect();
        Ok((!all.is_empty()).then(|| all.join("; ")))
    }

    /// Says whether the peer is known to take another hash for the names of blank nodes than the key asks for, and there are two.
    fn names_by_sha_256(&mut self, document: &Value) -> Result<bool, InteropError> {
        if self.row.key_type != KeyType::P384 || !known::hashes_labels_by_sha_256(self.row.peer) {
            return Ok(false);
        }
        // Two blank nodes are named in the order of their hashes.
        let quads = self.statements(Side::Ours, document)?;
        Ok(quads.is_some_and(|quads| quads.to_string().contains("_:c14n1 ")))
    }

    /// Says without what the parties read a document alike.
    fn known_of(&mut self, document: &Value) -> Result<Option<String>, InteropError> {
        for Spared { document, findings } in spared::spared(self.row.peer, document) {
            if self.read_alike(&document)? {
                return Ok(Some(findings));
            }
        }
        Ok(None)
    }

    fn read_alike(&mut self, document: &Value) -> Result<bool, InteropError> {
        let ours = self.statements(Side::Ours, document)?;
        Ok(ours.is_some() && ours == self.statements(Side::Peer, document)?)
    }

    fn statements(&mut self, side: Side, document: &Value) -> Result<Option<Value>, InteropError> {
        match self.pair.side(side).ask(&Act::Canonicalize { document }) {
            Ok(quads) => Ok(Some(quads)),
            Err(InteropError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::act::{Options, Party};
    use super::super::case::{Check, Pair, Roles};
    use super::super::documents::Shape;
    use super::super::keys::Key;
    use super::super::random::Random;
    use super::super::report::Row;
    use super::*;
    use chop_integrity::Timestamp;
    use serde_json::json;

    /// Names the statements of a document by the function, and verifies everything or nothing.
    struct Reader {
        reads: fn(&Value) -> Value,
        verifies: bool,
    }

    impl Party for Reader {
        fn name(&self) -> &'static str {
            "reader"
        }

        fn has(&self, _suite: &str) -> bool {
            true
        }

        fn ask(&mut self, act: &Act<'_>) -> Result<Value, InteropError> {
            match act {
                Act::Canonicalize { document } => Ok((self.reads)(document)),
                _ if self.verifies => Ok(Value::Bool(true)),
                _ => Err(InteropError::refused("not so".to_owned())),
            }
        }
    }

    /// Has a peer take part that reads in its way and verifies nothing.
    fn row(
        peer: fn(&Value) -> Value,
        key_type: KeyType,
        exchange: impl FnOnce(&mut Case<'_, '_>) -> Result<(), InteropError>,
    ) -> Row {
        let key = Key::fixed(KeyType::Ed25519, 1).unwrap();
        let roles = Roles::all(false)[0];
        let mut row = Row::new(CANONICAL, key_type, "ssi", roles);
        let mut case = Case {
            number: 0,
            now: Timestamp::from_unix_ms(0),
            shape: Shape::Rdf,
            random: Random::new(1),
            issuer: &key,
            holder: &key,
            roles,
            pair: &mut Pair {
                ours: &mut Reader {
                    reads: Value::clone,
                    verifies: true,
                },
                peer: &mut Reader {
                    reads: peer,
                    verifies: false,
                },
            },
            row: &mut row,
        };
        exchange(&mut case).unwrap();
        row
    }

    /// Has both name the statements of a document.
    fn exchanged(peer: fn(&Value) -> Value, key_type: KeyType, document: &Value) -> Row {
        row(peer, key_type, |case| {
            case.same_answer(&Act::Canonicalize { document })
        })
    }

    /// Has the peer refuse what we made.
    fn refused(peer: fn(&Value) -> Value, secured: &Value) -> Row {
        let check = Check {
            suite: "eddsa-rdfc-2022",
            secured,
            key: &Value::Null,
            options: Options::default(),
            presentation: false,
        };
        row(peer, KeyType::Ed25519, |case| case.accepts(&check, None))
    }

    /// Reads like anybody but for lists.
    fn without_end(document: &Value) -> Value {
        if document.get("steps").is_some() {
            Value::Null
        } else {
            document.clone()
        }
    }

    #[test]
    fn what_is_known_of_a_peer_is_set_aside() {
        let document = json!({"steps": [1], "note": "x"});
        let row = exchanged(without_end, KeyType::Ed25519, &document);
        assert!(row.agrees(), "{:?}", row.first);
        assert_eq!((row.accepted.total, row.set_aside.len()), (0, 1));
    }

    #[test]
    fn another_reading_is_none_that_is_known_although_the_document_has_such() {
        let document = json!({"steps": [1], "note": "x"});
        let row = exchanged(|_| Value::Null, KeyType::Ed25519, &document);
        assert!(!row.agrees());
        assert_eq!((row.disagreements, row.set_aside.len()), (1, 0));
    }

    #[test]
    fn a_document_of_two_blank_nodes_is_named_otherwise_under_p_384() {
        let two = json!("_:c14n0 <p> _:c14n1 .");
        let one = json!("_:c14n0 <p> <o> .");
        let agrees = |key_type, document| exchanged(|_| Value::Null, key_type, document).agrees();
        assert!(agrees(KeyType::P384, &two));
        assert!(!agrees(KeyType::P384, &one));
        assert!(!agrees(KeyType::P256, &two));
    }

    #[test]
    fn a_refusal_is_known_by_what_is_signed_and_not_by_the_proof() {
        let secured = json!({"steps": [1], "proof": {"created": "2024-06-01T00:00:00Z"}});
        let only_alone = |document: &Value| match document.get("proof") {
            Some(_) => document.clone(),
            None => without_end(document),
        };
        assert!(refused(only_alone, &secured).agrees());
        assert!(!refused(Value::clone, &secured).agrees());
    }

    #[test]
    fn a_refusal_is_known_by_a_credential_in_a_presentation_and_nothing_else() {
        let presented =
            |more: &str| json!({"holder": more, "verifiableCredential": [{"steps": [1]}]});
        let not_the_holder = |document: &Value| match document["holder"].as_str() {
            Some("unknown") => Value::Null,
            _ => without_end(document),
        };
        assert!(refused(not_the_holder, &presented("known")).agrees());
        assert!(!refused(not_the_holder, &presented("unknown")).agrees());
    }
}

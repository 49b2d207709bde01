//! One exchange: who takes which part, what is asked of whom, and what counts for which row.

use super::InteropError;
use super::act::{Act, Options, Party};
use super::documents::Shape;
use super::keys::Key;
use super::known;
use super::random::Random;
use super::report::{Disagreement, Row};
use super::spared::{self, Spared};
use chop_integrity::Timestamp;
use chop_keys::KeyType;
use serde_json::Value;

/// The suite of whoever canonicalizes.
const CANONICAL: &str = "RDFC-1.0";

/// Is one of the two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We.
    Ours,
    /// The peer.
    Peer,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Ours => Self::Peer,
            Self::Peer => Self::Ours,
        }
    }
}

/// Says who takes which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Who issues.
    pub issuer: Side,
    /// Who derives or presents, if somebody does.
    pub holder: Option<Side>,
    /// Who verifies.
    pub verifier: Side,
}

impl Roles {
    /// Lists every way in which both parties take part.
    pub fn all(with_holder: bool) -> Vec<Self> {
        let sides = [Side::Ours, Side::Peer];
        let holders: &[Option<Side>] = if with_holder {
            &[Some(Side::Ours), Some(Side::Peer)]
        } else {
            &[None]
        };
        let mut all = Vec::new();
        for issuer in sides {
            for &holder in holders {
                for verifier in sides {
                    if issuer != verifier || holder.is_some_and(|holder| holder != issuer) {
                        all.push(Self {
                            issuer,
                            holder,
                            verifier,
                        });
                    }
                }
            }
        }
        all
    }

    fn is_made_by(self, side: Side) -> bool {
        self.issuer == side && self.holder.is_none_or(|holder| holder == side)
    }

    fn last_maker(self) -> Side {
        self.holder.unwrap_or(self.issuer)
    }
}

/// Holds both parties.
pub struct Pair<'a> {
    /// We.
    pub ours: &'a mut dyn Party,
    /// The peer.
    pub peer: &'a mut dyn Party,
}

impl Pair<'_> {
    fn side(&mut self, side: Side) -> &mut dyn Party {
        match side {
            Side::Ours => self.ours,
            Side::Peer => self.peer,
        }
    }
}

/// Is one exchange under way.
pub struct Case<'a, 'p> {
    /// Which document of the run it is.
    pub number: usize,
    /// The time of the run.
    pub now: Timestamp,
    /// For what the document is made.
    pub shape: Shape,
    /// The choices of this document.
    pub random: Random,
    /// Whose key issues.
    pub issuer: &'a Key,
    /// Whose key presents.
    pub holder: &'a Key,
    /// Who takes which part.
    pub roles: Roles,
    /// Both parties.
    pub pair: &'a mut Pair<'p>,
    /// Where it counts.
    pub row: &'a mut Row,
}

/// Is what is verified, and against what.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The suite's name.
    pub suite: &'a str,
    /// What is verified.
    pub secured: &'a Value,
    /// The issuer's public key.
    pub key: &'a Value,
    /// What is expected.
    pub options: Options<'a>,
    /// Whether it is a presentation with a proof.
    pub presentation: bool,
}

impl<'a> Check<'a> {
    /// Checks something else in the same way.
    #[must_use]
    pub fn of(self, secured: &'a Value) -> Self {
        Self { secured, ..self }
    }

    fn act(&self) -> Act<'a> {
        if self.presentation {
            Act::VerifyPresentation {
                suite: self.suite,
                secured: self.secured,
                options: self.options,
            }
        } else {
            Act::Verify {
                suite: self.suite,
                secured: self.secured,
                key: self.key,
                options: self.options,
            }
        }
    }
}

impl Case<'_, '_> {
    /// Has a party make something; none if it refuses, which counts: for us as a disagreement, for a peer as its own affair.
    ///
    /// # Errors
    /// When the party gives no answer.
    pub fn make(&mut self, side: Side, act: &Act<'_>) -> Result<Option<Value>, InteropError> {
        match self.pair.side(side).ask(act) {
            Ok(made) => Ok(Some(made)),
            Err(InteropError::Refused { reason }) => {
                let known = known::of(self.row.peer, self.row.suite, &reason, act.document());
                match (side, known) {
                    (_, Some(finding)) => self.row.known(finding),
                    (Side::Peer, None) => {
                        self.row
                            .set_aside(format!("the peer does not make it: {reason}"));
                    }
                    (Side::Ours, None) => {
                        self.disagree("we do not make it", reason, serde_json::to_value(act)?);
                    }
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Expects the verifier to accept, and to get out of it what is expected, if that is known.
    ///
    /// What the peer made last and neither accepts is the peer's own affair, and so is a fault of it that is known.
    ///
    /// # Errors
    /// When a party gives no answer.
    pub fn accepts(
        &mut self,
        check: &Check<'_>,
        expected: Option<&Value>,
    ) -> Result<(), InteropError> {
        let verifier = self.roles.verifier;
        let reason = match self.verdict(verifier, check, expected)? {
            Ok(()) => {
                self.row.accepted.count(true);
                if verifier == Side::Ours && self.roles.is_made_by(Side::Peer) {
                    self.row.sample(check, expected);
                }
                return Ok(());
            }
            Err(reason) => reason,
        };
        let other = self.verdict(verifier.other(), check, expected)?;
        if other.is_err() && self.roles.last_maker() == Side::Peer {
            self.row
                .set_aside(format!("the peer made what neither accepts: {reason}"));
        } else if let Some(finding) = known::of(self.row.peer, check.suite, &reason, check.secured)
        {
            self.row.known(finding);
        } else if let Some(findings) = self.explanation(check.secured)? {
            self.row.known(&findings);
        } else {
            self.row.accepted.count(false);
            let whose = match verifier {
                Side::Ours => "we refuse what the peer accepts",
                Side::Peer => "the peer refuses what we accept",
            };
            self.disagree(whose, reason, check.secured.clone());
        }
        Ok(())
    }

    /// Expects both parties to refuse.
    ///
    /// # Errors
    /// When a party gives no answer.
    pub fn refuses(&mut self, change: &str, check: &Check<'_>) -> Result<(), InteropError> {
        let ours = self.verdict(Side::Ours, check, None)?;
        let peer = self.verdict(Side::Peer, check, None)?;
        self.row.refused.count(ours.is_err() && peer.is_err());
        for (who, verdict) in [("we accept", ours), ("the peer accepts", peer)] {
            if verdict.is_ok() {
                self.disagree(who, format!("although {change}"), check.secured.clone());
            }
        }
        Ok(())
    }

    /// Expects both parties to give the same answer.
    ///
    /// # Errors
    /// When a party gives no answer.
    pub fn same_answer(&mut self, act: &Act<'_>) -> Result<(), InteropError> {
        let Some(ours) = self.make(Side::Ours, act)? else {
            return Ok(());
        };
        let Some(peers) = self.make(Side::Peer, act)? else {
            return Ok(());
        };
        if same(&ours, &peers) {
            self.row.accepted.count(true);
            return Ok(());
        }
        let reason = format!("ours is {ours}, the peer's is {peers}");
        if let Some(findings) = self.explanation(act.document())? {
            self.row.known(&findings);
        } else {
            self.row.accepted.count(false);
            self.disagree("the answers differ", reason, serde_json::to_value(act)?);
        }
        Ok(())
    }

    /// Says what known readings of the peer alone make the parties differ on a document; none if something else does, too.
    fn explanation(&mut self, document: &Value) -> Result<Option<String>, InteropError> {
        let peer = self.row.peer;
        if !self.pair.peer.has(CANONICAL) {
            return Ok(None);
        }
        if self.row.key_type == KeyType::P384 && known::hashes_labels_by_sha_256(peer) {
            // Two blank nodes are named in the order of their hashes.
            let quads = self.statements(Side::Ours, document)?;
            if quads.is_some_and(|quads| quads.to_string().contains("_:c14n1 ")) {
                return Ok(Some(known::SHA_256_LABELS.to_owned()));
            }
        }
        let spared = spared::spared(peer, document);
        if spared.is_empty() || self.read_alike(document)? {
            return Ok(None);
        }
        for Spared { document, findings } in spared {
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

    fn verdict(
        &mut self,
        side: Side,
        check: &Check<'_>,
        expected: Option<&Value>,
    ) -> Result<Result<(), String>, InteropError> {
        match self.pair.side(side).ask(&check.act()) {
            Ok(found) => Ok(match expected {
                Some(expected) if !same(expected, &found) => {
                    Err(known::difference(expected, &found))
                }
                _ => Ok(()),
            }),
            Err(InteropError::Refused { reason }) => Ok(Err(reason)),
            Err(error) => Err(error),
        }
    }

    fn disagree(&mut self, what: &str, reason: String, input: Value) {
        self.row.disagree(Disagreement {
            document: self.number,
            what: what.to_owned(),
            reason,
            input,
        });
    }
}

/// Compares JSON, in which 3 and 3.0 are one number.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Answers whatever is asked with what the function makes of the document.
    struct Reader(fn(&Value) -> Value);

    impl Party for Reader {
        fn name(&self) -> &'static str {
            "reader"
        }

        fn has(&self, _suite: &str) -> bool {
            true
        }

        fn ask(&mut self, act: &Act<'_>) -> Result<Value, InteropError> {
            Ok((self.0)(act.document()))
        }
    }

    /// Has both name the statements of a document, the peer in its way.
    fn exchanged(peer: fn(&Value) -> Value, key_type: KeyType, document: &Value) -> Row {
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
                ours: &mut Reader(Value::clone),
                peer: &mut Reader(peer),
            },
            row: &mut row,
        };
        case.same_answer(&Act::Canonicalize { document }).unwrap();
        row
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
    fn both_take_part_in_every_way() {
        assert_eq!(Roles::all(false).len(), 2);
        assert_eq!(Roles::all(true).len(), 6);
    }

    #[test]
    fn numbers_are_compared_by_what_they_are() {
        assert!(same(&json!({"a": [3.0, "x"]}), &json!({"a": [3, "x"]})));
        assert!(!same(&json!({"a": 3}), &json!({"a": "3"})));
        assert!(!same(&json!([1]), &json!([1, 2])));
    }
}

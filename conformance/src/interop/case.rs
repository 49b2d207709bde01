//! One exchange: who takes which part, what is asked of whom, and what counts for which row.

use super::InteropError;
use super::act::{Act, Options, Party};
use super::documents::Shape;
use super::keys::Key;
use super::known;
use super::random::Random;
use super::report::{Disagreement, Row};
use chop_integrity::Timestamp;
use serde_json::Value;

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
    pub(super) fn side(&mut self, side: Side) -> &mut dyn Party {
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
    use super::{Roles, same};
    use serde_json::json;

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

//! Proposals and votes: what is asked for, and what the state remembers.

use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use crate::action::Action;
use crate::envelope::{EnvelopeError, SignedEnvelope};
use crate::terms::Note;

/// Asks the members for a change, and says yes to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Propose {
    /// What is to change.
    pub change: Change,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// Says yes or no to a proposal, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CastVote {
    /// The proposal's id.
    pub proposal: Hash,
    /// The answer.
    pub choice: Choice,
}

/// An answer to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    /// For it.
    Yes,
    /// Against it.
    No,
}

/// A proposal, as stored under [`crate::keys::proposal`]; it stays when it is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proposal {
    /// The hash of its envelope.
    pub id: Hash,
    /// The member that made it.
    pub proposer: ChopDid,
    /// What is to change.
    pub change: Change,
    /// Header time at which it was made.
    pub time: Timestamp,
    /// Height at which it was made.
    pub height: u64,
    /// Last header time at which a vote counts.
    pub expires: Timestamp,
    /// How it ended; absent while it is open, and for ever when it expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The signed envelope, proofs included.
    pub signed: Value,
}

/// One vote, as stored under [`crate::keys::vote`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vote {
    /// The proposal's id.
    pub proposal: Hash,
    /// Who voted.
    pub voter: ChopDid,
    /// The answer.
    pub choice: Choice,
    /// Header time of the vote.
    pub time: Timestamp,
    /// Height of the vote.
    pub height: u64,
    /// The signed envelope, proofs included: the voter's own vote, or its proposal.
    pub signed: Value,
}

/// The place of an open proposal in the order of expiry, under [`crate::keys::ballot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ballot {
    /// Who made the proposal.
    pub proposer: ChopDid,
}

/// How a proposal ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// What came out.
    pub kind: DecisionKind,
    /// Header time of the deciding vote.
    pub time: Timestamp,
    /// Height of the deciding vote.
    pub height: u64,
    /// The votes that counted: those of members who could vote when it was decided.
    pub tally: Tally,
    /// The rule that stood against an accepted change; only when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// What came out of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DecisionKind {
    /// The change took effect with the deciding vote.
    Accepted,
    /// The change can have no majority any more.
    Rejected,
    /// Enough said yes, but by then a rule stood against the change.
    Failed,
}

/// Votes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tally {
    /// For it.
    pub yes: u64,
    /// Against it.
    pub no: u64,
    /// Who may vote.
    pub voters: u64,
}

/// Where a proposal stands at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProposalStanding {
    /// Votes count.
    Open,
    /// Its time passed without a decision.
    Expired,
    /// See [`DecisionKind::Accepted`].
    Accepted,
    /// See [`DecisionKind::Rejected`].
    Rejected,
    /// See [`DecisionKind::Failed`].
    Failed,
}

/// Says why a record is not what its envelope says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The kept envelope is none, or not signed as it says.
    #[error("the record's envelope: {0}")]
    Envelope(#[from] EnvelopeError),
    /// Another actor signed, or for something else.
    #[error("the record's envelope says something else: expected {expected}")]
    Differs {
        /// What the record says.
        expected: &'static str,
    },
}

impl Proposal {
    /// Says where it stands at header time `now`.
    pub fn standing_at(&self, now: Timestamp) -> ProposalStanding {
        match self.decision.as_ref().map(|decision| decision.kind) {
            Some(DecisionKind::Accepted) => ProposalStanding::Accepted,
            Some(DecisionKind::Rejected) => ProposalStanding::Rejected,
            Some(DecisionKind::Failed) => ProposalStanding::Failed,
            None if self.expires < now => ProposalStanding::Expired,
            None => ProposalStanding::Open,
        }
    }

    /// Checks the kept signatures, and that they stand under this change.
    ///
    /// Whether the key was the proposer's then is what the ledger's proof of the record says.
    ///
    /// # Errors
    /// Returns [`RecordError`] when the envelope is not the one that the record is about.
    pub fn check_signed(&self) -> Result<SignedEnvelope, RecordError> {
        let signed = SignedEnvelope::try_from(self.signed.clone())?;
        let differs = |expected| Err(RecordError::Differs { expected });
        if signed.hash() != self.id {
            return differs("an envelope whose hash is the proposal's id");
        }
        match signed.envelope().actions.as_slice() {
            [Action::Propose(body)] if body.change == self.change => {}
            _ => return differs("this change"),
        }
        if signed.envelope().actor == self.proposer {
            Ok(signed)
        } else {
            differs("this proposer")
        }
    }
}

impl Vote {
    /// Checks the kept signatures, and that they stand under this vote.
    ///
    /// # Errors
    /// Returns [`RecordError`] when the envelope is not the one that the record is about.
    pub fn check_signed(&self) -> Result<SignedEnvelope, RecordError> {
        let signed = SignedEnvelope::try_from(self.signed.clone())?;
        let differs = |expected| Err(RecordError::Differs { expected });
        let said = match signed.envelope().actions.as_slice() {
            [Action::Vote(body)] => (body.proposal, body.choice),
            [Action::Propose(_)] => (signed.hash(), Choice::Yes),
            _ => return differs("a vote or a proposal"),
        };
        if said != (self.proposal, self.choice) {
            return differs("this answer to this proposal");
        }
        if signed.envelope().actor == self.voter {
            Ok(signed)
        } else {
            differs("this voter")
        }
    }
}

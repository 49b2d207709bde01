//! How members decide: what may be proposed, how votes are counted, and the records that remain.
//!
//! A proposal and a vote each travel alone in their envelope, and the record of either keeps that envelope whole: whoever
//! has the record and a proof of it has the signed words too. A proposal is named by its envelope's hash and counts as its
//! proposer's yes.

mod change;
mod promotion;
mod records;
mod rules;
mod threshold;

pub use change::{
    Admission, Change, MAX_VALIDATORS, MemberChange, Setting, ValidatorChange, ValidatorsChange,
};
pub use promotion::{
    LEAST_VALIDATORS, PossessionProof, PromotedValidator, Promotion, PromotionRecord,
    possession_input,
};
pub use records::{
    Ballot, CastVote, Choice, Decision, DecisionKind, Proposal, ProposalStanding, Propose,
    RecordError, Tally, Vote,
};
pub use rules::{FIRST_RULES, LEAST_NOTICE, MOST_NOTICE, RulesChange, RulesRecord};
pub use threshold::{Governance, Threshold, Verdict};

/// Most proposals that one member may have open.
pub const MAX_OPEN_BY_ONE: usize = 8;
/// Most proposals that may be open at once.
pub const MAX_OPEN: usize = 256;

//! Refusals of proposals and votes.

use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use chop_keys::PublicKey;
use chop_protocol::membership::OverlapError;
use chop_protocol::{DecisionKind, MemberStanding};

/// Says why members cannot decide something, or not so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GovernanceRefusal {
    /// The actor has no vote.
    #[error("only a live member that is no supervisor proposes and votes, and {actor} is none")]
    NotVoter {
        /// The actor.
        actor: ChopDid,
    },
    /// No proposal has this id.
    #[error("there is no proposal {id}")]
    ProposalUnknown {
        /// The id.
        id: Hash,
    },
    /// The proposal is decided.
    #[error("proposal {id} is {kind:?} already")]
    Decided {
        /// The id.
        id: Hash,
        /// How it ended.
        kind: DecisionKind,
    },
    /// The time to vote is over.
    #[error("proposal {id} expired at {expires}, the block is of {now}")]
    ProposalExpired {
        /// The id.
        id: Hash,
        /// The last time at which a vote counted.
        expires: Timestamp,
        /// The header time.
        now: Timestamp,
    },
    /// The actor has voted on it.
    #[error("{voter} voted on proposal {id} already")]
    Voted {
        /// The id.
        id: Hash,
        /// The actor.
        voter: ChopDid,
    },
    /// The actor is the member that it is about.
    #[error("{voter} does not vote on its own suspension or removal")]
    OwnCase {
        /// The actor.
        voter: ChopDid,
    },
    /// Too many proposals are open.
    #[error(
        "{open} proposals are open, {own} of them by this member; at most {most} and {most_own}"
    )]
    TooManyOpen {
        /// How many are open.
        open: usize,
        /// How many of them are the actor's.
        own: usize,
        /// How many may be.
        most: usize,
        /// How many by one.
        most_own: usize,
    },
    /// The new member's DID does not exist or has ended.
    #[error("{did} does not exist on this ledger, or has ended")]
    MemberDid {
        /// The DID.
        did: ChopDid,
    },
    /// The new member's DID has no keys of its own.
    #[error("{did} is controlled by {controller}; a member has keys of its own")]
    MemberControlled {
        /// The DID.
        did: ChopDid,
        /// Who controls it.
        controller: ChopDid,
    },
    /// The quota lets no envelope through, or is too large.
    #[error("a quota is {least} to {most} work units")]
    MemberQuota {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// It never was a member.
    #[error("{member} is no member")]
    MemberUnknown {
        /// The DID.
        member: ChopDid,
    },
    /// The membership does not stand where the change starts from.
    #[error("the membership of {member} is {standing:?}, which rules this change out")]
    MemberStanding {
        /// The member.
        member: ChopDid,
        /// Where it stands.
        standing: MemberStanding,
    },
    /// Too few would be left to decide.
    #[error(
        "{left} members with a vote would be left beside {member}, at least {least} are needed"
    )]
    TooFew {
        /// The member that would go.
        member: ChopDid,
        /// How many would be left.
        left: usize,
        /// How many are needed.
        least: usize,
    },
    /// The ledger has as many member records as it can have.
    #[error("the ledger has {most} member records, as many as it can have")]
    TooManyMembers {
        /// How many it can have.
        most: usize,
    },
    /// The member's history has no room.
    #[error("the history of {member} is full; it can only be removed")]
    MemberHistory {
        /// The member.
        member: ChopDid,
    },
    /// No member governs the validators of this ledger.
    #[error(
        "this is a solo ledger: its one validator changes by promotion to a consortium, not by a proposal"
    )]
    Solo,
    /// No entry or too many, or too many validators after the change.
    #[error("a change names 1 to {most} validators and leaves at most as many, found {found}")]
    ValidatorCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A change names one key twice.
    #[error("validator {key} is named twice")]
    ValidatorTwice {
        /// The key.
        key: PublicKey,
    },
    /// A key of a type that signs no headers.
    #[error("headers are signed with Ed25519, not with {key}")]
    ValidatorKey {
        /// The key.
        key: PublicKey,
    },
    /// A power out of bounds.
    #[error("validator {key} would have a power of {power}, at most {most} is allowed")]
    ValidatorPower {
        /// The key.
        key: PublicKey,
        /// The power.
        power: u64,
        /// The largest.
        most: u64,
    },
    /// A change names no member for a new key, or one for a known key, or removes what is not there.
    #[error("validator {key}: {expected}")]
    ValidatorUnknown {
        /// The key.
        key: PublicKey,
        /// What the change would have to say.
        expected: &'static str,
    },
    /// The member that would run it has no vote.
    #[error(
        "validator {key} gains power only under a live member with a vote, and {member} is none"
    )]
    ValidatorMember {
        /// The key.
        key: PublicKey,
        /// The member.
        member: ChopDid,
    },
    /// The set is as it would be.
    #[error("validator {key} has this power already")]
    ValidatorUnchanged {
        /// The key.
        key: PublicKey,
    },
    /// Those who can sign would not be enough.
    #[error(
        "live members would run {live} of {total} power, which is not more than two thirds: no block would be made"
    )]
    Quorum {
        /// Power of validators that live members run.
        live: u64,
        /// All power.
        total: u64,
    },
    /// Light clients could not follow.
    #[error("light clients could not follow: {0}")]
    Overlap(#[from] OverlapError),
    /// The ledger has validators that members govern already.
    #[error("this is a consortium's ledger: only a solo one is promoted")]
    NotSolo,
    /// The proposer did not found the ledger.
    #[error("only a founder of the ledger promotes it, and {by} is none")]
    NotFounder {
        /// Who proposed it.
        by: ChopDid,
    },
    /// The headers of the solo ledger are by another key than the one that would end with it.
    #[error("the promotion retires {found}, which is not the key that signs this ledger alone")]
    OtherKey {
        /// The key that the promotion retires.
        found: PublicKey,
    },
    /// None of so few validators may fail.
    #[error(
        "a promotion names at least {least} validators, or says that fewer are meant; found {found}"
    )]
    FewValidators {
        /// How many there are.
        found: usize,
        /// How many there should be.
        least: usize,
    },
    /// The key of the solo ledger would sign on.
    #[error("{key} is the key that the promotion retires: it becomes no validator")]
    Retired {
        /// The key.
        key: PublicKey,
    },
    /// Nobody has shown to hold the key.
    #[error("nobody has shown to hold the key of validator {key} for its member on this ledger")]
    NotPossessed {
        /// The key.
        key: PublicKey,
    },
    /// Another version is decided and not in force yet.
    #[error(
        "version {version} of the rules comes into force at height {from}; the next one is decided after that"
    )]
    RulesPending {
        /// The version.
        version: u32,
        /// Its first height.
        from: u64,
    },
    /// A version is left out, or gone back to.
    #[error("the next version of the rules is {expected}, found {version}")]
    RulesVersion {
        /// The version proposed.
        version: u32,
        /// The next one.
        expected: u32,
    },
    /// Nodes would not see it coming, or never see it come.
    #[error("new rules begin at a height from {least} to {most}, found {height}")]
    RulesHeight {
        /// The height proposed.
        height: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A parameter lies where the ledger could not work.
    #[error("parameter {name} is out of range")]
    ParameterRange {
        /// Its name.
        name: &'static str,
    },
    /// The parameter has this value.
    #[error("the parameter has this value already")]
    ParameterUnchanged,
}

impl GovernanceRefusal {
    /// Returns the stable code of the rule, listed in RULES.md.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::NotVoter { .. } => "proposal.not-voter",
            Self::ProposalUnknown { .. } => "proposal.unknown",
            Self::Decided { .. } => "proposal.decided",
            Self::ProposalExpired { .. } => "proposal.expired",
            Self::Voted { .. } => "proposal.voted",
            Self::OwnCase { .. } => "proposal.own-case",
            Self::TooManyOpen { .. } => "proposal.too-many",
            Self::MemberDid { .. } => "member.did-unknown",
            Self::MemberControlled { .. } => "member.controlled",
            Self::MemberQuota { .. } => "member.quota",
            Self::MemberUnknown { .. } => "member.unknown",
            Self::MemberStanding { .. } => "member.standing",
            Self::TooFew { .. } => "member.too-few",
            Self::TooManyMembers { .. } => "member.too-many",
            Self::MemberHistory { .. } => "member.history-full",
            Self::Solo => "validators.solo",
            Self::ValidatorCount { .. } => "validators.count",
            Self::ValidatorTwice { .. } => "validators.twice",
            Self::ValidatorKey { .. } => "validators.key",
            Self::ValidatorPower { .. } => "validators.power",
            Self::ValidatorUnknown { .. } => "validators.unknown",
            Self::ValidatorMember { .. } => "validators.member",
            Self::ValidatorUnchanged { .. } => "validators.unchanged",
            Self::Quorum { .. } => "validators.quorum",
            Self::Overlap(_) => "validators.overlap",
            Self::NotSolo => "promotion.not-solo",
            Self::NotFounder { .. } => "promotion.not-founder",
            Self::OtherKey { .. } => "promotion.other-key",
            Self::FewValidators { .. } => "promotion.few-validators",
            Self::Retired { .. } => "promotion.retired-key",
            Self::NotPossessed { .. } => "promotion.possession",
            Self::RulesPending { .. } => "rules.pending",
            Self::RulesVersion { .. } => "rules.version",
            Self::RulesHeight { .. } => "rules.height",
            Self::ParameterRange { .. } => "parameter.range",
            Self::ParameterUnchanged => "parameter.unchanged",
        }
    }
}

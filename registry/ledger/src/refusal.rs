//! Every refusal of the state machine, with its stable code.

use chop_did::{ChopDid, Rejection};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::{
    AnchorStatus, MemberStanding, SchemaName, SchemaRef, ScopeError, SemVer, Standing,
};

mod batch;
mod binding;
mod governance;

pub use batch::BatchRefusal;
pub use binding::BindingRefusal;
pub use governance::GovernanceRefusal;

/// Says why an envelope took no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The envelope is for another ledger.
    #[error("the envelope is for another ledger")]
    Ledger,
    /// The header is later than `validUntil`.
    #[error("valid until {until}, but the block is of {now}")]
    Expired {
        /// The last time at which it could be executed.
        until: Timestamp,
        /// The header time.
        now: Timestamp,
    },
    /// `validUntil` lies further ahead than the ledger allows.
    #[error("valid until {until}, at most {most} is allowed now")]
    TooFar {
        /// The last time at which it could be executed.
        until: Timestamp,
        /// The latest allowed.
        most: Timestamp,
    },
    /// The actor's nonce was used with this `validUntil`.
    #[error("this envelope was executed before")]
    Replayed,
    /// The sponsor is no live member.
    #[error("sponsor {sponsor} is not a live member")]
    SponsorNotMember {
        /// The sponsor.
        sponsor: ChopDid,
    },
    /// No proof is by a key of the sponsor.
    #[error("no proof is by a live capabilityInvocation key of sponsor {sponsor}")]
    SponsorKey {
        /// The sponsor.
        sponsor: ChopDid,
    },
    /// The actor does not exist and the first action does not create it.
    #[error("actor {actor} does not exist, and the first action does not create it")]
    ActorUnknown {
        /// The actor.
        actor: ChopDid,
    },
    /// The actor has ended.
    #[error("actor {actor} is deactivated")]
    ActorDeactivated {
        /// The actor.
        actor: ChopDid,
    },
    /// The actor, or its controller, is a suspended or removed member.
    #[error("{member} may not act: its membership is {standing:?}")]
    ActorBarred {
        /// The member.
        member: ChopDid,
        /// Where its membership stands.
        standing: MemberStanding,
    },
    /// No proof is by a key of the actor.
    #[error("no proof is by a key that may act for {actor}")]
    ActorKey {
        /// The actor.
        actor: ChopDid,
    },
    /// A proof is by a key of neither.
    #[error("proof {index} is by a key of neither the actor nor the sponsor")]
    ProofUnused {
        /// Place in the list, from 0.
        index: usize,
    },
    /// The block holds as much as it may.
    #[error("the block is full")]
    BlockFull,
    /// The sponsor has used its share of the block.
    #[error("sponsor {sponsor} has used its quota for this block")]
    QuotaBlock {
        /// The sponsor.
        sponsor: ChopDid,
    },
    /// The sponsor has used its share of the day.
    #[error("sponsor {sponsor} has used its quota for this day")]
    QuotaDay {
        /// The sponsor.
        sponsor: ChopDid,
    },
    /// A proposal or a vote breaks a rule of how members decide.
    #[error("{0}")]
    Governance(#[from] GovernanceRefusal),
    /// A TLS key is not bound or unbound so, or signs something.
    #[error("{0}")]
    Binding(#[from] BindingRefusal),
    /// An act on a batch, a code or an item breaks a rule of SPEC §13.
    #[error("{0}")]
    Batch(#[from] BatchRefusal),
    /// A DID operation breaks a rule of the method.
    #[error("{0}")]
    Did(#[from] Rejection),
    /// No accreditation has this id.
    #[error("there is no accreditation {id}")]
    AccreditationUnknown {
        /// The id.
        id: Hash,
    },
    /// The actor did not grant it.
    #[error("only {accreditor}, who granted it, may change accreditation {id}")]
    NotAccreditor {
        /// The id.
        id: Hash,
        /// Who granted it.
        accreditor: ChopDid,
    },
    /// The actor accredits at the root and is no live member.
    #[error("only a live member accredits at the root, and {actor} is none")]
    NotMember {
        /// The actor.
        actor: ChopDid,
    },
    /// The actor does not hold the parent.
    #[error("accreditation {parent} is held by {holder}, not by the actor")]
    NotHolder {
        /// The parent's id.
        parent: Hash,
        /// Who holds it.
        holder: ChopDid,
    },
    /// The parent or an ancestor of it is not live.
    #[error(
        "accreditation {link} above is {standing:?}, so nothing can be granted or restored below it"
    )]
    ParentNotLive {
        /// The link that is not live.
        link: Hash,
        /// What it is instead.
        standing: Standing,
    },
    /// The scope is wider than the parent's.
    #[error("the scope is not within the parent's: {0}")]
    Scope(#[from] ScopeError),
    /// The depth is larger than any chain may be.
    #[error("depth {depth} is more than {most}")]
    Depth {
        /// The depth asked for.
        depth: u8,
        /// The largest.
        most: u8,
    },
    /// The subject is not a DID of this ledger.
    #[error("subject {subject} does not exist on this ledger")]
    AccreditationSubject {
        /// The subject.
        subject: ChopDid,
    },
    /// The validity ends before it begins.
    #[error("the validity ends at {until}, not after its beginning at {from}")]
    Validity {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// An effective time, or the beginning of a validity, lies before the act.
    #[error("{effective} lies before the block's time {now}")]
    Backdated {
        /// The time asked for.
        effective: Timestamp,
        /// The header time.
        now: Timestamp,
    },
    /// A revocation *ab initio* names an effective time.
    #[error("a revocation ab initio has no effective time: it reaches back to the beginning")]
    AbInitioEffective,
    /// The accreditation is suspended already, or not suspended when it is to be reinstated.
    #[error("accreditation {id} is {standing} at that time")]
    AccreditationStanding {
        /// The id.
        id: Hash,
        /// `suspended` or `not suspended`.
        standing: &'static str,
    },
    /// The accreditation is revoked by then.
    #[error("accreditation {id} is revoked by then")]
    AccreditationRevoked {
        /// The id.
        id: Hash,
    },
    /// The accreditation's history has no room.
    #[error("the history of accreditation {id} is full; it can only be revoked")]
    AccreditationHistory {
        /// The id.
        id: Hash,
    },
    /// The subject has as many accreditations of this type as it can have.
    #[error("{subject} has {count} accreditations for this type, {own} of them by this accreditor")]
    TooMany {
        /// The subject.
        subject: ChopDid,
        /// How many there are.
        count: usize,
        /// How many of them the actor granted.
        own: usize,
    },
    /// The digest is anchored already.
    #[error("digest {digest} is anchored already")]
    AnchorExists {
        /// The digest.
        digest: Hash,
    },
    /// No credential is anchored under the digest.
    #[error("digest {digest} is not anchored")]
    AnchorUnknown {
        /// The digest.
        digest: Hash,
    },
    /// The actor did not anchor it.
    #[error("only {issuer}, who anchored it, may set the status of {digest}")]
    NotIssuer {
        /// The digest.
        digest: Hash,
        /// Who anchored it.
        issuer: ChopDid,
    },
    /// The subject is not a DID of this ledger.
    #[error("subject {subject} does not exist on this ledger")]
    AnchorSubject {
        /// The subject.
        subject: ChopDid,
    },
    /// The credential has this status.
    #[error("the status of {digest} is {status:?} already")]
    AnchorStanding {
        /// The digest.
        digest: Hash,
        /// The status.
        status: AnchorStatus,
    },
    /// The credential is revoked for good.
    #[error("{digest} is revoked, which is final")]
    AnchorRevoked {
        /// The digest.
        digest: Hash,
    },
    /// The anchor's history has no room.
    #[error("the status history of {digest} is full; it can only be revoked")]
    AnchorHistory {
        /// The digest.
        digest: Hash,
    },
    /// The document is not of its kind, or not complete in itself.
    #[error("the document cannot be published: {reason}")]
    SchemaDocument {
        /// Why.
        reason: &'static str,
    },
    /// Somebody else owns the name.
    #[error("only {owner}, who owns it, may publish or deprecate versions of {name}")]
    NotSchemaOwner {
        /// The name.
        name: SchemaName,
        /// Who owns it.
        owner: ChopDid,
    },
    /// The name stands for another kind of document.
    #[error("{name} is a {kind}, and stays one")]
    SchemaKind {
        /// The name.
        name: SchemaName,
        /// What it is.
        kind: &'static str,
    },
    /// The version is not greater than the last.
    #[error("version {version} does not follow {last}")]
    SchemaOrder {
        /// The version.
        version: SemVer,
        /// The last one.
        last: SemVer,
    },
    /// The name has as many versions as it may have.
    #[error("{name} has no room for another version")]
    SchemaHistory {
        /// The name.
        name: SchemaName,
    },
    /// A version that is no major one breaks what held under the one before.
    #[error("at {at:?} {reason}, which breaks {before}: only a new major version may")]
    SchemaIncompatible {
        /// The version before.
        before: SchemaRef,
        /// Where, as a JSON pointer.
        at: String,
        /// What it does.
        reason: &'static str,
    },
    /// There is no such version.
    #[error("there is no schema {schema}")]
    SchemaUnknown {
        /// The version named.
        schema: SchemaRef,
    },
    /// The version is deprecated already.
    #[error("{schema} is deprecated already, which is final")]
    SchemaDeprecated {
        /// The version named.
        schema: SchemaRef,
    },
    /// The successor is the version itself or of another kind.
    #[error("{successor} cannot take the place of {schema}")]
    SchemaSuccessor {
        /// The version that is deprecated.
        schema: SchemaRef,
        /// What should take its place.
        successor: SchemaRef,
    },
}

/// Every code that [`Refusal::rule`] can return beside those of `chop_did::RULES`.
pub const RULES: &[&str] = &[
    "envelope.ledger",
    "envelope.expired",
    "envelope.too-far",
    "envelope.replayed",
    "envelope.sponsor-not-member",
    "envelope.sponsor-key",
    "envelope.actor-unknown",
    "envelope.actor-deactivated",
    "envelope.actor-barred",
    "envelope.actor-key",
    "envelope.proof-unused",
    "block.full",
    "quota.block",
    "quota.day",
    "accreditation.unknown",
    "accreditation.not-accreditor",
    "accreditation.not-member",
    "accreditation.not-holder",
    "accreditation.parent-not-live",
    "accreditation.scope",
    "accreditation.depth",
    "accreditation.subject-unknown",
    "accreditation.validity",
    "accreditation.backdated",
    "accreditation.ab-initio-effective",
    "accreditation.standing",
    "accreditation.revoked",
    "accreditation.history-full",
    "accreditation.too-many",
    "anchor.exists",
    "anchor.unknown",
    "anchor.not-issuer",
    "anchor.subject-unknown",
    "anchor.standing",
    "anchor.revoked",
    "anchor.history-full",
    "schema.document",
    "schema.not-owner",
    "schema.kind",
    "schema.order",
    "schema.history-full",
    "schema.incompatible",
    "schema.unknown",
    "schema.deprecated",
    "schema.successor",
    "binding.ledger",
    "binding.not-member",
    "binding.exists",
    "binding.too-many",
    "binding.unauthorised",
    "binding.unknown",
    "binding.ended",
    "binding.tls-key",
    "batch.exists",
    "batch.controlled",
    "batch.receipt",
    "batch.power",
    "batch.unknown",
    "batch.not-controller",
    "code.accreditation",
    "code.range",
    "code.standing",
    "code.segments",
    "item.proof",
    "item.exists",
    "claim.no-key",
    "claim.signature",
    "claim.exists",
    "proposal.not-voter",
    "proposal.unknown",
    "proposal.decided",
    "proposal.expired",
    "proposal.voted",
    "proposal.own-case",
    "proposal.too-many",
    "member.did-unknown",
    "member.controlled",
    "member.quota",
    "member.unknown",
    "member.standing",
    "member.too-few",
    "member.too-many",
    "member.history-full",
    "validators.solo",
    "validators.count",
    "validators.twice",
    "validators.key",
    "validators.power",
    "validators.unknown",
    "validators.member",
    "validators.unchanged",
    "validators.quorum",
    "validators.overlap",
    "promotion.not-solo",
    "promotion.not-founder",
    "promotion.other-key",
    "promotion.few-validators",
    "promotion.retired-key",
    "promotion.possession",
    "rules.pending",
    "rules.version",
    "rules.height",
    "parameter.range",
    "parameter.unchanged",
];

impl Refusal {
    /// Returns the stable code of the rule, listed in RULES.md.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Ledger => "envelope.ledger",
            Self::Expired { .. } => "envelope.expired",
            Self::TooFar { .. } => "envelope.too-far",
            Self::Replayed => "envelope.replayed",
            Self::SponsorNotMember { .. } => "envelope.sponsor-not-member",
            Self::SponsorKey { .. } => "envelope.sponsor-key",
            Self::ActorUnknown { .. } => "envelope.actor-unknown",
            Self::ActorDeactivated { .. } => "envelope.actor-deactivated",
            Self::ActorBarred { .. } => "envelope.actor-barred",
            Self::ActorKey { .. } => "envelope.actor-key",
            Self::ProofUnused { .. } => "envelope.proof-unused",
            Self::BlockFull => "block.full",
            Self::QuotaBlock { .. } => "quota.block",
            Self::QuotaDay { .. } => "quota.day",
            Self::Governance(refusal) => refusal.rule(),
            Self::Binding(refusal) => refusal.rule(),
            Self::Batch(refusal) => refusal.rule(),
            Self::Did(rejection) => rejection.rule(),
            Self::AccreditationUnknown { .. } => "accreditation.unknown",
            Self::NotAccreditor { .. } => "accreditation.not-accreditor",
            Self::NotMember { .. } => "accreditation.not-member",
            Self::NotHolder { .. } => "accreditation.not-holder",
            Self::ParentNotLive { .. } => "accreditation.parent-not-live",
            Self::Scope(_) => "accreditation.scope",
            Self::Depth { .. } => "accreditation.depth",
            Self::AccreditationSubject { .. } => "accreditation.subject-unknown",
            Self::Validity { .. } => "accreditation.validity",
            Self::Backdated { .. } => "accreditation.backdated",
            Self::AbInitioEffective => "accreditation.ab-initio-effective",
            Self::AccreditationStanding { .. } => "accreditation.standing",
            Self::AccreditationRevoked { .. } => "accreditation.revoked",
            Self::AccreditationHistory { .. } => "accreditation.history-full",
            Self::TooMany { .. } => "accreditation.too-many",
            Self::AnchorExists { .. } => "anchor.exists",
            Self::AnchorUnknown { .. } => "anchor.unknown",
            Self::NotIssuer { .. } => "anchor.not-issuer",
            Self::AnchorSubject { .. } => "anchor.subject-unknown",
            Self::AnchorStanding { .. } => "anchor.standing",
            Self::AnchorRevoked { .. } => "anchor.revoked",
            Self::AnchorHistory { .. } => "anchor.history-full",
            Self::SchemaDocument { .. } => "schema.document",
            Self::NotSchemaOwner { .. } => "schema.not-owner",
            Self::SchemaKind { .. } => "schema.kind",
            Self::SchemaOrder { .. } => "schema.order",
            Self::SchemaHistory { .. } => "schema.history-full",
            Self::SchemaIncompatible { .. } => "schema.incompatible",
            Self::SchemaUnknown { .. } => "schema.unknown",
            Self::SchemaDeprecated { .. } => "schema.deprecated",
            Self::SchemaSuccessor { .. } => "schema.successor",
        }
    }
}

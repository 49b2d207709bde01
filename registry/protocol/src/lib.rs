//! What clients and nodes both speak: envelopes, actions, state keys and values.
//!
//! Everything here is pure: a [`SignedEnvelope`] is parsed and its signatures are checked without any state, so it is
//! done once, at the door. What the state then allows is `chop-ledger`'s to say.

pub mod accreditation;
pub mod action;
pub mod anchor;
pub mod batch;
pub mod build;
pub mod bundle;
pub mod certificate;
pub mod envelope;
pub mod genesis;
pub mod governance;
pub mod http;
pub mod keys;
pub mod membership;
pub mod outcome;
pub mod schema;
pub mod terms;
pub mod transaction;
pub mod values;

pub use accreditation::{
    Accreditation, AccreditationEvent, EventKind, Liveness, RevocationReason, ScopeError, Standing,
    accreditation_id,
};
pub use action::{
    Accredit, Action, ActionError, AnchorCredential, ReinstateAccreditation, RevokeAccreditation,
    SetStatus, SuspendAccreditation,
};
pub use anchor::{Anchor, AnchorStatus, StatusEvent, anchor_digest};
pub use batch::{
    ActivateCodes, Batch, BatchTerms, Claim, ClaimCode, ClaimTerms, CodeStanding, CreateBatch,
    ItemAbsence, ItemProof, ItemProofError, ItemRecords, ItemResolveError, LeafCheck, LeafError,
    MaterialiseItem, Neighbour, Receipt, Segment, Signed, VoidCodes,
};
pub use build::{BuildError, UnsignedEnvelope};
pub use certificate::{
    Binding, BindingEnd, BindingError, BindingTerms, SignedBinding, UnbindCertificate, spki_hash,
};
pub use envelope::{Envelope, EnvelopeError, SignedEnvelope};
pub use genesis::{
    ConsortiumTerms, GenesisTerms, GenesisValidator, LedgerGenesis, LedgerGenesisError, Parameters,
};
pub use governance::{
    Ballot, CastVote, Change, Choice, Decision, DecisionKind, Governance, PossessionProof,
    PromotedValidator, Promotion, PromotionRecord, Proposal, ProposalStanding, Propose, Setting,
    Tally, Threshold, Verdict, Vote,
};
pub use membership::{
    Member, MemberEvent, MemberEventKind, MemberQuota, MemberStanding, Role, Validator,
    ValidatorSet, ValidatorUpdate,
};
pub use outcome::{ExecutionResult, Outcome};
pub use schema::{
    DeprecateSchema, Deprecation, DeprecationReason, PublishSchema, Schema, SchemaBody, SchemaKind,
    SchemaName, SchemaRef, SchemaTermError, SchemaVersion, SemVer,
};
pub use terms::{CredentialType, Jurisdiction, Lot, MemberName, Nonce, Note, TermError};
pub use values::{LedgerRecord, Quota, ReplayMark};

//! What a ledger says about its members and their decisions, each statement with its proof.

use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_protocol::governance::RulesRecord;
use chop_protocol::{Binding, Governance, Member, Parameters, Proposal, ValidatorSet, Vote, keys};

use crate::ledger::record;
use crate::registry::{Proven, ReadError, Registry};

/// Reads the membership of a DID; absent when it never had one.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn member(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Proven<Option<Member>>, ReadError> {
    record(registry, &keys::member(&did.scid())).await
}

/// Reads the validators that members run; absent on a solo ledger.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn validators(
    registry: &dyn Registry,
) -> Result<Proven<Option<ValidatorSet>>, ReadError> {
    record(registry, keys::VALIDATORS).await
}

/// Reads the parameters in force.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn parameters(registry: &dyn Registry) -> Result<Proven<Option<Parameters>>, ReadError> {
    record(registry, keys::PARAMETERS).await
}

/// Reads how members decide; absent where it is the default.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn governance(registry: &dyn Registry) -> Result<Proven<Option<Governance>>, ReadError> {
    record(registry, keys::GOVERNANCE).await
}

/// Reads which version of the rules members decided on last; absent where none but the first ever was.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn rules(registry: &dyn Registry) -> Result<Proven<Option<RulesRecord>>, ReadError> {
    record(registry, keys::RULES).await
}

/// Reads a proposal.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn proposal(
    registry: &dyn Registry,
    id: &Hash,
) -> Result<Proven<Option<Proposal>>, ReadError> {
    record(registry, &keys::proposal(id)).await
}

/// Reads the binding of a TLS key, by the hash of its `SubjectPublicKeyInfo`; absent when it was never bound.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn binding(
    registry: &dyn Registry,
    spki: &Hash,
) -> Result<Proven<Option<Binding>>, ReadError> {
    record(registry, &keys::binding(spki)).await
}

/// Reads one member's vote on a proposal; absent when it has not voted.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn vote(
    registry: &dyn Registry,
    proposal: &Hash,
    voter: &ChopDid,
) -> Result<Proven<Option<Vote>>, ReadError> {
    record(registry, &keys::vote(proposal, &voter.scid())).await
}

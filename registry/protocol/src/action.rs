//! What an envelope asks the ledger to do.
//!
//! An action is a JSON object with a `type` (`did.create`, `accreditation.accredit`, `credential.anchor`, …); unknown
//! types, unknown members and `null` are refused.

use chop_did::{ChopDid, OperationError, OperationKind, SignedOperation};
use chop_integrity::{Hash, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::accreditation::RevocationReason;
use crate::anchor::AnchorStatus;
use crate::batch::{
    ActivateCodes, ClaimCode, CreateBatch, MAX_SEGMENTS, MaterialiseItem, VoidCodes, leaves,
};
use crate::certificate::{BindingError, SignedBinding, UnbindCertificate};
use crate::governance::{CastVote, Propose};
use crate::membership::MAX_MEMBERS;
use crate::schema::{DeprecateSchema, PublishSchema};
use crate::terms::{CredentialType, Jurisdiction};

/// One thing that an envelope asks the ledger to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// `did.create`, `did.update`, …: `{"type", "operation"}`. The operation's own proofs authorise it.
    Did(Box<SignedOperation>),
    /// `accreditation.accredit`.
    Accredit(Accredit),
    /// `accreditation.suspend`.
    SuspendAccreditation(SuspendAccreditation),
    /// `accreditation.reinstate`.
    ReinstateAccreditation(ReinstateAccreditation),
    /// `accreditation.revoke`.
    RevokeAccreditation(RevokeAccreditation),
    /// `credential.anchor`.
    Anchor(AnchorCredential),
    /// `credential.set-status`.
    SetStatus(SetStatus),
    /// `schema.publish`.
    PublishSchema(Box<PublishSchema>),
    /// `schema.deprecate`.
    DeprecateSchema(DeprecateSchema),
    /// `batch.create`; alone in its envelope.
    CreateBatch(Box<CreateBatch>),
    /// `batch.activate`.
    ActivateCodes(ActivateCodes),
    /// `batch.void`.
    VoidCodes(VoidCodes),
    /// `batch.materialise`.
    Materialise(Box<MaterialiseItem>),
    /// `batch.claim`.
    Claim(Box<ClaimCode>),
    /// `membership.propose`; alone in its envelope.
    Propose(Box<Propose>),
    /// `membership.vote`; alone in its envelope.
    Vote(CastVote),
    /// `certificate.bind`: `{"type", "binding"}`. The binding's own proofs authorise it beside the envelope's.
    Bind(Box<SignedBinding>),
    /// `certificate.unbind`.
    Unbind(UnbindCertificate),
}

/// Grants an accreditation: at the root when the actor is a live member, else below one that the actor holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accredit {
    /// Who may issue.
    pub subject: ChopDid,
    /// What the subject may issue.
    pub credential_type: CredentialType,
    /// Where; everywhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Jurisdiction>,
    /// From when, not before header time; from header time on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// How many further links the subject may let hang below; 0 when absent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u8,
    /// The actor's own accreditation that this hangs from; absent at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Hash>,
}

/// Suspends an accreditation that the actor granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuspendAccreditation {
    /// The accreditation's id.
    pub accreditation: Hash,
    /// From when, not before header time; from header time on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
}

/// Ends the suspension of an accreditation that the actor granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReinstateAccreditation {
    /// The accreditation's id.
    pub accreditation: Hash,
    /// From when, not before header time; from header time on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
}

/// Revokes an accreditation that the actor granted, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeAccreditation {
    /// The accreditation's id.
    pub accreditation: Hash,
    /// From when, not before header time; from header time on when absent. A revocation *ab initio* names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
    /// How far back it reaches; forward when absent.
    #[serde(default, skip_serializing_if = "is_forward")]
    pub reason: RevocationReason,
}

/// Anchors a credential that the actor issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnchorCredential {
    /// See [`crate::anchor_digest`].
    pub digest: Hash,
    /// The credential's type, said in public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_type: Option<CredentialType>,
    /// The credential's subject, said in public: a DID of this ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<ChopDid>,
}

/// Sets the status of a credential that the actor anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetStatus {
    /// The anchor's digest.
    pub digest: Hash,
    /// The new status.
    pub status: AnchorStatus,
}

/// Says why a JSON object is no action.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// The `type` is missing or none of the protocol's.
    #[error("unknown action type {found:?}")]
    Type {
        /// The type named; empty when missing.
        found: String,
    },
    /// A member is missing, unknown, null or of the wrong type.
    #[error("a {action} action is not of the required shape: {reason}")]
    Shape {
        /// The action's type.
        action: String,
        /// What the decoder said.
        reason: String,
    },
    /// The DID operation is malformed or not signed as it says.
    #[error("the operation of a {action} action: {reason}")]
    Operation {
        /// The action's type.
        action: String,
        /// What is wrong with it.
        reason: OperationError,
    },
    /// The binding of a TLS key is malformed or not signed by both sides.
    #[error("the binding of a {action} action: {reason}")]
    Binding {
        /// The action's type.
        action: String,
        /// What is wrong with it.
        reason: Box<BindingError>,
    },
    /// The action's type names another kind of operation than the one inside.
    #[error("a {action} action carries an operation of kind {found}")]
    Kind {
        /// The action's type.
        action: String,
        /// The type of the operation inside.
        found: &'static str,
    },
}

impl Action {
    /// Parses one action; a DID operation's signatures are checked.
    ///
    /// # Errors
    /// Returns [`ActionError`], which says what is wrong.
    pub fn parse(value: Value) -> Result<Self, ActionError> {
        let Value::Object(mut members) = value else {
            return Err(ActionError::Type {
                found: String::new(),
            });
        };
        let Some(Value::String(name)) = members.remove("type") else {
            return Err(ActionError::Type {
                found: String::new(),
            });
        };
        match name.as_str() {
            "accreditation.accredit" => body(&name, members).map(Self::Accredit),
            "accreditation.suspend" => body(&name, members).map(Self::SuspendAccreditation),
            "accreditation.reinstate" => body(&name, members).map(Self::ReinstateAccreditation),
            "accreditation.revoke" => body(&name, members).map(Self::RevokeAccreditation),
            "credential.anchor" => body(&name, members).map(Self::Anchor),
            "credential.set-status" => body(&name, members).map(Self::SetStatus),
            "schema.publish" => {
                body(&name, members).map(|body| Self::PublishSchema(Box::new(body)))
            }
            "schema.deprecate" => body(&name, members).map(Self::DeprecateSchema),
            "batch.create" => body(&name, members).map(Box::new).map(Self::CreateBatch),
            "batch.activate" => body(&name, members).map(Self::ActivateCodes),
            "batch.void" => body(&name, members).map(Self::VoidCodes),
            "batch.materialise" => body(&name, members).map(Box::new).map(Self::Materialise),
            "batch.claim" => body(&name, members).map(Box::new).map(Self::Claim),
            "membership.propose" => body(&name, members).map(Box::new).map(Self::Propose),
            "membership.vote" => body(&name, members).map(Self::Vote),
            "certificate.bind" => bind_action(name, members),
            "certificate.unbind" => body(&name, members).map(Self::Unbind),
            _ if name.starts_with("did.") => did_action(name, members),
            _ => Err(ActionError::Type { found: name }),
        }
    }

    /// Returns the action's `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Did(signed) => did_name(signed.operation().kind()),
            Self::Accredit(_) => "accreditation.accredit",
            Self::SuspendAccreditation(_) => "accreditation.suspend",
            Self::ReinstateAccreditation(_) => "accreditation.reinstate",
            Self::RevokeAccreditation(_) => "accreditation.revoke",
            Self::Anchor(_) => "credential.anchor",
            Self::SetStatus(_) => "credential.set-status",
            Self::PublishSchema(_) => "schema.publish",
            Self::DeprecateSchema(_) => "schema.deprecate",
            Self::CreateBatch(_) => "batch.create",
            Self::ActivateCodes(_) => "batch.activate",
            Self::VoidCodes(_) => "batch.void",
            Self::Materialise(_) => "batch.materialise",
            Self::Claim(_) => "batch.claim",
            Self::Propose(_) => "membership.propose",
            Self::Vote(_) => "membership.vote",
            Self::Bind(_) => "certificate.bind",
            Self::Unbind(_) => "certificate.unbind",
        }
    }

    /// Says whether nothing else may be in the action's envelope: a record keeps it, or the action is work enough.
    pub const fn is_alone(&self) -> bool {
        matches!(
            self,
            Self::Propose(_) | Self::Vote(_) | Self::CreateBatch(_)
        )
    }

    /// Returns the work units that the action costs: a measure of the state entries that it reads and writes
    /// at worst, so that blocks of equal work take about equal time.
    pub fn work(&self) -> u64 {
        match self {
            // State, controller, two writes; and every signature, which each node checks at its door.
            Self::Did(signed) => {
                let signatures = signed.operation().signers().len();
                u64::try_from(signatures)
                    .unwrap_or(u64::MAX)
                    .saturating_add(3)
            }
            // Member, DID, binding; and every signature.
            Self::Bind(binding) => u64::try_from(binding.signatures())
                .unwrap_or(u64::MAX)
                .saturating_add(3),
            // A subject's list of up to 64, and the chain of parents. Segments, the batch, and chains of accreditations.
            Self::Accredit(_) | Self::ActivateCodes(_) => 32,
            // The chain of parents; the version, its name and its successor.
            Self::ReinstateAccreditation(_) | Self::DeprecateSchema(_) => 4,
            Self::SuspendAccreditation(_) | Self::RevokeAccreditation(_) | Self::Unbind(_) => 2,
            Self::Anchor(_) | Self::SetStatus(_) => 1,
            // The version before is read and compared, however short this one is; the body is read, hashed and stored.
            Self::PublishSchema(publish) => {
                let size = publish.body.text().len();
                u64::try_from(size / 512)
                    .unwrap_or(u64::MAX)
                    .saturating_add(24)
            }
            // Every receipt's signature; and what each node stores and serves beside the state.
            Self::CreateBatch(body) => {
                let runs = u64::from(leaves::runs(body.count));
                let receipts = u64::try_from(body.receipts.len()).unwrap_or(u64::MAX);
                receipts.saturating_add(runs).saturating_add(8)
            }
            // Every segment that it may read and write.
            Self::VoidCodes(_) => 2 * MAX_SEGMENTS as u64 + 2,
            // Batch, template, path; two writes. Batch, segment, path, signature; one write.
            Self::Materialise(_) | Self::Claim(_) => 5,
            // Every member's record, document and vote.
            Self::Propose(_) | Self::Vote(_) => 3 * MAX_MEMBERS as u64,
        }
    }

    /// Writes the action as JSON.
    ///
    /// # Errors
    /// Returns [`serde_json::Error`] when a member cannot be written, which no parsed or built action causes.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        let body = match self {
            Self::Did(signed) => {
                let mut members = Map::new();
                members.insert("operation".to_owned(), signed.value().clone());
                Value::Object(members)
            }
            Self::Accredit(body) => serde_json::to_value(body)?,
            Self::SuspendAccreditation(body) => serde_json::to_value(body)?,
            Self::ReinstateAccreditation(body) => serde_json::to_value(body)?,
            Self::RevokeAccreditation(body) => serde_json::to_value(body)?,
            Self::Anchor(body) => serde_json::to_value(body)?,
            Self::SetStatus(body) => serde_json::to_value(body)?,
            Self::PublishSchema(body) => serde_json::to_value(body)?,
            Self::DeprecateSchema(body) => serde_json::to_value(body)?,
            Self::CreateBatch(body) => serde_json::to_value(body)?,
            Self::ActivateCodes(body) => serde_json::to_value(body)?,
            Self::VoidCodes(body) => serde_json::to_value(body)?,
            Self::Materialise(body) => serde_json::to_value(body)?,
            Self::Claim(body) => serde_json::to_value(body)?,
            Self::Propose(body) => serde_json::to_value(body)?,
            Self::Vote(body) => serde_json::to_value(body)?,
            Self::Bind(binding) => {
                let mut members = Map::new();
                members.insert("binding".to_owned(), binding.value().clone());
                Value::Object(members)
            }
            Self::Unbind(body) => serde_json::to_value(body)?,
        };
        let mut members = match body {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        members.insert("type".to_owned(), Value::String(self.name().to_owned()));
        Ok(Value::Object(members))
    }
}

fn body<T: DeserializeOwned>(action: &str, members: Map<String, Value>) -> Result<T, ActionError> {
    let shape = |reason: String| ActionError::Shape {
        action: action.to_owned(),
        reason,
    };
    if let Some((name, _)) = members.iter().find(|(_, value)| holds_null(value)) {
        return Err(shape(format!(
            "an absent member is left out, but {name:?} is or holds null"
        )));
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| shape(error.to_string()))
}

/// Says whether null stands anywhere in a value, whose depth the door bounds.
fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}

fn did_action(action: String, mut members: Map<String, Value>) -> Result<Action, ActionError> {
    let operation = members.remove("operation");
    let (Some(operation), true) = (operation, members.is_empty()) else {
        let reason = "it has exactly the members \"type\" and \"operation\"".to_owned();
        return Err(ActionError::Shape { action, reason });
    };
    let signed = match SignedOperation::try_from(operation) {
        Ok(signed) => signed,
        Err(reason) => return Err(ActionError::Operation { action, reason }),
    };
    let found = did_name(signed.operation().kind());
    if found == action {
        Ok(Action::Did(Box::new(signed)))
    } else {
        Err(ActionError::Kind { action, found })
    }
}

fn bind_action(action: String, mut members: Map<String, Value>) -> Result<Action, ActionError> {
    let binding = members.remove("binding");
    let (Some(binding), true) = (binding, members.is_empty()) else {
        let reason = "it has exactly the members \"type\" and \"binding\"".to_owned();
        return Err(ActionError::Shape { action, reason });
    };
    match SignedBinding::try_from(binding) {
        Ok(binding) => Ok(Action::Bind(Box::new(binding))),
        Err(reason) => {
            let reason = Box::new(reason);
            Err(ActionError::Binding { action, reason })
        }
    }
}

const fn did_name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Create => "did.create",
        OperationKind::Update => "did.update",
        OperationKind::Rotate => "did.rotate",
        OperationKind::Recover => "did.recover",
        OperationKind::Veto => "did.veto",
        OperationKind::Deactivate => "did.deactivate",
        OperationKind::Transfer => "did.transfer",
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the member by reference"
)]
const fn is_zero(depth: &u8) -> bool {
    *depth == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the member by reference"
)]
fn is_forward(reason: &RevocationReason) -> bool {
    *reason == RevocationReason::Forward
}

//! The bodies of the `/v1` routes that clients and nodes share.
//!
//! `POST /v1/transactions` takes one [`crate::SignedEnvelope`] and answers a [`Transaction`].

pub mod listed;

use chop_did::{ChopDid, LedgerId, Template};
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_proof::StateProof;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::{BatchTerms, ItemProof, Receipt, Segment};
use crate::genesis::GenesisValidator;
use crate::governance::{Governance, Proposal, ProposalStanding};
use crate::membership::{Member, MemberQuota, MemberStanding, Validator};
use crate::outcome::{ExecutionResult, Outcome};
use crate::schema::{Schema, SchemaName};
use crate::values::Quota;

/// Where a transaction stands: the answer to `POST /v1/transactions` and `GET /v1/transactions/{hash}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// The envelope's hash.
    pub hash: Hash,
    /// Where it stands.
    #[serde(flatten)]
    pub status: TransactionStatus,
}

/// Where a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "status")]
#[non_exhaustive]
pub enum TransactionStatus {
    /// Received, not in a block yet.
    Pending,
    /// Executed; all actions took effect.
    Committed {
        /// Height of the block.
        height: u64,
    },
    /// Executed; no action took effect.
    Refused {
        /// Height of the block.
        height: u64,
        /// The stable code of the rule.
        rule: String,
        /// The refusal in words.
        detail: String,
    },
    /// Not executed, and too late for it.
    Expired,
    /// Never seen here.
    Unknown,
}

impl From<&Outcome> for Transaction {
    fn from(outcome: &Outcome) -> Self {
        let height = outcome.height;
        let status = match &outcome.result {
            ExecutionResult::Committed => TransactionStatus::Committed { height },
            ExecutionResult::Refused { rule, detail, .. } => TransactionStatus::Refused {
                height,
                rule: rule.clone(),
                detail: detail.clone(),
            },
        };
        Self {
            hash: outcome.hash,
            status,
        }
    }
}

/// A state entry: the answer to `GET /v1/state/{key}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenValue {
    /// The key, as in [`crate::keys`].
    pub key: String,
    /// The value; null when the key is absent.
    pub value: Option<Value>,
    /// Proves value or absence; absent when it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<StateProof>,
}

impl ProvenValue {
    /// Returns the bytes that the tree holds: values are stored as JCS.
    ///
    /// # Errors
    /// Returns [`JcsError`] when the value has no canonical form, so that it cannot be what the tree holds.
    pub fn value_bytes(&self) -> Result<Option<Vec<u8>>, JcsError> {
        self.value.as_ref().map(canonicalize).transpose()
    }
}

/// The keys that one batch of proofs is about: the body of `POST /v1/proofs`, which answers a [`chop_proof::BatchProof`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofQuery {
    /// At most [`chop_proof::BatchProof::MAX_STATEMENTS`] keys, each once.
    pub keys: Vec<String>,
}

/// What a node says about itself: the answer to `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The full ledger id.
    pub ledger: LedgerId,
    /// The chain id of the headers.
    pub chain_id: String,
    /// Height of the last block.
    pub height: u64,
    /// Header time of the last block.
    pub time: Timestamp,
    /// Root of the state after the last block, 64 hexadecimal digits.
    pub app_hash: String,
    /// `solo` or `cometbft`.
    pub engine: String,
    /// The member that runs the node: it sponsors the envelopes of those who hold the node's admin token.
    pub operator: ChopDid,
    /// The validators now.
    pub validators: Vec<GenesisValidator>,
    /// The last block that the node's lists show; none before they have begun.
    #[serde(rename = "readModel", default)]
    pub read_model: Option<u64>,
    /// Whether the database of the lists refuses the node's user or password: only its operator can mend that.
    #[serde(rename = "readModelRefused", default)]
    pub read_model_refused: bool,
}

/// One block: the answer to `GET /v1/blocks/{height}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Height.
    pub height: u64,
    /// Header time.
    pub time: Timestamp,
    /// The header's hash, 64 hexadecimal digits.
    pub hash: String,
    /// Root of the state before this block, as its header says it, 64 hexadecimal digits.
    pub app_hash: String,
    /// What became of its envelopes, in order.
    pub transactions: Vec<Transaction>,
}

/// A page of schemas, ordered by name: the answer to `GET /v1/schemas`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaPage {
    /// The schemas.
    pub schemas: Vec<Schema>,
    /// What to pass as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<SchemaName>,
    /// False: nothing shows that the page is whole.
    pub proven: bool,
}

/// The members of the consortium: the answer to `GET /v1/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberList {
    /// False: nothing shows that the list is whole. Each member is proven by its own key.
    pub proven: bool,
    /// The members, ended memberships included, ordered by scid.
    pub members: Vec<ListedMember>,
    /// The validators that members run; empty on a solo ledger.
    pub validators: Vec<Validator>,
    /// How members decide.
    pub governance: Governance,
}

/// A member with its standing now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedMember {
    /// Where its membership stands.
    pub standing: MemberStanding,
    /// Its record.
    pub member: Member,
}

/// A member's own membership, as of the node's last block: the answer to `GET /v1/member` of the member API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    /// The last block's height.
    pub height: u64,
    /// The last block's header time.
    pub time: Timestamp,
    /// Its record.
    pub member: Member,
    /// The certificate that was shown.
    pub certificate: BoundCertificate,
    /// What it may sponsor.
    pub quota: MemberQuota,
    /// What it has sponsored on the day of the last block.
    pub used_today: Quota,
    /// The validators that it runs.
    pub validators: Vec<Validator>,
    /// The open proposals on which it may vote and has not.
    pub awaiting_vote: Vec<Hash>,
}

/// A certificate whose key is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoundCertificate {
    /// SHA-256 of its key's `SubjectPublicKeyInfo`.
    pub spki: Hash,
    /// Header time of the binding.
    pub bound: Timestamp,
    /// Height of the binding.
    pub height: u64,
    /// Until when the certificate holds.
    pub until: Timestamp,
}

/// The open proposals: the answer to `GET /v1/proposals`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProposalPage {
    /// False: nothing shows that the list is whole. Each proposal is proven by its own key.
    pub proven: bool,
    /// Those that expire first are in front.
    pub proposals: Vec<ListedProposal>,
}

/// A proposal with its standing now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedProposal {
    /// Where it stands.
    pub standing: ProposalStanding,
    /// Its record.
    pub proposal: Proposal,
}

/// A proposal and the votes on it: the answer to `GET /v1/proposals/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProposalView {
    /// Where it stands.
    pub standing: ProposalStanding,
    /// Its record, with proof when asked.
    pub proposal: ProvenValue,
    /// The votes, ordered by voter, each with proof when asked; nothing shows that there are no others.
    pub votes: Vec<ProvenValue>,
}

/// Operations of a DID, oldest first: the answer to `GET /v1/dids/{did}/log`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DidLog {
    /// Some of the operations from the version on that was asked for.
    pub operations: Vec<LogEntry>,
    /// The version with which the rest begins; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One entry of a DID's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// `<seq>-<operation hash>`.
    pub version_id: String,
    /// The operation, proofs included; a founder's create has none, its ledger's genesis vouches for it.
    pub operation: Value,
    /// Header time.
    pub time: Timestamp,
}

/// The leaves of a batch are announced, and receipts for them asked for, under its terms and its template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeafTerms {
    /// What the batch will be.
    pub terms: BatchTerms,
    /// The template whose digest the terms name.
    pub template: Template,
}

/// A receipt is asked for: by a validator that gives its own, or by anybody. Nodes of several versions ask each other, so that
/// members which are not known here are passed over; what the terms name is strict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptQuery {
    /// What the batch will be.
    pub terms: BatchTerms,
    /// The template whose digest the terms name.
    pub template: Template,
    /// The receipt of a validator that has the leaves: it vouches for the terms, and others fetch them first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Which leaves a node waits for: the answer to `POST /v1/leaves`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeavesExpected {
    /// The batch's id.
    pub batch: Hash,
    /// The hash of its terms, under which runs are brought.
    pub terms: Hash,
    /// How many runs there are.
    pub runs: u32,
    /// Which run comes next; null when all are here.
    pub next: Option<u32>,
}

/// One validator's receipt: the answer to `POST /v1/leaves/receipt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptAnswer {
    /// The receipt; null while the leaves are not all there.
    pub receipt: Option<Receipt>,
}

/// The receipts that a node collected: the answer to `POST /v1/leaves/receipts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptList {
    /// The receipts.
    pub receipts: Vec<Receipt>,
    /// How many members' nodes have not given theirs.
    pub pending: usize,
}

/// An item that a node keeps: the answer to `GET /v1/items/{did}`.
///
/// Nothing in it needs to be trusted: the batch under `batch/{id}` of the state and the digest of the template decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemAnswer {
    /// The item with the path to its batch's root.
    pub proof: ItemProof,
    /// The batch's template.
    pub template: Template,
    /// The key of the state under which the standing of its code is.
    pub segment: String,
}

/// The codes of a batch: the answer to `GET /v1/batches/{id}/codes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodePage {
    /// The segments, in the order of ordinals.
    pub segments: Vec<Segment>,
    /// What to pass as `from` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
    /// Always true: nothing proves that a list is complete. Each segment is proven by its own key.
    pub unproven: bool,
}

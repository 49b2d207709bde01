//! What the read model answers: lists, unproven, each as of a height of the ledger.

use chop_did::{ChopDid, Class};
use chop_integrity::{Hash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::accreditation::{Accreditation, Standing};
use crate::http::{BlockView, ListedProposal};

/// How much of the ledger an answer of the read model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsOf {
    /// The last block that shows in the answer; the node may have later ones.
    pub height: u64,
    /// The first block whose transactions show in it; above 1 when the blocks before were pruned or never held.
    pub from: u64,
}

/// One page of a list: `items` goes by the name of what it lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// False: nothing shows that the list is whole. What can be proven is proven by its own key.
    pub proven: bool,
    /// How much of the ledger it knows.
    pub as_of: AsOf,
    /// What is listed, the newest first.
    pub items: Vec<T>,
    /// What to pass as `cursor` for the next page; absent on the last. A page may be short, or empty, and have a next one:
    /// the node looks at a bounded number of entries for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A block in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedBlock {
    /// Height.
    pub height: u64,
    /// Header time.
    pub time: Timestamp,
    /// The header's hash, 64 hexadecimal digits.
    pub hash: String,
    /// Root of the state before this block, as its header says it, 64 hexadecimal digits.
    pub app_hash: String,
    /// The validator that proposed it, 40 hexadecimal digits.
    pub proposer: String,
    /// How many envelopes are in it.
    pub envelopes: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// A transaction in a list, and the data of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedTransaction {
    /// The envelope's hash.
    pub hash: Hash,
    /// Height of the block.
    pub height: u64,
    /// Place of the envelope in the block, from 0.
    pub index: u64,
    /// Header time.
    pub time: Timestamp,
    /// Who acted.
    pub actor: ChopDid,
    /// The member that vouched for the envelope.
    pub sponsor: ChopDid,
    /// What became of it.
    #[serde(flatten)]
    pub result: ListedResult,
    /// What it asked for, in order.
    pub actions: Vec<ListedAction>,
}

/// What became of a transaction in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "status")]
pub enum ListedResult {
    /// All actions took effect.
    Committed,
    /// No action took effect.
    Refused {
        /// The stable code of the rule.
        rule: String,
        /// The refusal in words.
        detail: String,
    },
}

/// One action of a transaction in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedAction {
    /// The action's type, such as `did.create`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about, when that is no DID: an accreditation, an anchor, a schema's version, a batch, a proposal, a TLS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The DIDs that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dids: Vec<ChopDid>,
}

/// A block with its transactions: the answer to `GET /v1/blocks/{height}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum ShownBlock {
    /// From the block itself, which this node holds.
    Held(BlockView),
    /// From the read model: the block itself was pruned here.
    Remembered(RememberedBlock),
}

/// A block that only the read model still knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RememberedBlock {
    /// What the header said.
    #[serde(flatten)]
    pub block: ListedBlock,
    /// True: the block was pruned here, and its transactions are at `/v1/transactions?from=…&to=…`.
    pub pruned: bool,
}

/// A DID in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedDid {
    /// The DID.
    pub did: ChopDid,
    /// What it stands for.
    pub class: Class,
    /// Who controls it; absent when it has keys of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<ChopDid>,
    /// How many versions it has.
    pub versions: u64,
    /// Header time of the create.
    pub created: Timestamp,
    /// Header time of the last operation.
    pub updated: Timestamp,
    /// Whether it has ended.
    pub deactivated: bool,
}

/// An accreditation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedAccreditation {
    /// What it and its ancestors say about the time that was asked for, or that of the last block.
    pub standing: Standing,
    /// Its record.
    pub accreditation: Accreditation,
}

/// Proposals, the newest first.
pub type ProposalList = Listed<ListedProposal>;

/// What a search found: the answer to `GET /v1/search`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// False: nothing shows that there is no more.
    pub proven: bool,
    /// How much of the ledger it knows.
    pub as_of: AsOf,
    /// What was found, by kind.
    pub hits: Vec<Hit>,
    /// Whether there is more than was asked for.
    pub more: bool,
}

/// One thing that a search found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// `block`, `transaction`, `did`, `member`, `proposal`, `accreditation`, `anchor`, `schema`, `document` or `type`.
    pub kind: String,
    /// Its name on the ledger.
    pub id: String,
    /// The words that matched, where the name is not what was sought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Where this node shows it.
    pub path: String,
}

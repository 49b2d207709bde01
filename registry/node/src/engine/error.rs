//! Why an engine could not do what it was asked.

use chop_did::LedgerId;
use chop_proof::TrustRootError;
use chop_proof::build::BuildError;
use thiserror::Error;

use super::replay::ReplayError;
use crate::store::StoreError;

/// Names a failure inside the engine. Its words are for the log; they never leave the process.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Members decided on rules that this program does not know.
    #[error("{reason}")]
    Rules {
        /// What the state machine said.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state machine failed, which no envelope can cause.
    #[error("executing the block at height {height} failed: {reason}")]
    Execute {
        /// Height of the block.
        height: u64,
        /// What the state machine said.
        reason: String,
    },
    /// The state tree failed.
    #[error("the state tree failed at version {version}: {reason}")]
    Tree {
        /// Version of the tree.
        version: u64,
        /// What the tree said.
        reason: String,
    },
    /// A header could not be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A header in the store is unusable.
    #[error("the header at height {height} is unusable: {reason}")]
    Header {
        /// Height of the header.
        height: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// CometBFT asks for what cannot be.
    #[error("CometBFT and this ledger disagree: {reason}")]
    Consensus {
        /// In what.
        reason: String,
    },
    /// No header commits to the state yet.
    #[error("no header commits to the state after block {height} yet")]
    Unproven {
        /// Height of the block.
        height: u64,
    },
    /// Something that this node wrote as JSON does not read or write as such.
    #[error("the {what} is no canonical JSON: {reason}")]
    Json {
        /// What was read or written.
        what: &'static str,
        /// What the library said.
        reason: String,
    },
}

impl EngineError {
    /// Says whether the database was reopened under the reader, so that asking again helps.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_passing())
    }
}

/// Names why a ledger could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store or the last block is unusable.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The genesis does not have exactly one validator.
    #[error("a solo ledger has one validator, but the genesis of {ledger} names {count}")]
    NotSolo {
        /// The ledger.
        ledger: LedgerId,
        /// Validators in the genesis.
        count: usize,
    },
    /// Members govern the validators, and a change of them would reach nobody here.
    #[error(
        "{ledger} is a consortium's ledger, whose validators its members govern; the solo engine runs none"
    )]
    Consortium {
        /// The ledger.
        ledger: LedgerId,
    },
    /// Its members promoted it: the key that signed alone is retired.
    #[error(
        "this ledger was promoted to a consortium at height {height}: its own key signs no more, start the node with --engine cometbft"
    )]
    Promoted {
        /// Height of the last block.
        height: u64,
    },
    /// The genesis names validators that cannot sign headers.
    #[error("the genesis names unusable validators: {0}")]
    Validators(#[from] TrustRootError),
    /// The signing key is not the one that the genesis names.
    #[error("the signing key is {found}, but the genesis names validator {named}")]
    OtherKey {
        /// The signer's key, as Multikey.
        found: String,
        /// The validator's key, as Multikey.
        named: String,
    },
    /// The genesis state cannot be made.
    #[error("the ledger cannot be founded: {reason}")]
    Found {
        /// What the state machine said.
        reason: String,
    },
    /// The replay check that was asked for failed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A thread or a socket of the engine could not be made.
    #[error("the engine could not be started: {0}")]
    Start(#[from] std::io::Error),
    /// CometBFT is not there.
    #[error(transparent)]
    Binary(#[from] super::comet::BinaryError),
    /// CometBFT's folder cannot be used.
    #[error(transparent)]
    Home(#[from] super::comet::HomeError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Names why an envelope got no outcome. Safe to show to clients.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitError {
    /// The envelope is for another ledger.
    #[error("the envelope is for ledger {named}, this is ledger {here}")]
    OtherLedger {
        /// The ledger that the envelope names.
        named: LedgerId,
        /// This ledger.
        here: LedgerId,
    },
    /// No block would execute the envelope: wrong keys, outside its time window, nonce used, no quota left. It left no
    /// trace; a copy with the right signatures may still succeed.
    #[error("{detail}")]
    NotAdmitted {
        /// The stable code of the rule, listed in RULES.md.
        rule: String,
        /// The refusal in words.
        detail: String,
    },
    /// The queue is full; asking again later helps.
    #[error("the ledger is busy: {queued} envelopes wait already")]
    Busy {
        /// How many wait.
        queued: usize,
    },
    /// No block took it while it was valid.
    #[error("no block took the envelope before its validUntil")]
    Expired,
    /// The disk takes no writes; reads go on.
    #[error("the ledger takes no writes now, because its disk refused one; reading works")]
    ReadOnly,
    /// The ledger was promoted; its validators take writes.
    #[error("the ledger was promoted to a consortium: its validators take writes from now on")]
    Promoted,
    /// The ledger is shutting down.
    #[error("the ledger is shutting down")]
    Stopped,
}

//! Why a proof is refused.

use thiserror::Error;

/// Names the first reason for which a proof does not show what it claims.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// A part is longer than any honest proof needs.
    #[error("the {part} has {length} bytes, but at most {limit} are read")]
    TooLong {
        /// The part of the proof.
        part: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A part does not decode.
    #[error("the {part} does not decode: {reason}")]
    Malformed {
        /// The part of the proof.
        part: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A part decodes, but encodes to other bytes than the proof holds.
    #[error("the {part} is not in its canonical encoding")]
    NotCanonical {
        /// The part of the proof.
        part: &'static str,
    },
    /// The header is of another chain.
    #[error("the header is of chain {found}, but chain {pinned} is trusted")]
    OtherChain {
        /// The chain id that the header names.
        found: String,
        /// The chain id that the trust root names.
        pinned: String,
    },
    /// The header follows a block protocol that this crate does not know.
    #[error("the header follows block protocol {found}, but only {known} is known")]
    OtherProtocol {
        /// The version in the header.
        found: u64,
        /// The version that is known.
        known: u64,
    },
    /// The header is older than the caller accepts.
    #[error("the header was made {age_ms} ms ago, but at most {limit_ms} ms are accepted")]
    Stale {
        /// Age in milliseconds.
        age_ms: i64,
        /// Limit in milliseconds.
        limit_ms: i64,
    },
    /// The header is dated later than the caller's clock allows.
    #[error(
        "the header is dated {ahead_ms} ms ahead of the clock, but at most {limit_ms} ms are accepted"
    )]
    FromTheFuture {
        /// Lead in milliseconds.
        ahead_ms: i64,
        /// Limit in milliseconds.
        limit_ms: i64,
    },
    /// The header says something about itself that no valid header says.
    #[error("the header is inconsistent: {reason}")]
    InconsistentHeader {
        /// What contradicts what.
        reason: &'static str,
    },
    /// The validator set is not the one that the header names.
    #[error("the validator set hashes to {found}, but the header names {named}")]
    OtherValidators {
        /// Hash of the validator set in the proof.
        found: String,
        /// Hash in the header.
        named: String,
    },
    /// The validator set is consistent with the header but nobody trusts it.
    #[error("the validator set {found} is not the trusted set {pinned}")]
    UntrustedValidators {
        /// Hash of the validator set in the proof.
        found: String,
        /// Hash of the trusted set.
        pinned: String,
    },
    /// The commit is for another header.
    #[error("the commit is for block {committed}, but the header hashes to {found}")]
    OtherBlock {
        /// The block hash that the commit names.
        committed: String,
        /// Hash of the header in the proof.
        found: String,
    },
    /// The commit does not have one entry per validator.
    #[error("the commit has {signatures} entries for {validators} validators")]
    CommitLength {
        /// Entries in the commit.
        signatures: usize,
        /// Validators in the set.
        validators: usize,
    },
    /// A commit entry stands in another validator's place.
    #[error("entry {index} of the commit is by {found}, but validator {expected} has that place")]
    OutOfOrder {
        /// Place in the commit, from 0.
        index: usize,
        /// Address in the entry.
        found: String,
        /// Address of the validator in that place.
        expected: String,
    },
    /// A listed signature does not verify.
    #[error("entry {index} of the commit has a signature by {validator} that does not verify")]
    BadSignature {
        /// Place in the commit, from 0.
        index: usize,
        /// Address of the validator.
        validator: String,
    },
    /// Not more than two thirds of the voting power signed.
    #[error("{signed} of {total} voting power signed, but more than two thirds must")]
    TooLittlePower {
        /// Power that signed this block.
        signed: u64,
        /// Power of the whole set.
        total: u64,
    },
    /// The Merkle path does not lead from the statement to the header's state root.
    #[error("the path does not show this statement under state root {app_hash}: {reason}")]
    PathMismatch {
        /// The root that the header commits to, in hexadecimal.
        app_hash: String,
        /// What the tree library said.
        reason: String,
    },
    /// There are more parts of a kind than any honest proof needs.
    #[error("there are {count} {parts}, but at most {limit} are read")]
    TooMany {
        /// What there are too many of.
        parts: &'static str,
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Two statements are about one key.
    #[error("two statements are about the key {key:?}")]
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// A checkpoint does not show the header that it is said to confirm.
    #[error("the checkpoint does not confirm the header: {reason}")]
    Checkpoint {
        /// What does not hold.
        reason: &'static str,
    },
    /// Two headers do not contradict one another.
    #[error("the two headers are no fork: {reason}")]
    NoFork {
        /// What they would have to be.
        reason: &'static str,
    },
    /// Too little of the power that is trusted signed a farther header.
    #[error(
        "too little of the power trusted at height {trusted} signed the header at height {height}: {tally}"
    )]
    TooLittleTrust {
        /// Height of the new header.
        height: u64,
        /// Height of the trusted header.
        trusted: u64,
        /// What the verifier counted.
        tally: String,
    },
    /// A header does not follow from the trusted one.
    #[error(
        "the header at height {height} does not follow from the trusted one at {trusted}: {reason}"
    )]
    NotAdvancing {
        /// Height of the new header.
        height: u64,
        /// Height of the trusted header.
        trusted: u64,
        /// What the verifier said.
        reason: String,
    },
    /// A promotion is crossed without what leads across it.
    #[error("the promotion of the solo ledger is not crossed: {reason}")]
    Handover {
        /// What does not hold.
        reason: &'static str,
    },
    /// The header at the next height does not name the trusted header as its parent.
    #[error("the header names {named} as its parent, but the trusted header is {trusted}")]
    Unlinked {
        /// Parent hash in the new header.
        named: String,
        /// Hash of the trusted header.
        trusted: String,
    },
}

impl ProofError {
    /// A stable code for this reason, `proof.` and words in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "proof.too-long",
            Self::Malformed { .. } => "proof.malformed",
            Self::NotCanonical { .. } => "proof.not-canonical",
            Self::OtherChain { .. } => "proof.other-chain",
            Self::OtherProtocol { .. } => "proof.other-protocol",
            Self::Stale { .. } => "proof.stale",
            Self::FromTheFuture { .. } => "proof.from-the-future",
            Self::InconsistentHeader { .. } => "proof.inconsistent-header",
            Self::OtherValidators { .. } => "proof.other-validators",
            Self::UntrustedValidators { .. } => "proof.untrusted-validators",
            Self::OtherBlock { .. } => "proof.other-block",
            Self::CommitLength { .. } => "proof.commit-length",
            Self::OutOfOrder { .. } => "proof.out-of-order",
            Self::BadSignature { .. } => "proof.bad-signature",
            Self::TooLittlePower { .. } => "proof.too-little-power",
            Self::PathMismatch { .. } => "proof.path-mismatch",
            Self::TooMany { .. } => "proof.too-many",
            Self::RepeatedKey { .. } => "proof.repeated-key",
            Self::Checkpoint { .. } => "proof.checkpoint",
            Self::NoFork { .. } => "proof.no-fork",
            Self::TooLittleTrust { .. } => "proof.too-little-trust",
            Self::NotAdvancing { .. } => "proof.not-advancing",
            Self::Handover { .. } => "proof.handover",
            Self::Unlinked { .. } => "proof.unlinked",
        }
    }
}

//! Why nothing is disclosed selectively, or what was disclosed does not count.

use super::cbor::CborError;
use crate::rdf::RdfError;
use chop_integrity::proof::ProofError;
use chop_keys::bbs::BbsError;
use chop_keys::{KeyError, KeyType, SignError, VerifyError};

/// Says why nothing is disclosed selectively, or what was disclosed does not count.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectiveError {
    /// A text is no JSON Pointer.
    #[error("{pointer:?} is no JSON Pointer: {reason}")]
    Pointer {
        /// The text, shortened.
        pointer: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More pointers than are taken.
    #[error("{found} pointers are more than 512")]
    TooManyPointers {
        /// How many there are.
        found: usize,
    },
    /// A pointer points to nothing.
    #[error("pointer {pointer:?} points to nothing in the credential")]
    NoSuchValue {
        /// The pointer.
        pointer: String,
    },
    /// Neither the issuer nor the holder discloses anything.
    #[error("no pointer discloses anything")]
    NothingSelected,
    /// What is selected is not made of whole statements: a part of a literal or of a list.
    #[error(
        "what is selected cuts through a statement: a literal and a list are disclosed whole or not at all"
    )]
    CutsStatement,
    /// The document holds what cannot be told apart in parts.
    #[error("{what} cannot be disclosed selectively")]
    Unsupported {
        /// What it holds.
        what: &'static str,
    },
    /// The proof value is not what its suite writes.
    #[error("proofValue: {0}")]
    Value(#[from] ValueError),
    /// A base proof is the holder's: it is derived from, never shown.
    #[error("this is a base proof, made for the holder: a proof derived from it is what verifies")]
    BaseProof,
    /// A derived proof cannot be derived from.
    #[error("this is a derived proof, only a base proof can be derived from")]
    DerivedProof,
    /// The credential carries no proof of a suite that discloses selectively, or more than one.
    #[error("credential carries {found} proofs of ecdsa-sd-2023 and bbs-2023, one is derived from")]
    Proofs {
        /// How many there are.
        found: usize,
    },
    /// A feature of bbs-2023 that is not supported here.
    #[error("feature option {option:?} of bbs-2023 is not supported")]
    Feature {
        /// Its name in the specification.
        option: &'static str,
    },
    /// A holder's secret is needed and not given, or the other way round.
    #[error("{0}")]
    HolderSecret(&'static str),
    /// The suite does not use keys of this type.
    #[error("{suite} does not use {found} keys")]
    KeyType {
        /// The suite.
        suite: &'static str,
        /// The key's type.
        found: KeyType,
    },
    /// The base proof was signed by another key than the proof names.
    #[error("base proof names another key than its verification method")]
    OtherKey,
    /// The map of labels does not name exactly the document's blank nodes.
    #[error(
        "label map has {found} entries, the document {expected} blank nodes, or one is missing"
    )]
    Labels {
        /// How many entries it has.
        found: usize,
        /// How many blank nodes there are.
        expected: usize,
    },
    /// A mandatory index is not among the document's statements.
    #[error("mandatory index {index} is not below the {statements} statements disclosed")]
    MandatoryIndex {
        /// The index.
        index: usize,
        /// How many statements there are.
        statements: usize,
    },
    /// There are not as many signatures as statements that need one.
    #[error("{found} signatures for {expected} disclosed statements that are not mandatory")]
    SignatureCount {
        /// The statements.
        expected: usize,
        /// The signatures.
        found: usize,
    },
    /// The issuer's signature does not match proof, mandatory statements and the statements' key.
    #[error("base signature: {0}")]
    BaseSignature(VerifyError),
    /// A statement's signature does not match it.
    #[error("signature of disclosed statement {index}: {source}")]
    Statement {
        /// Its place among the statements that are not mandatory.
        index: usize,
        /// Why.
        source: VerifyError,
    },
    /// The key that signed the statements is not usable.
    #[error("statement key: {0}")]
    StatementKey(KeyError),
    /// The BBS proof is not made or does not hold.
    #[error(transparent)]
    Bbs(#[from] BbsError),
    /// The proof's options are malformed.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The document or the proof has no RDF form that may be signed.
    #[error(transparent)]
    Rdf(#[from] RdfError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Says why a proof value is not what its suite writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// There is none.
    #[error("there is none")]
    Missing,
    /// It is not base64url without padding after a `u`.
    #[error("it is not base64url multibase text")]
    Multibase,
    /// It is longer than any that is read.
    #[error("it has {found} characters, at most {max} are read")]
    TooLong {
        /// The characters found.
        found: usize,
        /// The most read.
        max: usize,
    },
    /// Its first bytes are not those of the suite.
    #[error("its header {found} is none of {suite}")]
    Header {
        /// The suite.
        suite: &'static str,
        /// The first bytes, in hexadecimal.
        found: String,
    },
    /// Its CBOR is malformed, or not in its one deterministic form.
    #[error("CBOR: {0}")]
    Cbor(#[from] CborError),
    /// It has more or fewer components than the header promises.
    #[error("it has {found} components instead of {expected}")]
    Components {
        /// How many the header promises.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A byte string has another length.
    #[error("{what} has {found} bytes instead of {expected}")]
    Length {
        /// Which component.
        what: &'static str,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// Two blank nodes are given one label, one is given two, or a number is left out.
    #[error("label map does not give each number from 0 a label of its own")]
    RepeatedLabel,
    /// Indexes are not ascending.
    #[error("{what} are not ascending")]
    Order {
        /// Which indexes.
        what: &'static str,
    },
}

impl SelectiveError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Pointer { .. } | Self::TooManyPointers { .. } => "selective.pointer",
            Self::NoSuchValue { .. } => "selective.no-such-value",
            Self::NothingSelected => "selective.nothing-selected",
            Self::CutsStatement => "selective.cuts-statement",
            Self::Unsupported { .. } => "selective.unsupported",
            Self::Value(error) => error.rule(),
            Self::BaseProof => "selective.base-proof",
            Self::DerivedProof => "selective.derived-proof",
            Self::Proofs { .. } => "selective.proofs",
            Self::Feature { .. } => "selective.feature",
            Self::HolderSecret(_) => "selective.holder-secret",
            Self::KeyType { .. } => "proof.key-type",
            Self::OtherKey => "selective.other-key",
            Self::Labels { .. } => "selective.labels",
            Self::MandatoryIndex { .. } => "selective.mandatory-index",
            Self::SignatureCount { .. } => "selective.signature-count",
            Self::BaseSignature(_) => "selective.base-signature",
            Self::Statement { .. } => "selective.statement",
            Self::StatementKey(_) => "selective.statement-key",
            Self::Bbs(error) => match error {
                BbsError::Mismatch => "selective.bbs-mismatch",
                BbsError::Count { .. } => "selective.signature-count",
                BbsError::Place { .. } => "selective.index",
                BbsError::Stated { .. } => "selective.stated-length",
                BbsError::Identity { .. } => "selective.identity",
                BbsError::KeyType { .. } => "proof.key-type",
                BbsError::TooMany { .. } => "selective.too-many",
                _ => "selective.encoding",
            },
            Self::Proof(ProofError::Context) => "proof.context",
            Self::Proof(_) => "proof.malformed",
            Self::Rdf(error) => error.rule(),
            Self::Sign(_) => "issue.signing",
        }
    }
}

impl ValueError {
    fn rule(&self) -> &'static str {
        match self {
            Self::Missing | Self::Multibase => "proof.malformed",
            Self::TooLong { .. } => "selective.too-long",
            Self::Header { .. } => "selective.header",
            Self::Cbor(error) => match error {
                CborError::Trailing(_) => "selective.cbor-trailing",
                CborError::Indefinite => "selective.cbor-indefinite",
                CborError::NotShortest => "selective.cbor-not-shortest",
                CborError::Type { found: "a tag", .. } => "selective.cbor-tag",
                _ => "selective.cbor",
            },
            Self::Components { .. } => "selective.components",
            Self::Length { .. } => "selective.length",
            Self::RepeatedLabel => "selective.repeated-label",
            Self::Order { .. } => "selective.order",
        }
    }
}

//! Why the ledger refuses an operation: one variant per rule, one stable code per variant (SPEC §12).

use crate::state::VersionId;

/// Says which rule of SPEC §5 or §6 an operation breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The operation belongs to another ledger.
    #[error("the operation is for ledger {did}, this is ledger {here}")]
    Ledger {
        /// The ledger that the operation names.
        did: String,
        /// The ledger that executes.
        here: String,
    },
    /// A create for a DID that exists.
    #[error("the DID exists already")]
    Exists,
    /// An operation on a DID that does not exist.
    #[error("the DID does not exist")]
    Unknown,
    /// The state given is another DID's.
    #[error("the operation is for {operation}, the state is of {state}")]
    OtherDid {
        /// The DID in the operation.
        operation: String,
        /// The DID of the state.
        state: String,
    },
    /// The DID has ended.
    #[error("the DID is deactivated, which is final")]
    Deactivated,
    /// The operation does not follow the current version.
    #[error("operation {operation} does not follow current version {current}")]
    Stale {
        /// The position that the operation claims.
        operation: u64,
        /// The current version.
        current: VersionId,
    },
    /// Too few distinct entitled keys signed.
    #[error("{signed} distinct entitled keys signed, {needed} are needed")]
    Threshold {
        /// How many signed.
        signed: usize,
        /// How many are needed.
        needed: u8,
    },
    /// A key signed that has no say here.
    #[error("a key signed that is not entitled to")]
    Stranger,
    /// A rotation that does not reveal the whole committed set with its threshold.
    #[error("the new keys and threshold are not the whole set that was committed to")]
    NextMismatch,
    /// An organisation that does not commit to its next keys.
    #[error("an organisation commits to its next keys")]
    NextMissing,
    /// A recovery of a DID without a recovery set.
    #[error("the DID has no recovery set")]
    NoRecovery,
    /// A recovery that does not reveal the whole recovery set.
    #[error("the revealed keys are not the whole recovery set")]
    RecoveryMismatch,
    /// A second change of the recovery set while one waits.
    #[error("a change of the recovery set is waiting already")]
    RecoveryPending,
    /// A key that serves two of the update, next and recovery sets, or a used recovery key that comes back.
    #[error(
        "a key serves two of the update, next and recovery sets, or a used recovery key comes back"
    )]
    KeyReuse,
    /// A veto that names no waiting change.
    #[error("no waiting change of the recovery set has that hash")]
    NothingToVeto,
    /// A veto that changes the document.
    #[error("a veto repeats the current document")]
    VetoChangesDocument,
    /// A published verification method is missing.
    #[error("verification method {id} was published and cannot disappear")]
    MethodRemoved {
        /// Its relative id.
        id: String,
    },
    /// A published verification method has another key, type or expiry.
    #[error("verification method {id} was published and cannot change")]
    MethodAltered {
        /// Its relative id.
        id: String,
    },
    /// A mark was taken off or weakened.
    #[error("the {mark} mark of verification method {id} cannot be undone")]
    MarkUndone {
        /// Its relative id.
        id: String,
        /// `revoked` or `compromised`.
        mark: &'static str,
    },
    /// A retirement that reaches behind the version before.
    #[error("verification method {id} cannot be retired from before the last version")]
    RevokedBackdated {
        /// Its relative id.
        id: String,
    },
    /// A rotation, recovery, veto or recovery change on a controlled DID.
    #[error("a controlled DID has no update keys and no recovery set")]
    Controlled,
    /// A transfer of a DID with its own keys.
    #[error("only a controlled DID can be transferred; this one has its own update keys")]
    NotControlled,
    /// A signer is no live `capabilityInvocation` key of the controller.
    #[error("a signing key is no live capabilityInvocation key of the controller")]
    NotController,
    /// The controller is not on this ledger.
    #[error("controller {did} does not exist on this ledger")]
    ControllerUnknown {
        /// The controller's DID.
        did: String,
    },
    /// The controller has ended.
    #[error("the controller is deactivated")]
    ControllerDeactivated,
    /// The controller is itself controlled.
    #[error("a controller has update keys of its own")]
    ControllerControlled,
    /// A transfer to the controller in place.
    #[error("the DID has this controller already")]
    SameController,
    /// A transfer that only one side signed.
    #[error(
        "a transfer is signed by a key of the old controller and by another key of the new one"
    )]
    TransferUnsigned,
    /// A founder without keys of its own.
    #[error("a founder has update keys of its own")]
    FounderControlled,
    /// The document has no canonical form.
    #[error("the document has no canonical form")]
    Canonical,
}

/// Every rule code that this crate can return, malformed operations included (SPEC §12).
pub const RULES: &[&str] = &[
    "did.profile",
    "did.size",
    "did.shape",
    "did.genesis",
    "did.control",
    "did.document",
    "did.scid",
    "did.proof",
    "did.signature",
    "did.ledger",
    "did.exists",
    "did.unknown",
    "did.other-did",
    "did.deactivated",
    "did.stale",
    "did.threshold",
    "did.stranger",
    "did.next-mismatch",
    "did.next-missing",
    "did.no-recovery",
    "did.recovery-mismatch",
    "did.recovery-pending",
    "did.key-reuse",
    "did.nothing-to-veto",
    "did.veto-changes-document",
    "did.method-removed",
    "did.method-altered",
    "did.mark-undone",
    "did.revoked-backdated",
    "did.controlled",
    "did.not-controlled",
    "did.not-controller",
    "did.controller-unknown",
    "did.controller-deactivated",
    "did.controller-controlled",
    "did.same-controller",
    "did.transfer-unsigned",
    "did.founder-controlled",
    "did.canonical",
];

impl Rejection {
    /// Returns the stable rule code (SPEC §12).
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Ledger { .. } => "did.ledger",               // SPEC §6.1
            Self::Exists => "did.exists",                      // SPEC §6.2
            Self::Unknown => "did.unknown",                    // SPEC §6.1
            Self::OtherDid { .. } => "did.other-did",          // SPEC §6.1
            Self::Deactivated => "did.deactivated",            // SPEC §6.7
            Self::Stale { .. } => "did.stale",                 // SPEC §6.1
            Self::Threshold { .. } => "did.threshold",         // SPEC §4.3
            Self::Stranger => "did.stranger",                  // SPEC §6.1
            Self::NextMismatch => "did.next-mismatch",         // SPEC §6.4
            Self::NextMissing => "did.next-missing",           // SPEC §6.4
            Self::NoRecovery => "did.no-recovery",             // SPEC §6.5
            Self::RecoveryMismatch => "did.recovery-mismatch", // SPEC §6.5
            Self::RecoveryPending => "did.recovery-pending",   // SPEC §6.3
            Self::KeyReuse => "did.key-reuse",                 // SPEC §4.3
            Self::NothingToVeto => "did.nothing-to-veto",      // SPEC §6.6
            Self::VetoChangesDocument => "did.veto-changes-document", // SPEC §6.6
            Self::MethodRemoved { .. } => "did.method-removed", // SPEC §5.1
            Self::MethodAltered { .. } => "did.method-altered", // SPEC §5.1
            Self::MarkUndone { .. } => "did.mark-undone",      // SPEC §5.2, §5.3
            Self::RevokedBackdated { .. } => "did.revoked-backdated", // SPEC §5.2
            Self::Controlled => "did.controlled",              // SPEC §6.10
            Self::NotControlled => "did.not-controlled",       // SPEC §6.8
            Self::NotController => "did.not-controller",       // SPEC §6.10
            Self::ControllerUnknown { .. } => "did.controller-unknown", // SPEC §6.10
            Self::ControllerDeactivated => "did.controller-deactivated", // SPEC §6.10
            Self::ControllerControlled => "did.controller-controlled", // SPEC §6.10
            Self::SameController => "did.same-controller",     // SPEC §6.8
            Self::TransferUnsigned => "did.transfer-unsigned", // SPEC §6.8
            Self::FounderControlled => "did.founder-controlled", // SPEC §6.9
            Self::Canonical => "did.canonical",                // SPEC §4.2
        }
    }
}

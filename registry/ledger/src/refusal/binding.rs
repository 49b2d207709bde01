//! Refusals about TLS keys.

use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_keys::PublicKey;

/// Says why a TLS key is not bound, not unbound, or may not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindingRefusal {
    /// The binding is for another ledger.
    #[error("the binding is for another ledger")]
    OtherLedger,
    /// The actor is not the member that the binding names, or no live member.
    #[error(
        "the binding is of {member}; only that one, as a live member, binds and unbinds, not {actor}"
    )]
    NotMember {
        /// The actor.
        actor: ChopDid,
        /// The member that the binding names.
        member: ChopDid,
    },
    /// The key is or was bound.
    #[error("key {spki} is or was bound; a key is bound once")]
    Exists {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
    },
    /// The member has bound as many keys as one may.
    #[error(
        "{member} has bound {most} keys, ended bindings included, and no member binds more; a certificate is renewed over its key without another binding"
    )]
    TooMany {
        /// The member.
        member: ChopDid,
        /// The most.
        most: u32,
    },
    /// The signatures beside the TLS key's are not those of enough update keys.
    #[error(
        "beside the TLS key itself enough update keys of {member}, and nobody else, sign its binding"
    )]
    Unauthorised {
        /// The member.
        member: ChopDid,
    },
    /// The key was never bound.
    #[error("key {spki} was never bound")]
    Unknown {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
    },
    /// The binding has ended.
    #[error("the binding of key {spki} has ended")]
    Ended {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
    },
    /// A key that is or was bound for TLS signs an envelope or a DID operation.
    #[error("{key} is or was bound for TLS, so it authorises nothing on the ledger")]
    TlsKey {
        /// The key.
        key: PublicKey,
    },
}

impl BindingRefusal {
    /// Returns the stable code of the rule, listed in RULES.md.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::OtherLedger => "binding.ledger",
            Self::NotMember { .. } => "binding.not-member",
            Self::Exists { .. } => "binding.exists",
            Self::TooMany { .. } => "binding.too-many",
            Self::Unauthorised { .. } => "binding.unauthorised",
            Self::Unknown { .. } => "binding.unknown",
            Self::Ended { .. } => "binding.ended",
            Self::TlsKey { .. } => "binding.tls-key",
        }
    }
}

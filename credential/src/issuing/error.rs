//! Why nothing was issued.

use crate::contexts::ContextError;
use crate::model::ModelError;
use crate::sd_jwt_vc::SdJwtVcError;
use crate::securing::cose::CoseError;
use crate::securing::jose::JoseError;
use crate::securing::sd_jwt::ConcealError;
use crate::securing::x5c::X5cError;
use crate::securing::{ParseError, SecuringError};
use crate::selective::SelectiveError;
use crate::status::StatusError;
use chop_integrity::JcsError;
use chop_integrity::proof::ProofError;
use chop_keys::{InputError, KeyType, SignError};

/// Says why nothing was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The document breaks the data model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The document uses terms that no context defines, or contexts that are not known here.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The document follows version 1.1 of the data model, which VC-JOSE-COSE does not secure.
    #[error("tokens hold credentials of version 2.0 of the data model, this one names 1.1")]
    Version,
    /// A status entry is not one that the issuer can answer for.
    #[error("credentialStatus: {reason}")]
    Status {
        /// What is wrong.
        reason: &'static str,
    },
    /// The verification method is not the issuer's, or the holder's.
    #[error("verification method {method} is not one of {signer}")]
    Method {
        /// The verification method.
        method: String,
        /// The issuer, or holder.
        signer: String,
    },
    /// No suite has this name.
    #[error("cryptosuite {found:?} is not issued here")]
    Suite {
        /// The name that was asked for.
        found: String,
    },
    /// The suite does not sign with the key.
    #[error("cryptosuite {suite} does not use {key_type} keys")]
    SuiteKey {
        /// The suite that was asked for.
        suite: &'static str,
        /// The key's type.
        key_type: KeyType,
    },
    /// No suite signs with the key.
    #[error("no suite is issued with {0} keys")]
    KeyType(KeyType),
    /// The document already carries a proof that cannot be kept beside the new one.
    #[error("document is secured already: {reason}")]
    Secured {
        /// What stands in the way.
        reason: &'static str,
    },
    /// The document's own proofs are malformed.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The proof was not made.
    #[error(transparent)]
    Securing(#[from] SecuringError),
    /// The status list was not written.
    #[error(transparent)]
    List(#[from] StatusError),
    /// The token was not made.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The COSE message was not made.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// Claims cannot be made selectively disclosable.
    #[error(transparent)]
    Conceal(#[from] ConcealError),
    /// The certificates are not for the key, or not for the issuer.
    #[error(transparent)]
    Chain(#[from] X5cError),
    /// The claims are no SD-JWT VC.
    #[error(transparent)]
    SdJwtVc(#[from] SdJwtVcError),
    /// The payload has no JSON text.
    #[error(transparent)]
    Canonical(#[from] JcsError),
    /// The token's parts do not fit together.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl IssueError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Model(error) => error.rule(),
            Self::Context(error) => error.rule(),
            Self::Version => "issue.version",
            Self::Status { .. } => "issue.status",
            Self::Method { .. } => "issue.method",
            Self::Suite { .. } => "issue.suite",
            Self::KeyType(_) | Self::SuiteKey { .. } => "issue.key-type",
            Self::Secured { .. } => "issue.secured",
            Self::Parse(error) => error.rule(),
            Self::Jose(error) => error.rule(),
            Self::Cose(error) => error.rule(),
            Self::List(error) => error.rule(),
            Self::Securing(SecuringError::Proof(_))
            | Self::Canonical(_)
            | Self::Input(_)
            | Self::Sign(_) => "issue.signing",
            Self::Securing(error) => error.rule(),
            Self::Chain(error) => error.rule(),
            Self::Conceal(_) => "issue.disclosable",
            Self::SdJwtVc(error) => error.rule(),
        }
    }

    /// Says whether the document is at fault, rather than the issuer.
    pub fn is_clients(&self) -> bool {
        !matches!(
            self,
            Self::Sign(_)
                | Self::Input(_)
                | Self::Securing(
                    SecuringError::Proof(ProofError::Sign(_))
                        | SecuringError::Selective(SelectiveError::Sign(_))
                        | SecuringError::NoSeed
                )
        )
    }
}

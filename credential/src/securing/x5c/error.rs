//! Why a chain of certificates does not count.

use chop_integrity::Timestamp;

/// Says why a chain of certificates does not count; its certificates are counted from 0, the signer's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum X5cError {
    /// There is nothing to read, or it is no certificates.
    #[error("certificates cannot be read: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
    /// There are too many.
    #[error("chain has {found} certificates, at most {max} are read")]
    TooMany {
        /// The certificates found.
        found: usize,
        /// The most certificates read.
        max: usize,
    },
    /// One cannot be read or used.
    #[error("certificate {index} cannot be used: {reason}")]
    Certificate {
        /// Which one.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// One has a critical extension that is not understood here (RFC 5280 §4.2).
    #[error("certificate {index} has the extension {oid}, which is not understood here")]
    Extension {
        /// Which one.
        index: usize,
        /// The extension.
        oid: String,
    },
    /// A token brings the anchor, or another self-signed certificate, along.
    #[error("certificate {index} vouches for itself: an anchor does not come with the token")]
    AnchorInside {
        /// Which one.
        index: usize,
    },
    /// The next certificate is not that of its issuer.
    #[error("certificate {index} is not issued by the next one")]
    Link {
        /// Which one.
        index: usize,
    },
    /// Its issuer did not sign it.
    #[error("certificate {index} is not signed by its issuer")]
    Signature {
        /// Which one.
        index: usize,
    },
    /// The chain leads to no anchor.
    #[error("chain leads to {issuer:?}, who is no trust anchor here")]
    NoAnchor {
        /// The last certificate's issuer.
        issuer: String,
    },
    /// One is outside its term.
    #[error("certificate {index} is valid from {from} to {until}, it is judged as of {time}")]
    Term {
        /// Which one.
        index: usize,
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
        /// As of when it is judged.
        time: Timestamp,
    },
    /// The signer's certificate is for another key than signs.
    #[error("certificate 0 is for another key than the one that signs")]
    Key,
    /// The signer's certificate is somebody else's.
    #[error("certificate 0 does not name the issuer {issuer:?} among its alternative names")]
    Issuer {
        /// Who it must be for.
        issuer: String,
    },
}

impl X5cError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Form { .. } => "x5c.form",
            Self::TooMany { .. } => "x5c.too-many",
            Self::Certificate { .. } => "x5c.certificate",
            Self::Extension { .. } => "x5c.extension",
            Self::AnchorInside { .. } => "x5c.anchor-inside",
            Self::Link { .. } => "x5c.link",
            Self::Signature { .. } => "x5c.signature",
            Self::NoAnchor { .. } => "x5c.no-anchor",
            Self::Term { .. } => "x5c.term",
            Self::Key => "x5c.key",
            Self::Issuer { .. } => "x5c.issuer",
        }
    }
}

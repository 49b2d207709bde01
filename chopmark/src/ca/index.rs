//! What an authority remembers: every certificate, and which were revoked.

use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use serde::{Deserialize, Serialize};

/// Every certificate of an authority, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Index {
    /// The number of the last list of revoked certificates.
    pub(super) crl_number: u64,
    pub(super) issued: Vec<Issued>,
}

/// One certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Issued {
    /// Its serial number, in hexadecimal digits.
    pub(crate) serial: String,
    /// The member.
    pub(crate) member: ChopDid,
    /// SHA-256 of its key's `SubjectPublicKeyInfo`.
    pub(crate) spki: Hash,
    /// Since when it holds.
    pub(crate) not_before: Timestamp,
    /// Until when it holds.
    pub(crate) not_after: Timestamp,
    /// When it was revoked, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<Revocation>,
}

/// The end of a certificate before its time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Revocation {
    /// When.
    pub(crate) time: Timestamp,
    /// Why.
    pub(crate) reason: Reason,
}

/// Why a certificate is revoked (RFC 5280 §5.3.1, those that an end entity's can have).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// Nothing is said
    Unspecified,
    /// Somebody else may have the key
    KeyCompromise,
    /// The member is no longer one, or goes by another DID
    AffiliationChanged,
    /// Another certificate took its place
    Superseded,
    /// The program that used it is gone
    CessationOfOperation,
    /// The member was suspended
    PrivilegeWithdrawn,
}

impl Reason {
    /// Whether the key itself may be in wrong hands; where nothing is said, it may. The others end a certificate alone (ITU-T
    /// X.509 §9.5.3.1), and a member that is live again is certified again.
    const fn speaks_against_the_key(self) -> bool {
        match self {
            Self::Unspecified | Self::KeyCompromise => true,
            Self::AffiliationChanged
            | Self::Superseded
            | Self::CessationOfOperation
            | Self::PrivilegeWithdrawn => false,
        }
    }
}

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It holds.
    Valid,
    /// It holds, and two thirds of its time are over: it is to be renewed.
    Renewable,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl Issued {
    /// Where the certificate stands at a time.
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        if self.revoked.is_some() {
            State::Revoked
        } else if self.not_after < now {
            State::Expired
        } else if self.renewable_from() <= now {
            State::Renewable
        } else {
            State::Valid
        }
    }

    /// When two thirds of its time are over.
    pub(crate) fn renewable_from(&self) -> Timestamp {
        let (from, until) = (self.not_before.unix_ms(), self.not_after.unix_ms());
        Timestamp::from_unix_ms(from + (until - from) / 3 * 2)
    }
}

impl Index {
    /// The newest certificate over a key that holds at a time.
    pub(super) fn holding(&self, spki: &Hash, now: Timestamp) -> Option<&Issued> {
        let holds = |issued: &&Issued| {
            issued.spki == *spki && matches!(issued.state_at(now), State::Valid | State::Renewable)
        };
        self.issued.iter().rev().find(holds)
    }

    /// Whether a certificate over a key was ever revoked for a reason that speaks against the key: it is not certified again.
    pub(super) fn is_spent(&self, spki: &Hash) -> bool {
        let speaks = |revoked: &Revocation| revoked.reason.speaks_against_the_key();
        let mut issued = self.issued.iter().filter(|issued| issued.spki == *spki);
        issued.any(|issued| issued.revoked.as_ref().is_some_and(speaks))
    }

    pub(super) fn find_mut(&mut self, serial: &str) -> Option<&mut Issued> {
        self.issued
            .iter_mut()
            .find(|issued| issued.serial.eq_ignore_ascii_case(serial))
    }
}

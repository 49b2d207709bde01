//! Anchors: that a credential existed, who vouched for it, and what its status has been. Never its body.

use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::terms::CredentialType;

/// Most status events in one anchor. The last place is kept for a revocation.
pub const MAX_STATUS_EVENTS: usize = 64;

/// The digest under which a credential is anchored (ADR 0003).
///
/// ```text
/// SHA-256("chop/anchor/v1" ‖ secured bytes)
/// ```
///
/// `secured` is the JCS form of the credential with its proof, or the ASCII of the compact JWT. The issuer's signature
/// inside is the salt: nobody who lacks it can test a guess of the credential's contents against the ledger.
pub fn anchor_digest(secured: &[u8]) -> Hash {
    Hash::of("chop/anchor/v1", secured)
}

/// The anchor of one credential, as stored under [`crate::keys::anchor`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Anchor {
    /// See [`anchor_digest`].
    pub digest: Hash,
    /// Who anchored it and alone sets its status.
    pub issuer: ChopDid,
    /// The credential's type, when the issuer chose to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_type: Option<CredentialType>,
    /// The credential's subject, when the issuer chose to say it: a DID of this ledger, so never a natural person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<ChopDid>,
    /// Header time of the anchoring.
    pub time: Timestamp,
    /// Height of the anchoring.
    pub height: u64,
    /// Changes of status, in ledger order; live before the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<StatusEvent>,
}

/// One change of a credential's status, effective at its header time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusEvent {
    /// The status from now on.
    pub status: AnchorStatus,
    /// Header time of the change.
    pub time: Timestamp,
    /// Height of the change.
    pub height: u64,
}

/// The status of an anchored credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorStatus {
    /// The issuer stands by it.
    Live,
    /// The issuer does not stand by it at present.
    Suspended,
    /// The issuer does not stand by it any more; final.
    Revoked,
}

impl Anchor {
    /// Returns the status now.
    pub fn status(&self) -> AnchorStatus {
        self.events
            .last()
            .map_or(AnchorStatus::Live, |event| event.status)
    }

    /// Returns the status at `at`; `None` before it was anchored.
    pub fn status_at(&self, at: Timestamp) -> Option<AnchorStatus> {
        if at < self.time {
            return None;
        }
        let last = self.events.iter().rfind(|event| event.time <= at);
        Some(last.map_or(AnchorStatus::Live, |event| event.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_hash_of_tag_and_secured_bytes() {
        use sha2::{Digest, Sha256};
        let expected = Sha256::digest(b"chop/anchor/v1header.payload.signature");
        assert_eq!(
            anchor_digest(b"header.payload.signature").as_bytes(),
            expected.as_slice()
        );
    }
}

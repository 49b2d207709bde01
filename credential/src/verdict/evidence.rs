//! The facts that a caller gathers before judging.

use crate::schema::{SchemaCredential, SchemaError};
use crate::status::{StatusError, VerifiedList, VerifiedTokenList};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Is a status list as the caller brought it: verified by [`VerifiedList::verify`], or refused by it.
pub type StatusList = Result<Arc<VerifiedList>, StatusError>;

/// Is a Token Status List as the caller brought it: verified by [`crate::status::TokenList::verify`], or refused by it.
pub type TokenStatusList = Result<Arc<VerifiedTokenList>, StatusError>;

/// Is a `JsonSchemaCredential` as the caller brought it: verified by [`SchemaCredential::verify`], or refused by it.
pub type HeldSchema = Result<Arc<SchemaCredential>, SchemaError>;

/// Holds everything gathered about one credential.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Signing keys by verification method, as [`crate::SecuredCredential::verification_methods`] names them.
    pub keys: BTreeMap<String, Finding<KeyFact>>,
    /// Status lists by `statusListCredential`.
    pub status_lists: BTreeMap<String, Finding<StatusList>>,
    /// Token Status Lists by the `uri` of the `status` claim.
    pub token_lists: BTreeMap<String, Finding<TokenStatusList>>,
    /// The bytes of JSON Schemas by `credentialSchema.id`.
    pub schemas: BTreeMap<String, Finding<Vec<u8>>>,
    /// The credentials that hold JSON Schemas by `credentialSchema.id`.
    pub schema_credentials: BTreeMap<String, Finding<HeldSchema>>,
    /// The bytes of SD-JWT VC type metadata by `vct`, those of the types that it extends included.
    pub type_metadata: BTreeMap<String, Finding<Vec<u8>>>,
    /// The bytes of related resources by id; embedded contexts are known without.
    pub resources: BTreeMap<String, Finding<Vec<u8>>>,
    /// The contexts and schemas that are deprecated on their ledger, by the URL that names them.
    pub deprecations: BTreeMap<String, DeprecationFact>,
    /// The ledger's anchor of the secured bytes.
    pub anchor: Finding<AnchorFact>,
    /// The issuer's accreditations for the credential's types.
    pub accreditations: Finding<Vec<AccreditationFact>>,
}

/// Is what looking for something came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Finding<T> {
    /// It is there.
    Found(T),
    /// It is shown not to be there.
    Absent,
    /// Whether it is there could not be learnt.
    Unreachable {
        /// Why, fit to be shown to a client.
        reason: String,
    },
    /// Nobody looked.
    #[default]
    NotSought,
}

impl<T> Finding<T> {
    /// Returns what was found.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Absent | Self::Unreachable { .. } | Self::NotSought => None,
        }
    }
}

/// Is a verification method as its controller's document shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFact {
    /// The absolute URL of the verification method.
    pub id: String,
    /// The DID or URL that its `controller` names.
    pub controller: String,
    /// The key.
    pub key: PublicKey,
    /// The relationships under which the controller's document lists it, such as `assertionMethod`.
    pub relationships: Vec<String>,
    /// What has happened to it.
    pub history: KeyHistory,
}

impl KeyFact {
    /// Says whether the key is in the signer's own document, and the signer its controller.
    pub fn belongs_to(&self, signer: &str) -> bool {
        let holder = self
            .id
            .split_once('#')
            .map_or(self.id.as_str(), |(holder, _)| holder);
        holder == signer && self.controller == signer
    }
}

/// Is the life of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHistory {
    /// When it entered the document, if known.
    pub added: Option<Timestamp>,
    /// When it expires (Controlled Identifiers 1.0 §2.2 `expires`).
    pub expires: Option<Timestamp>,
    /// When it was retired (Controlled Identifiers 1.0 §2.2 `revoked`).
    pub retired: Option<Timestamp>,
    /// The time from which nothing signed with it counts.
    pub compromised: Option<Timestamp>,
    /// When the DID that holds it was deactivated.
    pub deactivated: Option<Timestamp>,
}

/// Is the ledger's record of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorFact {
    /// The DID that anchored it.
    pub issuer: String,
    /// Header time of the block that anchored it.
    pub time: Timestamp,
    /// Height of that block.
    pub height: u64,
    /// Its status on the ledger.
    pub state: AnchorState,
    /// What proves it, for the reader.
    pub proof: Option<Value>,
}

/// Is the ledger's status of an anchored credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorState {
    /// It holds.
    Active,
    /// It is suspended since then.
    Suspended(Timestamp),
    /// It is revoked since then.
    Revoked(Timestamp),
}

/// Is one accreditation of the issuer for one credential type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccreditationFact {
    /// The ledger's name for it.
    pub id: String,
    /// The DID that gave it.
    pub accreditor: String,
    /// The credential type that it covers.
    pub credential_type: String,
    /// When it and every ancestor were live; ascending, without overlap. Empty if revoked from the beginning.
    pub live: Vec<Interval>,
    /// Why the last interval ended, if it did.
    pub lapse: Option<LapseReason>,
    /// What proves it, for the reader.
    pub proof: Option<Value>,
}

/// Is a ledger's word that a context or schema should not be used for new credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeprecationFact {
    /// Header time of the deprecation.
    pub since: Timestamp,
    /// Why, when its owner said so.
    pub reason: Option<String>,
    /// What takes its place, as `name@version`, when its owner said so.
    pub replaced_by: Option<String>,
}

/// Is a time span, from inclusive to exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Its first millisecond.
    pub from: Timestamp,
    /// The first millisecond after it; none if it is open.
    pub until: Option<Timestamp>,
}

impl Interval {
    /// Says whether the time lies within.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }
}

/// Says why an accreditation is no longer live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LapseReason {
    /// It is suspended.
    Suspended,
    /// It is revoked from some time on.
    Revoked,
    /// It is revoked as if it had never been.
    RevokedAbInitio,
    /// Its term ran out.
    Expired,
}

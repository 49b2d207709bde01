//! The verdict: what was checked, with which outcome and evidence, and what follows.

mod accreditation;
mod evidence;
mod judge;
mod key_binding;
mod keys;
mod policy;
mod presentation;
mod sd_jwt_vc;
#[cfg(test)]
mod tests;
mod text;

use crate::problem::ProblemType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

pub use evidence::{
    AccreditationFact, AnchorFact, AnchorState, DeprecationFact, Evidence, Finding, HeldSchema,
    Interval, KeyFact, KeyHistory, LapseReason, StatusList, TokenStatusList,
};
pub use judge::{judge, judge_bytes};
pub use keys::{KeyFault, KeyStanding, key_holds};
pub use policy::{Expectation, Need, Policy};
pub use presentation::{PresentationVerdict, judge_presentation};
pub use sd_jwt_vc::judge_sd_jwt_vc;

/// Is the judgement of one credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What follows from the checks.
    pub outcome: Outcome,
    /// What a reader must be told even of an accepted credential, such as "copied by X".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Every check, run or not, in a fixed order.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Finds the result of one check.
    pub fn check(&self, name: CheckName) -> Option<&Check> {
        self.checks.iter().find(|check| check.check == name)
    }

    /// Lists the checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| check.outcome == CheckOutcome::Failed)
    }
}

/// Is the whole judgement's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Everything that was required passed.
    Accepted,
    /// A required check failed.
    Refused,
    /// No required check failed, but one could not be decided.
    Indeterminate,
}

/// Names a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CheckName {
    /// Strict JSON and the data model's rules.
    Structure,
    /// Every term and type is defined, none redefined, by contexts known here.
    Contexts,
    /// Signature, suite, purpose, expiry and key relationship of every proof.
    Proof,
    /// The signing key is the issuer's.
    IssuerBinding,
    /// The signing key was valid when it signed.
    KeyValidity,
    /// `validFrom` and `validUntil`.
    Validity,
    /// The proof names the expected domain.
    Domain,
    /// The proof names the expected challenge.
    Challenge,
    /// The token is for the expected audience.
    Audience,
    /// The presenter is the subject, or confirmed by it.
    HolderBinding,
    /// Every status entry is fetched, signed, fresh and clear.
    Status,
    /// The JSON Schemas that the credential names hold.
    Schema,
    /// The related resources have their digests.
    RelatedResource,
    /// The issuer is accredited for the type as of the act.
    Accreditation,
    /// The ledger anchors the credential.
    Anchor,
    /// Somebody copied an authority's document.
    Transcribed,
}

impl CheckName {
    /// Lists every check of a credential, in the order of the verdict.
    pub const CREDENTIAL: &'static [Self] = &[
        Self::Structure,
        Self::Contexts,
        Self::Proof,
        Self::IssuerBinding,
        Self::KeyValidity,
        Self::Validity,
        Self::Status,
        Self::Schema,
        Self::RelatedResource,
        Self::Accreditation,
        Self::Anchor,
        Self::Transcribed,
    ];

    /// Lists every check of a presentation itself, in the order of the verdict.
    pub const PRESENTATION: &'static [Self] = &[
        Self::Structure,
        Self::Contexts,
        Self::Proof,
        Self::IssuerBinding,
        Self::KeyValidity,
        Self::Domain,
        Self::Challenge,
        Self::Audience,
        Self::HolderBinding,
    ];

    /// Parses the name as it stands in JSON.
    pub fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(Value::String(name.to_owned())).ok()
    }

    /// Returns the name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Contexts => "contexts",
            Self::Proof => "proof",
            Self::IssuerBinding => "issuerBinding",
            Self::KeyValidity => "keyValidity",
            Self::Validity => "validity",
            Self::Domain => "domain",
            Self::Challenge => "challenge",
            Self::Audience => "audience",
            Self::HolderBinding => "holderBinding",
            Self::Status => "status",
            Self::Schema => "schema",
            Self::RelatedResource => "relatedResource",
            Self::Accreditation => "accreditation",
            Self::Anchor => "anchor",
            Self::Transcribed => "transcribed",
        }
    }
}

/// Is the outcome of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It was run and could not be decided: what it needs is missing or unreachable.
    Unknown,
    /// It has nothing to check here.
    NotApplicable,
    /// It was not asked for, or a check before it made it pointless.
    NotRun,
}

/// Is one check with its outcome and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which check.
    pub check: CheckName,
    /// Its outcome.
    pub outcome: CheckOutcome,
    /// Whether the verdict depends on it.
    pub required: bool,
    /// What was found, one sentence.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub detail: Cow<'static, str>,
    /// The problem's type URI, when it failed or is unknown.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemType>,
    /// Facts that support the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Value>,
}

/// Is something that a reader must be told whatever the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    tag = "mark"
)]
#[non_exhaustive]
pub enum Mark {
    /// Somebody copied an authority's document.
    Transcribed {
        /// Who copied it.
        by: String,
        /// Whose document it is, when the credential says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// The issuer's accreditation has lapsed since; the credential was anchored before.
    AccreditationLapsed {
        /// Why it lapsed.
        reason: LapseReason,
        /// Since when, as a timestamp.
        since: chop_integrity::Timestamp,
        /// When the credential was anchored.
        anchored: chop_integrity::Timestamp,
    },
    /// The signing key has been retired since.
    KeyRetired {
        /// The verification method.
        verification_method: String,
        /// When the key was retired.
        since: chop_integrity::Timestamp,
        /// Whether the date of signing is only what the signer says.
        self_declared: bool,
    },
    /// The credential has no proof of its own: its issuer presents it.
    SelfAsserted {
        /// The issuer and holder.
        by: String,
    },
    /// A status message applies (`statusPurpose` `message`).
    StatusMessage {
        /// The message of the status list's entry.
        message: String,
    },
    /// The ledger deprecates a context or schema that the credential names; what was issued under it stays good.
    Deprecated {
        /// The URL of the context or schema.
        id: String,
        /// Since when, as a timestamp.
        since: chop_integrity::Timestamp,
        /// Why, when its owner said so.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What takes its place, as `name@version`, when its owner said so.
        #[serde(skip_serializing_if = "Option::is_none")]
        replaced_by: Option<String>,
    },
    /// The credential says something that nobody acted upon here: terms of use, evidence, a service for refreshing it
    /// (VC Data Model 2.0 §5.4–§5.6, §5.10). Whoever relies on it answers for reading it.
    NotProcessed {
        /// The property, such as `termsOfUse`.
        property: String,
        /// The type of its value.
        kind: String,
    },
}

//! What members may decide.

use chop_did::ChopDid;
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::promotion::Promotion;
use super::rules::RulesChange;
use super::threshold::{Governance, Threshold};
use crate::genesis::{LedgerGenesisError, Parameters};
use crate::membership::{MemberName, MemberQuota, Role};

/// Most validators of a set, and so most entries of a change.
pub const MAX_VALIDATORS: usize = 64;

/// One change of the ledger that members decide on: a JSON object with exactly one member, which names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Change {
    /// Takes a member in.
    Admit(Admission),
    /// Closes a member's writes and sets its validators' power to 0, until it is reinstated.
    Suspend(MemberChange),
    /// Ends a suspension; validators are set anew by a proposal of their own.
    Reinstate(MemberChange),
    /// Ends a membership.
    Remove(MemberChange),
    /// Changes the powers of validators.
    SetValidators(ValidatorsChange),
    /// Changes a parameter.
    SetParameter(Setting),
    /// Sets the version of the rules that executes blocks from a height on.
    SetRules(RulesChange),
    /// Makes a consortium's ledger of a solo one.
    Promote(Promotion),
}

/// Who is taken in, and as what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Admission {
    /// The new member's DID, which is on the ledger and has keys of its own.
    pub did: ChopDid,
    /// What people call it.
    pub name: MemberName,
    /// What it may do; a member's part when absent.
    #[serde(default, skip_serializing_if = "Role::is_member")]
    pub role: Role,
    /// What it may sponsor; the parameters' numbers when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<MemberQuota>,
}

/// Whose membership changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberChange {
    /// The member.
    pub member: ChopDid,
}

/// Which validators change; those not named stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorsChange {
    /// 1 to [`MAX_VALIDATORS`] changes, each of another key.
    pub validators: Vec<ValidatorChange>,
}

/// The new power of one validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorChange {
    /// The Ed25519 key that signs headers, as Multikey.
    pub public_key: PublicKey,
    /// Voting power; 0 removes it.
    pub power: u64,
    /// The member that runs it: named exactly when the key is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<ChopDid>,
}

/// One parameter with its new value: a JSON object with exactly one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Setting {
    /// [`Parameters::recovery_delay_ms`].
    RecoveryDelayMs(i64),
    /// [`Parameters::heartbeat_ms`].
    HeartbeatMs(i64),
    /// [`Parameters::max_envelope_life_ms`].
    MaxEnvelopeLifeMs(i64),
    /// [`Parameters::sponsor_block_work`].
    SponsorBlockWork(u64),
    /// [`Parameters::sponsor_day_work`].
    SponsorDayWork(u64),
    /// [`Parameters::block_work`].
    BlockWork(u64),
    /// [`Parameters::block_envelopes`].
    BlockEnvelopes(u64),
    /// [`Governance::admission`].
    Admission(Threshold),
    /// [`Governance::membership`].
    Membership(Threshold),
    /// [`Governance::validators`].
    Validators(Threshold),
    /// [`Governance::parameters`].
    Parameters(Threshold),
    /// [`Governance::ballot_life_ms`].
    BallotLifeMs(i64),
}

impl Change {
    /// Returns the member whose suspension or removal it is: that one does not vote on it.
    pub const fn concerns(&self) -> Option<&ChopDid> {
        match self {
            Self::Suspend(change) | Self::Remove(change) => Some(&change.member),
            _ => None,
        }
    }
}

impl Setting {
    /// Sets the one number, and checks that the ledger still works with it.
    ///
    /// # Errors
    /// Returns [`LedgerGenesisError::Parameter`] when it does not.
    pub fn apply(
        self,
        mut parameters: Parameters,
        mut governance: Governance,
    ) -> Result<(Parameters, Governance), LedgerGenesisError> {
        match self {
            Self::RecoveryDelayMs(value) => parameters.recovery_delay_ms = value,
            Self::HeartbeatMs(value) => parameters.heartbeat_ms = value,
            Self::MaxEnvelopeLifeMs(value) => parameters.max_envelope_life_ms = value,
            Self::SponsorBlockWork(value) => parameters.sponsor_block_work = value,
            Self::SponsorDayWork(value) => parameters.sponsor_day_work = value,
            Self::BlockWork(value) => parameters.block_work = value,
            Self::BlockEnvelopes(value) => parameters.block_envelopes = value,
            Self::Admission(value) => governance.admission = value,
            Self::Membership(value) => governance.membership = value,
            Self::Validators(value) => governance.validators = value,
            Self::Parameters(value) => governance.parameters = value,
            Self::BallotLifeMs(value) => governance.ballot_life_ms = value,
        }
        parameters.check()?;
        governance.check()?;
        Ok((parameters, governance))
    }

    /// Returns the threshold in force that this setting would replace.
    pub const fn threshold(&self, governance: &Governance) -> Option<Threshold> {
        match self {
            Self::Admission(_) => Some(governance.admission),
            Self::Membership(_) => Some(governance.membership),
            Self::Validators(_) => Some(governance.validators),
            Self::Parameters(_) => Some(governance.parameters),
            _ => None,
        }
    }
}

//! The genesis of a ledger: what its id is the hash of.

use chop_did::{ChopDid, Genesis, GenesisError, LedgerId};
use chop_integrity::json::{self, JsonError, Limits};
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_keys::{KeyType, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

use crate::governance::Governance;
use crate::keys::DAY_MS;
use crate::membership::{Validator, ValidatorSet};
use crate::terms::Nonce;

/// Version of the protocol that this crate speaks.
pub const CHAIN_VERSION: u32 = 1;
/// Bounds of a genesis file.
const LIMITS: Limits = Limits {
    max_bytes: 1024 * 1024,
    max_depth: 24,
};
/// Most founders and most validators of a genesis.
const MAX_FOUNDERS: usize = 64;

/// What a genesis file says, as JSON.
///
/// ```text
/// ledger id = SHA-256(JCS(this))
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisTerms {
    /// Version of the protocol: [`CHAIN_VERSION`].
    pub chain_version: u32,
    /// Time of founding; the first block is later.
    pub time: Timestamp,
    /// Randomness that makes two ledgers of the same founders two ledgers.
    pub nonce: Nonce,
    /// The first validators.
    pub validators: Vec<GenesisValidator>,
    /// The first parameters.
    pub parameters: Parameters,
    /// Who runs the validators and how members decide; absent on a solo ledger, whose validator no member governs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consortium: Option<ConsortiumTerms>,
    /// The founders' DID geneses, each without its `ledger` member: the id is not known before this is hashed.
    pub founders: Vec<Value>,
}

/// What a genesis adds where members govern the validators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsortiumTerms {
    /// For each validator in order, the place of the founder that runs it, from 0.
    pub operators: Vec<u16>,
    /// How members decide; the default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governance: Option<Governance>,
}

/// A validator at genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisValidator {
    /// Ed25519 key that signs headers, as Multikey.
    pub public_key: PublicKey,
    /// Voting power, from 1.
    pub power: u64,
}

/// The numbers that members may agree to change.
///
/// Work is counted in units: see [`crate::Action::work`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// How long a change of a recovery set waits, in milliseconds of header time.
    pub recovery_delay_ms: i64,
    /// Idle time after which a block is made, in milliseconds.
    pub heartbeat_ms: i64,
    /// How far ahead of header time `validUntil` may lie, in milliseconds; at most 24 hours.
    pub max_envelope_life_ms: i64,
    /// Work that one sponsor may use in one block.
    pub sponsor_block_work: u64,
    /// Work that one sponsor may use on one day.
    pub sponsor_day_work: u64,
    /// Work that one block may hold.
    pub block_work: u64,
    /// Envelopes that one block may hold.
    pub block_envelopes: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            recovery_delay_ms: 3 * DAY_MS,
            heartbeat_ms: 60_000,
            max_envelope_life_ms: DAY_MS,
            sponsor_block_work: 65_536,
            sponsor_day_work: 100_000_000,
            block_work: 65_536,
            block_envelopes: 8_192,
        }
    }
}

impl Parameters {
    /// Checks that every number lies where the ledger still works.
    ///
    /// # Errors
    /// Returns [`LedgerGenesisError::Parameter`] with the name of the first that does not.
    pub fn check(&self) -> Result<(), LedgerGenesisError> {
        let refuse = |name| Err(LedgerGenesisError::Parameter { name });
        if !(0..=365 * DAY_MS).contains(&self.recovery_delay_ms) {
            return refuse("recoveryDelayMs");
        }
        if !(1_000..=DAY_MS).contains(&self.heartbeat_ms) {
            return refuse("heartbeatMs");
        }
        if !(1_000..=DAY_MS).contains(&self.max_envelope_life_ms) {
            return refuse("maxEnvelopeLifeMs");
        }
        // One envelope of the largest weight must fit, or nothing could ever change these numbers.
        let least = crate::envelope::MAX_WORK;
        let most = 1 << 40;
        if !(least..=most).contains(&self.block_work) {
            return refuse("blockWork");
        }
        if !(least..=most).contains(&self.sponsor_block_work) {
            return refuse("sponsorBlockWork");
        }
        if !(least..=most).contains(&self.sponsor_day_work) {
            return refuse("sponsorDayWork");
        }
        if !(1..=1 << 20).contains(&self.block_envelopes) {
            return refuse("blockEnvelopes");
        }
        Ok(())
    }
}

/// A genesis whose every rule was checked, with its id and its founders completed.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerGenesis {
    terms: GenesisTerms,
    id: LedgerId,
    founders: Vec<Genesis>,
}

/// Says why a file is no ledger genesis.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerGenesisError {
    /// The bytes are no restricted JSON.
    #[error("the ledger genesis is outside the restricted JSON profile: {0}")]
    Json(#[from] JsonError),
    /// The JSON has no canonical form.
    #[error("the ledger genesis has no canonical form: {0}")]
    Canonical(#[from] JcsError),
    /// A member is missing, unknown or of the wrong type.
    #[error("the ledger genesis is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// The genesis is for another version of the protocol.
    #[error("the ledger genesis is of chain version {found}, this program speaks {known}")]
    ChainVersion {
        /// The version named.
        found: u32,
        /// The version known here.
        known: u32,
    },
    /// A parameter lies where the ledger could not work.
    #[error("parameter {name} is out of range")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
    },
    /// There is no validator, there are too many, one appears twice, has no power, or is not Ed25519.
    #[error("validators are 1 to 64 different Ed25519 keys, each with a power of at least 1")]
    Validators,
    /// The consortium names another number of operators than validators, or an operator that is no founder.
    #[error(
        "operators name, for each of {validators} validators, one of {founders} founders by its place"
    )]
    Operators {
        /// How many validators there are.
        validators: usize,
        /// How many founders there are.
        founders: usize,
    },
    /// There is no founder, there are too many, or one appears twice.
    #[error("founders are 1 to 64 different DIDs")]
    Founders,
    /// A founder's DID genesis is malformed.
    #[error("founder {index}: {reason}")]
    Founder {
        /// Place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: GenesisError,
    },
    /// A founder is controlled by another DID, which could not exist yet.
    #[error("founder {did} has no keys of its own")]
    ControlledFounder {
        /// The founder.
        did: ChopDid,
    },
}

impl LedgerGenesisError {
    /// Returns the name of the parameter that is out of range, when that is it.
    pub const fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::Parameter { name } => Some(*name),
            _ => None,
        }
    }
}

impl LedgerGenesis {
    /// Parses the bytes of a genesis file.
    ///
    /// # Errors
    /// Returns [`LedgerGenesisError`], which says which rule is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerGenesisError> {
        let value = json::parse_restricted(bytes, &LIMITS)?;
        let terms: GenesisTerms =
            serde_json::from_value(value).map_err(|error| LedgerGenesisError::Shape {
                reason: error.to_string(),
            })?;
        Self::try_from(terms)
    }

    /// Returns what the file says.
    pub const fn terms(&self) -> &GenesisTerms {
        &self.terms
    }

    /// Returns the ledger's full id.
    pub const fn id(&self) -> LedgerId {
        self.id
    }

    /// Returns the chain id of the headers: `chop-` and the short ledger id.
    pub fn chain_id(&self) -> String {
        format!("chop-{}", self.id.short())
    }

    /// Returns the set of validators with the members that run them; `None` on a solo ledger.
    pub fn validator_set(&self) -> Option<ValidatorSet> {
        let consortium = self.terms.consortium.as_ref()?;
        let operated = self.terms.validators.iter().zip(&consortium.operators);
        let set = operated.filter_map(|(validator, place)| {
            Some(Validator {
                public_key: validator.public_key.clone(),
                power: validator.power,
                member: self.founders.get(usize::from(*place))?.did(),
            })
        });
        Some(ValidatorSet::new(set))
    }

    /// Returns the founders' geneses, completed with the ledger id, in the order of the file.
    pub fn founders(&self) -> &[Genesis] {
        &self.founders
    }

    /// Returns the canonical bytes whose SHA-256 is the ledger's id.
    ///
    /// # Errors
    /// Returns [`JcsError`] when the JSON has no canonical form, which a parsed genesis always has.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, JcsError> {
        canonicalize(&self.terms)
    }
}

impl TryFrom<GenesisTerms> for LedgerGenesis {
    type Error = LedgerGenesisError;

    fn try_from(terms: GenesisTerms) -> Result<Self, LedgerGenesisError> {
        if terms.chain_version != CHAIN_VERSION {
            return Err(LedgerGenesisError::ChainVersion {
                found: terms.chain_version,
                known: CHAIN_VERSION,
            });
        }
        terms.parameters.check()?;
        check_validators(&terms.validators)?;
        check_consortium(&terms)?;
        let bytes = canonicalize(&terms)?;
        json::parse_restricted(&bytes, &LIMITS)?;
        let id = LedgerId::new(Hash::from_bytes(Sha256::digest(&bytes).into()));
        let founders = complete_founders(&terms.founders, &id)?;
        Ok(Self {
            terms,
            id,
            founders,
        })
    }
}

fn check_validators(validators: &[GenesisValidator]) -> Result<(), LedgerGenesisError> {
    let different: BTreeSet<_> = validators.iter().map(|v| &v.public_key).collect();
    // The engine sums powers in an i64 and multiplies the sum by three.
    let usable = validators
        .iter()
        .all(|v| (1..=1 << 40).contains(&v.power) && v.public_key.key_type() == KeyType::Ed25519);
    if (1..=MAX_FOUNDERS).contains(&validators.len())
        && different.len() == validators.len()
        && usable
    {
        Ok(())
    } else {
        Err(LedgerGenesisError::Validators)
    }
}

fn check_consortium(terms: &GenesisTerms) -> Result<(), LedgerGenesisError> {
    let Some(consortium) = &terms.consortium else {
        return Ok(());
    };
    let (validators, founders) = (terms.validators.len(), terms.founders.len());
    let exist = |place: &u16| usize::from(*place) < founders;
    if consortium.operators.len() != validators || !consortium.operators.iter().all(exist) {
        return Err(LedgerGenesisError::Operators {
            validators,
            founders,
        });
    }
    consortium
        .governance
        .map_or(Ok(()), |governance| governance.check())
}

fn complete_founders(
    templates: &[Value],
    id: &LedgerId,
) -> Result<Vec<Genesis>, LedgerGenesisError> {
    let mut seen = BTreeSet::new();
    let mut founders = Vec::with_capacity(templates.len());
    for (index, template) in templates.iter().enumerate() {
        let founder = Genesis::complete(template.clone(), id)
            .map_err(|reason| LedgerGenesisError::Founder { index, reason })?;
        if founder.controller().is_some() {
            return Err(LedgerGenesisError::ControlledFounder { did: founder.did() });
        }
        if !seen.insert(founder.scid()) {
            return Err(LedgerGenesisError::Founders);
        }
        founders.push(founder);
    }
    if (1..=MAX_FOUNDERS).contains(&founders.len()) {
        Ok(founders)
    } else {
        Err(LedgerGenesisError::Founders)
    }
}

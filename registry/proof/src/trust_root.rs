//! What a verifier pins before it believes any proof.

use chop_keys::{KeyType, PublicKey};
use serde::{Deserialize, Serialize};
use tendermint::{Hash, chain, validator, vote};
use thiserror::Error;

use crate::state_proof::{decode_validators, encode_validators};
use crate::{ProofError, StateProof};

/// Length of a ledger's genesis hash as text: 256 bits in base32.
const GENESIS_LENGTH: usize = 52;
/// Length of a ledger's short id: the first 80 bits of the genesis hash in base32.
const LEDGER_LENGTH: usize = 16;

/// Pins one ledger: its genesis hash and the validators whose signatures count.
///
/// As JSON: `{"ledger": 16 characters, "chainId": "chop-" + ledger, "genesis": 52 characters,
/// "validators": [{"publicKey": Multikey, "power": integer}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TrustRootJson", into = "TrustRootJson")]
pub struct TrustRoot {
    genesis: String,
    chain_id: chain::Id,
    validators: validator::Set,
    validators_hash: Hash,
    /// The same validators as (Multikey, power), in the same order.
    listed: Vec<(String, u64)>,
    /// The same validators as every proof carries them.
    encoded: Vec<u8>,
}

/// Names why a trust root is unusable.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustRootError {
    /// The genesis hash is not canonical base32 of 32 bytes.
    #[error("{genesis:?} is not a genesis hash: it takes 52 characters of lower-case base32")]
    Genesis {
        /// The text found.
        genesis: String,
    },
    /// Two members contradict each other.
    #[error("the trust root names {member} {found:?}, but its genesis makes it {derived:?}")]
    Contradiction {
        /// The JSON member.
        member: &'static str,
        /// What the file says.
        found: String,
        /// What follows from the genesis hash.
        derived: String,
    },
    /// A validator key does not parse or is of a type that does not sign headers.
    #[error("{key:?} is not an Ed25519 Multikey")]
    ValidatorKey {
        /// The key as text.
        key: String,
    },
    /// A validator is listed twice.
    #[error("validator {key} is listed twice")]
    DuplicateValidator {
        /// The key as Multikey.
        key: String,
    },
    /// A power is zero, or all powers together exceed what Tendermint allows.
    #[error("voting power {power} is out of range")]
    Power {
        /// The power found.
        power: u64,
    },
    /// There is nobody to trust.
    #[error("the trust root lists no validator")]
    NoValidator,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TrustRootJson {
    ledger: String,
    chain_id: String,
    genesis: String,
    validators: Vec<ValidatorJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ValidatorJson {
    public_key: String,
    power: u64,
}

impl TrustRoot {
    /// Pins the ledger with this genesis hash (52 characters of base32) and these validators (Ed25519 key, power).
    ///
    /// # Errors
    /// When the hash is malformed, a key is of another type or listed twice, a power is out of range, or none is listed.
    pub fn new(genesis: &str, validators: &[(PublicKey, u64)]) -> Result<Self, TrustRootError> {
        let ledger = ledger_of(genesis)?;
        let chain_id = format!("chop-{ledger}")
            .parse()
            .map_err(|_| TrustRootError::Genesis {
                genesis: genesis.to_owned(),
            })?;
        Self::pinned(genesis.to_owned(), chain_id, validator_set(validators)?)
    }

    pub(crate) fn pinned(
        genesis: String,
        chain_id: chain::Id,
        validators: validator::Set,
    ) -> Result<Self, TrustRootError> {
        let mut listed = Vec::with_capacity(validators.validators().len());
        for info in validators.validators() {
            let key =
                PublicKey::from_raw(KeyType::Ed25519, &info.pub_key.to_bytes()).map_err(|_| {
                    TrustRootError::ValidatorKey {
                        key: info.address.to_string(),
                    }
                })?;
            listed.push((key.multikey(), info.power()));
        }
        let validators_hash = validators.hash();
        let encoded = encode_validators(&validators);
        Ok(Self {
            genesis,
            chain_id,
            validators,
            validators_hash,
            listed,
            encoded,
        })
    }

    /// The same ledger with another trusted validator set.
    pub(crate) fn with_validators(
        &self,
        validators: validator::Set,
    ) -> Result<Self, TrustRootError> {
        Self::pinned(self.genesis.clone(), self.chain_id.clone(), validators)
    }

    /// The same ledger with the validators that a proof carries: only for proofs that the caller's own process made, as it
    /// trusts whoever made them.
    ///
    /// # Errors
    /// When the proof's validators do not decode.
    pub fn vouched_by(&self, proof: &StateProof) -> Result<Self, ProofError> {
        let validators = decode_validators(&proof.validators)?;
        self.with_validators(validators)
            .map_err(|error| ProofError::Malformed {
                part: "validator set",
                reason: error.to_string(),
            })
    }

    /// The ledger's short id: the first 16 characters of the genesis hash.
    pub fn ledger(&self) -> &str {
        self.genesis.get(..LEDGER_LENGTH).unwrap_or(&self.genesis)
    }

    /// The genesis hash: 52 characters of lower-case base32.
    pub fn genesis(&self) -> &str {
        &self.genesis
    }

    /// The chain id in every header of this ledger: `chop-` and the short ledger id.
    pub fn chain_id(&self) -> &str {
        self.chain_id.as_str()
    }

    /// How many validators are trusted; one means that one party alone vouches for every answer.
    pub fn validator_count(&self) -> usize {
        self.validators.validators().len()
    }

    /// The trusted validators in Tendermint's order: power falling, then address rising.
    pub fn validators(&self) -> &validator::Set {
        &self.validators
    }

    pub(crate) fn tendermint_chain_id(&self) -> &chain::Id {
        &self.chain_id
    }

    pub(crate) fn encoded_validators(&self) -> &[u8] {
        &self.encoded
    }

    pub(crate) fn validators_hash(&self) -> Hash {
        self.validators_hash
    }
}

/// Builds the Tendermint validator set of these keys and powers, in Tendermint's order and without a proposer.
///
/// # Errors
/// As [`TrustRoot::new`], for the keys and powers.
pub fn validator_set(validators: &[(PublicKey, u64)]) -> Result<validator::Set, TrustRootError> {
    if validators.is_empty() {
        return Err(TrustRootError::NoValidator);
    }
    let mut total = 0_u64;
    let mut infos: Vec<validator::Info> = Vec::with_capacity(validators.len());
    for (key, power) in validators {
        total = total.saturating_add(*power);
        if *power == 0 || total > validator::Set::MAX_TOTAL_VOTING_POWER {
            return Err(TrustRootError::Power { power: *power });
        }
        let not_usable = || TrustRootError::ValidatorKey {
            key: key.multikey(),
        };
        if key.key_type() != KeyType::Ed25519 {
            return Err(not_usable());
        }
        let public = tendermint::PublicKey::from_raw_ed25519(key.raw()).ok_or_else(not_usable)?;
        if infos.iter().any(|info| info.pub_key == public) {
            return Err(TrustRootError::DuplicateValidator {
                key: key.multikey(),
            });
        }
        let power =
            vote::Power::try_from(*power).map_err(|_| TrustRootError::Power { power: *power })?;
        infos.push(validator::Info::new(public, power));
    }
    Ok(validator::Set::without_proposer(infos))
}

fn ledger_of(genesis: &str) -> Result<&str, TrustRootError> {
    let malformed = || TrustRootError::Genesis {
        genesis: genesis.to_owned(),
    };
    // Canonical: lower case, no padding, and the four bits past the 256th are zero.
    let canonical = genesis.len() == GENESIS_LENGTH
        && !genesis.bytes().any(|byte| byte.is_ascii_uppercase())
        && data_encoding::BASE32_NOPAD
            .decode(genesis.to_ascii_uppercase().as_bytes())
            .is_ok();
    if !canonical {
        return Err(malformed());
    }
    genesis.get(..LEDGER_LENGTH).ok_or_else(malformed)
}

impl TryFrom<TrustRootJson> for TrustRoot {
    type Error = TrustRootError;

    fn try_from(json: TrustRootJson) -> Result<Self, Self::Error> {
        let mut validators = Vec::with_capacity(json.validators.len());
        for listed in json.validators {
            let key = PublicKey::from_multikey(&listed.public_key).map_err(|_| {
                TrustRootError::ValidatorKey {
                    key: listed.public_key,
                }
            })?;
            validators.push((key, listed.power));
        }
        let root = Self::new(&json.genesis, &validators)?;
        for (member, found, derived) in [
            ("ledger", &json.ledger, root.ledger()),
            ("chainId", &json.chain_id, root.chain_id()),
        ] {
            if found != derived {
                return Err(TrustRootError::Contradiction {
                    member,
                    found: found.clone(),
                    derived: derived.to_owned(),
                });
            }
        }
        Ok(root)
    }
}

impl From<TrustRoot> for TrustRootJson {
    fn from(root: TrustRoot) -> Self {
        Self {
            ledger: root.ledger().to_owned(),
            chain_id: root.chain_id().to_owned(),
            genesis: root.genesis,
            validators: root
                .listed
                .into_iter()
                .map(|(public_key, power)| ValidatorJson { public_key, power })
                .collect(),
        }
    }
}

//! Envelopes: what an actor asks of the ledger, all or none, and who pays for it.
//!
//! ```text
//! {
//!   "ledger": full ledger id, 52 characters,
//!   "actor": did:chop, "sponsor": did:chop (may be the actor),
//!   "nonce": 32 hexadecimal digits, "validUntil": time, at most 24 h ahead of the header,
//!   "actions": [1 to 64],
//!   "proof": [Data Integrity proofs, the actor's and the sponsor's, or one when they are the same]
//! }
//! hash      = SHA-256("chop/envelope/v1" ‖ JCS(all but proof))
//! each proof: eddsa-jcs-2022 or ecdsa-jcs-2019 over all but proof, purpose capabilityInvocation, a did:key URL
//! ```

use chop_did::{ChopDid, LedgerId};
use chop_integrity::json::{self, JsonError, Limits};
use chop_integrity::proof::{self, JcsSuite, ProofError, Rule};
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_keys::PublicKey;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::action::{Action, ActionError};
use crate::terms::Nonce;

/// Domain tag of an envelope's hash.
pub const ENVELOPE_TAG: &str = "chop/envelope/v1";
/// Most actions of an envelope.
pub const MAX_ACTIONS: usize = 64;
/// Most work units of an envelope: its own and those of 64 grants. Signatures cost a unit each, and fewer than 400 fit.
pub const MAX_WORK: u64 = 1 + 32 * MAX_ACTIONS as u64;
/// Bounds of an envelope, as received and in canonical form.
pub const LIMITS: Limits = Limits::ENVELOPE;
/// Purpose of envelope proofs.
pub const PURPOSE: &str = "capabilityInvocation";
/// Most proofs: the actor's and the sponsor's.
pub const MAX_PROOFS: usize = 2;

/// What an actor asks of the ledger; all actions take effect or none.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The ledger meant; no other executes it.
    pub ledger: LedgerId,
    /// Who asks.
    pub actor: ChopDid,
    /// The live member whose quota is used.
    pub sponsor: ChopDid,
    /// Makes the actor's envelope unique.
    pub nonce: Nonce,
    /// Last header time at which it may be executed.
    pub valid_until: Timestamp,
    /// 1 to [`MAX_ACTIONS`] actions, applied in order.
    pub actions: Vec<Action>,
}

/// An envelope whose shape, bounds and every signature were checked; whether the keys may act is for the ledger to say.
#[derive(Clone, Debug)]
pub struct SignedEnvelope {
    envelope: Envelope,
    unsigned: Map<String, Value>,
    proofs: Vec<Value>,
    signers: Vec<PublicKey>,
    hash: Hash,
    bytes: Vec<u8>,
}

/// Says why bytes are no signed envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not restricted JSON, too large or too deep.
    #[error("the envelope is outside the restricted JSON profile: {0}")]
    Json(#[from] JsonError),
    /// No canonical form.
    #[error("the envelope has no canonical form: {0}")]
    Canonical(#[from] JcsError),
    /// A member is missing, unknown, null or of the wrong type.
    #[error("the envelope is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// No action or too many.
    #[error("an envelope has 1 to {max} actions, this one has {found}")]
    ActionCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// An action is malformed.
    #[error("action {index}: {reason}")]
    Action {
        /// Place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: ActionError,
    },
    /// A proposal, a vote or a batch stands beside another action.
    #[error("action {index}, {action}, is alone in its envelope, this one has {found} actions")]
    NotAlone {
        /// Place in the list, from 0.
        index: usize,
        /// The action's type.
        action: &'static str,
        /// How many there are.
        found: usize,
    },
    /// Actor or sponsor lives on another ledger than the envelope names.
    #[error("{did} is not a DID of ledger {ledger}")]
    ForeignDid {
        /// The DID.
        did: ChopDid,
        /// The ledger that the envelope names.
        ledger: LedgerId,
    },
    /// No proof or too many, or more than one when the actor is its own sponsor.
    #[error("the envelope has {found} proofs, it may have 1 to {max}")]
    ProofCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A proof is not of the one shape that envelope proofs have.
    #[error("proof {index}: {reason}")]
    ProofShape {
        /// Place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two proofs by one key.
    #[error("proof {index} is by a key that already signed")]
    ProofRepeated {
        /// Place in the list, from 0.
        index: usize,
    },
    /// A signature does not verify under the strict rule.
    #[error("proof {index}: {reason}")]
    Signature {
        /// Place in the list, from 0.
        index: usize,
        /// What the verifier said.
        reason: ProofError,
    },
}

/// Every rule that the door checks without state, by code.
pub const RULES: &[&str] = &[
    "envelope.json",
    "envelope.shape",
    "envelope.action-count",
    "envelope.action",
    "envelope.alone",
    "envelope.foreign-did",
    "envelope.proof-count",
    "envelope.proof-shape",
    "envelope.proof-repeated",
    "envelope.signature",
];

impl EnvelopeError {
    /// Returns the stable code of the rule, listed in RULES.md.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Canonical(_) => "envelope.json",
            Self::Shape { .. } => "envelope.shape",
            Self::ActionCount { .. } => "envelope.action-count",
            Self::Action {
                reason: ActionError::Operation { reason, .. },
                ..
            } => reason.rule(),
            Self::Action { .. } => "envelope.action",
            Self::NotAlone { .. } => "envelope.alone",
            Self::ForeignDid { .. } => "envelope.foreign-did",
            Self::ProofCount { .. } => "envelope.proof-count",
            Self::ProofShape { .. } => "envelope.proof-shape",
            Self::ProofRepeated { .. } => "envelope.proof-repeated",
            Self::Signature { .. } => "envelope.signature",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawEnvelope {
    ledger: LedgerId,
    actor: ChopDid,
    sponsor: ChopDid,
    nonce: Nonce,
    valid_until: Timestamp,
    actions: Vec<Value>,
}

impl Envelope {
    /// Returns the work units that executing it costs: one, and its actions'.
    pub fn work(&self) -> u64 {
        self.actions
            .iter()
            .fold(1, |sum, action| sum.saturating_add(action.work()))
    }

    /// Writes the envelope as JSON, without proof.
    ///
    /// # Errors
    /// Returns [`serde_json::Error`] when a member cannot be written, which no parsed or built envelope causes.
    pub fn to_map(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let actions = self
            .actions
            .iter()
            .map(Action::to_value)
            .collect::<Result<Vec<_>, _>>()?;
        let mut members = Map::new();
        members.insert("ledger".to_owned(), serde_json::to_value(self.ledger)?);
        members.insert("actor".to_owned(), serde_json::to_value(self.actor)?);
        members.insert("sponsor".to_owned(), serde_json::to_value(self.sponsor)?);
        members.insert("nonce".to_owned(), serde_json::to_value(self.nonce)?);
        members.insert(
            "validUntil".to_owned(),
            serde_json::to_value(self.valid_until)?,
        );
        members.insert("actions".to_owned(), Value::Array(actions));
        Ok(members)
    }

    pub(crate) fn parse(members: &Map<String, Value>) -> Result<Self, EnvelopeError> {
        let shape = |reason: String| EnvelopeError::Shape { reason };
        let raw: RawEnvelope = serde_json::from_value(Value::Object(members.clone()))
            .map_err(|error| shape(error.to_string()))?;
        let found = raw.actions.len();
        if !(1..=MAX_ACTIONS).contains(&found) {
            return Err(EnvelopeError::ActionCount {
                found,
                max: MAX_ACTIONS,
            });
        }
        for did in [raw.actor, raw.sponsor] {
            if did.ledger() != raw.ledger.short() {
                return Err(EnvelopeError::ForeignDid {
                    did,
                    ledger: raw.ledger,
                });
            }
        }
        let mut actions = Vec::with_capacity(found);
        for (index, action) in raw.actions.into_iter().enumerate() {
            let action =
                Action::parse(action).map_err(|reason| EnvelopeError::Action { index, reason })?;
            if action.is_alone() && found > 1 {
                let action = action.name();
                return Err(EnvelopeError::NotAlone {
                    index,
                    action,
                    found,
                });
            }
            actions.push(action);
        }
        Ok(Self {
            ledger: raw.ledger,
            actor: raw.actor,
            sponsor: raw.sponsor,
            nonce: raw.nonce,
            valid_until: raw.valid_until,
            actions,
        })
    }
}

impl SignedEnvelope {
    /// Returns what is asked.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns SHA-256(`chop/envelope/v1` ‖ JCS(envelope without proof)): the name of the transaction.
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the distinct keys whose signatures verified, in the order of the proofs.
    pub fn signers(&self) -> &[PublicKey] {
        &self.signers
    }

    /// Returns the canonical JSON, proofs included: what blocks hold.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the JSON, proofs included.
    pub fn to_value(&self) -> Value {
        let mut members = self.unsigned.clone();
        members.insert("proof".to_owned(), Value::Array(self.proofs.clone()));
        Value::Object(members)
    }

    /// Returns the members that are signed.
    pub(crate) const fn unsigned(&self) -> &Map<String, Value> {
        &self.unsigned
    }

    /// Adds a proof that was just made by `key`, without verifying it again.
    pub(crate) fn push(&mut self, key: &PublicKey, proof: Value) -> Result<(), EnvelopeError> {
        let index = self.proofs.len();
        if index >= most_proofs(&self.envelope) {
            return Err(EnvelopeError::ProofCount {
                found: index + 1,
                max: most_proofs(&self.envelope),
            });
        }
        if self.signers.contains(key) {
            return Err(EnvelopeError::ProofRepeated { index });
        }
        self.proofs.push(proof);
        let bytes = canonicalize(&self.to_value())?;
        if bytes.len() > LIMITS.max_bytes {
            self.proofs.pop();
            return Err(too_large(bytes.len()));
        }
        self.signers.push(key.clone());
        self.bytes = bytes;
        Ok(())
    }

    fn from_restricted(value: Value) -> Result<Self, EnvelopeError> {
        let shape = |reason: &str| EnvelopeError::Shape {
            reason: reason.to_owned(),
        };
        let bytes = canonicalize(&value)?;
        if bytes.len() > LIMITS.max_bytes {
            return Err(too_large(bytes.len()));
        }
        let Value::Object(mut unsigned) = value else {
            return Err(shape("not an object"));
        };
        let Some(Value::Array(proofs)) = unsigned.remove("proof") else {
            return Err(shape("its proof is an array"));
        };
        let envelope = Envelope::parse(&unsigned)?;
        let max = most_proofs(&envelope);
        if !(1..=max).contains(&proofs.len()) {
            return Err(EnvelopeError::ProofCount {
                found: proofs.len(),
                max,
            });
        }
        let signers = verify_all(&unsigned, &proofs)?;
        let hash = Hash::of_json(ENVELOPE_TAG, &unsigned)?;
        Ok(Self {
            envelope,
            unsigned,
            proofs,
            signers,
            hash,
            bytes,
        })
    }
}

impl TryFrom<&[u8]> for SignedEnvelope {
    type Error = EnvelopeError;

    /// Parses JSON text and checks bounds, shape and every signature.
    fn try_from(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_restricted(json::parse_restricted(bytes, &LIMITS)?)
    }
}

impl TryFrom<Value> for SignedEnvelope {
    type Error = EnvelopeError;

    /// Checks bounds, shape and every signature of JSON that was parsed without duplicate members.
    fn try_from(value: Value) -> Result<Self, EnvelopeError> {
        json::check_restricted(&value, &LIMITS)?;
        Self::from_restricted(value)
    }
}

/// One proof serves when the actor is its own sponsor.
fn most_proofs(envelope: &Envelope) -> usize {
    if envelope.actor == envelope.sponsor {
        1
    } else {
        MAX_PROOFS
    }
}

fn too_large(found: usize) -> EnvelopeError {
    EnvelopeError::Json(JsonError::TooLarge {
        max: LIMITS.max_bytes,
        found,
    })
}

fn verify_all(
    unsigned: &Map<String, Value>,
    proofs: &[Value],
) -> Result<Vec<PublicKey>, EnvelopeError> {
    let mut signers = Vec::with_capacity(proofs.len());
    for (index, proof) in proofs.iter().enumerate() {
        let shape = |reason| EnvelopeError::ProofShape { index, reason };
        let members = proof.as_object().ok_or_else(|| shape("not an object"))?;
        let key = signer(members).map_err(shape)?;
        if signers.contains(&key) {
            return Err(EnvelopeError::ProofRepeated { index });
        }
        proof::verify(unsigned, members, &key, Rule::Ledger)
            .map_err(|reason| EnvelopeError::Signature { index, reason })?;
        signers.push(key);
    }
    Ok(signers)
}

/// Checks the members of one proof and returns the key that it names.
fn signer(members: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    const ALLOWED: [&str; 6] = [
        "type",
        "cryptosuite",
        "verificationMethod",
        "proofPurpose",
        "created",
        "proofValue",
    ];
    if members.keys().any(|name| !ALLOWED.contains(&name.as_str())) {
        return Err("it has a member that envelope proofs do not have");
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("type") != Some("DataIntegrityProof") {
        return Err("its type is not DataIntegrityProof");
    }
    if text("proofPurpose") != Some(PURPOSE) {
        return Err("its purpose is not capabilityInvocation");
    }
    let url = text("verificationMethod").ok_or("it names no verificationMethod")?;
    let key = PublicKey::from_did_key_url(url)
        .map_err(|_| "its verificationMethod is no did:key URL of a signing key")?;
    let suite = JcsSuite::for_key(key.key_type()).map(JcsSuite::name);
    if suite.is_some() && text("cryptosuite") == suite {
        Ok(key)
    } else {
        Err("its cryptosuite is not the one for its key")
    }
}

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

mod body;
mod proofs;

use std::ops::Range;

use chop_did::{ChopDid, LedgerId};
use chop_integrity::json::{self, JsonError, Limits};
use chop_integrity::proof::ProofError;
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_keys::{KnownKeys, PublicKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

pub(crate) use self::body::Body;
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
    /// One for each proof.
    signers: Vec<PublicKey>,
    hash: Hash,
    bytes: Vec<u8>,
    /// Where `"proof":[…],` stands in the bytes.
    proofs: Range<usize>,
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
    #[expect(dead_code, reason = "it is taken out before, and has to be there")]
    actions: Vec<IgnoredAny>,
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

    fn parse(mut members: Map<String, Value>) -> Result<Self, EnvelopeError> {
        let shape = |reason: String| EnvelopeError::Shape { reason };
        // The actions are no matter of the decoder, which would build each of them anew.
        let actions = match members.get_mut("actions") {
            Some(Value::Array(actions)) => std::mem::take(actions),
            _ => Vec::new(),
        };
        let raw: RawEnvelope = serde_json::from_value(Value::Object(members))
            .map_err(|error| shape(error.to_string()))?;
        let found = actions.len();
        if !(1..=MAX_ACTIONS).contains(&found) {
            return Err(EnvelopeError::ActionCount {
                found,
                max: MAX_ACTIONS,
            });
        }
        let tag = raw.ledger.short();
        for did in [raw.actor, raw.sponsor] {
            if did.ledger() != tag {
                return Err(EnvelopeError::ForeignDid {
                    did,
                    ledger: raw.ledger,
                });
            }
        }
        let mut parsed = Vec::with_capacity(found);
        for (index, action) in actions.into_iter().enumerate() {
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
            parsed.push(action);
        }
        Ok(Self {
            ledger: raw.ledger,
            actor: raw.actor,
            sponsor: raw.sponsor,
            nonce: raw.nonce,
            valid_until: raw.valid_until,
            actions: parsed,
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
        // Canonical text is JSON.
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Returns what is signed: the canonical JSON without proofs.
    pub(crate) fn unsigned(&self) -> Vec<u8> {
        let before = self.bytes.get(..self.proofs.start).unwrap_or_default();
        let after = self.bytes.get(self.proofs.end..).unwrap_or_default();
        [before, after].concat()
    }

    /// Parses JSON text as [`Self::try_from`] does, sooner where its keys are known.
    ///
    /// # Errors
    /// Names the first rule of the door that is broken.
    pub fn parse(bytes: &[u8], known: &KnownKeys) -> Result<Self, EnvelopeError> {
        Self::from_restricted(json::parse_restricted(bytes, &LIMITS)?, known)
    }

    /// Adds a proof that was just made by `key`, without verifying it again.
    pub(crate) fn push(&mut self, key: &PublicKey, proof: &Value) -> Result<(), EnvelopeError> {
        let index = self.signers.len();
        check_count(index + 1, &self.envelope)?;
        if self.signers.contains(key) {
            return Err(EnvelopeError::ProofRepeated { index });
        }
        let added = [b",", canonicalize(proof)?.as_slice()].concat();
        let found = self.bytes.len() + added.len();
        if found > LIMITS.max_bytes {
            return Err(too_large(found));
        }
        // Before the bracket and the comma that end the proofs.
        let place = self.proofs.end - 2;
        self.proofs.end += added.len();
        self.bytes.splice(place..place, added);
        self.signers.push(key.clone());
        Ok(())
    }

    /// Checks the envelope of a value without duplicate members whose numbers and depth are in bounds.
    pub(crate) fn from_restricted(value: Value, known: &KnownKeys) -> Result<Self, EnvelopeError> {
        let shape = |reason: &str| EnvelopeError::Shape {
            reason: reason.to_owned(),
        };
        let Value::Object(mut members) = value else {
            return Err(shape("not an object"));
        };
        let Some(Value::Array(proofs)) = members.remove("proof") else {
            return Err(shape("its proof is an array"));
        };
        Self::seal(Body::parse(members)?, &proofs, &[], known)
    }

    /// Puts an envelope and its proofs together. Each is verified, but for those of which `makers` says who made them just now
    /// of this envelope.
    pub(crate) fn seal(
        body: Body,
        proofs: &[Value],
        makers: &[Option<PublicKey>],
        known: &KnownKeys,
    ) -> Result<Self, EnvelopeError> {
        let (bytes, place) = body.with_proofs(&canonicalize(proofs)?);
        if bytes.len() > LIMITS.max_bytes {
            return Err(too_large(bytes.len()));
        }
        check_count(proofs.len(), &body.envelope)?;
        Ok(Self {
            signers: proofs::signers(body.text(), proofs, makers, known)?,
            hash: Hash::of(ENVELOPE_TAG, body.text()),
            envelope: body.envelope,
            bytes,
            proofs: place,
        })
    }
}

impl TryFrom<&[u8]> for SignedEnvelope {
    type Error = EnvelopeError;

    /// Parses JSON text and checks bounds, shape and every signature.
    fn try_from(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::parse(bytes, &KnownKeys::default())
    }
}

impl TryFrom<Value> for SignedEnvelope {
    type Error = EnvelopeError;

    /// Checks bounds, shape and every signature of JSON that was parsed without duplicate members.
    fn try_from(value: Value) -> Result<Self, EnvelopeError> {
        json::check_restricted(&value, &LIMITS)?;
        Self::from_restricted(value, &KnownKeys::default())
    }
}

fn check_count(found: usize, envelope: &Envelope) -> Result<(), EnvelopeError> {
    // One proof serves when the actor is its own sponsor.
    let max = if envelope.actor == envelope.sponsor {
        1
    } else {
        MAX_PROOFS
    };
    if (1..=max).contains(&found) {
        Ok(())
    } else {
        Err(EnvelopeError::ProofCount { found, max })
    }
}

fn too_large(found: usize) -> EnvelopeError {
    EnvelopeError::Json(JsonError::TooLarge {
        max: LIMITS.max_bytes,
        found,
    })
}

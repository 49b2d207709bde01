//! Making signed envelopes, with the keys at hand or with keys that are held elsewhere.

use chop_integrity::json;
use chop_integrity::proof::{self, JcsSuite, ProofError, ProofOptions};
use chop_keys::{DataIntegrityInput, KeyType, KnownKeys, PublicKey, Signature, Signer};
use serde_json::Value;

use crate::envelope::{Body, Envelope, EnvelopeError, LIMITS, PURPOSE, SignedEnvelope};

/// Says why no signed envelope was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A member cannot be written as JSON.
    #[error("the envelope cannot be written: {0}")]
    Write(#[from] serde_json::Error),
    /// No proof could be made.
    #[error("the envelope was not signed: {0}")]
    Proof(#[from] ProofError),
    /// No cryptosuite of envelopes signs with such a key.
    #[error("envelopes are not signed with {found} keys")]
    KeyType {
        /// The key's type.
        found: KeyType,
    },
    /// What was made is no signed envelope: too large, foreign DIDs, wrong proofs.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// An envelope that collects proofs: the split form, for keys that are held elsewhere.
///
/// Ask [`Self::signing_input`] for the bytes, have them signed, [`Self::attach`] the signature, then [`Self::finish`].
#[derive(Clone, Debug)]
pub struct UnsignedEnvelope {
    body: Body,
    proofs: Vec<Value>,
    /// At the place of each proof that was made here, whose key made it.
    makers: Vec<Option<PublicKey>>,
}

impl Envelope {
    /// Signs with each key in turn: the actor's, and the sponsor's unless a gateway countersigns or they are the same.
    ///
    /// # Errors
    /// Returns [`BuildError`] when a key does not sign or the envelope breaks a rule of the door.
    pub fn sign(&self, signers: &[&dyn Signer]) -> Result<SignedEnvelope, BuildError> {
        let mut unsigned = UnsignedEnvelope::new(self)?;
        for signer in signers {
            unsigned.sign(*signer)?;
        }
        unsigned.finish()
    }
}

impl TryFrom<&[u8]> for UnsignedEnvelope {
    type Error = EnvelopeError;

    /// Parses the JSON text of an envelope without `proof`; checks its bounds and shape.
    fn try_from(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        match json::parse_restricted(bytes, &LIMITS)? {
            Value::Object(members) if !members.contains_key("proof") => {
                Body::parse(members).map(Self::of)
            }
            _ => Err(EnvelopeError::Shape {
                reason: "expected an object without proof".to_owned(),
            }),
        }
    }
}

impl UnsignedEnvelope {
    /// Starts with no proof.
    ///
    /// # Errors
    /// Returns [`BuildError`] when a member cannot be written as JSON or the envelope breaks a rule of the door.
    pub fn new(envelope: &Envelope) -> Result<Self, BuildError> {
        Ok(Self::of(Body::parse(envelope.to_map()?)?))
    }

    const fn of(body: Body) -> Self {
        Self {
            body,
            proofs: Vec::new(),
            makers: Vec::new(),
        }
    }

    /// Returns what is asked.
    pub const fn envelope(&self) -> &Envelope {
        &self.body.envelope
    }

    /// Returns what the holder of `key` signs: hash(proof configuration) ‖ hash(envelope), 64 or 96 bytes.
    ///
    /// # Errors
    /// Returns [`BuildError::KeyType`] when no suite of envelopes signs with such a key.
    pub fn signing_input(&self, key: &PublicKey) -> Result<DataIntegrityInput, BuildError> {
        let configuration = options(key)?.configuration(None);
        let text = self.body.text();
        Ok(proof::signing_input_of_text(text, &configuration, key)?)
    }

    /// Adds the proof that `signature` makes; it is checked in [`Self::finish`].
    ///
    /// # Errors
    /// Returns [`BuildError::KeyType`] when no suite of envelopes signs with such a key.
    pub fn attach(&mut self, key: &PublicKey, signature: Signature) -> Result<(), BuildError> {
        let proof = proof::sign_text(self.body.text(), &options(key)?, key, |_| Ok(signature))?;
        self.proofs.push(Value::Object(proof));
        self.makers.push(None);
        Ok(())
    }

    /// Returns the envelope as it stands, without proofs: what a gateway that holds the actor's key is sent.
    pub fn to_value(&self) -> Value {
        // Canonical text is JSON.
        serde_json::from_slice(self.body.text()).unwrap_or_default()
    }

    /// Adds the proof of a key at hand, which is not verified again.
    ///
    /// # Errors
    /// Returns [`BuildError::Proof`] when the key does not sign.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), BuildError> {
        self.proofs.push(prove(self.body.text(), signer)?);
        self.makers.push(Some(signer.public_key().clone()));
        Ok(())
    }

    /// Checks everything that the door checks.
    ///
    /// # Errors
    /// Returns [`BuildError::Envelope`], which says which rule is broken.
    pub fn finish(self) -> Result<SignedEnvelope, BuildError> {
        let known = KnownKeys::default();
        let signed = SignedEnvelope::seal(self.body, &self.proofs, &self.makers, &known);
        Ok(signed?)
    }
}

impl SignedEnvelope {
    /// Adds the sponsor's proof: what a gateway does for an envelope that names it.
    ///
    /// # Errors
    /// Returns [`BuildError`] when the key does not sign, signed already, or no proof is missing.
    pub fn countersign(&mut self, signer: &dyn Signer) -> Result<(), BuildError> {
        let proof = prove(&self.unsigned(), signer)?;
        Ok(self.push(signer.public_key(), &proof)?)
    }
}

fn prove(text: &[u8], signer: &dyn Signer) -> Result<Value, BuildError> {
    let key = signer.public_key();
    let proof = proof::sign_text(text, &options(key)?, key, |input| {
        signer.sign_envelope(input)
    })?;
    Ok(Value::Object(proof))
}

fn options(key: &PublicKey) -> Result<ProofOptions, BuildError> {
    let suite = JcsSuite::for_key(key.key_type()).ok_or(BuildError::KeyType {
        found: key.key_type(),
    })?;
    Ok(ProofOptions::new(suite.name(), key.did_key_url(), PURPOSE))
}

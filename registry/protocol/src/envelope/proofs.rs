//! The proofs of an envelope: their one shape, and the check of every signature.

use chop_integrity::proof::{self, JcsSuite};
use chop_keys::{KnownKeys, PublicKey};
use serde_json::{Map, Value};

use super::{EnvelopeError, PURPOSE};

/// The distinct keys whose proofs of the text are good, in the order of the proofs.
///
/// `makers` holds, at a proof's place, the key that made it just now of this text: such a proof is not verified.
pub(super) fn signers(
    text: &[u8],
    proofs: &[Value],
    makers: &[Option<PublicKey>],
    known: &KnownKeys,
) -> Result<Vec<PublicKey>, EnvelopeError> {
    let mut signers = Vec::with_capacity(proofs.len());
    for (index, proof) in proofs.iter().enumerate() {
        let shape = |reason| EnvelopeError::ProofShape { index, reason };
        let members = proof.as_object().ok_or_else(|| shape("not an object"))?;
        let maker = makers.get(index).and_then(Option::as_ref);
        let key = match maker {
            Some(maker) => maker.clone(),
            None => signer(members, known).map_err(shape)?,
        };
        if signers.contains(&key) {
            return Err(EnvelopeError::ProofRepeated { index });
        }
        if maker.is_none() {
            proof::verify_text(text, members, &key)
                .map_err(|reason| EnvelopeError::Signature { index, reason })?;
        }
        signers.push(key);
    }
    Ok(signers)
}

/// Checks the members of one proof and returns the key that it names.
fn signer(members: &Map<String, Value>, known: &KnownKeys) -> Result<PublicKey, &'static str> {
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
    let key = known
        .parse(url)
        .map_err(|_| "its verificationMethod is no did:key URL of a signing key")?;
    let suite = JcsSuite::for_key(key.key_type()).map(JcsSuite::name);
    if suite.is_some() && text("cryptosuite") == suite {
        Ok(key)
    } else {
        Err("its cryptosuite is not the one for its key")
    }
}

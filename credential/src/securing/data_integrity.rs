//! Data Integrity proofs: sets and chains (VC Data Integrity 1.0 §4.5).

pub(super) mod bbs;
pub(super) mod ecdsa_sd;
pub(super) mod ed25519_2020;
pub(super) mod jcs;
pub(super) mod rdfc;

#[cfg(test)]
mod tests;

use super::{Body, Keys, Material, ProofTerms, SecuringError, cryptosuite, usable};
use crate::model::is_url;
use crate::selective::{self, Disclosed};
use chop_integrity::Timestamp;
use chop_integrity::proof::Proof;
use serde_json::{Map, Value};

/// Is what came of one proof or token.
#[derive(Debug)]
pub struct ProofReport {
    /// The cryptosuite, or the token's `alg`.
    pub suite: String,
    /// The verification method that it names.
    pub verification_method: String,
    /// When it says it was made.
    pub created: Option<Timestamp>,
    /// What it discloses, if it discloses selectively.
    pub disclosed: Option<Disclosed>,
    /// Whether it holds.
    pub result: Result<(), SecuringError>,
}

pub(super) fn verify(
    document: Body<'_>,
    proofs: &[Map<String, Value>],
    keys: &Keys,
    terms: &ProofTerms<'_>,
) -> Vec<ProofReport> {
    proofs
        .iter()
        .map(|members| match Proof::parse(members) {
            Ok(proof) => ProofReport {
                suite: proof.cryptosuite().to_owned(),
                verification_method: proof.verification_method().to_owned(),
                created: proof.created(),
                disclosed: selective::disclosed(members),
                result: one(document, proofs, &proof, keys, terms),
            },
            Err(error) => ProofReport {
                suite: text(members, "cryptosuite")
                    .or_else(|| text(members, "type"))
                    .unwrap_or_default(),
                verification_method: text(members, "verificationMethod").unwrap_or_default(),
                created: None,
                disclosed: None,
                result: Err(error.into()),
            },
        })
        .collect()
}

fn one(
    document: Body<'_>,
    proofs: &[Map<String, Value>],
    proof: &Proof<'_>,
    keys: &Keys,
    terms: &ProofTerms<'_>,
) -> Result<(), SecuringError> {
    let suite = cryptosuite(proof.cryptosuite()).ok_or_else(|| SecuringError::UnknownSuite {
        found: proof.cryptosuite().to_owned(),
    })?;
    if proof.proof_purpose() != terms.purpose {
        return Err(SecuringError::Purpose {
            expected: terms.purpose.to_owned(),
            found: proof.proof_purpose().to_owned(),
        });
    }
    let as_of = terms.as_of;
    if let Some(expires) = proof.expires()
        && expires <= as_of
    {
        return Err(SecuringError::Expired { expires, as_of });
    }
    if let Some(created) = proof.created()
        && created > as_of.plus_ms(terms.clock_skew_ms)
    {
        return Err(SecuringError::Future { created, as_of });
    }
    if let Some(id) = proof.id()
        && !is_url(id)
    {
        return Err(SecuringError::ProofId { id: id.to_owned() });
    }
    if let Some(id) = proof.id()
        && proofs
            .iter()
            .filter(|other| other.get("id").and_then(Value::as_str) == Some(id))
            .count()
            > 1
    {
        return Err(SecuringError::RepeatedId { id: id.to_owned() });
    }
    let previous = previous(proofs, proof)?;
    let fact = usable(keys, proof.verification_method(), terms.purpose)?;
    let material = Material {
        document,
        previous: &previous,
        contexts: terms.contexts,
    };
    suite.verify(&material, proof, &fact.key)
}

/// The selective suites do not say how they would cover earlier proofs, of which a holder shows some and not others.
fn unchained(material: &Material<'_>) -> Result<(), SecuringError> {
    if material.previous.is_empty() {
        Ok(())
    } else {
        Err(SecuringError::Chained)
    }
}

/// Finds the proofs that this one builds on, in the order of the document.
fn previous<'p>(
    proofs: &'p [Map<String, Value>],
    proof: &Proof<'_>,
) -> Result<Vec<&'p Map<String, Value>>, SecuringError> {
    let named = proof.previous_proof();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let id = |members: &'p Map<String, Value>| members.get("id").and_then(Value::as_str);
    if let Some(missing) = named
        .iter()
        .find(|name| !proofs.iter().any(|members| id(members) == Some(**name)))
    {
        return Err(SecuringError::Dangling {
            id: (*missing).to_owned(),
        });
    }
    Ok(proofs
        .iter()
        .filter(|members| id(members).is_some_and(|id| named.contains(&id)))
        .collect())
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).map(str::to_owned)
}

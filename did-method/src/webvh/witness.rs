//! Witness proofs: distinct approvals for every entry that needs them (did:webvh specification v1.0, DID Witnesses).

use super::entry::verify_proof;
use super::parameters::Witness;
use super::{Verified, WebvhError};
use chop_integrity::json::{self as strict, Limits};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The most proofs that are verified, over the whole file.
const MAX_PROOFS: usize = 1_024;

/// Checks the threshold of every entry that must be witnessed.
pub(super) fn verify(entries: &[Verified], file: Option<&[u8]>) -> Result<(), WebvhError> {
    let needed: Vec<(usize, &Witness)> = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((index, active(entries, index, entry)?)))
        .collect();
    if needed.is_empty() {
        return Ok(());
    }
    let file = file.ok_or(WebvhError::WitnessesNeeded)?;
    let known: BTreeSet<&str> = needed
        .iter()
        .flat_map(|(_, witness)| witness.ids.iter().map(String::as_str))
        .collect();
    let approvals = approvals(entries, file, &known)?;
    for (index, witness) in needed {
        // A proof for a later entry approves all before it; a witness counts once however many proofs it gave.
        let approved = witness
            .ids
            .iter()
            .filter(|id| approvals.get(*id).is_some_and(|latest| *latest >= index))
            .count();
        if approved < witness.threshold {
            return Err(WebvhError::Threshold {
                version: index + 1,
                approved,
                needed: witness.threshold,
            });
        }
    }
    Ok(())
}

/// The witnesses of an entry: those in force before it, or its own when there were none.
fn active<'a>(entries: &'a [Verified], index: usize, entry: &'a Verified) -> Option<&'a Witness> {
    let before = index
        .checked_sub(1)
        .and_then(|index| entries.get(index))
        .and_then(|before| before.parameters.witness.as_ref());
    before.or(entry.parameters.witness.as_ref())
}

/// Verifies the proofs of listed witnesses and gives, for each, the latest entry that it approved.
fn approvals(
    entries: &[Verified],
    file: &[u8],
    known: &BTreeSet<&str>,
) -> Result<BTreeMap<String, usize>, WebvhError> {
    let malformed = |reason: &str| WebvhError::WitnessFile {
        reason: reason.to_owned(),
    };
    let value = strict::parse(file, &Limits::CREDENTIAL).map_err(|e| malformed(&e.to_string()))?;
    let records = value.as_array().ok_or_else(|| malformed("not a list"))?;
    let mut latest: BTreeMap<String, usize> = BTreeMap::new();
    let mut verified = 0_usize;
    for record in records {
        let version_id = record
            .get("versionId")
            .and_then(Value::as_str)
            .ok_or_else(|| malformed("a record has a versionId"))?;
        let proofs = record
            .get("proof")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        // Proofs for versions that are not in this log say nothing about it.
        let Some(index) = entries
            .iter()
            .position(|entry| entry.version_id == version_id)
        else {
            continue;
        };
        let document =
            Map::from_iter([("versionId".to_owned(), Value::String(version_id.to_owned()))]);
        for proof in proofs {
            let Some(id) = listed_signer(proof, known) else {
                continue;
            };
            if latest.get(id).is_some_and(|seen| *seen >= index) {
                continue;
            }
            verified += 1;
            if verified > MAX_PROOFS {
                return Err(malformed("too many proofs"));
            }
            if verify_proof(&document, proof).is_ok() {
                latest.insert(id.to_owned(), index);
            }
        }
    }
    Ok(latest)
}

/// The witness that a proof names, when it is a listed one.
fn listed_signer<'a>(proof: &'a Value, known: &BTreeSet<&str>) -> Option<&'a str> {
    let (id, _) = proof
        .get("verificationMethod")
        .and_then(Value::as_str)?
        .split_once('#')?;
    known.contains(id).then_some(id)
}

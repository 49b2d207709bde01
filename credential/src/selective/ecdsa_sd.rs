//! `ecdsa-sd-2023` (vc-di-ecdsa §3.6): every statement signed for itself, under a key made for the proof.

pub(super) mod value;

use super::labels::{hmac_labels, hmac_text};
use super::statements::{Presented, Shown, Statements, mandatory_hash, proof_hash};
use super::{Seed, SelectiveError};
use crate::contexts::Contexts;
use chop_keys::{KeyType, PublicKey, SelectiveBaseInput, Signer, StatementKey};
use serde_json::{Map, Value};
use value::{Base, Derived};

/// The suite's name.
pub(crate) const NAME: &str = "ecdsa-sd-2023";

/// Makes the value of a base proof (§3.6.1 to §3.6.5).
pub(crate) fn sign(
    document: &Map<String, Value>,
    contexts: &Contexts,
    configuration: &Map<String, Value>,
    mandatory_pointers: &[String],
    (seed, signer): (&Seed, &dyn Signer),
) -> Result<String, SelectiveError> {
    check_key(signer.public_key())?;
    let statements = Statements::of(document, contexts)?;
    let hmac_key = seed.hmac_key();
    let labels: Vec<String> = hmac_labels(&hmac_key, statements.nodes())
        .iter()
        .map(hmac_text)
        .collect();
    let lines = statements.labelled(&labels);
    let mandatory = statements.select(mandatory_pointers, &lines)?;
    let key =
        StatementKey::from_seed(&seed.statement_key()).map_err(SelectiveError::StatementKey)?;
    let mut signatures = Vec::with_capacity(lines.len());
    for statement in lines.others(&mandatory.places) {
        let signature = key.sign_statement(statement)?;
        signatures.push(fixed(signature.as_bytes())?);
    }
    let hash = mandatory_hash(lines.at(&mandatory.places));
    let proof_hash = proof_hash(configuration, document, contexts)?;
    let input = SelectiveBaseInput::new(&proof_hash, key.public_key(), &hash)
        .map_err(SelectiveError::StatementKey)?;
    let base = Base {
        signature: fixed(signer.sign_selective_base(&input)?.as_bytes())?,
        statement_key: *key.multikey_bytes(),
        hmac_key,
        signatures,
        mandatory_pointers: mandatory_pointers.to_vec(),
    };
    Ok(base.encode())
}

/// Derives what is to be shown from a base proof (§3.5.4, §3.6.6).
pub(crate) fn derive(
    document: &Map<String, Value>,
    contexts: &Contexts,
    proof_value: &str,
    selective_pointers: &[String],
) -> Result<(Map<String, Value>, String), SelectiveError> {
    let base = Base::parse(proof_value)?;
    let statements = Statements::of(document, contexts)?;
    let labels = hmac_labels(&base.hmac_key, statements.nodes());
    let texts: Vec<String> = labels.iter().map(hmac_text).collect();
    let lines = statements.labelled(&texts);
    let shown = Shown::of(
        &statements,
        &lines,
        &base.mandatory_pointers,
        selective_pointers,
    )?;
    let expected = lines.len() - shown.mandatory.places.len();
    if base.signatures.len() != expected {
        return Err(SelectiveError::SignatureCount {
            expected,
            found: base.signatures.len(),
        });
    }
    let derived = Derived {
        signature: base.signature,
        statement_key: base.statement_key,
        signatures: shown
            .selective_indexes(lines.len())
            .into_iter()
            .filter_map(|index| base.signatures.get(index).copied())
            .collect(),
        labels: shown.labels(&statements, &labels)?,
        mandatory: shown.mandatory_indexes(),
    };
    Ok((shown.document, derived.encode()))
}

/// Verifies a derived proof (§3.5.9, §3.6.7).
pub(crate) fn verify(
    document: &Map<String, Value>,
    contexts: &Contexts,
    proof: &Map<String, Value>,
    key: &PublicKey,
) -> Result<(), SelectiveError> {
    check_key(key)?;
    let derived = Derived::parse(super::proof_value(proof)?)?;
    let labels: Vec<String> = derived.labels.iter().map(hmac_text).collect();
    let shown = Presented::of(document, contexts, &labels)?;
    let (mandatory, others) = shown.split(&derived.mandatory)?;
    if derived.signatures.len() != others.len() {
        return Err(SelectiveError::SignatureCount {
            expected: others.len(),
            found: derived.signatures.len(),
        });
    }
    let statement_key = PublicKey::from_statement_key(&derived.statement_key)
        .map_err(SelectiveError::StatementKey)?;
    let proof_hash = proof_hash(proof, document, contexts)?;
    let input = SelectiveBaseInput::new(&proof_hash, &statement_key, &mandatory_hash(mandatory))
        .map_err(SelectiveError::StatementKey)?;
    key.verify(input.as_bytes(), &derived.signature)
        .map_err(SelectiveError::BaseSignature)?;
    for (index, (statement, signature)) in others.into_iter().zip(&derived.signatures).enumerate() {
        statement_key
            .verify(statement.as_bytes(), signature)
            .map_err(|source| SelectiveError::Statement { index, source })?;
    }
    Ok(())
}

/// The suite is defined for P-256 (§3.6.5).
fn check_key(key: &PublicKey) -> Result<(), SelectiveError> {
    match key.key_type() {
        KeyType::P256 => Ok(()),
        found => Err(SelectiveError::KeyType { suite: NAME, found }),
    }
}

/// A key holder's signature has the length of its type.
fn fixed(bytes: &[u8]) -> Result<[u8; 64], SelectiveError> {
    <[u8; 64]>::try_from(bytes).map_err(|_| {
        SelectiveError::BaseSignature(chop_keys::VerifyError::Length {
            expected: 64,
            found: bytes.len(),
        })
    })
}

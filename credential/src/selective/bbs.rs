//! `bbs-2023` (vc-di-bbs §3.4): all statements under one BBS signature, shown without showing the signature.
//!
//! Of the features, the baseline and anonymous holder binding. The pseudonyms of the specification follow an earlier draft of
//! BBS per-verifier linkability than any library; its examples cannot be reproduced, so their headers are refused by name.

pub(super) mod value;

use super::labels::{shuffled_labels, shuffled_text};
use super::statements::{Presented, Shown, Statements, mandatory_hash, proof_hash};
use super::{Binding, Seed, SelectiveError};
use crate::contexts::Contexts;
use chop_keys::bbs::{BbsInput, BbsProof, Disclosure};
use chop_keys::{KeyType, PublicKey, Signer};
use serde_json::{Map, Value};
use value::{Base, Derived};

/// The suite's name.
pub(crate) const NAME: &str = "bbs-2023";

/// Makes the value of a base proof (§3.4.1 to §3.4.5), bound to the secret that a holder committed to if there is one.
pub(crate) fn sign(
    document: &Map<String, Value>,
    contexts: &Contexts,
    configuration: &Map<String, Value>,
    mandatory_pointers: &[String],
    (seed, commitment, signer): (&Seed, Option<&[u8]>, &dyn Signer),
) -> Result<String, SelectiveError> {
    let key = signer.public_key();
    check_key(key)?;
    let statements = Statements::of(document, contexts)?;
    let hmac_key = seed.hmac_key();
    let labels: Vec<String> = shuffled_labels(&hmac_key, statements.nodes())
        .iter()
        .copied()
        .map(shuffled_text)
        .collect();
    let lines = statements.labelled(&labels);
    let mandatory = statements.select(mandatory_pointers, &lines)?;
    let messages = messages(lines.others(&mandatory.places));
    let proof_hash = proof_hash(configuration, document, contexts)?;
    let header = header(&proof_hash, &mandatory_hash(lines.at(&mandatory.places)));
    let mut input = BbsInput::new(&header, &messages)?;
    if let Some(commitment) = commitment {
        input = input.bound_to(commitment)?;
    }
    let base = Base {
        signature: fixed("signature", signer.sign_bbs(&input)?.as_bytes())?,
        header,
        public_key: fixed("public key", key.raw())?,
        hmac_key,
        mandatory_pointers: mandatory_pointers.to_vec(),
        bound: commitment.is_some(),
    };
    Ok(base.encode())
}

/// Derives what is to be shown from a base proof (§3.3.3, §3.4.6).
pub(crate) fn derive(
    document: &Map<String, Value>,
    contexts: &Contexts,
    proof_value: &str,
    selective_pointers: &[String],
    (presentation_header, binding): (&[u8], Option<&Binding>),
) -> Result<(Map<String, Value>, String), SelectiveError> {
    let base = Base::parse(proof_value)?;
    match (base.bound, binding) {
        (true, None) => {
            return Err(SelectiveError::HolderSecret(
                "the credential is bound to a holder's secret, which is needed to derive from it",
            ));
        }
        (false, Some(_)) => {
            return Err(SelectiveError::HolderSecret(
                "the credential is not bound to a holder's secret",
            ));
        }
        _ => {}
    }
    let key = PublicKey::from_raw(KeyType::Bls12381G2, &base.public_key)
        .map_err(SelectiveError::StatementKey)?;
    let statements = Statements::of(document, contexts)?;
    let labels = shuffled_labels(&base.hmac_key, statements.nodes());
    let texts: Vec<String> = labels.iter().copied().map(shuffled_text).collect();
    let lines = statements.labelled(&texts);
    let shown = Shown::of(
        &statements,
        &lines,
        &base.mandatory_pointers,
        selective_pointers,
    )?;
    let messages = messages(lines.others(&shown.mandatory.places));
    let selective = shown.selective_indexes(lines.len());
    let proof = key.derive_bbs_proof(&Disclosure {
        signature: &base.signature,
        header: &base.header,
        presentation_header,
        messages: &messages,
        disclosed: &selective,
        holder: binding.map(Binding::holder),
    })?;
    let derived = Derived {
        proof,
        labels: shown.labels(&statements, &labels)?,
        mandatory: shown.mandatory_indexes(),
        selective,
        presentation_header: presentation_header.to_vec(),
        bound: base.bound.then_some(messages.len()),
    };
    Ok((shown.document, derived.encode()))
}

/// Verifies a derived proof (§3.3.8, §3.4.7).
pub(crate) fn verify(
    document: &Map<String, Value>,
    contexts: &Contexts,
    proof: &Map<String, Value>,
    key: &PublicKey,
) -> Result<(), SelectiveError> {
    check_key(key)?;
    let derived = Derived::parse(super::proof_value(proof)?)?;
    let labels: Vec<String> = derived.labels.iter().copied().map(shuffled_text).collect();
    let shown = Presented::of(document, contexts, &labels)?;
    let (mandatory, others) = shown.split(&derived.mandatory)?;
    let proof_hash = proof_hash(proof, document, contexts)?;
    let messages = messages(others.into_iter());
    key.verify_bbs_proof(&BbsProof {
        proof: &derived.proof,
        header: &header(&proof_hash, &mandatory_hash(mandatory)),
        presentation_header: &derived.presentation_header,
        messages: &messages,
        places: &derived.selective,
        bound: derived.bound,
    })?;
    Ok(())
}

fn check_key(key: &PublicKey) -> Result<(), SelectiveError> {
    match key.key_type() {
        KeyType::Bls12381G2 => Ok(()),
        found => Err(SelectiveError::KeyType { suite: NAME, found }),
    }
}

/// Joins the two hashes that the signature covers beside the messages (§3.4.5).
fn header(proof_hash: &[u8; 32], mandatory_hash: &[u8; 32]) -> [u8; 64] {
    let mut header = [0; 64];
    for (to, from) in header
        .iter_mut()
        .zip(proof_hash.iter().chain(mandatory_hash))
    {
        *to = *from;
    }
    header
}

fn messages<'a>(statements: impl Iterator<Item = &'a str>) -> Vec<Vec<u8>> {
    statements.map(|line| line.as_bytes().to_vec()).collect()
}

fn fixed<const N: usize>(what: &'static str, bytes: &[u8]) -> Result<[u8; N], SelectiveError> {
    <[u8; N]>::try_from(bytes).map_err(|_| {
        super::ValueError::Length {
            what,
            expected: N,
            found: bytes.len(),
        }
        .into()
    })
}

//! Batches: registered on the receipts of validators, never on what this node has on its disk (SPEC §13.5).

use chop_did::Template;
use chop_integrity::Hash;
use chop_keys::PublicKey;
use chop_protocol::{Batch, BatchTerms, CodeStanding, CreateBatch, Segment, ValidatorSet, keys};
use std::collections::BTreeMap;

use super::Act;
use crate::entry::did_state;
use crate::refusal::BatchRefusal;
use crate::state::{ExecuteError, StateReader, Stop, View};

pub(super) fn create<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &CreateBatch,
) -> Result<(), Stop<S::Error>> {
    let actor = act.actor;
    // The entry saw that the actor exists: what it controls needs keys that are its own.
    if did_state(view, &actor)?.is_none_or(|state| state.controller().is_some()) {
        return Err(BatchRefusal::Controlled { actor }.into());
    }
    let terms = body.terms(act.header.ledger, actor);
    let batch = id(&terms)?;
    let key = keys::batch(&batch);
    if view.contains(&key)? {
        return Err(BatchRefusal::Exists { batch }.into());
    }
    check_receipts(view, act, body, &terms)?;
    let (time, height) = (act.header.time, act.header.height);
    let template = keys::batch_template(&terms.template);
    if !view.contains(&template)? {
        view.write(template, &body.template)?;
    }
    let all = Segment {
        from: 0,
        to: body.count,
        standing: CodeStanding::Reserved,
        lot: None,
        reason: None,
        time,
        height,
    };
    view.write(keys::segment(&batch, all.to), &all)?;
    Ok(view.write(
        key,
        &Batch {
            terms,
            time,
            height,
        },
    )?)
}

/// Reads a batch.
pub(super) fn read<S: StateReader>(
    view: &View<'_, S>,
    batch: Hash,
) -> Result<Batch, Stop<S::Error>> {
    let found = view.read(&keys::batch(&batch))?;
    found.ok_or_else(|| BatchRefusal::Unknown { batch }.into())
}

/// Reads a batch that the actor controls.
pub(super) fn own<S: StateReader>(
    view: &View<'_, S>,
    act: &Act<'_>,
    batch: Hash,
) -> Result<Batch, Stop<S::Error>> {
    let found = read(view, batch)?;
    let controller = found.terms.controller;
    if controller == act.actor {
        Ok(found)
    } else {
        Err(BatchRefusal::NotController { batch, controller }.into())
    }
}

/// Reads the template of a batch.
pub(super) fn template<S: StateReader>(
    view: &View<'_, S>,
    batch: &Batch,
) -> Result<Template, ExecuteError<S::Error>> {
    view.read_linked(&keys::batch_template(&batch.terms.template))
}

fn id<E>(terms: &BatchTerms) -> Result<Hash, ExecuteError<E>> {
    terms.id().map_err(|error| ExecuteError::Canonical {
        key: keys::BATCHES.to_owned(),
        reason: error.to_string(),
    })
}

/// Validators with more than two thirds of the power signed for these terms; each at most once, and nobody else.
fn check_receipts<S: StateReader>(
    view: &View<'_, S>,
    act: &Act<'_>,
    body: &CreateBatch,
    terms: &BatchTerms,
) -> Result<(), Stop<S::Error>> {
    let mut powers = powers(view, act)?;
    let total = powers
        .values()
        .fold(0_u64, |sum, power| sum.saturating_add(*power));
    let mut signed = 0_u64;
    for (index, receipt) in body.receipts.iter().enumerate() {
        let refuse = |reason| Err(BatchRefusal::Receipt { index, reason }.into());
        // Taken out, so that a second receipt of the same validator finds nothing.
        let Some(power) = powers.remove(&receipt.validator) else {
            return refuse("is by no validator in force, or by one that signed before");
        };
        if !receipt.is_for(terms) {
            return refuse("is not for this batch on this ledger");
        }
        signed = signed.saturating_add(power);
    }
    if signed.saturating_mul(3) > total.saturating_mul(2) {
        Ok(())
    } else {
        Err(BatchRefusal::Power { signed, total }.into())
    }
}

/// The validators in force: those that members govern, else those that founded the ledger.
fn powers<S: StateReader>(
    view: &View<'_, S>,
    act: &Act<'_>,
) -> Result<BTreeMap<PublicKey, u64>, ExecuteError<S::Error>> {
    let governed: Option<ValidatorSet> = view.read(keys::VALIDATORS)?;
    Ok(match governed {
        Some(set) => set
            .validators()
            .iter()
            .map(|validator| (validator.public_key.clone(), validator.power))
            .collect(),
        None => act
            .header
            .founding
            .iter()
            .map(|validator| (validator.public_key.clone(), validator.power))
            .collect(),
    })
}

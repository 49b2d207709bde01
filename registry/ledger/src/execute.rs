//! One block: envelopes in order, each with an outcome of its own.

use std::borrow::Borrow;

use chop_integrity::Timestamp;
use chop_protocol::{
    ExecutionResult, GenesisValidator, Outcome, SignedEnvelope, ValidatorSet, ValidatorUpdate, keys,
};

use crate::act::act;
use crate::entry::{Header, Usage, enter};
use crate::refusal::Refusal;
use crate::rules::check_rules;
use crate::state::{Delta, ExecuteError, StateReader, Stop, View};

/// Expired entries that a block sweeps of each kind, beside two for every envelope that it holds.
const SWEEP_BASE: usize = 64;

/// What the engine ordered; it may own its envelopes or share them.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a, E = SignedEnvelope> {
    /// Height, from 1.
    pub height: u64,
    /// Header time; later than the parent's.
    pub time: Timestamp,
    /// The envelopes, in order.
    pub envelopes: &'a [E],
    /// The validators that the ledger's genesis names.
    pub founding: &'a [GenesisValidator],
}

/// What a block does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// The changed state entries; empty for a block without envelopes.
    pub delta: Delta,
    /// What became of each envelope, in order.
    pub outcomes: Vec<Outcome>,
    /// The validators whose power members changed, ordered by key; the engine lets them act two heights later.
    pub validator_updates: Vec<ValidatorUpdate>,
}

/// Executes a block on its parent state.
///
/// # Errors
/// When the state cannot be read or is corrupt; never because of what the block holds.
pub fn execute<S: StateReader, E: Borrow<SignedEnvelope>>(
    state: &S,
    block: &Block<'_, E>,
) -> Result<Executed, ExecuteError<S::Error>> {
    check_rules(state, block.height)?;
    if block.envelopes.is_empty() {
        return Ok(Executed::default());
    }
    let mut view = View::new(state);
    let header = Header::read(&view, (block.height, block.time), block.founding)?;
    sweep(&mut view, &header, block.envelopes.len())?;
    let mut usage = Usage::default();
    let mut outcomes = Vec::with_capacity(block.envelopes.len());
    for signed in block.envelopes {
        let signed = signed.borrow();
        let result = execute_one(&mut view, &header, signed, &mut usage)?;
        outcomes.push(Outcome {
            hash: signed.hash(),
            height: block.height,
            result,
        });
    }
    let validator_updates = validator_updates(&view)?;
    Ok(Executed {
        delta: view.into_delta(),
        outcomes,
        validator_updates,
    })
}

/// Compares the sets before and after the block.
fn validator_updates<S: StateReader>(
    view: &View<'_, S>,
) -> Result<Vec<ValidatorUpdate>, ExecuteError<S::Error>> {
    let before: Option<ValidatorSet> = view.read_parent(keys::VALIDATORS)?;
    let after: Option<ValidatorSet> = view.read(keys::VALIDATORS)?;
    Ok(before
        .unwrap_or_default()
        .updates_to(&after.unwrap_or_default()))
}

fn execute_one<S: StateReader>(
    view: &mut View<'_, S>,
    header: &Header<'_>,
    signed: &SignedEnvelope,
    usage: &mut Usage,
) -> Result<ExecutionResult, ExecuteError<S::Error>> {
    if let Some(refused) = refusal(enter(view, header, signed, usage))? {
        return Ok(answer(&refused, false));
    }
    for index in 0..signed.envelope().actions.len() {
        if let Some(refused) = refusal(act(view, header, signed, index))? {
            view.discard();
            return Ok(answer(&refused, true));
        }
    }
    view.keep();
    Ok(ExecutionResult::Committed)
}

/// Tells a refusal, which is an outcome, from a failure, which ends the node's work on the block.
fn refusal<E>(result: Result<(), Stop<E>>) -> Result<Option<Refusal>, ExecuteError<E>> {
    match result {
        Ok(()) => Ok(None),
        Err(Stop::Refused(refusal)) => Ok(Some(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn answer(refusal: &Refusal, settled: bool) -> ExecutionResult {
    ExecutionResult::Refused {
        rule: refusal.rule().to_owned(),
        detail: refusal.to_string(),
        settled,
    }
}

/// Deletes replay marks, quotas and the places of expired ballots, which no rule reads any more; a bounded number of
/// each, the oldest first.
fn sweep<S: StateReader>(
    view: &mut View<'_, S>,
    header: &Header<'_>,
    envelopes: usize,
) -> Result<(), ExecuteError<S::Error>> {
    // Each envelope adds one mark, so two for each keep the backlog shrinking.
    let limit = envelopes.saturating_mul(2).saturating_add(SWEEP_BASE);
    view.sweep(keys::BALLOTS, &keys::ballots_from(header.time), limit)?;
    view.sweep(keys::NONCES, &keys::nonces_from(header.time), limit)?;
    view.sweep(
        keys::QUOTAS,
        &keys::quotas_from(keys::day(header.time)),
        limit,
    )
}

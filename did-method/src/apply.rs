//! The state machine of one DID: a pure function from state and operation to state (SPEC §6).

mod authority;
mod rejection;

pub use authority::{Authority, Controllers};
pub use rejection::{RULES, Rejection};

use crate::chop::{ChopDid, LedgerId};
use crate::control::{Control, KeyCommitment, UpdateKeys};
use crate::document::{Document, History, Voice, check_history};
use crate::genesis::{Class, Genesis};
use crate::operation::{Body, OPERATION_TAG, Operation, OperationKind};
use crate::state::{DidState, PendingRecovery, VersionRecord};
use chop_integrity::{Hash, Timestamp};
use chop_keys::PublicKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What an operation is judged against beside the DID's own state.
#[derive(Clone, Copy, Debug)]
pub struct ApplyContext<'a> {
    /// The ledger that executes.
    pub ledger: &'a LedgerId,
    /// The time of the header that holds the operation.
    pub time: Timestamp,
    /// How long a change of the recovery set waits, in milliseconds of header time.
    pub recovery_delay_ms: i64,
    /// The state of the controller that the DID (or, for a create, its genesis) names.
    pub controller: Option<&'a DidState>,
    /// The state of the controller that a transfer names.
    pub new_controller: Option<&'a DidState>,
}

/// Applies an operation to the state of its DID.
///
/// # Errors
/// Returns the [`Rejection`] whose [`Rejection::rule`] names the rule of SPEC §6 that forbids it.
pub fn apply(
    current: Option<&DidState>,
    op: &Operation,
    ctx: &ApplyContext<'_>,
) -> Result<(DidState, VersionRecord), Rejection> {
    if op.did().ledger() != ctx.ledger.short() {
        return Err(Rejection::Ledger {
            did: op.did().ledger().to_string(),
            here: ctx.ledger.short().to_string(),
        });
    }
    match (current, op.body()) {
        (None, Body::Create { genesis }) => create(genesis, op, ctx),
        (Some(_), Body::Create { .. }) => Err(Rejection::Exists),
        (None, _) => Err(Rejection::Unknown),
        (Some(state), _) => change(state, op, ctx),
    }
}

/// Makes the state of a founder, whose genesis stands in the genesis of the ledger itself (SPEC §6.9).
///
/// # Errors
/// Returns [`Rejection::FounderControlled`] for a founder without keys of its own.
pub fn found(genesis: &Genesis, time: Timestamp) -> Result<(DidState, VersionRecord), Rejection> {
    if genesis.controller().is_some() {
        return Err(Rejection::FounderControlled);
    }
    let unsigned = json!({"type": "create", "did": genesis.did(), "seq": 0, "genesis": Value::Object(genesis.value().clone())});
    let hash = Hash::of_json(OPERATION_TAG, &unsigned).map_err(|_| Rejection::Canonical)?;
    first_state(genesis, hash, time)
}

/// SPEC §6.2.
fn create(
    genesis: &Genesis,
    op: &Operation,
    ctx: &ApplyContext<'_>,
) -> Result<(DidState, VersionRecord), Rejection> {
    // The DID carries 80 bits of the ledger id; the genesis carries all of it.
    if genesis.ledger() != ctx.ledger {
        return Err(Rejection::Ledger {
            did: genesis.ledger().to_string(),
            here: ctx.ledger.to_string(),
        });
    }
    match genesis.control() {
        Control::Keys(keys) => check_threshold(keys, op.signers())?,
        Control::Controller(did) => check_controller(did, ctx.controller, op.signers(), ctx.time)?,
    }
    first_state(genesis, op.hash(), ctx.time)
}

fn first_state(
    genesis: &Genesis,
    operation: Hash,
    time: Timestamp,
) -> Result<(DidState, VersionRecord), Rejection> {
    let state = DidState {
        did: genesis.did(),
        class: genesis.class(),
        seq: 0,
        operation,
        control: genesis.control().clone(),
        recovery: genesis.recovery().cloned(),
        pending_recovery: None,
        document: genesis.document().clone(),
        created: time,
        updated: time,
        deactivated: false,
    };
    finish(state)
}

/// SPEC §6.1: what every operation but create has in common.
fn change(
    current: &DidState,
    op: &Operation,
    ctx: &ApplyContext<'_>,
) -> Result<(DidState, VersionRecord), Rejection> {
    if op.did() != current.did() {
        return Err(Rejection::OtherDid {
            operation: op.did().to_string(),
            state: current.did().to_string(),
        });
    }
    if current.deactivated {
        // Deactivation is final; SPEC §6.7 gives no way back.
        return Err(Rejection::Deactivated);
    }
    if op.seq() != current.seq + 1 || op.previous() != Some(&current.operation) {
        return Err(Rejection::Stale {
            operation: op.seq(),
            current: current.version_id(),
        });
    }
    let mut state = settled(current, ctx.time);
    authorise(&state, op, ctx)?;
    let voice = if op.kind() == OperationKind::Recover {
        Voice::Recovery
    } else {
        Voice::Ordinary
    };
    check_history(&state.document, op.document(), state.updated, voice)?;
    act(&mut state, op, ctx)?;
    if let Control::Keys(keys) = &state.control {
        for recovery in [
            state.recovery.as_ref(),
            state
                .pending_recovery
                .as_ref()
                .map(|pending| &pending.commitment),
        ] {
            keys.check_distinct_from(recovery)
                .map_err(|_| Rejection::KeyReuse)?;
        }
    }
    state.document = op.document().clone();
    state.seq = op.seq();
    state.operation = op.hash();
    state.updated = ctx.time;
    finish(state)
}

/// Puts a change of the recovery set in force whose time has come (SPEC §6.3).
fn settled(current: &DidState, time: Timestamp) -> DidState {
    let mut state = current.clone();
    if let Some(pending) = state
        .pending_recovery
        .take_if(|pending| time >= pending.effective)
    {
        state.recovery = Some(pending.commitment);
    }
    state
}

/// Decides whether the signers may do this (SPEC §6.3 to §6.8).
fn authorise(state: &DidState, op: &Operation, ctx: &ApplyContext<'_>) -> Result<(), Rejection> {
    let signers = op.signers();
    match (&state.control, op.body()) {
        // SPEC §6.4: by commitment the revealed set signs; without one, the old set and the new set do.
        (Control::Keys(keys), Body::Rotate { keys: new, .. }) => {
            check_next(state.class, new)?;
            check_rotation(keys, new, signers)
        }
        // SPEC §6.5: the whole recovery set is revealed, and enough of it signs.
        (
            Control::Keys(_),
            Body::Recover {
                revealed,
                keys,
                recovery,
                ..
            },
        ) => check_recovery(state, revealed, (keys, recovery), signers),
        (Control::Keys(_), Body::Transfer { .. }) => Err(Rejection::NotControlled),
        // SPEC §6.3, §6.6, §6.7: the update keys sign.
        (Control::Keys(keys), _) => check_threshold(keys, signers),
        // SPEC §6.10: a controlled DID has no keys to rotate, recover or veto with.
        (
            Control::Controller(_),
            Body::Rotate { .. }
            | Body::Recover { .. }
            | Body::Veto { .. }
            | Body::Update {
                recovery: Some(_), ..
            },
        ) => Err(Rejection::Controlled),
        // SPEC §6.8: who gives and who takes both sign.
        (
            Control::Controller(old),
            Body::Transfer {
                controller: new, ..
            },
        ) => check_transfer((old, new), ctx, signers),
        (Control::Controller(did), _) => check_controller(did, ctx.controller, signers, ctx.time),
    }
}

/// SPEC §6.3: at least the threshold of distinct update keys, and nobody else.
fn check_threshold(keys: &UpdateKeys, signers: &BTreeSet<PublicKey>) -> Result<(), Rejection> {
    if !signers.is_subset(keys.current.keys()) {
        return Err(Rejection::Stranger);
    }
    if !keys.current.is_met_by(signers) {
        return Err(Rejection::Threshold {
            signed: keys.current.count(signers),
            needed: keys.current.threshold(),
        });
    }
    Ok(())
}

/// SPEC §4.4: an organisation rotates by commitment, always.
fn check_next(class: Class, new: &UpdateKeys) -> Result<(), Rejection> {
    if class == Class::Organisation && new.next.is_none() {
        Err(Rejection::NextMissing)
    } else {
        Ok(())
    }
}

/// SPEC §6.4.
fn check_rotation(
    old: &UpdateKeys,
    new: &UpdateKeys,
    signers: &BTreeSet<PublicKey>,
) -> Result<(), Rejection> {
    let opens = |next: &KeyCommitment| {
        next.is_opened_by(new.current.keys()) && next.threshold() == new.current.threshold()
    };
    match &old.next {
        Some(next) if !opens(next) => return Err(Rejection::NextMismatch),
        None if !old.current.is_met_by(signers) => {
            return Err(Rejection::Threshold {
                signed: old.current.count(signers),
                needed: old.current.threshold(),
            });
        }
        Some(_) | None => {}
    }
    if !new.current.is_met_by(signers) {
        return Err(Rejection::Threshold {
            signed: new.current.count(signers),
            needed: new.current.threshold(),
        });
    }
    let known =
        |key: &PublicKey| new.current.keys().contains(key) || old.current.keys().contains(key);
    if signers.iter().all(known) {
        Ok(())
    } else {
        Err(Rejection::Stranger)
    }
}

/// SPEC §6.5.
fn check_recovery(
    state: &DidState,
    revealed: &BTreeSet<PublicKey>,
    (keys, recovery): (&UpdateKeys, &KeyCommitment),
    signers: &BTreeSet<PublicKey>,
) -> Result<(), Rejection> {
    let committed = state.recovery.as_ref().ok_or(Rejection::NoRecovery)?;
    check_revealed(committed, revealed, signers)?;
    check_next(state.class, keys)?;
    // A recovery set serves once: none of its keys may come back in any role.
    let again = |key: &PublicKey| {
        recovery.contains(key)
            || keys.current.keys().contains(key)
            || keys.next.as_ref().is_some_and(|next| next.contains(key))
    };
    if revealed.iter().any(again) {
        Err(Rejection::KeyReuse)
    } else {
        Ok(())
    }
}

/// SPEC §6.5: the whole committed set is revealed, and enough of it signs.
fn check_revealed(
    committed: &KeyCommitment,
    revealed: &BTreeSet<PublicKey>,
    signers: &BTreeSet<PublicKey>,
) -> Result<(), Rejection> {
    if !committed.is_opened_by(revealed) {
        return Err(Rejection::RecoveryMismatch);
    }
    if !signers.is_subset(revealed) {
        return Err(Rejection::Stranger);
    }
    if signers.len() < usize::from(committed.threshold()) {
        return Err(Rejection::Threshold {
            signed: signers.len(),
            needed: committed.threshold(),
        });
    }
    Ok(())
}

/// SPEC §6.8.
fn check_transfer(
    (old, new): (&ChopDid, &ChopDid),
    ctx: &ApplyContext<'_>,
    signers: &BTreeSet<PublicKey>,
) -> Result<(), Rejection> {
    if old == new {
        return Err(Rejection::SameController);
    }
    let from = live_controller(old, ctx.controller)?;
    let to = live_controller(new, ctx.new_controller)?;
    check_givers(
        signers,
        |key| from.invokes(key, ctx.time),
        |key| to.invokes(key, ctx.time),
    )
}

/// SPEC §6.8: who gives and who takes both sign, and nobody else.
fn check_givers(
    signers: &BTreeSet<PublicKey>,
    gives: impl Fn(&PublicKey) -> bool,
    takes: impl Fn(&PublicKey) -> bool,
) -> Result<(), Rejection> {
    // One key in both documents must not let one party sign for two.
    let has_partner = |giver: &PublicKey| signers.iter().any(|key| key != giver && takes(key));
    if !signers.iter().any(|key| gives(key) && has_partner(key)) {
        return Err(Rejection::TransferUnsigned);
    }
    if signers.iter().all(|key| gives(key) || takes(key)) {
        Ok(())
    } else {
        Err(Rejection::Stranger)
    }
}

/// SPEC §6.10: one live `capabilityInvocation` key of the controller is enough, and nobody else signs.
fn check_controller(
    did: &ChopDid,
    state: Option<&DidState>,
    signers: &BTreeSet<PublicKey>,
    time: Timestamp,
) -> Result<(), Rejection> {
    let controller = live_controller(did, state)?;
    check_invokers(signers, |key| controller.invokes(key, time))
}

fn check_invokers(
    signers: &BTreeSet<PublicKey>,
    invokes: impl Fn(&PublicKey) -> bool,
) -> Result<(), Rejection> {
    if signers.iter().all(invokes) {
        Ok(())
    } else {
        Err(Rejection::NotController)
    }
}

/// SPEC §6.10: a controller exists, lives, and acts by keys of its own.
fn live_controller<'a>(
    did: &ChopDid,
    state: Option<&'a DidState>,
) -> Result<&'a DidState, Rejection> {
    match state {
        Some(state) if state.did() == did && !state.deactivated && state.controller().is_none() => {
            Ok(state)
        }
        Some(state) if state.did() == did && state.deactivated => {
            Err(Rejection::ControllerDeactivated)
        }
        Some(state) if state.did() == did => Err(Rejection::ControllerControlled),
        _ => Err(Rejection::ControllerUnknown {
            did: did.to_string(),
        }),
    }
}

/// Makes the change that the operation asks for, the document excepted.
fn act(state: &mut DidState, op: &Operation, ctx: &ApplyContext<'_>) -> Result<(), Rejection> {
    match op.body() {
        Body::Create { .. } => return Err(Rejection::Exists),
        Body::Update { recovery, .. } => ask_recovery(state, recovery.as_ref(), op.hash(), ctx)?,
        Body::Rotate { keys, recovery, .. } => {
            state.control = Control::Keys(keys.clone());
            ask_recovery(state, recovery.as_ref(), op.hash(), ctx)?;
        }
        // SPEC §6.5: a recovery acts at once and ends whatever waited.
        Body::Recover { keys, recovery, .. } => {
            state.control = Control::Keys(keys.clone());
            state.recovery = Some(recovery.clone());
            state.pending_recovery = None;
        }
        Body::Veto { document, vetoed } => veto(state, document, vetoed)?,
        Body::Deactivate { .. } => {
            state.deactivated = true;
            state.pending_recovery = None;
        }
        Body::Transfer { controller, .. } => state.control = Control::Controller(*controller),
    }
    Ok(())
}

/// SPEC §6.3: a change of the recovery set waits, one at a time.
fn ask_recovery(
    state: &mut DidState,
    asked: Option<&KeyCommitment>,
    operation: Hash,
    ctx: &ApplyContext<'_>,
) -> Result<(), Rejection> {
    let Some(commitment) = asked else {
        return Ok(());
    };
    if state.pending_recovery.is_some() {
        return Err(Rejection::RecoveryPending);
    }
    let effective = ctx.time.plus_ms(ctx.recovery_delay_ms);
    state.pending_recovery = Some(PendingRecovery {
        commitment: commitment.clone(),
        operation,
        effective,
    });
    Ok(())
}

/// SPEC §6.6: a veto stops the change that it names and changes nothing else.
fn veto(state: &mut DidState, document: &Document, vetoed: &Hash) -> Result<(), Rejection> {
    if state
        .pending_recovery
        .take_if(|pending| pending.operation == *vetoed)
        .is_none()
    {
        return Err(Rejection::NothingToVeto);
    }
    if *document != state.document {
        return Err(Rejection::VetoChangesDocument);
    }
    Ok(())
}

/// Records the version that the state has reached (SPEC §4.9).
fn finish(state: DidState) -> Result<(DidState, VersionRecord), Rejection> {
    let document = state.document.hash().map_err(|_| Rejection::Canonical)?;
    let record = VersionRecord {
        operation: state.operation,
        document,
        time: state.updated,
    };
    Ok((state, record))
}

impl From<History> for Rejection {
    fn from(broken: History) -> Self {
        match broken {
            History::Removed { id } => Self::MethodRemoved { id },
            History::Altered { id } => Self::MethodAltered { id },
            History::Unretired { id } => Self::MarkUndone {
                id,
                mark: "revoked",
            },
            History::Uncompromised { id } => Self::MarkUndone {
                id,
                mark: "compromised",
            },
            History::Backdated { id } => Self::RevokedBackdated { id },
        }
    }
}

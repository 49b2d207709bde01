//! Codes: activated and voided by ranges, claimed by whoever has the secret; items that get a state of their own (SPEC §13.7–§13.9).

use chop_did::{ChopDid, DidState};
use chop_protocol::batch::MAX_SEGMENTS;
use chop_protocol::{
    ActivateCodes, Batch, Claim, ClaimCode, ClaimTerms, CodeStanding, ItemProof, MaterialiseItem,
    Segment, VoidCodes, keys,
};

use super::{Act, accreditation, batch};
use crate::refusal::BatchRefusal;
use crate::state::{ExecuteError, StateReader, Stop, View};

pub(super) fn activate<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &ActivateCodes,
) -> Result<(), Stop<S::Error>> {
    let found = batch::own(view, act, body.batch)?;
    if let Some(credential_type) = found.terms.activation.clone()
        && !accreditation::is_accredited(view, act, &credential_type)?
    {
        return Err(BatchRefusal::Accreditation { credential_type }.into());
    }
    let allowed = |standing| standing == CodeStanding::Reserved;
    change(
        view,
        act,
        (&found, body.from, body.to),
        allowed,
        |segment| {
            segment.standing = CodeStanding::Active;
            segment.lot = Some(body.lot.clone());
        },
    )
}

pub(super) fn void<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &VoidCodes,
) -> Result<(), Stop<S::Error>> {
    let found = batch::own(view, act, body.batch)?;
    let allowed = |standing| standing != CodeStanding::Void;
    change(
        view,
        act,
        (&found, body.from, body.to),
        allowed,
        |segment| {
            segment.standing = CodeStanding::Void;
            segment.reason.clone_from(&body.reason);
        },
    )
}

pub(super) fn materialise<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &MaterialiseItem,
) -> Result<(), Stop<S::Error>> {
    let found = batch::own(view, act, body.proof.batch)?;
    let item = check_proof(act, &found, &body.proof)?;
    let key = keys::did(&item.scid());
    if view.contains(&key)? {
        return Err(BatchRefusal::Materialised { item }.into());
    }
    let template = batch::template(view, &found)?;
    // Receipts say that every item is one of the template; this does not rely on it.
    let made = body
        .proof
        .item
        .state(&template, item, (found.terms.controller, found.time));
    let state: DidState = made.map_err(BatchRefusal::from)?;
    let record = state.record().map_err(|error| ExecuteError::Canonical {
        key: key.clone(),
        reason: error.to_string(),
    })?;
    view.write(keys::did_version(&item.scid(), state.seq()), &record)?;
    Ok(view.write(key, &state)?)
}

pub(super) fn claim<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &ClaimCode,
) -> Result<(), Stop<S::Error>> {
    let found = batch::read(view, body.proof.batch)?;
    let item = check_proof(act, &found, &body.proof)?;
    let Some(key) = &body.proof.item.key else {
        return Err(BatchRefusal::NoKey { item }.into());
    };
    let envelope = act.signed.envelope();
    let terms = ClaimTerms {
        ledger: envelope.ledger,
        item,
        actor: envelope.actor,
        nonce: envelope.nonce,
        valid_until: envelope.valid_until,
        holder: body.holder.clone(),
    };
    if !terms.is_signed(key, &body.signature) {
        return Err(BatchRefusal::ClaimSignature { item }.into());
    }
    let ordinal = body.proof.ordinal;
    let standing = standing(view, &found, ordinal)?;
    if standing != CodeStanding::Active {
        return Err(BatchRefusal::Standing { ordinal, standing }.into());
    }
    let place = keys::claim(&item.scid());
    let time = act.header.time;
    let claim = match view.read::<Claim>(&place)? {
        None => Claim {
            time,
            height: act.header.height,
            holder: body.holder.clone(),
            bound: body.holder.is_some().then_some(time),
        },
        // The first claim is remembered; the holder of the secret may still bind the item, once.
        Some(first) if first.holder.is_none() && body.holder.is_some() => Claim {
            holder: body.holder.clone(),
            bound: Some(time),
            ..first
        },
        Some(_) => return Err(BatchRefusal::Claimed { item }.into()),
    };
    Ok(view.write(place, &claim)?)
}

fn check_proof(act: &Act<'_>, found: &Batch, proof: &ItemProof) -> Result<ChopDid, BatchRefusal> {
    let scid = proof.check(found)?;
    Ok(ChopDid::new(act.header.ledger.short(), scid))
}

/// Where the code of an ordinal below the count stands.
fn standing<S: StateReader>(
    view: &View<'_, S>,
    batch: &Batch,
    ordinal: u32,
) -> Result<CodeStanding, Stop<S::Error>> {
    let touched = segments(view, batch, (ordinal, ordinal.saturating_add(1)))?;
    let Some(segment) = touched.first() else {
        let error: ExecuteError<S::Error> = ExecuteError::Corrupt {
            key: keys::segments(&id(batch)?),
            reason: format!("no segment holds ordinal {ordinal}"),
        };
        return Err(error.into());
    };
    Ok(segment.standing)
}

/// Changes the codes of a range, whose segments are cut at its ends; the segments still cover every ordinal once.
fn change<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    (batch, from, to): (&Batch, u32, u32),
    allowed: impl Fn(CodeStanding) -> bool,
    mark: impl Fn(&mut Segment),
) -> Result<(), Stop<S::Error>> {
    let count = batch.terms.count;
    if from >= to || to > count {
        return Err(BatchRefusal::Range { from, to, count }.into());
    }
    let touched = segments(view, batch, (from, to))?;
    let forbidden = touched.iter().find(|segment| !allowed(segment.standing));
    if let Some(segment) = forbidden {
        return Err(BatchRefusal::Standing {
            ordinal: segment.from.max(from),
            standing: segment.standing,
        }
        .into());
    }
    for segment in touched {
        let (low, high) = (segment.from.max(from), segment.to.min(to));
        if segment.from < low {
            let before = Segment {
                to: low,
                ..segment.clone()
            };
            put(view, batch, &before)?;
        }
        if high < segment.to {
            let after = Segment {
                from: high,
                ..segment.clone()
            };
            put(view, batch, &after)?;
        }
        let mut changed = Segment {
            from: low,
            to: high,
            time: act.header.time,
            height: act.header.height,
            ..segment
        };
        mark(&mut changed);
        put(view, batch, &changed)?;
    }
    Ok(())
}

/// The segments that hold ordinals of a range, in order.
fn segments<S: StateReader>(
    view: &View<'_, S>,
    batch: &Batch,
    (from, to): (u32, u32),
) -> Result<Vec<Segment>, Stop<S::Error>> {
    let id = id(batch)?;
    let (first, end) = (
        keys::segment(&id, from.saturating_add(1)),
        keys::after(&keys::segments(&id)),
    );
    let found: Vec<(String, Segment)> = view.scan(&first, &end, MAX_SEGMENTS + 1)?;
    let touched: Vec<Segment> = found
        .into_iter()
        .map(|(_, segment)| segment)
        .take_while(|segment| segment.from < to)
        .collect();
    if touched.len() > MAX_SEGMENTS {
        return Err(BatchRefusal::Segments { most: MAX_SEGMENTS }.into());
    }
    Ok(touched)
}

fn put<S: StateReader>(
    view: &mut View<'_, S>,
    batch: &Batch,
    segment: &Segment,
) -> Result<(), Stop<S::Error>> {
    Ok(view.write(keys::segment(&id(batch)?, segment.to), segment)?)
}

fn id<E>(batch: &Batch) -> Result<chop_integrity::Hash, ExecuteError<E>> {
    batch.terms.id().map_err(|error| ExecuteError::Canonical {
        key: keys::BATCHES.to_owned(),
        reason: error.to_string(),
    })
}

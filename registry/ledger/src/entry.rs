//! Who may have an envelope executed: the checks before its actions, none of which leaves a trace when it fails.

use chop_did::{ChopDid, DidState, Genesis, LedgerId, OperationKind, Scid};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use chop_protocol::{
    Action, Envelope, GenesisValidator, LedgerRecord, Member, MemberQuota, MemberStanding,
    Parameters, Quota, ReplayMark, SignedEnvelope, keys,
};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::act::certificate::check_no_tls_key;
use crate::refusal::Refusal;
use crate::state::{ExecuteError, StateReader, Stop, View};

/// What holds for every envelope of a block.
#[derive(Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) ledger: LedgerId,
    /// The validators of the ledger's genesis: in force where members govern none.
    pub(crate) founding: &'a [GenesisValidator],
    pub(crate) parameters: Parameters,
    pub(crate) height: u64,
    pub(crate) time: Timestamp,
}

impl<'a> Header<'a> {
    pub(crate) fn read<S: StateReader>(
        view: &View<'_, S>,
        (height, time): (u64, Timestamp),
        founding: &'a [GenesisValidator],
    ) -> Result<Self, ExecuteError<S::Error>> {
        let record: Arc<LedgerRecord> = view.read_shared_linked(keys::LEDGER)?;
        let parameters: Arc<Parameters> = view.read_shared_linked(keys::PARAMETERS)?;
        Ok(Self {
            ledger: record.id,
            founding,
            parameters: *parameters,
            height,
            time,
        })
    }
}

/// What the envelopes of a block have used so far.
#[derive(Default)]
pub(crate) struct Usage {
    work: u64,
    envelopes: u64,
    sponsors: BTreeMap<Scid, u64>,
}

/// Checks an envelope as the next block would, its actions excepted: what a node asks before it orders an envelope.
///
/// `time` is the node's estimate of the next header time. The outer error is the node's, the inner one the envelope's.
///
/// # Errors
/// When the state cannot be read.
pub fn admit<S: StateReader>(
    state: &S,
    envelope: &SignedEnvelope,
    time: Timestamp,
) -> Result<Result<(), Refusal>, ExecuteError<S::Error>> {
    let view = View::new(state);
    let header = Header::read(&view, (0, time), &[])?;
    match check(&view, &header, envelope, &Usage::default()) {
        Ok(_) => Ok(Ok(())),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Checks an envelope, then writes its replay mark and its sponsor's quota: they stay whatever its actions do.
///
/// Without this mark a refused envelope could succeed later, when nobody expects it any more; without the quota, failing
/// would be free.
pub(crate) fn enter<S: StateReader>(
    view: &mut View<'_, S>,
    header: &Header<'_>,
    signed: &SignedEnvelope,
    usage: &mut Usage,
) -> Result<(), Stop<S::Error>> {
    let quota = check(view, header, signed, usage)?;
    let envelope = signed.envelope();
    let work = envelope.work();
    usage.work = usage.work.saturating_add(work);
    usage.envelopes = usage.envelopes.saturating_add(1);
    let used = usage.sponsors.entry(envelope.sponsor.scid()).or_default();
    *used = used.saturating_add(work);
    let mark = ReplayMark {
        envelope: signed.hash(),
        height: header.height,
    };
    view.write(nonce_key(envelope), &mark)?;
    view.write(quota_key(header, envelope), &quota)?;
    view.keep();
    Ok(())
}

/// Returns what the sponsor will have used today.
fn check<S: StateReader>(
    view: &View<'_, S>,
    header: &Header<'_>,
    signed: &SignedEnvelope,
    usage: &Usage,
) -> Result<Quota, Stop<S::Error>> {
    let envelope = signed.envelope();
    check_window(header, envelope)?;
    if view.contains(&nonce_key(envelope))? {
        return Err(Refusal::Replayed.into());
    }
    let sponsor = member(view, &envelope.sponsor)?;
    let quota = check_quota(view, header, envelope, usage, sponsor.as_deref())?;
    check_keys(view, header, signed, sponsor.as_deref())?;
    Ok(quota)
}

fn check_window(header: &Header<'_>, envelope: &Envelope) -> Result<(), Refusal> {
    if envelope.ledger != header.ledger {
        return Err(Refusal::Ledger);
    }
    let (until, now) = (envelope.valid_until, header.time);
    if until < now {
        return Err(Refusal::Expired { until, now });
    }
    let most = now.plus_ms(header.parameters.max_envelope_life_ms);
    if most < until {
        Err(Refusal::TooFar { until, most })
    } else {
        Ok(())
    }
}

fn check_quota<S: StateReader>(
    view: &View<'_, S>,
    header: &Header<'_>,
    envelope: &Envelope,
    usage: &Usage,
    member: Option<&Member>,
) -> Result<Quota, Stop<S::Error>> {
    let parameters = &header.parameters;
    let work = envelope.work();
    let over = |used: u64, most: u64| used.saturating_add(work) > most;
    if over(usage.work, parameters.block_work) || usage.envelopes >= parameters.block_envelopes {
        return Err(Refusal::BlockFull.into());
    }
    let sponsor = envelope.sponsor;
    let quota = member.and_then(|member| member.quota);
    let quota = quota.unwrap_or(MemberQuota {
        block_work: parameters.sponsor_block_work,
        day_work: parameters.sponsor_day_work,
    });
    let used = usage
        .sponsors
        .get(&sponsor.scid())
        .copied()
        .unwrap_or_default();
    if over(used, quota.block_work) {
        return Err(Refusal::QuotaBlock { sponsor }.into());
    }
    let day: Option<Arc<Quota>> = view.read_shared(&quota_key(header, envelope))?;
    let day = day.map_or_else(Quota::default, |day| *day);
    if over(day.work, quota.day_work) {
        return Err(Refusal::QuotaDay { sponsor }.into());
    }
    Ok(Quota {
        work: day.work.saturating_add(work),
        envelopes: day.envelopes.saturating_add(1),
    })
}

/// Every proof is by a key of the actor or the sponsor, and each of them has one.
fn check_keys<S: StateReader>(
    view: &View<'_, S>,
    header: &Header<'_>,
    signed: &SignedEnvelope,
    member: Option<&Member>,
) -> Result<(), Stop<S::Error>> {
    let Envelope { actor, sponsor, .. } = *signed.envelope();
    let sponsor_keys = match Keys::of_existing(view, &sponsor)? {
        Some(keys) if member.is_some_and(Member::is_live) => keys,
        _ => return Err(Refusal::SponsorNotMember { sponsor }.into()),
    };
    let existing = if actor == sponsor {
        Some(sponsor_keys.clone())
    } else {
        Keys::of_existing(view, &actor)?
    };
    let actor_keys = match existing {
        Some(Keys::Existing { state, .. }) if state.deactivated() => {
            return Err(Refusal::ActorDeactivated { actor }.into());
        }
        Some(keys) => keys,
        None => Keys::of_created(view, signed.envelope())?,
    };
    for acting in [Some(&actor), actor_keys.controller()]
        .into_iter()
        .flatten()
        // A live member, as was just seen.
        .filter(|acting| **acting != sponsor)
    {
        if let Some(standing) = barred(view, acting)? {
            let member = *acting;
            return Err(Refusal::ActorBarred { member, standing }.into());
        }
    }
    check_no_tls_key(view, signed.signers())?;
    let entitled = |keys: &Keys<'_>| {
        signed
            .signers()
            .iter()
            .any(|key| keys.hold(key, header.time))
    };
    if !entitled(&sponsor_keys) {
        return Err(Refusal::SponsorKey { sponsor }.into());
    }
    if !entitled(&actor_keys) {
        return Err(Refusal::ActorKey { actor }.into());
    }
    let unused = signed
        .signers()
        .iter()
        .position(|key| !sponsor_keys.hold(key, header.time) && !actor_keys.hold(key, header.time));
    unused.map_or(Ok(()), |index| Err(Refusal::ProofUnused { index }.into()))
}

/// The keys that act for a DID.
#[derive(Clone)]
enum Keys<'a> {
    /// Those of its current document and, when it is controlled, of its controller's.
    Existing {
        state: Arc<DidState>,
        controller: Option<Arc<DidState>>,
    },
    /// Those of the genesis that the envelope's first action registers.
    Created {
        genesis: &'a Genesis,
        controller: Option<Arc<DidState>>,
    },
}

impl<'a> Keys<'a> {
    fn of_existing<S: StateReader>(
        view: &View<'_, S>,
        did: &ChopDid,
    ) -> Result<Option<Self>, Stop<S::Error>> {
        let Some(state) = did_state(view, did)? else {
            return Ok(None);
        };
        let controller = match state.controller() {
            Some(controller) => did_state(view, controller)?,
            None => None,
        };
        Ok(Some(Self::Existing { state, controller }))
    }

    fn of_created<S: StateReader>(
        view: &View<'_, S>,
        envelope: &'a Envelope,
    ) -> Result<Self, Stop<S::Error>> {
        let genesis = match envelope.actions.first() {
            Some(Action::Did(signed)) if signed.operation().kind() == OperationKind::Create => {
                signed
                    .operation()
                    .genesis()
                    .filter(|genesis| genesis.did() == envelope.actor)
            }
            _ => None,
        };
        let genesis = genesis.ok_or(Refusal::ActorUnknown {
            actor: envelope.actor,
        })?;
        let controller = match genesis.controller() {
            Some(controller) => did_state(view, controller)?,
            None => None,
        };
        Ok(Self::Created {
            genesis,
            controller,
        })
    }

    /// Returns the DID whose keys act for this one.
    fn controller(&self) -> Option<&ChopDid> {
        match self {
            Self::Existing { state, .. } => state.controller(),
            Self::Created { genesis, .. } => genesis.controller(),
        }
    }

    fn hold(&self, key: &PublicKey, at: Timestamp) -> bool {
        let (own, controller) = match self {
            Self::Existing { state, controller } => (
                state.invokes(key, at),
                controller.as_ref().filter(|_| !state.deactivated()),
            ),
            Self::Created {
                genesis,
                controller,
            } => (
                genesis.update_keys().any(|update| update == key),
                controller.as_ref(),
            ),
        };
        // A controller acts by keys of its own: control does not chain.
        own || controller.is_some_and(|c| c.controller().is_none() && c.invokes(key, at))
    }
}

/// Says whether a DID is a live member, whatever its role.
pub(crate) fn is_member<S: StateReader>(
    view: &View<'_, S>,
    did: &ChopDid,
) -> Result<bool, ExecuteError<S::Error>> {
    Ok(member(view, did)?.is_some_and(|member| member.is_live()))
}

fn member<S: StateReader>(
    view: &View<'_, S>,
    did: &ChopDid,
) -> Result<Option<Arc<Member>>, ExecuteError<S::Error>> {
    view.read_shared(&keys::member(&did.scid()))
}

/// Returns what keeps a DID from acting: that it is a member no longer, or not for now.
fn barred<S: StateReader>(
    view: &View<'_, S>,
    did: &ChopDid,
) -> Result<Option<MemberStanding>, ExecuteError<S::Error>> {
    let standing = member(view, did)?.map(|member| member.standing());
    Ok(standing.filter(|standing| *standing != MemberStanding::Live))
}

/// Reads the state of a DID of this ledger.
pub(crate) fn did_state<S: StateReader>(
    view: &View<'_, S>,
    did: &ChopDid,
) -> Result<Option<Arc<DidState>>, ExecuteError<S::Error>> {
    let state: Option<Arc<DidState>> = view.read_shared(&keys::did(&did.scid()))?;
    Ok(state.filter(|state| state.did() == did))
}

fn nonce_key(envelope: &Envelope) -> String {
    keys::nonce(
        envelope.valid_until,
        &envelope.actor.scid(),
        &envelope.nonce,
    )
}

fn quota_key(header: &Header<'_>, envelope: &Envelope) -> String {
    keys::quota(keys::day(header.time), &envelope.sponsor.scid())
}

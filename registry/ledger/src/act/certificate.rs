//! TLS keys of members: bound by both sides, once; unbound for ever. A bound key signs nothing else on the ledger.

use chop_integrity::Hash;
use chop_keys::PublicKey;
use chop_protocol::membership::MAX_BINDINGS;
use chop_protocol::{Binding, BindingEnd, SignedBinding, UnbindCertificate, keys, spki_hash};

use super::Act;
use crate::entry::{did_state, is_member};
use crate::refusal::{BindingRefusal, Refusal};
use crate::state::{StateReader, Stop, View};

pub(super) fn bind<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    binding: &SignedBinding,
) -> Result<(), Stop<S::Error>> {
    let terms = binding.terms();
    let (member, spki) = (terms.member, binding.spki());
    if terms.ledger != act.header.ledger {
        return Err(Refusal::from(BindingRefusal::OtherLedger).into());
    }
    if member != act.actor || !is_member(view, &member)? {
        let actor = act.actor;
        return Err(Refusal::from(BindingRefusal::NotMember { actor, member }).into());
    }
    if view.contains(&keys::binding(&spki))? {
        return Err(Refusal::from(BindingRefusal::Exists { spki }).into());
    }
    let count_key = keys::bound(&member.scid());
    let bound: u32 = view.read(&count_key)?.unwrap_or_default();
    if bound >= MAX_BINDINGS {
        let most = MAX_BINDINGS;
        return Err(Refusal::from(BindingRefusal::TooMany { member, most }).into());
    }
    let state = did_state(view, &member)?;
    let update = state.as_ref().and_then(|state| state.update_keys());
    let signers = binding.update_signers();
    // An update key as TLS key would end the DID's own operations.
    let is_entitled = update.is_some_and(|update| {
        update.is_met_by(&signers)
            && signers.is_subset(update.keys())
            && !update.keys().contains(&terms.public_key)
    });
    if !is_entitled {
        return Err(Refusal::from(BindingRefusal::Unauthorised { member }).into());
    }
    // A key that lies in the open on a server consents to nothing in the member's name.
    check_no_tls_key(view, &signers)?;
    view.write(count_key, &(bound + 1))?;
    let record = Binding {
        member,
        time: act.header.time,
        height: act.header.height,
        ended: None,
        signed: binding.value().clone(),
    };
    Ok(view.write(keys::binding(&spki), &record)?)
}

pub(super) fn unbind<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: UnbindCertificate,
) -> Result<(), Stop<S::Error>> {
    let spki = body.spki;
    let record: Option<Binding> = view.read(&keys::binding(&spki))?;
    let mut record = record.ok_or_else(|| Refusal::from(BindingRefusal::Unknown { spki }))?;
    let (actor, member) = (act.actor, record.member);
    if member != actor {
        return Err(Refusal::from(BindingRefusal::NotMember { actor, member }).into());
    }
    if record.ended.is_some() {
        return Err(Refusal::from(BindingRefusal::Ended { spki }).into());
    }
    record.ended = Some(BindingEnd {
        time: act.header.time,
        height: act.header.height,
    });
    Ok(view.write(keys::binding(&spki), &record)?)
}

/// Refuses signatures by keys that are, or ever were, bound for TLS.
pub(crate) fn check_no_tls_key<'k, S: StateReader>(
    view: &View<'_, S>,
    signers: impl IntoIterator<Item = &'k PublicKey>,
) -> Result<(), Stop<S::Error>> {
    for key in signers {
        let bound = spki_hash(key).map(|spki: Hash| keys::binding(&spki));
        if let Some(bound) = bound
            && view.contains_shared(&bound)?
        {
            let key = key.clone();
            return Err(Refusal::from(BindingRefusal::TlsKey { key }).into());
        }
    }
    Ok(())
}

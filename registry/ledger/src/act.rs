//! What each action does to the state.

mod accreditation;
mod anchor;
mod batch;
pub(crate) mod certificate;
mod code;
mod did;
mod governance;
mod schema;

use chop_did::ChopDid;
use chop_protocol::{Action, SignedEnvelope};

use crate::entry::{Header, did_state};
use crate::refusal::Refusal;
use crate::state::{StateReader, Stop, View};

/// An action's surroundings: who acts, when, and under which name.
pub(crate) struct Act<'a> {
    header: &'a Header<'a>,
    actor: ChopDid,
    signed: &'a SignedEnvelope,
    index: usize,
}

/// Carries out action `index` of an envelope that was entered.
pub(crate) fn act<S: StateReader>(
    view: &mut View<'_, S>,
    header: &Header<'_>,
    signed: &SignedEnvelope,
    index: usize,
) -> Result<(), Stop<S::Error>> {
    let Some(action) = signed.envelope().actions.get(index) else {
        return Ok(());
    };
    let act = Act {
        header,
        actor: signed.envelope().actor,
        signed,
        index,
    };
    if let Action::Did(operation) = action {
        let operation = operation.operation();
        certificate::check_no_tls_key(view, operation.signers())?;
        return did::apply(view, &act, operation);
    }
    // An earlier action of the envelope may have ended the actor.
    if did_state(view, &act.actor)?.is_none_or(|actor| actor.deactivated()) {
        return Err(Refusal::ActorDeactivated { actor: act.actor }.into());
    }
    match action {
        Action::Accredit(body) => accreditation::accredit(view, &act, body),
        Action::SuspendAccreditation(body) => accreditation::suspend(view, &act, body),
        Action::ReinstateAccreditation(body) => accreditation::reinstate(view, &act, body),
        Action::RevokeAccreditation(body) => accreditation::revoke(view, &act, body),
        Action::Anchor(body) => anchor::anchor(view, &act, body),
        Action::SetStatus(body) => anchor::set_status(view, &act, *body),
        Action::PublishSchema(body) => schema::publish(view, &act, body),
        Action::DeprecateSchema(body) => schema::deprecate(view, &act, body),
        Action::CreateBatch(body) => batch::create(view, &act, body),
        Action::ActivateCodes(body) => code::activate(view, &act, body),
        Action::VoidCodes(body) => code::void(view, &act, body),
        Action::Materialise(body) => code::materialise(view, &act, body),
        Action::Claim(body) => code::claim(view, &act, body),
        Action::Propose(body) => governance::propose(view, &act, body),
        Action::Vote(body) => governance::vote(view, &act, *body),
        Action::Bind(binding) => certificate::bind(view, &act, binding),
        Action::Unbind(body) => certificate::unbind(view, &act, *body),
        // `Did` was carried out above; a later protocol's action never parses here.
        _ => Ok(()),
    }
}

/// Says whether a DID exists on this ledger and has not ended.
fn is_live<S: StateReader>(view: &View<'_, S>, did: &ChopDid) -> Result<bool, Stop<S::Error>> {
    Ok(did_state(view, did)?.is_some_and(|state| !state.deactivated()))
}

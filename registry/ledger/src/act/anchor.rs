//! Anchors: a digest is anchored once, and its status is its issuer's alone to set.

use chop_protocol::anchor::MAX_STATUS_EVENTS;
use chop_protocol::{Anchor, AnchorCredential, AnchorStatus, SetStatus, StatusEvent, keys};

use super::{Act, is_live};
use crate::refusal::Refusal;
use crate::state::{StateReader, Stop, View};

pub(super) fn anchor<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &AnchorCredential,
) -> Result<(), Stop<S::Error>> {
    let digest = body.digest;
    let key = keys::anchor(&digest);
    if view.contains(&key)? {
        return Err(Refusal::AnchorExists { digest }.into());
    }
    if let Some(subject) = body.subject
        && !is_live(view, &subject)?
    {
        return Err(Refusal::AnchorSubject { subject }.into());
    }
    let anchor = Anchor {
        digest,
        issuer: act.actor,
        credential_type: body.credential_type.clone(),
        subject: body.subject,
        time: act.header.time,
        height: act.header.height,
        events: Vec::new(),
    };
    Ok(view.write(key, &anchor)?)
}

pub(super) fn set_status<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    SetStatus { digest, status }: SetStatus,
) -> Result<(), Stop<S::Error>> {
    let key = keys::anchor(&digest);
    let mut anchor: Anchor = view.read(&key)?.ok_or(Refusal::AnchorUnknown { digest })?;
    if anchor.issuer != act.actor {
        return Err(Refusal::NotIssuer {
            digest,
            issuer: anchor.issuer,
        }
        .into());
    }
    if anchor.status() == AnchorStatus::Revoked {
        return Err(Refusal::AnchorRevoked { digest }.into());
    }
    if anchor.status() == status {
        return Err(Refusal::AnchorStanding { digest, status }.into());
    }
    // The last place is kept for a revocation, so that one is always possible.
    let reserved = usize::from(status != AnchorStatus::Revoked);
    if anchor.events.len() + reserved >= MAX_STATUS_EVENTS {
        return Err(Refusal::AnchorHistory { digest }.into());
    }
    anchor.events.push(StatusEvent {
        status,
        time: act.header.time,
        height: act.header.height,
    });
    Ok(view.write(key, &anchor)?)
}

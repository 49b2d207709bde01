//! What the issuer's ledger proves: the anchor of a credential and the issuer's accreditations.

use std::collections::BTreeSet;
use std::sync::Arc;

use chop_client::Registry;
use chop_client::ledger::{self, AccreditationChain};
use chop_client::resolver::state_proof;
use chop_credential::verdict::{
    AccreditationFact, AnchorFact, AnchorState, CheckName, Finding, Interval, LapseReason, Policy,
};
use chop_did::ChopDid;
use chop_integrity::Timestamp;
use chop_protocol::{Accreditation, Anchor, AnchorStatus, CredentialType, Standing, anchor_digest};
use serde_json::Value;

use super::unanswered;
use crate::session::{Session, unreachable};

/// Most types of one credential whose accreditation is looked up.
const MAX_TYPES: usize = 8;

/// Is what the ledger is asked about: who issued, of which types, and how the bytes are made that an anchor digests.
pub(super) struct About<'a> {
    pub(super) issuer: &'a str,
    pub(super) types: Vec<&'a str>,
    /// Canonicalises the credential, which is not for nothing: an issuer off the ledger has no anchors.
    pub(super) secured: &'a (dyn Fn() -> Option<Vec<u8>> + Sync),
}

/// Says whether an issuer is one that stands on a ledger, known here or not.
pub(crate) fn is_on_ledger(issuer: &str) -> bool {
    // Nearly every issuer that does not is told by how it begins.
    issuer.starts_with("did:chop:") && ChopDid::parse(issuer).is_ok()
}

/// What a ledger says of an issuer that stands on none, as far as the checks of a policy ask.
pub(super) fn off_ledger(
    policy: &Policy,
) -> (Finding<AnchorFact>, Finding<Vec<AccreditationFact>>) {
    let (dated, accredited) = asked(policy);
    (absent_if(dated), absent_if(accredited))
}

fn absent_if<T>(asked: bool) -> Finding<T> {
    if asked {
        Finding::Absent
    } else {
        Finding::NotSought
    }
}

/// Says whether a policy needs the anchor, and whether it needs the accreditations.
///
/// A lapsed key or accreditation is weighed against the anchor, so the anchor is sought whenever either is.
fn asked(policy: &Policy) -> (bool, bool) {
    let wanted = |check: CheckName| policy.checks.contains_key(&check);
    let accredited = wanted(CheckName::Accreditation);
    let dated = accredited || wanted(CheckName::Anchor) || wanted(CheckName::KeyValidity);
    (dated, accredited)
}

/// Finds what the checks of a policy need from the ledger.
pub(super) async fn facts(
    session: &Session,
    about: &About<'_>,
    policy: &Policy,
) -> (Finding<AnchorFact>, Finding<Vec<AccreditationFact>>) {
    if !is_on_ledger(about.issuer) {
        return off_ledger(policy);
    }
    let (dated, accredited) = asked(policy);
    let anchor = if dated {
        anchor(session, about).await
    } else {
        Finding::NotSought
    };
    let accreditations = if accredited {
        accreditations(session, about).await
    } else {
        Finding::NotSought
    };
    (anchor, accreditations)
}

/// Finds the anchor of a credential on its issuer's ledger.
async fn anchor(session: &Session, about: &About<'_>) -> Finding<AnchorFact> {
    let registry = match issuers_ledger(session, about.issuer) {
        Ok((_, registry)) => registry,
        Err(finding) => return finding,
    };
    let Some(bytes) = (about.secured)() else {
        return Finding::Absent;
    };
    let proven = match ledger::anchor(registry.as_ref(), &anchor_digest(&bytes)).await {
        Ok(proven) => proven,
        Err(error) => return unanswered(&error),
    };
    let proof = state_proof(&proven);
    let fact = proven
        .value
        .as_ref()
        .and_then(|anchor| anchor_fact(anchor, session.as_of, proof));
    fact.map_or(Finding::Absent, Finding::Found)
}

/// Finds the issuer's accreditations for the types of a credential.
async fn accreditations(session: &Session, about: &About<'_>) -> Finding<Vec<AccreditationFact>> {
    let (issuer, registry) = match issuers_ledger(session, about.issuer) {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let types: BTreeSet<&str> = about.types.iter().copied().take(MAX_TYPES).collect();
    let mut facts = Vec::new();
    for name in types {
        // A type that no accreditation can name has none.
        let Ok(credential_type) = CredentialType::parse(name) else {
            continue;
        };
        let key = (issuer.to_string(), name.to_owned());
        let search = || of_type(session, registry.as_ref(), issuer, credential_type);
        match session.accreditations.once(key, search).await {
            Finding::Found(found) => facts.extend(found),
            Finding::Absent => {}
            other => return other,
        }
    }
    if facts.is_empty() {
        Finding::Absent
    } else {
        Finding::Found(facts)
    }
}

async fn of_type(
    session: &Session,
    registry: &dyn Registry,
    issuer: ChopDid,
    credential_type: CredentialType,
) -> Finding<Vec<AccreditationFact>> {
    let _turn = match session.spend().await {
        Ok(turn) => turn,
        Err(reason) => return unreachable(reason),
    };
    match ledger::accreditations(registry, &issuer, &credential_type).await {
        Ok((list, chains)) => {
            let listed = state_proof(&list);
            Finding::Found(
                chains
                    .iter()
                    .map(|chain| accreditation_fact(chain, session.as_of, &listed))
                    .collect(),
            )
        }
        Err(error) => unanswered(&error),
    }
}

/// Selects the registry of the issuer's ledger; an issuer of another method stands on none.
fn issuers_ledger<'s, T>(
    session: &'s Session,
    issuer: &str,
) -> Result<(ChopDid, &'s Arc<dyn Registry>), Finding<T>> {
    let issuer = ChopDid::parse(issuer).map_err(|_| Finding::Absent)?;
    let registry = session.app.resolver().registry(issuer.ledger());
    let unknown = || {
        unreachable(format!(
            "no trust root is pinned for ledger {}",
            issuer.ledger()
        ))
    };
    registry
        .map(|registry| (issuer, registry))
        .ok_or_else(unknown)
}

/// Reads an anchor as it stood; `None` if the credential was anchored later.
fn anchor_fact(anchor: &Anchor, as_of: Timestamp, proof: Value) -> Option<AnchorFact> {
    let status = anchor.status_at(as_of)?;
    let since = anchor
        .events
        .iter()
        .rfind(|event| event.time <= as_of)
        .map_or(anchor.time, |event| event.time);
    let state = match status {
        AnchorStatus::Live => AnchorState::Active,
        AnchorStatus::Suspended => AnchorState::Suspended(since),
        AnchorStatus::Revoked => AnchorState::Revoked(since),
    };
    let issuer = anchor.issuer.to_string();
    Some(AnchorFact {
        issuer,
        time: anchor.time,
        height: anchor.height,
        state,
        proof: Some(proof),
    })
}

fn accreditation_fact(
    chain: &AccreditationChain,
    as_of: Timestamp,
    list: &Value,
) -> AccreditationFact {
    let own = &chain.accreditation.value;
    let ancestors: Vec<Accreditation> = chain
        .ancestors
        .iter()
        .map(|link| link.value.clone())
        .collect();
    let (live, ended) = live_intervals(own, &ancestors);
    let proofs = std::iter::once(&chain.accreditation)
        .chain(&chain.ancestors)
        .map(state_proof);
    let over = live
        .last()
        .is_none_or(|last| last.until.is_some_and(|until| until <= as_of));
    AccreditationFact {
        id: own.id.to_string(),
        accreditor: own.accreditor.to_string(),
        credential_type: own.credential_type.as_str().to_owned(),
        live,
        lapse: ended.filter(|_| over),
        proof: Some(Value::Array(
            std::iter::once(list.clone()).chain(proofs).collect(),
        )),
    }
}

/// Computes when an accreditation and all its ancestors were live, and why that ended, if it did.
///
/// A standing changes only at a start, an end or an event of some link, and holds from each such time to the next.
fn live_intervals(
    own: &Accreditation,
    ancestors: &[Accreditation],
) -> (Vec<Interval>, Option<LapseReason>) {
    let mut turns = BTreeSet::new();
    for link in std::iter::once(own).chain(ancestors) {
        turns.insert(link.valid_from);
        turns.extend(link.valid_until);
        turns.extend(link.events.iter().map(|event| event.effective));
    }
    let mut live: Vec<Interval> = Vec::new();
    let mut lapse = None;
    let mut open = false;
    for turn in turns {
        let standing = own.liveness_at(turn, ancestors).standing;
        if standing == Standing::Live && !open {
            live.push(Interval {
                from: turn,
                until: None,
            });
            lapse = None;
        } else if standing != Standing::Live && (open || live.is_empty()) {
            // What happens to an accreditation that is over does not change why it ended.
            if let Some(last) = live.last_mut() {
                last.until = Some(turn);
            }
            lapse = reason(standing);
        }
        open = standing == Standing::Live;
    }
    (live, lapse)
}

fn reason(standing: Standing) -> Option<LapseReason> {
    match standing {
        Standing::Suspended => Some(LapseReason::Suspended),
        Standing::Revoked => Some(LapseReason::Revoked),
        Standing::Voided => Some(LapseReason::RevokedAbInitio),
        Standing::Expired => Some(LapseReason::Expired),
        _ => None,
    }
}

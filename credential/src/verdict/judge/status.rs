//! The status of a credential: on the ledger, in Bitstring Status Lists, in Token Status Lists.

use super::super::{AnchorState, CheckOutcome, Evidence, Finding as Sought, Mark, Policy};
use super::{Case, Finding};
use crate::problem::ProblemType;
use crate::status::{
    BitstringEntry, StatusClaim, StatusEntry, StatusError, TokenEntry, TokenStatus, VerifiedList,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Every status entry is fetched, signed, fresh and clear, and the ledger holds nothing against the credential.
pub(super) fn status(case: &Case<'_>, marks: &mut Vec<Mark>) -> Finding {
    let credential = case.credential.credential();
    if let Some(finding) = on_ledger(credential.issuer(), case.evidence, case.policy) {
        return finding;
    }
    let entries = match credential.status_entries() {
        Ok(entries) => entries,
        Err(error) => return Finding::failed(error.to_string(), error.problem()),
    };
    let referrer = Referrer {
        issuer: credential.issuer(),
        evidence: case.evidence,
        policy: case.policy,
    };
    referrer.lists(&entries, case.credential.claims().status.as_ref(), marks)
}

/// Is whoever issued what refers to the lists, with what is known of them and how that is judged.
#[derive(Clone, Copy)]
pub(in crate::verdict) struct Referrer<'a> {
    pub(in crate::verdict) issuer: &'a str,
    pub(in crate::verdict) evidence: &'a Evidence,
    pub(in crate::verdict) policy: &'a Policy,
}

/// Is what one status entry came to, and how the verdict shows it.
struct Reading {
    meaning: Meaning,
    shown: Value,
}

/// Is what a status entry says.
enum Meaning {
    /// Nothing stands against the credential.
    Clear(String),
    /// It holds, and a reader is to be told something.
    Message(String),
    /// It does not hold.
    Set(String),
    /// The entry, or its list, is refused, or says nothing that counts.
    Other(Finding),
}

/// Lets the worst reading decide; nothing unknown is clear.
fn settle(readings: Vec<Reading>, marks: &mut Vec<Mark>) -> Finding {
    let mut shown = Vec::with_capacity(readings.len());
    let mut clear = Vec::new();
    let mut decisive: Option<Finding> = None;
    let any = !readings.is_empty();
    for reading in readings {
        shown.push(reading.shown);
        let finding = match reading.meaning {
            Meaning::Clear(purpose) => {
                clear.push(purpose);
                continue;
            }
            Meaning::Message(message) => {
                marks.push(Mark::StatusMessage { message });
                continue;
            }
            Meaning::Set(detail) => Finding::failed(detail, ProblemType::StatusSet),
            Meaning::Other(finding) => finding,
        };
        let worse = decisive.as_ref().is_none_or(|known| {
            known.outcome != CheckOutcome::Failed && finding.outcome == CheckOutcome::Failed
        });
        if worse {
            decisive = Some(finding);
        }
    }
    match decisive {
        Some(finding) => finding.with(json!(shown)),
        None if !any => Finding::not_applicable("it names no status"),
        None if clear.is_empty() => Finding::passed("its status lists are read").with(json!(shown)),
        None => Finding::passed(format!("clear: {}", clear.join(", "))).with(json!(shown)),
    }
}

/// What the ledger's own record of the credential says against it.
pub(in crate::verdict) fn on_ledger(
    issuer: &str,
    evidence: &Evidence,
    policy: &Policy,
) -> Option<Finding> {
    let fact = evidence.anchor.found()?;
    if fact.issuer != issuer {
        return None;
    }
    let (word, since) = match fact.state {
        AnchorState::Active => return None,
        AnchorState::Suspended(since) => ("suspended", since),
        AnchorState::Revoked(since) => ("revoked", since),
    };
    (since <= policy.as_of).then(|| {
        Finding::failed(
            format!("{word} on the ledger since {since}"),
            ProblemType::StatusSet,
        )
    })
}

impl Referrer<'_> {
    /// Judges entries of `credentialStatus` and the `status` claim of a token (draft-ietf-oauth-status-list-20 §8.3).
    pub(in crate::verdict) fn lists(
        self,
        entries: &[StatusEntry<'_>],
        claim: Option<&StatusClaim>,
        marks: &mut Vec<Mark>,
    ) -> Finding {
        let in_credential = entries.iter().map(|entry| match entry {
            StatusEntry::Bitstring(entry) => self.bitstring(entry),
            StatusEntry::Other { kind } => Reading {
                meaning: unsupported(format!("status type {kind} is not supported")),
                shown: json!({"type": kind}),
            },
        });
        let in_list = claim.and_then(|claim| claim.list.as_ref());
        let others = claim.into_iter().flat_map(|claim| &claim.others);
        let in_claim = in_list
            .map(|entry| self.token(entry))
            .into_iter()
            .chain(others.map(|name| Reading {
                meaning: unsupported(format!("status mechanism {name} is not supported")),
                shown: json!({"mechanism": name}),
            }));
        settle(in_credential.chain(in_claim).collect(), marks)
    }

    fn bitstring(self, entry: &BitstringEntry<'_>) -> Reading {
        let mut shown = json!({
            "type": "BitstringStatusListEntry",
            "statusPurpose": entry.purpose,
            "statusListCredential": entry.list,
            "statusListIndex": entry.index.to_string(),
        });
        let policy = self.policy;
        let read = find(entry.list, self.evidence.status_lists.get(entry.list)).and_then(|list| {
            let status = list.status(entry, self.issuer, &policy.status_delegates, policy.as_of);
            Ok((list, status.map_err(|error| refused(&error))?))
        });
        let meaning = match read {
            Ok((list, value)) => {
                show(&mut shown, "status", json!(format!("{value:#x}")));
                show(&mut shown, "listIssuer", json!(list.issuer()));
                show(&mut shown, "fetched", json!(list.fetched()));
                meaning(entry, value, list, policy)
            }
            Err(finding) => Meaning::Other(finding),
        };
        Reading { meaning, shown }
    }

    fn token(self, entry: &TokenEntry) -> Reading {
        let mut shown = json!({"mechanism": "status_list", "uri": entry.uri, "idx": entry.index});
        let policy = self.policy;
        let read = find(&entry.uri, self.evidence.token_lists.get(&entry.uri)).and_then(|list| {
            let status = list.status(entry, self.issuer, &policy.status_delegates, policy.as_of);
            Ok((list, status.map_err(|error| refused(&error))?))
        });
        let meaning = match read {
            Ok((list, status)) => {
                show(
                    &mut shown,
                    "status",
                    json!(format!("{:#04x}", status.value())),
                );
                show(&mut shown, "listIssuer", json!(list.signer()));
                show(&mut shown, "issued", json!(list.issued()));
                token_meaning(status)
            }
            Err(finding) => Meaning::Other(finding),
        };
        Reading { meaning, shown }
    }
}

fn show(shown: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = shown {
        members.insert(name.to_owned(), value);
    }
}

/// What a status type means (draft-ietf-oauth-status-list-20 §7.1); one without a registered meaning is never clear.
fn token_meaning(status: TokenStatus) -> Meaning {
    match status {
        TokenStatus::Valid => Meaning::Clear("status list".to_owned()),
        TokenStatus::Invalid => Meaning::Set("its issuer has revoked it".to_owned()),
        TokenStatus::Suspended => Meaning::Set("its issuer has suspended it".to_owned()),
        TokenStatus::ApplicationSpecific(value) => unsupported(format!(
            "what status {value:#04x} means, an application says; it is not known here"
        )),
        TokenStatus::Reserved(value) => {
            unsupported(format!("status {value:#04x} has no registered meaning"))
        }
    }
}

/// What a value means for a purpose (Bitstring Status List 1.0 §2.1); an unknown purpose is never clear.
///
/// A list says how things stand since it was issued. As of an earlier time it counts only where the purpose cannot be
/// taken back: what is not revoked now was not revoked then.
fn meaning(
    entry: &BitstringEntry<'_>,
    value: u16,
    list: &VerifiedList,
    policy: &Policy,
) -> Meaning {
    let past = |now: &str| {
        unsupported(format!(
            "{now}, as the list of {} says; how it stood at {} is not known",
            list.speaks_from(),
            policy.as_of
        ))
    };
    let speaks = list.speaks_of(policy.as_of);
    match (entry.purpose, value) {
        ("revocation" | "refresh", 0) => Meaning::Clear(entry.purpose.to_owned()),
        ("revocation", _) if speaks => Meaning::Set("its issuer has revoked it".to_owned()),
        ("revocation", _) => past("its issuer has revoked it"),
        ("suspension", 0) if speaks => Meaning::Clear(entry.purpose.to_owned()),
        ("suspension", 0) => past("it is not suspended"),
        ("suspension", _) if speaks => Meaning::Set("its issuer has suspended it".to_owned()),
        ("suspension", _) => past("its issuer has suspended it"),
        // A newer one is to be had; this one holds.
        ("refresh", _) => {
            Meaning::Message("a newer credential is to be had from its refresh service".to_owned())
        }
        ("message", _) => match entry.message(value) {
            None => unsupported(format!(
                "its issuer does not say what status {value:#x} means"
            )),
            Some(message) if speaks => Meaning::Message(message.to_owned()),
            Some(message) => past(&format!("its status is {message:?}")),
        },
        (other, _) => unsupported(format!("status purpose {other:?} is not known here")),
    }
}

/// Takes a list from the evidence; one that is unreachable is not clear.
fn find<'a, T>(
    url: &str,
    sought: Option<&'a Sought<Result<Arc<T>, StatusError>>>,
) -> Result<&'a T, Finding> {
    let retrieval = |detail: String| Err(Finding::unknown(detail, ProblemType::StatusRetrieval));
    match sought {
        Some(Sought::Found(Ok(list))) => Ok(list),
        Some(Sought::Found(Err(error))) => Err(refused(error)),
        Some(Sought::Unreachable { reason }) => {
            retrieval(format!("status list {url} could not be fetched: {reason}"))
        }
        Some(Sought::Absent) => retrieval(format!("status list {url} does not exist")),
        Some(Sought::NotSought) | None => retrieval(format!("status list {url} was not fetched")),
    }
}

/// A list that is out of date may be replaced by a fresh one; any other fault is the issuer's.
fn refused(error: &StatusError) -> Finding {
    match error {
        StatusError::Stale { .. } | StatusError::Validity { .. } => {
            Finding::unknown(error.to_string(), error.problem())
        }
        _ => Finding::failed(error.to_string(), error.problem()),
    }
}

fn unsupported(detail: String) -> Meaning {
    Meaning::Other(Finding::unknown(detail, ProblemType::StatusVerification))
}

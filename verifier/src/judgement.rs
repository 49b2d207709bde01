//! From a request to a verdict: gather, judge, and weigh what only this service knows.

mod batch;

use std::sync::Arc;

use chop_credential::verdict::{
    CheckName, CheckOutcome, Evidence, Finding, Outcome, Policy, PresentationVerdict, Verdict,
    judge, judge_presentation,
};
use chop_credential::{AnyCredential, Contexts, SecuredPresentation, named_contexts};
use chop_http::ToJson;
use chop_integrity::{Hash, Timestamp};
use chop_protocol::anchor_digest;
use serde::Serialize;
use tokio::task::{JoinError, JoinSet};

use crate::VerifierApp;
use crate::gather::{Registered, contexts, evidence_of, is_on_ledger, keys_of};
use crate::request::{Parsed, PolicyName, Subject, Terms};
use crate::session::Session;

pub(crate) use batch::judge_batch;

/// How many credentials of one presentation are looked into at once.
const AT_ONCE: usize = 8;
/// Documents longer than this, in bytes, are judged off the asynchronous threads.
const LONG: usize = 32 * 1024;

/// The answer to a verification.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Judgement {
    /// Of a credential.
    #[serde(rename_all = "camelCase")]
    Credential {
        /// The time as of which it was judged.
        as_of: Timestamp,
        /// The digest under which it is, or would be, anchored.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Hash>,
        /// The verdict.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// Of a presentation and the credentials in it.
    #[serde(rename_all = "camelCase")]
    Presentation {
        /// The time as of which it was judged.
        as_of: Timestamp,
        /// The verdict.
        #[serde(flatten)]
        verdict: PresentationVerdict,
    },
}

impl ToJson for Judgement {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Self::Credential {
            as_of,
            digest,
            verdict,
        } = self
        else {
            return serde_json::to_writer(out, self);
        };
        out.extend_from_slice(b"{\"kind\":\"credential\",\"asOf\":");
        serde_json::to_writer(&mut *out, as_of)?;
        if let Some(digest) = digest {
            out.extend_from_slice(b",\"digest\":");
            serde_json::to_writer(&mut *out, digest)?;
        }
        out.push(b',');
        verdict.write_members(out)?;
        out.push(b'}');
        Ok(())
    }
}

impl Judgement {
    /// Returns the outcome.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Credential { verdict, .. } => verdict.outcome,
            Self::Presentation { verdict, .. } => verdict.outcome,
        }
    }
}

/// Carries out a request.
pub(crate) async fn judge_request(app: &VerifierApp, subject: Subject, terms: Terms) -> Judgement {
    let bench = Bench::new(app, terms);
    match subject {
        Subject::Credential(credential) => {
            let session = bench.session();
            alone(bench, session, *credential).await
        }
        Subject::Presentation(presentation) => Judgement::Presentation {
            as_of: bench.policy.as_of,
            verdict: match *presentation {
                Ok(presentation) => Box::pin(whole(bench, presentation)).await,
                Err(error) => PresentationVerdict::unparsed(&error, &bench.policy),
            },
        },
    }
}

async fn alone(bench: Arc<Bench>, session: Arc<Session>, credential: Parsed) -> Judgement {
    let as_of = bench.policy.as_of;
    let credential = match credential {
        Ok(credential) => credential,
        Err(error) => {
            return Judgement::Credential {
                as_of,
                digest: None,
                verdict: Verdict::unparsed(&error, &bench.policy),
            };
        }
    };
    let bytes = credential.secured_bytes();
    let digest = bytes.as_deref().map(anchor_digest);
    let length = bytes.map_or(0, |bytes| bytes.len());
    let is_long = length > LONG || credential.is_dear();
    let registered = Registered::of(&credential);
    let evidence = evidence_of(&session, &credential, &bench.policy, &registered).await;
    let contexts = contexts(&session, &registered).await;
    drop(registered);
    let verdict = off_threads(is_long, move || {
        bench.credential(&credential, &evidence, &contexts)
    })
    .await;
    Judgement::Credential {
        as_of,
        digest,
        verdict: verdict.unwrap_or_else(undecided),
    }
}

async fn whole(bench: Arc<Bench>, presentation: SecuredPresentation) -> PresentationVerdict {
    let session = bench.session();
    let own = Evidence {
        keys: keys_of(&session, presentation.verification_methods()).await,
        ..Evidence::default()
    };
    let mut gathered = vec![Evidence::default(); presentation.credentials().len()];
    let mut gathering = JoinSet::new();
    for (index, credential) in presentation.credentials().iter().enumerate() {
        let Ok(credential) = credential.clone() else {
            continue;
        };
        if gathering.len() >= AT_ONCE {
            store(&mut gathered, gathering.join_next().await);
        }
        let (session, bench) = (Arc::clone(&session), Arc::clone(&bench));
        gathering.spawn(async move {
            let credential = AnyCredential::W3c(Box::new(credential));
            let registered = Registered::of(&credential);
            let found = evidence_of(&session, &credential, &bench.policy, &registered).await;
            (index, found)
        });
    }
    while let Some(found) = gathering.join_next().await {
        store(&mut gathered, Some(found));
    }
    let held = presentation.credentials().iter().flatten();
    let mut named = named_contexts(presentation.presentation().json());
    named.extend(held.flat_map(|credential| credential.credential().named_contexts()));
    let contexts = contexts(&session, &Registered::contexts(named)).await;
    // Each credential in it is signed for itself, so a long presentation is long work.
    let is_long = gathered.len() > AT_ONCE;
    let refused = PresentationVerdict {
        outcome: Outcome::Indeterminate,
        checks: Vec::new(),
        credentials: Vec::new(),
    };
    off_threads(is_long, move || {
        bench.presentation(&presentation, &own, &gathered, &contexts)
    })
    .await
    .unwrap_or(refused)
}

/// Puts evidence in its place; a search that broke off leaves none, which counts as unreachable.
fn store(gathered: &mut [Evidence], found: Option<Result<(usize, Evidence), JoinError>>) {
    if let Some(Ok((index, evidence))) = found
        && let Some(place) = gathered.get_mut(index)
    {
        *place = evidence;
    }
}

/// Where judging happens: the policy, and the rules that weigh the present against `asOf`.
struct Bench {
    app: VerifierApp,
    policy: Policy,
    accreditation: PolicyName,
    /// When the request came.
    now: Timestamp,
}

impl Bench {
    fn new(app: &VerifierApp, terms: Terms) -> Arc<Self> {
        let Terms {
            mut policy,
            accreditation,
            now,
        } = terms;
        let delegates = app.status_delegates().iter().cloned();
        policy.status_delegates.extend(delegates);
        policy.trust_anchors = app.trust_anchors();
        Arc::new(Self {
            app: app.clone(),
            policy,
            accreditation,
            now,
        })
    }

    /// Begins to look for what the judgements need.
    fn session(&self) -> Arc<Session> {
        Session::new(self.app.clone(), self.policy.as_of)
    }

    fn credential(
        &self,
        credential: &AnyCredential,
        evidence: &Evidence,
        contexts: &Contexts,
    ) -> Verdict {
        let judge = |policy: &Policy| credential.judge(evidence, policy, contexts);
        let mut verdict = judge(&self.policy);
        self.weigh(&mut verdict, credential.issuer(), evidence, judge);
        verdict
    }

    fn presentation(
        &self,
        presentation: &SecuredPresentation,
        own: &Evidence,
        gathered: &[Evidence],
        contexts: &Contexts,
    ) -> PresentationVerdict {
        let mut verdict = judge_presentation(presentation, own, gathered, &self.policy, contexts);
        let credentials = presentation.credentials().iter().zip(gathered);
        for (verdict, (credential, evidence)) in verdict.credentials.iter_mut().zip(credentials) {
            if let Ok(credential) = credential {
                let issuer = credential.credential().issuer();
                self.weigh(verdict, issuer, evidence, |policy| {
                    judge(credential, evidence, policy, contexts)
                });
            }
        }
        let worst = verdict
            .credentials
            .iter()
            .map(|verdict| verdict.outcome)
            .max_by_key(|outcome| weight(*outcome));
        if let Some(worst) = worst
            && weight(worst) > weight(verdict.outcome)
        {
            verdict.outcome = worst;
        }
        verdict
    }

    fn weigh(
        &self,
        verdict: &mut Verdict,
        issuer: &str,
        evidence: &Evidence,
        judge: impl Fn(&Policy) -> Verdict,
    ) {
        if self.accreditation == PolicyName::Default && is_on_ledger(issuer) {
            require(verdict, CheckName::Accreditation);
        }
        self.weigh_the_present(verdict, evidence, judge);
    }

    /// Weighs what is known today of a judgement as of an earlier time.
    ///
    /// Only an anchor shows that a credential existed then. Without one, a key or accreditation that has ended since may
    /// have been used, or abused, after its end, whatever the credential says of its date (design §4: undatable).
    fn weigh_the_present(
        &self,
        verdict: &mut Verdict,
        evidence: &Evidence,
        judge: impl Fn(&Policy) -> Verdict,
    ) {
        let now = self.now;
        if self.policy.as_of >= now || matches!(evidence.anchor, Finding::Found(_)) {
            return;
        }
        let policy = Policy {
            as_of: now,
            ..self.policy.clone()
        };
        let present = judge(&policy);
        for name in [CheckName::KeyValidity, CheckName::Accreditation] {
            let Some(today) = present
                .check(name)
                .filter(|check| check.outcome == CheckOutcome::Failed)
            else {
                continue;
            };
            if let Some(check) = verdict.checks.iter_mut().find(|check| check.check == name) {
                *check = chop_credential::verdict::Check {
                    required: check.required,
                    ..today.clone()
                };
            }
        }
        settle(verdict);
    }
}

/// Makes a check count that ran and was only reported.
fn require(verdict: &mut Verdict, name: CheckName) {
    for check in verdict
        .checks
        .iter_mut()
        .filter(|check| check.check == name)
    {
        check.required = true;
    }
    settle(verdict);
}

/// Lets the checks that count decide again; a verdict is never made milder.
fn settle(verdict: &mut Verdict) {
    for check in verdict.checks.iter().filter(|check| check.required) {
        let outcome = match check.outcome {
            CheckOutcome::Failed => Outcome::Refused,
            CheckOutcome::Unknown | CheckOutcome::NotRun => Outcome::Indeterminate,
            CheckOutcome::Passed | CheckOutcome::NotApplicable => Outcome::Accepted,
        };
        if weight(outcome) > weight(verdict.outcome) {
            verdict.outcome = outcome;
        }
    }
}

fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Indeterminate => 1,
        Outcome::Refused => 2,
    }
}

/// Runs work here when it is short, else on a thread that may block; `None` when the work broke off.
async fn off_threads<T: Send + 'static>(
    is_long: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    if !is_long {
        return Some(work());
    }
    tokio::task::spawn_blocking(work).await.ok()
}

fn undecided() -> Verdict {
    Verdict {
        outcome: Outcome::Indeterminate,
        marks: Vec::new(),
        checks: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_judgement_is_what_serializing_gives() {
        let as_of = Timestamp::from_unix_ms(1_795_000_000_000);
        let presentation = PresentationVerdict {
            outcome: Outcome::Refused,
            checks: Vec::new(),
            credentials: vec![undecided()],
        };
        let credential = |digest| Judgement::Credential {
            as_of,
            digest,
            verdict: undecided(),
        };
        for judgement in [
            credential(None),
            credential(Some(Hash::of("test", b"credential"))),
            Judgement::Presentation {
                as_of,
                verdict: presentation,
            },
        ] {
            let mut text = Vec::new();
            judgement.write(&mut text).unwrap();
            assert_eq!(text, serde_json::to_vec(&judgement).unwrap());
        }
    }
}

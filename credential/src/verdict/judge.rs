//! Judging one credential from gathered evidence.

pub(super) mod checks;
pub(super) mod ledger;
mod schema;
pub(super) mod status;

use super::{
    Check, CheckName, CheckOutcome, Evidence, KeyFact, Mark, Need, Outcome, Policy, Verdict,
};
use super::{judge_sd_jwt_vc, key_binding};
use crate::any::{AnyCredential, AnyError};
use crate::contexts::Contexts;
use crate::problem::ProblemType;
use crate::securing::{ProofReport, SecuredCredential, Securing};
use chop_integrity::Timestamp;
use serde_json::Value;
use std::borrow::Cow;

pub(super) use checks::{contexts, proof};

/// Is what one check came to, before it is entered into the verdict.
pub(super) struct Finding {
    pub(super) outcome: CheckOutcome,
    pub(super) detail: Cow<'static, str>,
    pub(super) problem: Option<ProblemType>,
    pub(super) evidence: Option<Value>,
}

impl Finding {
    pub(super) fn passed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(CheckOutcome::Passed, detail, None)
    }

    pub(super) fn failed(detail: impl Into<Cow<'static, str>>, problem: ProblemType) -> Self {
        Self::of(CheckOutcome::Failed, detail, Some(problem))
    }

    pub(super) fn unknown(detail: impl Into<Cow<'static, str>>, problem: ProblemType) -> Self {
        Self::of(CheckOutcome::Unknown, detail, Some(problem))
    }

    pub(super) fn not_applicable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(CheckOutcome::NotApplicable, detail, None)
    }

    pub(super) fn with(mut self, evidence: Value) -> Self {
        self.evidence = Some(evidence);
        self
    }

    fn of(
        outcome: CheckOutcome,
        detail: impl Into<Cow<'static, str>>,
        problem: Option<ProblemType>,
    ) -> Self {
        Self {
            outcome,
            detail: detail.into(),
            problem,
            evidence: None,
        }
    }
}

/// Parses and judges a credential: JSON, an envelope, a compact token, or an SD-JWT VC.
///
/// Bytes that are no credential are refused at the check `structure`.
pub fn judge_bytes(
    bytes: &[u8],
    evidence: &Evidence,
    policy: &Policy,
    contexts: &Contexts,
) -> Verdict {
    match AnyCredential::parse(bytes) {
        Ok(AnyCredential::W3c(credential)) => judge(&credential, evidence, policy, contexts),
        Ok(AnyCredential::SdJwtVc(credential)) => judge_sd_jwt_vc(&credential, evidence, policy),
        Err(error) => Verdict::unparsed(&error, policy),
    }
}

/// Judges a parsed credential from gathered evidence.
pub fn judge(
    credential: &SecuredCredential,
    evidence: &Evidence,
    policy: &Policy,
    contexts: &Contexts,
) -> Verdict {
    let verifies = [
        CheckName::Proof,
        CheckName::IssuerBinding,
        CheckName::KeyValidity,
        CheckName::Accreditation,
    ]
    .iter()
    .any(|name| policy.need(*name).is_some());
    let reports = if verifies {
        checks::reports(credential, evidence, policy, contexts)
    } else {
        Vec::new()
    };
    judge_signed(credential, evidence, policy, contexts, &reports)
}

/// Judges a credential by what came of the proofs that secure it: its own, or those of the presentation that holds it.
pub(super) fn judge_signed(
    credential: &SecuredCredential,
    evidence: &Evidence,
    policy: &Policy,
    contexts: &Contexts,
    reports: &[ProofReport],
) -> Verdict {
    let mut sheet = Sheet::new(policy);
    sheet.enter(CheckName::Structure, || {
        Finding::passed("strict JSON, and the data model's rules hold")
    });
    sheet.enter(CheckName::Contexts, || {
        self::contexts(contexts.check(credential.credential()))
    });
    let issuer = credential.credential().issuer();
    let case = Case {
        credential,
        issuer,
        evidence,
        policy,
        anchored: ledger::anchored(issuer, evidence, policy),
        reports,
        bound: checks::bound(reports, evidence, issuer),
    };
    sheet.enter(CheckName::Proof, || proof(reports, policy));
    sheet.enter(CheckName::IssuerBinding, || checks::issuer_binding(&case));
    sheet.enter_marked(CheckName::KeyValidity, |marks| {
        checks::key_validity(&case, marks)
    });
    sheet.enter(CheckName::Validity, || checks::validity(&case));
    sheet.enter_marked(CheckName::Status, |marks| status::status(&case, marks));
    sheet.enter(CheckName::Schema, || schema::schema(&case));
    sheet.enter(CheckName::RelatedResource, || {
        checks::related_resource(&case)
    });
    sheet.enter_marked(CheckName::Accreditation, |marks| {
        ledger::accreditation(&case.act(), evidence, policy, marks)
    });
    sheet.enter(CheckName::Anchor, || {
        ledger::anchor(issuer, evidence, policy)
    });
    sheet.enter_marked(CheckName::Transcribed, |marks| {
        checks::transcribed(&case, marks)
    });
    if let Securing::SdJwt(sd_jwt) = credential.securing() {
        let confirmation = credential.claims().confirmation.as_ref();
        key_binding::enter(&mut sheet, sd_jwt, confirmation, evidence, policy);
    }
    // A copy shows itself as one even where nobody asked.
    if policy.need(CheckName::Transcribed).is_none() {
        checks::transcribed(&case, &mut sheet.marks);
    }
    for (id, deprecation) in &evidence.deprecations {
        sheet.marks.push(Mark::Deprecated {
            id: id.clone(),
            since: deprecation.since,
            reason: deprecation.reason.clone(),
            replaced_by: deprecation.replaced_by.clone(),
        });
    }
    for (property, kind) in credential.credential().unprocessed() {
        let mark = Mark::NotProcessed {
            property: property.to_owned(),
            kind: kind.to_owned(),
        };
        if !sheet.marks.contains(&mark) {
            sheet.marks.push(mark);
        }
    }
    sheet.close()
}

impl Verdict {
    /// Refuses what is no credential.
    pub fn unparsed(error: &AnyError, policy: &Policy) -> Self {
        unparsed(&error.to_string(), error.problem(), policy)
    }
}

/// Judges bytes that are no credential.
pub(super) fn unparsed(detail: &str, problem: ProblemType, policy: &Policy) -> Verdict {
    let mut sheet = Sheet::new(policy);
    sheet.enter(CheckName::Structure, || {
        Finding::failed(detail.to_owned(), problem)
    });
    for name in CheckName::CREDENTIAL.iter().skip(1) {
        sheet.skip(*name, "the credential did not parse");
    }
    let mut verdict = sheet.close();
    verdict.outcome = Outcome::Refused;
    verdict
}

/// Is everything that a check may look at.
pub(super) struct Case<'a> {
    pub(super) credential: &'a SecuredCredential,
    /// The issuer's URL.
    pub(super) issuer: &'a str,
    pub(super) evidence: &'a Evidence,
    pub(super) policy: &'a Policy,
    /// Header time of the issuer's own anchor, as far as it lies before the judgement.
    pub(super) anchored: Option<Timestamp>,
    pub(super) reports: &'a [ProofReport],
    /// The proofs of them that verify and are by the issuer's own keys.
    pub(super) bound: Vec<(&'a ProofReport, &'a KeyFact)>,
}

impl<'a> Case<'a> {
    /// Returns what the issuer must have been accredited for.
    fn act(&self) -> ledger::Act<'a> {
        let credential = self.credential.credential();
        ledger::Act {
            types: credential.specific_types().collect(),
            created: self
                .reports
                .iter()
                .filter_map(|report| report.created)
                .collect(),
            anchored: self.anchored,
        }
    }
}

/// Is a verdict in the making.
pub(super) struct Sheet<'a> {
    policy: &'a Policy,
    pub(super) checks: Vec<Check>,
    pub(super) marks: Vec<Mark>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            checks: Vec::with_capacity(CheckName::CREDENTIAL.len()),
            marks: Vec::new(),
        }
    }

    pub(super) fn enter(&mut self, name: CheckName, run: impl FnOnce() -> Finding) {
        self.enter_marked(name, |_| run());
    }

    pub(super) fn enter_marked(
        &mut self,
        name: CheckName,
        run: impl FnOnce(&mut Vec<Mark>) -> Finding,
    ) {
        let Some(need) = self.policy.need(name) else {
            self.not_run(name, false, "not asked for");
            return;
        };
        let finding = run(&mut self.marks);
        self.checks.push(Check {
            check: name,
            outcome: finding.outcome,
            required: need == Need::Required,
            detail: finding.detail,
            problem: finding.problem,
            evidence: finding.evidence,
        });
    }

    pub(super) fn skip(&mut self, name: CheckName, detail: &'static str) {
        let required = self.policy.need(name) == Some(Need::Required);
        self.not_run(name, required, detail);
    }

    fn not_run(&mut self, name: CheckName, required: bool, detail: &'static str) {
        self.checks.push(Check {
            check: name,
            outcome: CheckOutcome::NotRun,
            required,
            detail: Cow::Borrowed(detail),
            problem: None,
            evidence: None,
        });
    }

    pub(super) fn close(self) -> Verdict {
        Verdict {
            outcome: outcome(&self.checks),
            marks: self.marks,
            checks: self.checks,
        }
    }
}

/// Accepted only if everything required passed or had nothing to check.
pub(super) fn outcome(checks: &[Check]) -> Outcome {
    let any = |wanted: &[CheckOutcome]| {
        checks
            .iter()
            .any(|check| check.required && wanted.contains(&check.outcome))
    };
    if any(&[CheckOutcome::Failed]) {
        Outcome::Refused
    } else if any(&[CheckOutcome::Unknown, CheckOutcome::NotRun]) {
        Outcome::Indeterminate
    } else {
        Outcome::Accepted
    }
}

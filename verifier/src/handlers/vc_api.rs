//! The VC-API: 200 for what is accepted, 400 for anything else.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chop_credential::verdict::{Check, CheckName, CheckOutcome, Outcome, Policy};
use chop_http::{JsonBytes, Problem};
use chop_integrity::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::VerifierApp;
use crate::judgement::{Judgement, judge_request};
use crate::request::{PolicyName, Request, Subject, check_name, expect, read};

/// The body of `POST /credentials/verify`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CredentialBody {
    /// A credential with proof, or an `EnvelopedVerifiableCredential`; never a string.
    #[schema(value_type = Object)]
    verifiable_credential: Value,
    /// How to judge.
    options: Option<VcApiOptions>,
}

/// The body of `POST /presentations/verify`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PresentationBody {
    /// A presentation with proof, or an `EnvelopedVerifiablePresentation`; never a string.
    #[schema(value_type = Object)]
    verifiable_presentation: Value,
    /// How to judge.
    options: Option<VcApiOptions>,
}

/// How to judge; members that are not known here are passed over.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct VcApiOptions {
    /// The checks to run; all when absent, and never less than `proof`.
    checks: Option<Vec<String>>,
    /// The domain that the proof must name.
    domain: Option<String>,
    /// The challenge that the proof must name.
    challenge: Option<String>,
}

/// What the URL asks for where the body does not.
#[derive(Debug, Deserialize)]
pub(crate) struct UrlOptions {
    /// Names of checks, separated by commas.
    checks: Option<String>,
}

#[utoipa::path(post, path = "/credentials/verify", tag = "verifier", summary = "Verify a credential (VC-API)",
    params(("checks" = Option<String>, Query, description = "The checks to run where `options.checks` is absent, separated by commas")),
    request_body = CredentialBody,
    responses((status = 200, description = "Accepted, with the checks"), (status = 400, description = "Refused, with the checks")))]
pub(crate) async fn verify_credential(
    State(app): State<VerifierApp>,
    Query(url): Query<UrlOptions>,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Value>, Problem> {
    let body: CredentialBody = read(&bytes)?;
    let subject = Subject::credential(body.verifiable_credential, false);
    let options = body.options.unwrap_or_default().or(&url);
    answer(&app, subject, options).await
}

#[utoipa::path(post, path = "/presentations/verify", tag = "verifier", summary = "Verify a presentation (VC-API)",
    request_body = PresentationBody,
    responses((status = 200, description = "Accepted, with the checks"), (status = 400, description = "Refused, with the checks")))]
pub(crate) async fn verify_presentation(
    State(app): State<VerifierApp>,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Value>, Problem> {
    let body: PresentationBody = read(&bytes)?;
    let subject = Subject::presentation(body.verifiable_presentation, false);
    answer(&app, subject, body.options.unwrap_or_default()).await
}

async fn answer(
    app: &VerifierApp,
    subject: Subject,
    options: VcApiOptions,
) -> Result<Json<Value>, Problem> {
    let accreditation = if options.checks.is_some() {
        PolicyName::Open
    } else {
        PolicyName::Default
    };
    let now = app.now();
    let policy = options.policy(now)?;
    let judgement = judge_request(
        app,
        Request {
            subject,
            policy,
            accreditation,
            now,
        },
    )
    .await;
    let checks = passed(&judgement);
    if judgement.outcome() == Outcome::Accepted {
        let body = json!({ "verified": true, "checks": checks, "warnings": [], "errors": [], "verdict": judgement });
        return Ok(Json(body));
    }
    let problems = problems(&judgement);
    let first = problems
        .first()
        .and_then(|problem| problem.get("detail")?.as_str())
        .unwrap_or_default()
        .to_owned();
    let errors: Vec<Value> = problems
        .iter()
        .filter_map(|problem| problem.get("detail").cloned())
        .collect();
    let kind = problems
        .first()
        .and_then(|problem| problem.get("type")?.as_str())
        .unwrap_or("about:blank")
        .to_owned();
    Err(
        Problem::of_kind(StatusCode::BAD_REQUEST, kind, "It is not accepted")
            .detail(first)
            .with("verified", false)
            .with("checks", checks)
            .with("errors", errors)
            .with("problemDetails", problems)
            .with("verdict", json!(judgement)),
    )
}

impl VcApiOptions {
    /// Takes the URL's checks where the body names none: some clients can send no options.
    fn or(mut self, url: &UrlOptions) -> Self {
        let named = || {
            let names = url.checks.as_deref()?.split(',');
            Some(names.map(str::to_owned).collect())
        };
        self.checks = self.checks.or_else(named);
        self
    }

    fn policy(self, now: Timestamp) -> Result<Policy, Problem> {
        let mut policy = match &self.checks {
            None => Policy::full(now),
            Some(names) => {
                let mut checks = vec![CheckName::Proof];
                for name in names {
                    checks.push(check_name(name)?);
                }
                Policy::only(now, &checks)
            }
        };
        // The contract knows no subject's consent: whoever proves to hold the challenge presents.
        policy.accept_bearer = true;
        expect(&mut policy, self.domain, self.challenge, None);
        Ok(policy)
    }
}

/// Lists every check of a judgement, those of a presentation's credentials after its own.
fn all_checks(judgement: &Judgement) -> Vec<&Check> {
    match judgement {
        Judgement::Credential { verdict, .. } => verdict.checks.iter().collect(),
        Judgement::Presentation { verdict, .. } => {
            let inner = verdict
                .credentials
                .iter()
                .flat_map(|credential| &credential.checks);
            verdict.checks.iter().chain(inner).collect()
        }
    }
}

fn passed(judgement: &Judgement) -> Vec<Value> {
    let mut names: Vec<&str> = all_checks(judgement)
        .into_iter()
        .filter(|check| check.outcome == CheckOutcome::Passed)
        .map(|check| check.check.as_str())
        .collect();
    names.dedup();
    names.into_iter().map(Value::from).collect()
}

/// Lists what stood in the way (VC Data Model 2.0 §7.3).
fn problems(judgement: &Judgement) -> Vec<Value> {
    let stands_in_the_way = |check: &&Check| {
        check.required && matches!(check.outcome, CheckOutcome::Failed | CheckOutcome::Unknown)
    };
    let problem = |check: &Check| {
        json!({
            "type": check.problem.map_or_else(|| "about:blank".to_owned(), chop_credential::ProblemType::uri),
            "title": check.check.as_str(),
            "detail": check.detail,
        })
    };
    all_checks(judgement)
        .into_iter()
        .filter(stands_in_the_way)
        .map(problem)
        .collect()
}

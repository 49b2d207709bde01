//! The VC-API: 200 for what is accepted, 400 for anything else.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use chop_credential::verdict::{Check, CheckName, CheckOutcome, Outcome, Policy};
use chop_http::{JsonAnswer, JsonBytes, Problem, ToJson};
use chop_integrity::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::VerifierApp;
use crate::judgement::{Judgement, judge_request};
use crate::request::{Given, PolicyName, Subject, Terms, check_name, expect, read_apart};

/// The body of `POST /credentials/verify`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CredentialBody {
    /// A credential with proof, or an `EnvelopedVerifiableCredential`; never a string.
    #[schema(value_type = Object, required)]
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "for the description: it is taken as it came before the rest is read"
    )]
    verifiable_credential: (),
    /// How to judge.
    options: Option<VcApiOptions>,
}

/// The body of `POST /presentations/verify`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PresentationBody {
    /// A presentation with proof, or an `EnvelopedVerifiablePresentation`; never a string.
    #[schema(value_type = Object, required)]
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "for the description: it is taken as it came before the rest is read"
    )]
    verifiable_presentation: (),
    /// How to judge.
    options: Option<VcApiOptions>,
}

/// The answer to what is accepted.
#[derive(Debug)]
pub(crate) struct Accepted(Judgement);

impl ToJson for Accepted {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(b"{\"verified\":true,\"checks\":");
        serde_json::to_writer(&mut *out, &passed(&self.0))?;
        out.extend_from_slice(b",\"warnings\":[],\"errors\":[],\"verdict\":");
        self.0.write(out)?;
        out.push(b'}');
        Ok(())
    }
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
) -> Result<JsonAnswer<Accepted>, Problem> {
    let (credential, body) = read_with::<CredentialBody>(&bytes, "verifiableCredential")?;
    let subject = Subject::credential(credential, false);
    let options = body.options.unwrap_or_default().or(&url);
    answer(&app, subject, options).await
}

#[utoipa::path(post, path = "/presentations/verify", tag = "verifier", summary = "Verify a presentation (VC-API)",
    request_body = PresentationBody,
    responses((status = 200, description = "Accepted, with the checks"), (status = 400, description = "Refused, with the checks")))]
pub(crate) async fn verify_presentation(
    State(app): State<VerifierApp>,
    JsonBytes(bytes): JsonBytes,
) -> Result<JsonAnswer<Accepted>, Problem> {
    let (presentation, body) = read_with::<PresentationBody>(&bytes, "verifiablePresentation")?;
    let subject = Subject::presentation(presentation, false);
    answer(&app, subject, body.options.unwrap_or_default()).await
}

/// Reads a body that has what is to be judged under a name, which is taken as it came.
fn read_with<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Result<(Given, T), Problem> {
    let ([given], body) = read_apart(bytes, [name], Given::of)?;
    let given =
        given.ok_or_else(|| Problem::bad_request(format_args!("missing field `{name}`")))?;
    Ok((given, body))
}

async fn answer(
    app: &VerifierApp,
    subject: Subject,
    options: VcApiOptions,
) -> Result<JsonAnswer<Accepted>, Problem> {
    let accreditation = if options.checks.is_some() {
        PolicyName::Open
    } else {
        PolicyName::Default
    };
    let now = app.now();
    let terms = Terms {
        policy: options.policy(now)?,
        accreditation,
        now,
    };
    let judgement = judge_request(app, subject, terms).await;
    if judgement.outcome() == Outcome::Accepted {
        return Ok(JsonAnswer(Accepted(judgement)));
    }
    let checks = passed(&judgement);
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

fn passed(judgement: &Judgement) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = all_checks(judgement)
        .into_iter()
        .filter(|check| check.outcome == CheckOutcome::Passed)
        .map(|check| check.check.as_str())
        .collect();
    names.dedup();
    names
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

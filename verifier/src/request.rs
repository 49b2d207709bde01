//! What a client asks to be verified, and how.

use std::collections::BTreeSet;

use chop_credential::securing::ParseError;
use chop_credential::verdict::{CheckName, Need, Policy};
use chop_credential::{AnyCredential, AnyError, SecuredPresentation};
use chop_http::Problem;
use chop_integrity::Timestamp;
use chop_integrity::json::{self, Item, Limits, Plain};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

/// Bounds on a request: a credential of the largest size inside three more levels.
const LIMITS: Limits = Limits {
    max_bytes: Limits::CREDENTIAL.max_bytes,
    max_depth: Limits::CREDENTIAL.max_depth + 3,
};
/// Most credentials of a batch.
const MAX_BATCH: usize = 256;
/// Most entries of any list in `options`.
const MAX_LISTED: usize = 64;
/// How far in the future `asOf` may lie, clocks being what they are, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// The body of `POST /v1/verifications`: exactly one of `credential` and `presentation`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerificationRequest {
    /// A credential with proof, an `EnvelopedVerifiableCredential`, or a compact `vc+jwt`, `vc+sd-jwt` or
    /// SD-JWT VC (`dc+sd-jwt`) as a string, with or without key binding.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "for the description: it is taken as it came before the rest is read"
    )]
    credential: (),
    /// A presentation with proof, an `EnvelopedVerifiablePresentation`, or a compact `vp+jwt` or `vp+sd-jwt` as a string.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "for the description: it is taken as it came before the rest is read"
    )]
    presentation: (),
    /// How to judge.
    #[serde(default)]
    options: VerificationOptions,
}

/// The body of `POST /v1/verifications/batch`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BatchRequest {
    /// From 1 to 256 credentials, each as `POST /v1/verifications` takes one.
    #[schema(value_type = Vec<Value>, min_items = 1, max_items = 256, required)]
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "for the description: they are taken as they came before the rest is read"
    )]
    credentials: (),
    /// How to judge every one of them.
    #[serde(default)]
    options: VerificationOptions,
}

/// How to judge.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerificationOptions {
    /// The checks to run, by name; all when absent.
    checks: Option<Vec<String>>,
    /// The domain that a presentation's proof must name.
    domain: Option<String>,
    /// The challenge that a presentation's proof must name, or the nonce of a key binding JWT.
    challenge: Option<String>,
    /// The audience that a presentation's token, or a key binding JWT, must name.
    audience: Option<String>,
    /// The policy.
    #[serde(default)]
    policy: PolicyChoice,
    /// The time as of which to judge; now when absent.
    as_of: Option<String>,
}

/// A policy: one of the names, or a name with terms of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PolicyChoice {
    /// A policy as it is.
    Named(PolicyName),
    /// A policy with terms of its own.
    Terms(PolicyTerms),
}

impl Default for PolicyChoice {
    fn default() -> Self {
        Self::Named(PolicyName::Default)
    }
}

/// Whether the issuer must be accredited.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PolicyName {
    /// Issuers on a ledger must be accredited there; others are judged without.
    #[default]
    Default,
    /// Every issuer must be accredited.
    Accredited,
    /// Accreditation is shown and not required.
    Open,
}

/// A policy with terms of its own.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PolicyTerms {
    /// The policy that the terms change.
    #[serde(default)]
    name: PolicyName,
    /// Checks required beside those of the policy.
    #[serde(default)]
    require: Vec<String>,
    /// Cryptosuites (or `alg` names) of which one verified proof suffices.
    sufficient_suites: Option<BTreeSet<String>>,
    /// DIDs that may sign status lists in the issuer's stead.
    #[serde(default)]
    status_delegates: BTreeSet<String>,
    /// Whether transcribed credentials are accepted; yes when absent.
    accept_transcribed: Option<bool>,
    /// Whether whoever bears a credential may present it; no when absent.
    #[serde(default)]
    accept_bearer: bool,
    /// Whether an SD-JWT must be bound to its presenter by a key binding JWT; an expected challenge or audience asks for one anyway.
    #[serde(default)]
    require_key_binding: bool,
}

/// A credential, or why it is none.
pub(crate) type Parsed = Result<AnyCredential, AnyError>;

/// What is to be judged.
pub(crate) enum Subject {
    /// A credential, or why it is none.
    Credential(Box<Parsed>),
    /// A presentation, or why it is none.
    Presentation(Box<Result<SecuredPresentation, ParseError>>),
}

/// How a request is carried out.
pub(crate) struct Terms {
    pub(crate) policy: Policy,
    pub(crate) accreditation: PolicyName,
    /// When it came.
    pub(crate) now: Timestamp,
}

impl VerificationRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// A 400 problem when it is not one.
    pub(crate) fn parse(bytes: &[u8], now: Timestamp) -> Result<(Subject, Terms), Problem> {
        let members = ["credential", "presentation"];
        let (taken, request) = read_apart::<_, Self, 2>(bytes, members, Given::of)?;
        let subject = match taken.map(|given| given.filter(Given::is_any)) {
            [Some(credential), None] => Subject::credential(credential, true),
            [None, Some(presentation)] => Subject::presentation(presentation, true),
            _ => {
                return Err(Problem::bad_request(
                    "exactly one of credential and presentation is to be verified",
                ));
            }
        };
        Ok((subject, request.options.terms(now)?))
    }
}

impl BatchRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// A 400 problem when it is not one.
    pub(crate) fn parse(bytes: &[u8], now: Timestamp) -> Result<(Vec<Parsed>, Terms), Problem> {
        let ([given], request) = read_apart::<_, Self, 1>(bytes, ["credentials"], Given::list)?;
        let given = given.unwrap_or_else(|| Err(no_list()))?;
        let terms = request.options.terms(now)?;
        let credentials = given.into_iter().map(|given| given.credential(true));
        Ok((credentials.collect(), terms))
    }
}

impl Subject {
    /// Takes a credential from JSON, or, where `tokens` may come bare, from a string that is one.
    pub(crate) fn credential(given: Given, tokens: bool) -> Self {
        Self::Credential(Box::new(given.credential(tokens)))
    }

    /// Takes a presentation from JSON, or, where `tokens` may come bare, from a string that is one.
    pub(crate) fn presentation(given: Given, tokens: bool) -> Self {
        let value = given.into_value();
        Self::Presentation(Box::new(match &value {
            Value::String(text) if tokens => SecuredPresentation::from_token(text.trim_ascii()),
            _ => SecuredPresentation::from_value(value),
        }))
    }
}

impl VerificationOptions {
    fn terms(self, now: Timestamp) -> Result<Terms, Problem> {
        let terms = match self.policy {
            PolicyChoice::Named(name) => PolicyTerms {
                name,
                ..PolicyTerms::default()
            },
            PolicyChoice::Terms(terms) => terms,
        };
        let as_of = as_of(self.as_of.as_deref(), now)?;
        let mut policy = match &self.checks {
            None => Policy::full(as_of),
            Some(checks) => Policy::only(as_of, &check_names(checks)?),
        };
        for check in check_names(&terms.require)? {
            policy.require(check);
        }
        // With chosen checks the client says what counts; else the policy's name decides about accreditation.
        let accreditation = if self.checks.is_some() {
            PolicyName::Open
        } else {
            terms.name
        };
        if accreditation == PolicyName::Accredited {
            policy.require(CheckName::Accreditation);
        }
        let suites = terms.sufficient_suites.as_ref().map_or(0, BTreeSet::len);
        if suites > MAX_LISTED || terms.status_delegates.len() > MAX_LISTED {
            return Err(Problem::bad_request(format_args!(
                "a list in options has more than {MAX_LISTED} entries"
            )));
        }
        policy.sufficient_suites = terms.sufficient_suites;
        policy.status_delegates = terms.status_delegates;
        policy.accept_transcribed = terms.accept_transcribed.unwrap_or(true);
        policy.accept_bearer = terms.accept_bearer;
        policy.key_binding = terms.require_key_binding;
        expect(&mut policy, self.domain, self.challenge, self.audience);
        Ok(Terms {
            policy,
            accreditation,
            now,
        })
    }
}

/// Expects what a presentation must name, also where only other checks were asked for.
pub(crate) fn expect(
    policy: &mut Policy,
    domain: Option<String>,
    challenge: Option<String>,
    audience: Option<String>,
) {
    for (check, expected) in [
        (CheckName::Domain, domain.is_some()),
        (CheckName::Challenge, challenge.is_some()),
        (CheckName::Audience, audience.is_some() || domain.is_some()),
    ] {
        if expected {
            policy.checks.insert(check, Need::Required);
        }
    }
    policy.expected.domain = domain;
    policy.expected.challenge = challenge;
    policy.expected.audience = audience;
}

/// Is what is to be judged, as it came.
pub(crate) enum Given {
    /// An object that is written plainly.
    Plain(Plain),
    /// Anything else.
    Value(Value),
}

/// Is a member of a JSON body.
pub(crate) enum Member<'p> {
    /// Of one that is written plainly.
    Plain(Item<'p>),
    /// Of another one.
    Value(Value),
}

impl Given {
    pub(crate) fn of(member: Member<'_>) -> Self {
        match member {
            Member::Plain(Item::Object(members)) => match members.to_plain(&Limits::CREDENTIAL) {
                Ok(plain) => Self::Plain(plain),
                Err(members) => Self::Value(Value::Object(members.to_map())),
            },
            Member::Plain(other) => Self::Value(other.to_value()),
            Member::Value(value) => Self::Value(value),
        }
    }

    /// Takes the elements of an array, if they are as many as are judged at once.
    fn list(member: Member<'_>) -> Result<Vec<Self>, Problem> {
        let check = |count| {
            if (1..=MAX_BATCH).contains(&count) {
                return Ok(());
            }
            Err(Problem::bad_request(format_args!(
                "from 1 to {MAX_BATCH} credentials are verified at once, here are {count}"
            )))
        };
        match member {
            Member::Plain(Item::Array(items)) => {
                check(items.clone().count())?;
                Ok(items.map(|item| Self::of(Member::Plain(item))).collect())
            }
            Member::Value(Value::Array(items)) => {
                check(items.len())?;
                Ok(items.into_iter().map(Self::Value).collect())
            }
            _ => Err(no_list()),
        }
    }

    /// Takes a credential from JSON, or, where `tokens` may come bare, from a string that is one.
    fn credential(self, tokens: bool) -> Parsed {
        let value = match self {
            Self::Plain(plain) => return AnyCredential::from_plain(plain),
            Self::Value(value) => value,
        };
        match value
            .as_str()
            .filter(|text| tokens && text.starts_with('e'))
        {
            Some(text) => AnyCredential::from_token(text.trim_ascii_end()),
            None => AnyCredential::from_value(value),
        }
    }

    /// Whether it is more than `null`.
    fn is_any(&self) -> bool {
        !matches!(self, Self::Value(Value::Null))
    }

    fn into_value(self) -> Value {
        match self {
            Self::Plain(plain) => Value::Object(plain.members().to_map()),
            Self::Value(value) => value,
        }
    }
}

fn no_list() -> Problem {
    Problem::bad_request("credentials is to be an array")
}

/// Reads a JSON body, from which some members are taken as they came, rather than built once more.
///
/// # Errors
/// A 400 problem when it is not strict JSON or the rest is not of the shape.
pub(crate) fn read_apart<G, T: DeserializeOwned, const N: usize>(
    bytes: &[u8],
    names: [&str; N],
    given: impl Fn(Member<'_>) -> G,
) -> Result<([Option<G>; N], T), Problem> {
    let (taken, rest) = match Plain::read(bytes.to_vec(), &LIMITS) {
        Ok(plain) => {
            let take = |name| Some(given(Member::Plain(plain.members().member(name)?)));
            let taken = names.map(take);
            let others = plain.members().filter(|(name, _)| !names.contains(name));
            let rest = others.map(|(name, value)| (name.to_owned(), value.to_value()));
            (taken, Value::Object(rest.collect()))
        }
        Err(bytes) => {
            let mut body = json::parse(&bytes, &LIMITS).map_err(Problem::bad_request)?;
            let take = |name| Some(given(Member::Value(body.as_object_mut()?.remove(name)?)));
            (names.map(take), body)
        }
    };
    let rest = serde_json::from_value(rest).map_err(Problem::bad_request)?;
    Ok((taken, rest))
}

/// Reads a JSON body.
///
/// # Errors
/// A 400 problem when it is not strict JSON or not of the shape.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = json::parse(bytes, &LIMITS).map_err(Problem::bad_request)?;
    serde_json::from_value(value).map_err(Problem::bad_request)
}

fn as_of(text: Option<&str>, now: Timestamp) -> Result<Timestamp, Problem> {
    let Some(text) = text else {
        return Ok(now);
    };
    let as_of = Timestamp::parse_xml(text)
        .map_err(|_| Problem::bad_request("asOf is no XML Schema dateTime"))?;
    if as_of > now.plus_ms(CLOCK_SKEW_MS) {
        return Err(Problem::bad_request(
            "asOf lies in the future, of which nothing is known",
        ));
    }
    Ok(as_of)
}

fn check_names(names: &[String]) -> Result<Vec<CheckName>, Problem> {
    if names.len() > MAX_LISTED {
        return Err(Problem::bad_request(format_args!(
            "a list in options has more than {MAX_LISTED} entries"
        )));
    }
    names.iter().map(|name| check_name(name)).collect()
}

/// Finds a check by our name or by the VC-API's.
pub(crate) fn check_name(name: &str) -> Result<CheckName, Problem> {
    let check = match name {
        "credentialStatus" | "statusList" => Some(CheckName::Status),
        "credentialSchema" => Some(CheckName::Schema),
        "issuer" => Some(CheckName::IssuerBinding),
        name => CheckName::parse(name),
    };
    check.ok_or_else(|| {
        let known: BTreeSet<&str> = CheckName::CREDENTIAL
            .iter()
            .chain(CheckName::PRESENTATION)
            .map(|check| check.as_str())
            .collect();
        let known: Vec<&str> = known.into_iter().collect();
        Problem::bad_request(format_args!(
            "options.checks names an unknown check; known are {}",
            known.join(", ")
        ))
    })
}

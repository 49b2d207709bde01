//! Whether an SD-JWT is presented by the holder of its key, to us, now (RFC 9901 §7.3).

use super::judge::{Finding, Sheet};
use super::{CheckName, Evidence, Policy};
use crate::problem::ProblemType;
use crate::securing::confirmation::Confirmation;
use crate::securing::sd_jwt::{BindingTime, SdJwt};
use serde_json::json;

/// Enters the checks of a key binding JWT: `challenge`, `audience`, `holderBinding`.
pub(super) fn enter(
    sheet: &mut Sheet<'_>,
    sd_jwt: &SdJwt,
    confirmation: Option<&Confirmation>,
    evidence: &Evidence,
    policy: &Policy,
) {
    sheet.enter(CheckName::Challenge, || challenge(sd_jwt, policy));
    sheet.enter(CheckName::Audience, || audience(sd_jwt, policy));
    sheet.enter(CheckName::HolderBinding, || {
        holder_binding(sd_jwt, confirmation, evidence, policy)
    });
}

fn challenge(sd_jwt: &SdJwt, policy: &Policy) -> Finding {
    let Some(expected) = &policy.expected.challenge else {
        return Finding::not_applicable("no challenge is expected");
    };
    if sd_jwt
        .key_binding()
        .is_some_and(|binding| binding.nonce() == expected)
    {
        Finding::passed("the key binding JWT answers the challenge")
    } else {
        Finding::failed(
            "no key binding JWT answers the expected challenge",
            ProblemType::InvalidChallenge,
        )
    }
}

fn audience(sd_jwt: &SdJwt, policy: &Policy) -> Finding {
    let expected = &policy.expected;
    let Some(expected) = expected.audience.as_ref().or(expected.domain.as_ref()) else {
        return Finding::not_applicable("no audience is expected");
    };
    if sd_jwt
        .key_binding()
        .is_some_and(|binding| binding.audience() == expected)
    {
        Finding::passed("the key binding JWT is for the expected audience")
    } else {
        Finding::failed(
            "no key binding JWT is for the expected audience",
            ProblemType::InvalidDomain,
        )
    }
}

fn holder_binding(
    sd_jwt: &SdJwt,
    confirmation: Option<&Confirmation>,
    evidence: &Evidence,
    policy: &Policy,
) -> Finding {
    // Whether it is needed is the policy's to say; one that is there is checked in any case.
    if sd_jwt.key_binding().is_none() && !policy.needs_key_binding() {
        return Finding::not_applicable("it comes without a key binding, and none is asked for");
    }
    let time = BindingTime {
        as_of: policy.as_of,
        clock_skew_ms: policy.clock_skew_ms,
        max_age_ms: policy.key_binding_age_ms,
    };
    let checked = sd_jwt.check_key_binding(confirmation, &evidence.keys, &time);
    match checked {
        Ok(()) => Finding::passed("the holder of the confirmed key signed what is presented"),
        Err(error) if error.is_undecided() => {
            Finding::unknown(error.to_string(), ProblemType::EvidenceUnavailable)
        }
        Err(error) => Finding::failed(error.to_string(), ProblemType::HolderBinding)
            .with(json!({"rule": error.rule()})),
    }
}

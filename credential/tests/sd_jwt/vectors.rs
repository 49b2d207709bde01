//! Every vector under `conformance/vectors/{valid,invalid}/sd-jwt`.
//!
//! A vector says what is done (`act`) with which `text`. `process`: an SD-JWT by itself, with the issuer's key, the claims that come
//! out, and for whom its key binding is. `verify`: a credential, judged as of `now` with the keys at hand by verification method (`keys`, JWK;
//! did:key needs none), trust anchors (`anchors`, PEM), issuer metadata (`issuerMetadata`, with `jwks` where it is fetched apart), type
//! metadata by type (`typeMetadata`, texts) and what is `expected`. An invalid one says by which rule it is refused (`refusal`), and with which
//! outcome if that is not `refused`.

use crate::support::{at, folder, key_of};
use chop_credential::sd_jwt_vc::{
    IssuerKeys, IssuerMetadata, JwkSet, KeySource, MetadataError, well_known,
};
use chop_credential::securing::Keys;
use chop_credential::securing::confirmation::Confirmation;
use chop_credential::securing::sd_jwt::{BindingTime, SdJwt};
use chop_credential::securing::x5c::TrustAnchor;
use chop_credential::verdict::{
    CheckOutcome, Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy, Verdict,
};
use chop_credential::{AnyCredential, Contexts, SdJwtVc};
use chop_keys::PublicKey;
use serde_json::Value;
use std::sync::Arc;

#[test]
fn every_valid_vector_is_accepted_with_its_claims() {
    let vectors = folder("valid/sd-jwt");
    for (name, vector) in &vectors {
        assert_eq!(run(vector), Ok(()), "{name}");
    }
    assert!(vectors.len() >= 12, "only {} were found", vectors.len());
}

#[test]
fn every_invalid_vector_is_refused_for_its_own_reason() {
    let vectors = folder("invalid/sd-jwt");
    let mut wrong = Vec::new();
    for (name, vector) in &vectors {
        let expected = Err(vector["refusal"].as_str().unwrap().to_owned());
        let found = run(vector);
        if found != expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(vectors.len() >= 25, "only {} were found", vectors.len());
}

fn run(vector: &Value) -> Result<(), String> {
    match vector["act"].as_str().unwrap() {
        "process" => process(vector),
        "verify" => verify(vector),
        other => panic!("unknown act {other}"),
    }
}

fn process(vector: &Value) -> Result<(), String> {
    let text = vector["text"].as_str().unwrap();
    let (sd_jwt, claims) = SdJwt::parse(text).map_err(|error| error.rule().to_owned())?;
    sd_jwt
        .token()
        .check_signature(&key_of(&vector["issuerKey"]))
        .map_err(|error| error.rule().to_owned())?;
    if let Some(expected) = vector.get("claims") {
        assert_eq!(
            &Value::Object(claims.clone()),
            expected,
            "the claims that are disclosed"
        );
    }
    let Some(expected) = vector.get("keyBinding") else {
        return Ok(());
    };
    let confirmation = claims
        .get("cnf")
        .map(Confirmation::parse)
        .transpose()
        .map_err(|error| error.rule().to_owned())?;
    let time = BindingTime {
        as_of: at(expected["now"].as_str().unwrap()),
        clock_skew_ms: 60_000,
        max_age_ms: 600_000,
    };
    sd_jwt
        .check_key_binding(confirmation.as_ref(), &Keys::new(), &time)
        .map_err(|error| error.rule().to_owned())?;
    let binding = sd_jwt.key_binding().unwrap();
    assert_eq!(binding.audience(), expected["audience"]);
    assert_eq!(binding.nonce(), expected["nonce"]);
    Ok(())
}

fn verify(vector: &Value) -> Result<(), String> {
    let text = vector["text"].as_str().unwrap();
    let credential =
        AnyCredential::parse(text.as_bytes()).map_err(|error| error.rule().to_owned())?;
    let mut evidence = Evidence::default();
    for method in credential.verification_methods() {
        let key = vector["keys"]
            .get(&method)
            .map(key_of)
            .or_else(|| PublicKey::from_did_key_url(&method).ok());
        evidence.keys.insert(method.clone(), key_fact(&method, key));
    }
    if let AnyCredential::SdJwtVc(vc) = &credential {
        metadata(vc, vector, &mut evidence)?;
    }
    for (vct, text) in vector["typeMetadata"].as_object().into_iter().flatten() {
        let bytes = text.as_str().unwrap().as_bytes().to_vec();
        evidence
            .type_metadata
            .insert(vct.clone(), Finding::Found(bytes));
    }
    let mut policy = Policy::full(at(vector["now"].as_str().unwrap()));
    let expected = |name: &str| vector["expected"][name].as_str().map(str::to_owned);
    policy.expected.challenge = expected("challenge");
    policy.expected.audience = expected("audience");
    policy.key_binding = vector["expected"]["keyBinding"] == true;
    let anchors = vector["anchors"].as_str().map(TrustAnchor::from_pem);
    let anchors = anchors
        .transpose()
        .map_err(|error| error.rule().to_owned())?;
    policy.trust_anchors = Arc::new(anchors.unwrap_or_default());
    let verdict = credential.judge(&evidence, &policy, &Contexts::embedded());
    if let Some(claims) = vector.get("claims")
        && let AnyCredential::SdJwtVc(vc) = &credential
    {
        assert_eq!(&Value::Object(vc.claims().clone()), claims);
    }
    let outcome = match verdict.outcome {
        Outcome::Accepted => return Ok(()),
        Outcome::Refused => "refused",
        Outcome::Indeterminate => "indeterminate",
    };
    assert_eq!(vector["outcome"].as_str().unwrap_or("refused"), outcome);
    Err(rule(&verdict))
}

/// Finds the issuer's key in its metadata, as a verifier does that has fetched it.
fn metadata(vc: &SdJwtVc, vector: &Value, evidence: &mut Evidence) -> Result<(), String> {
    let KeySource::Metadata {
        issuer,
        key_id,
        method,
    } = vc.key_source()
    else {
        return Ok(());
    };
    let Some(metadata) = vector.get("issuerMetadata") else {
        return Ok(());
    };
    let rule = |error: MetadataError| error.rule().to_owned();
    assert_eq!(
        well_known(issuer).map_err(rule)?,
        vector["wellKnown"].as_str().unwrap_or_default()
    );
    let metadata = IssuerMetadata::parse(metadata.to_string().as_bytes(), issuer).map_err(rule)?;
    let keys = match metadata.keys {
        IssuerKeys::Here(keys) => keys,
        IssuerKeys::At(_) => JwkSet::parse(vector["jwks"].to_string().as_bytes()).map_err(rule)?,
    };
    let key_type = vc.sd_jwt().token().header().algorithm.key_type();
    let found = key_fact(&method, keys.find(key_id, key_type).cloned());
    evidence.keys.insert(method, found);
    Ok(())
}

fn key_fact(method: &str, key: Option<PublicKey>) -> Finding<KeyFact> {
    key.map_or(Finding::Absent, |key| {
        Finding::Found(KeyFact {
            id: method.to_owned(),
            controller: method.split_once('#').unwrap().0.to_owned(),
            key,
            relationships: vec!["assertionMethod".to_owned(), "authentication".to_owned()],
            history: KeyHistory::default(),
        })
    })
}

fn rule(verdict: &Verdict) -> String {
    let find = |wanted| {
        verdict
            .checks
            .iter()
            .find(|check| check.required && check.outcome == wanted)
    };
    let check = find(CheckOutcome::Failed)
        .or_else(|| find(CheckOutcome::Unknown))
        .unwrap();
    let evidence = check.evidence.as_ref();
    let own = evidence.and_then(|evidence| evidence["rule"].as_str());
    let of_proof = evidence
        .and_then(Value::as_array)
        .and_then(|reports| reports.iter().find_map(|report| report["rule"].as_str()));
    own.or(of_proof)
        .map_or_else(|| format!("check.{}", check.check.as_str()), str::to_owned)
}

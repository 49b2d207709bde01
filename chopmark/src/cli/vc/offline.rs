//! Judging without a network: keys that expand from their own DIDs, and what the document itself shows.

use super::verify::is_presentation;
use crate::cli::Failure;
use chop_credential::securing::x5c::TrustAnchor;
use chop_credential::verdict::{
    Evidence, Finding, KeyFact, KeyHistory, Policy, PresentationVerdict, judge_bytes,
    judge_presentation,
};
use chop_credential::{AnyCredential, Contexts, SecuredCredential, SecuredPresentation};
use chop_did::resolution::{ResolutionError, Resolved};
use chop_did::{DidUrl, Relationship, jwk, key, verification_method};
use chop_http::clock;
use chop_integrity::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// Says how to judge.
#[derive(Default)]
pub(super) struct Terms {
    /// As of when; now if it is not said.
    pub(super) as_of: Option<Timestamp>,
    /// The challenge to answer.
    pub(super) challenge: Option<String>,
    /// The domain or audience that it must be for.
    pub(super) domain: Option<String>,
    /// The authorities whose certificates on issuers' keys count.
    pub(super) trust_anchors: Vec<TrustAnchor>,
}

/// Judges bytes, as of now unless said otherwise; what is not JSON or a token gets a verdict as well.
///
/// # Errors
/// An internal failure when a verdict cannot be written.
pub(super) fn judge_here(bytes: &[u8], terms: Terms) -> Result<Value, Failure> {
    let contexts = Contexts::embedded();
    let now = || Timestamp::from_unix_ms(clock::now_ms());
    let mut policy = Policy::full(terms.as_of.unwrap_or_else(now));
    policy.expected.challenge = terms.challenge;
    policy.expected.domain = terms.domain;
    policy.trust_anchors = Arc::new(terms.trust_anchors);
    let verdict = if is_presentation(bytes) {
        presentation(bytes, &policy, &contexts)
    } else {
        credential(bytes, &policy, &contexts)
    };
    verdict.map_err(Failure::internal)
}

fn credential(bytes: &[u8], policy: &Policy, contexts: &Contexts) -> serde_json::Result<Value> {
    match AnyCredential::parse(bytes) {
        Ok(credential) => {
            let evidence = keys(credential.verification_methods());
            serde_json::to_value(credential.judge(&evidence, policy, contexts))
        }
        Err(_) => serde_json::to_value(judge_bytes(bytes, &Evidence::default(), policy, contexts)),
    }
}

fn presentation(bytes: &[u8], policy: &Policy, contexts: &Contexts) -> serde_json::Result<Value> {
    match SecuredPresentation::parse(bytes) {
        Ok(presentation) => {
            let own = keys(presentation.verification_methods());
            let held: Vec<Evidence> = presentation
                .credentials()
                .iter()
                .map(|held| held.as_ref().map(evidence).unwrap_or_default())
                .collect();
            serde_json::to_value(judge_presentation(
                &presentation,
                &own,
                &held,
                policy,
                contexts,
            ))
        }
        Err(error) => serde_json::to_value(PresentationVerdict::unparsed(&error, policy)),
    }
}

fn evidence(secured: &SecuredCredential) -> Evidence {
    keys(secured.verification_methods())
}

fn keys(methods: impl IntoIterator<Item = String>) -> Evidence {
    let keys = methods
        .into_iter()
        .map(|method| {
            let found = find(&method);
            (method, found)
        })
        .collect();
    Evidence {
        keys,
        ..Evidence::default()
    }
}

fn find(method: &str) -> Finding<KeyFact> {
    let Ok(url) = DidUrl::parse(method) else {
        return Finding::Absent;
    };
    let resolved: Result<Resolved, ResolutionError> = match url.did().method() {
        "key" => key::resolve(url.did(), &key::KeyOptions::default()),
        "jwk" => jwk::resolve(url.did()),
        other => {
            return Finding::Unreachable {
                reason: format!("offline, a did:{other} is not resolved"),
            };
        }
    };
    let document = resolved.ok().and_then(|resolved| resolved.document);
    let Some(found) = document.and_then(|document| verification_method(&document, method).ok())
    else {
        return Finding::Absent;
    };
    let relationships = Relationship::ALL
        .into_iter()
        .filter(|relationship| found.serves(*relationship))
        .map(|relationship| relationship.as_str().to_owned())
        .collect();
    Finding::Found(KeyFact {
        id: found.id().to_owned(),
        controller: url.did().as_str().to_owned(),
        key: found.key().clone(),
        relationships,
        history: KeyHistory::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_credential::issuing::{self, ProofRequest};
    use chop_keys::{KeyType, PrivateKey, Signer as _};
    use serde_json::json;

    fn issued() -> Value {
        let key = PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap();
        let credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "issuer": key.public_key().did_key(),
            "credentialSubject": {"id": "did:example:subject"},
        });
        let method = key.public_key().did_key_url();
        issuing::issue(
            credential,
            &Contexts::embedded(),
            &ProofRequest::new(&method, Timestamp::from_unix_ms(1_760_000_000_000)),
            &key,
        )
        .unwrap()
    }

    #[test]
    fn a_credential_by_a_did_key_is_accepted_without_a_network() {
        let verdict = judge_here(issued().to_string().as_bytes(), Terms::default()).unwrap();
        assert_eq!(verdict["outcome"], "accepted", "{verdict:#}");
    }

    #[test]
    fn an_altered_credential_is_refused_by_its_proof() {
        let mut credential = issued();
        credential["credentialSubject"]["id"] = json!("did:example:other");
        let verdict = judge_here(credential.to_string().as_bytes(), Terms::default()).unwrap();
        assert_eq!(verdict["outcome"], "refused");
    }

    #[test]
    fn an_issuer_that_only_a_network_knows_is_not_accepted() {
        let credential = issued()
            .to_string()
            .replace("did:key:z6Mkv", "did:web:z6Mkv");
        let verdict = judge_here(credential.as_bytes(), Terms::default()).unwrap();
        assert_ne!(verdict["outcome"], "accepted");
    }

    #[test]
    fn nonsense_is_refused_with_a_verdict() {
        assert_eq!(
            judge_here(b"nonsense", Terms::default()).unwrap()["outcome"],
            "refused"
        );
    }
}

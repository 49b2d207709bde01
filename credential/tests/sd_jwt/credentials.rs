//! `vc+sd-jwt` and `vp+sd-jwt`: issued, disclosed, presented, judged.

use crate::support::{key, now, randomness};
use chop_credential::issuing::{
    BindingTerms, IssueError, ProofRequest, SdJwtRequest, TokenTerms, bind_key,
    enveloped_credential, enveloped_presentation, issue_sd_jwt, present, present_jwt,
    present_sd_jwt,
};
use chop_credential::securing::sd_jwt::{ConcealError, HashAlgorithm, SdJwt};
use chop_credential::securing::{Keys, Securing};
use chop_credential::verdict::{
    CheckName, CheckOutcome, Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy, Verdict,
    judge, judge_presentation,
};
use chop_credential::{Contexts, SecuredCredential, SecuredPresentation};
use chop_keys::{PublicKey, Signer};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SHOP: &str = "https://shop.example";
const NONCE: &str = "5f1c9a";

fn credential() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "id": "urn:example:1",
        "type": ["VerifiableCredential", "ExamplePersonCredential"],
        "issuer": key(1).public_key().did_key(),
        "credentialSubject": {
            "id": "did:example:lot",
            "name": "Somebody",
            "address": {"locality": "Basel", "street": "Rheinsprung 1"},
            "nationalities": ["CH", "FR"],
        },
    })
}

fn pointers(all: &[&str]) -> Vec<String> {
    all.iter().map(|pointer| (*pointer).to_owned()).collect()
}

fn try_issue(disclosable: &[&str]) -> Result<String, IssueError> {
    let disclosable = pointers(disclosable);
    let (issuer, holder) = (key(1), key(2));
    let request = SdJwtRequest {
        verification_method: &issuer.public_key().did_key_url(),
        disclosable: &disclosable,
        decoys: 2,
        holder: Some(holder.public_key()),
        status: None,
    };
    issue_sd_jwt(
        credential(),
        &Contexts::embedded(),
        &request,
        &mut randomness(),
        &issuer,
    )
}

fn issued() -> String {
    try_issue(&[
        "/credentialSubject/name",
        "/credentialSubject/address",
        "/credentialSubject/address/street",
        "/credentialSubject/nationalities/1",
    ])
    .unwrap()
}

fn disclosed(shown: &[&str]) -> String {
    disclosed_from(&issued(), shown)
}

fn disclosed_from(text: &str, shown: &[&str]) -> String {
    sd_jwt(text).disclose(&pointers(shown)).unwrap()
}

fn sd_jwt(text: &str) -> SdJwt {
    let parsed = SecuredCredential::from_token(text).unwrap();
    let Securing::SdJwt(sd_jwt) = parsed.securing() else {
        panic!("an SD-JWT is secured as one");
    };
    sd_jwt.as_ref().clone()
}

fn bound(by: u8, audience: &str, nonce: &str) -> String {
    let disclosed = disclosed(&["/credentialSubject/name"]);
    let terms = BindingTerms {
        audience,
        nonce,
        issued_at: now().minus_ms(30_000),
    };
    bind_key(&disclosed, HashAlgorithm::default(), &terms, &key(by)).unwrap()
}

fn keys(methods: &BTreeSet<String>) -> Keys {
    let find = |method: &String| {
        let key = PublicKey::from_did_key_url(method).unwrap();
        let fact = KeyFact {
            id: method.clone(),
            controller: key.did_key(),
            key,
            relationships: vec!["assertionMethod".to_owned(), "authentication".to_owned()],
            history: KeyHistory::default(),
        };
        (method.clone(), Finding::Found(fact))
    };
    methods.iter().map(find).collect()
}

fn evidence(methods: &BTreeSet<String>) -> Evidence {
    Evidence {
        keys: keys(methods),
        ..Evidence::default()
    }
}

fn expecting(nonce: &str, audience: &str) -> Policy {
    let mut policy = Policy::full(now());
    policy.expected.challenge = Some(nonce.to_owned());
    policy.expected.audience = Some(audience.to_owned());
    policy
}

fn judged(text: &str, policy: &Policy) -> Verdict {
    let credential = SecuredCredential::parse(text.as_bytes()).unwrap();
    let evidence = evidence(&credential.verification_methods());
    judge(&credential, &evidence, policy, &Contexts::embedded())
}

fn failed(verdict: &Verdict) -> Vec<&'static str> {
    verdict
        .failures()
        .map(|check| check.check.as_str())
        .collect()
}

#[test]
fn an_issued_credential_is_accepted_with_every_subset_of_its_disclosures() {
    let policy = Policy::full(now());
    assert_eq!(judged(&issued(), &policy).outcome, Outcome::Accepted);
    for shown in [
        &[][..],
        &["/credentialSubject/name"],
        &["/credentialSubject/address/locality"],
        &[
            "/credentialSubject/address",
            "/credentialSubject/nationalities/1",
        ],
    ] {
        let verdict = judged(&disclosed(shown), &policy);
        assert_eq!(verdict.outcome, Outcome::Accepted, "{shown:?}: {verdict:?}");
    }
}

#[test]
fn what_is_not_disclosed_is_not_there() {
    let text = disclosed(&["/credentialSubject/address/locality"]);
    let credential = SecuredCredential::from_token(&text).unwrap();
    let subject = credential.credential().subjects().next().unwrap().clone();
    assert_eq!(
        Value::Object(subject),
        json!({"id": "did:example:lot", "address": {"locality": "Basel"}, "nationalities": ["CH"]})
    );
}

#[test]
fn a_pointer_to_an_element_counts_those_that_are_not_disclosed() {
    let text = try_issue(&[
        "/credentialSubject/nationalities/0",
        "/credentialSubject/nationalities/1",
    ])
    .unwrap();
    let second = sd_jwt(&text)
        .disclose(&pointers(&["/credentialSubject/nationalities/1"]))
        .unwrap();
    // Only the second is left; it keeps its number.
    let again = sd_jwt(&second)
        .disclose(&pointers(&["/credentialSubject/nationalities/1"]))
        .unwrap();
    assert_eq!(second, again);
    assert!(matches!(
        sd_jwt(&second).disclose(&pointers(&["/credentialSubject/nationalities/0"])),
        Err(ConcealError::NoClaim { .. })
    ));
}

#[test]
fn the_anchored_bytes_do_not_depend_on_what_is_disclosed() {
    let bytes = |text: &str| {
        SecuredCredential::from_token(text)
            .unwrap()
            .secured_bytes()
            .unwrap()
    };
    let text = issued();
    assert_eq!(bytes(&text), bytes(&disclosed_from(&text, &[])));
    assert_eq!(
        bytes(&text),
        bytes(&disclosed_from(&text, &["/credentialSubject/name"]))
    );
}

#[test]
fn the_holder_of_the_confirmed_key_presents_to_the_verifier_that_asked() {
    let verdict = judged(&bound(2, SHOP, NONCE), &expecting(NONCE, SHOP));
    assert_eq!(verdict.outcome, Outcome::Accepted, "{verdict:?}");
    assert_eq!(
        verdict.check(CheckName::HolderBinding).unwrap().outcome,
        CheckOutcome::Passed
    );
}

#[test]
fn refuses_a_key_binding_for_somebody_else_or_by_somebody_else() {
    let policy = expecting(NONCE, SHOP);
    assert_eq!(
        failed(&judged(&bound(2, "https://other.example", NONCE), &policy)),
        ["audience"]
    );
    assert_eq!(
        failed(&judged(&bound(2, SHOP, "another"), &policy)),
        ["challenge"]
    );
    assert_eq!(
        failed(&judged(&bound(3, SHOP, NONCE), &policy)),
        ["holderBinding"]
    );
}

#[test]
fn refuses_a_credential_without_the_key_binding_that_is_asked_for() {
    let text = disclosed(&["/credentialSubject/name"]);
    assert_eq!(
        failed(&judged(&text, &expecting(NONCE, SHOP))),
        ["challenge", "audience", "holderBinding"]
    );
    let mut policy = Policy::full(now());
    policy.key_binding = true;
    assert_eq!(failed(&judged(&text, &policy)), ["holderBinding"]);
}

#[test]
fn refuses_a_key_binding_by_another_key_also_where_none_is_asked_for() {
    assert_eq!(
        failed(&judged(&bound(3, SHOP, NONCE), &Policy::full(now()))),
        ["holderBinding"]
    );
}

#[test]
fn refuses_a_disclosure_that_was_added_or_left_out_after_the_key_binding() {
    let text = bound(2, SHOP, NONCE);
    let (jwt, rest) = text.split_once('~').unwrap();
    let (_, binding) = rest.rsplit_once('~').unwrap();
    let verdict = judged(&format!("{jwt}~{binding}"), &expecting(NONCE, SHOP));
    assert_eq!(failed(&verdict), ["holderBinding"]);
}

#[test]
fn what_a_verifier_needs_cannot_be_made_disclosable() {
    for pointer in [
        "/@context",
        "/type",
        "/issuer",
        "/validUntil",
        "/credentialStatus/id",
        "/type/1",
    ] {
        assert!(
            matches!(
                try_issue(&[pointer]),
                Err(IssueError::Conceal(ConcealError::Plain { .. }))
            ),
            "{pointer}"
        );
    }
    // Without its subject it would be no credential.
    assert!(matches!(
        try_issue(&["/credentialSubject"]),
        Err(IssueError::Model(_))
    ));
    assert!(matches!(
        try_issue(&["/credentialSubject/nothing"]),
        Err(IssueError::Conceal(ConcealError::NoClaim { .. }))
    ));
    assert!(matches!(
        try_issue(&["credentialSubject/name"]),
        Err(IssueError::Conceal(ConcealError::Pointer { .. }))
    ));
}

#[test]
fn an_enveloped_credential_is_presented_by_its_confirmed_key() {
    let contexts = Contexts::embedded();
    let presentation = |signer: u8| {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": key(signer).public_key().did_key(),
            "verifiableCredential": [enveloped_credential(&disclosed(&[]))],
        })
    };
    let terms = TokenTerms {
        audience: Some(SHOP),
        nonce: Some(NONCE),
    };
    let forms = |signer: u8| {
        let signer_key = key(signer);
        let method = signer_key.public_key().did_key_url();
        let embedded = {
            let mut request = ProofRequest::new(&method, now());
            let domain = [SHOP.to_owned()];
            request.domain = &domain;
            request.challenge = Some(NONCE);
            present(presentation(signer), &contexts, &request, &signer_key).unwrap()
        };
        let jwt = present_jwt(
            presentation(signer),
            &contexts,
            &method,
            &terms,
            &signer_key,
        )
        .unwrap();
        let sd = present_sd_jwt(
            presentation(signer),
            &contexts,
            &method,
            &terms,
            &signer_key,
        )
        .unwrap();
        let enveloped = enveloped_presentation(&sd).to_string();
        [embedded.to_string(), jwt, sd, enveloped]
    };
    let mut policy = expecting(NONCE, SHOP);
    policy.expected.domain = Some(SHOP.to_owned());
    let outcome = |text: &str| {
        let presentation = SecuredPresentation::parse(text.as_bytes()).unwrap();
        let inner: Vec<Evidence> = presentation
            .credentials()
            .iter()
            .map(|held| evidence(&held.as_ref().unwrap().verification_methods()))
            .collect();
        let own = evidence(&presentation.verification_methods());
        let verdict = judge_presentation(&presentation, &own, &inner, &policy, &contexts);
        (
            verdict.outcome,
            verdict.check(CheckName::HolderBinding).unwrap().outcome,
        )
    };
    for text in forms(2) {
        assert_eq!(
            outcome(&text),
            (Outcome::Accepted, CheckOutcome::Passed),
            "{text}"
        );
    }
    // Whoever is neither the subject nor confirmed is a stranger.
    for text in forms(3) {
        assert_eq!(
            outcome(&text),
            (Outcome::Refused, CheckOutcome::Failed),
            "{text}"
        );
    }
}

#[test]
fn tokens_do_not_pass_for_one_another() {
    let (issuer, holder) = (key(1), key(2));
    let text = issued();
    assert!(SecuredPresentation::from_token(&text).is_err());
    let jwt = text.split_once('~').unwrap().0;
    assert!(
        SecuredCredential::from_token(jwt).is_err(),
        "without its last ~ it is none"
    );
    let presentation = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
    });
    let contexts = Contexts::embedded();
    let method = holder.public_key().did_key_url();
    let terms = TokenTerms::default();
    let presented = present_sd_jwt(presentation, &contexts, &method, &terms, &holder).unwrap();
    assert!(SecuredCredential::from_token(&presented).is_err());
    let terms = BindingTerms {
        audience: SHOP,
        nonce: NONCE,
        issued_at: now(),
    };
    let twice = bind_key(&presented, HashAlgorithm::default(), &terms, &issuer).unwrap();
    assert!(
        SecuredPresentation::from_token(&twice).is_err(),
        "a presentation is bound by itself"
    );
}

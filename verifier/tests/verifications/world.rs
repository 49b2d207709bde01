//! An inspection laboratory on a ledger, and a verifier that knows the ledger.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use chop_client::Resolver;
use chop_credential::issuing::{ProofRequest, issue};
use chop_credential::{Contexts, SecuredCredential};
use chop_http::Guarded;
use chop_http::outbound::Settings;
use chop_integrity::{Hash, Timestamp};
use chop_keys::Signer;
use chop_protocol::{
    Accredit, Action, AnchorCredential, CredentialType, RevocationReason, RevokeAccreditation,
    SuspendAccreditation, accreditation_id, anchor_digest,
};
use chop_verifier::{Trust, VerifierApp, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::ledger::{Party, TestLedger};

pub(crate) const START: i64 = 1_795_000_000_000;
pub(crate) const MINUTE: i64 = 60_000;
/// When the verifier judges: two hours after the founding.
pub(crate) const NOW: i64 = START + 120 * MINUTE;

pub(crate) struct World {
    pub(crate) ledger: Arc<TestLedger>,
    pub(crate) lab: Party,
    pub(crate) accreditation: Hash,
    pub(crate) verifier: Router,
}

pub(crate) fn time(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

impl World {
    /// A laboratory that the operator accredits for quality inspections, a minute after the founding.
    pub(crate) fn new() -> Self {
        Self::fetching(Settings::default())
    }

    pub(crate) fn fetching(settings: Settings) -> Self {
        Self::trusting(settings, Trust::default())
    }

    pub(crate) fn trusting(settings: Settings, trust: Trust) -> Self {
        let ledger = Arc::new(TestLedger::found(START));
        let lab = ledger.create();
        ledger.at(START + MINUTE);
        let accredit = Action::Accredit(Accredit {
            subject: lab.did,
            credential_type: CredentialType::parse("QualityInspection").unwrap(),
            jurisdiction: None,
            valid_from: None,
            valid_until: Some(time(START + 365 * 24 * 60 * MINUTE)),
            depth: 0,
            parent: None,
        });
        let granted = ledger.act(&ledger.operator(), vec![accredit]);
        let accreditation = accreditation_id(&granted.hash, 0);
        let verifier = verifier(&ledger, settings, trust);
        Self {
            ledger,
            lab,
            accreditation,
            verifier,
        }
    }

    /// Another verifier of the same ledger, which remembers nothing yet.
    pub(crate) fn verifier_anew(&self, settings: Settings) -> Router {
        verifier(&self.ledger, settings, Trust::default())
    }

    /// A credential that the laboratory signs at this time.
    pub(crate) fn inspection(&self, signed_ms: i64) -> Value {
        sign(
            unsigned(&self.lab.did.to_string(), signed_ms),
            &self.method(),
            &self.lab.key,
            signed_ms,
        )
    }

    pub(crate) fn method(&self) -> String {
        format!("{}#key-1", self.lab.did)
    }

    /// Anchors a credential at this time.
    pub(crate) fn anchor(&self, credential: &Value, at_ms: i64) {
        self.ledger.at(at_ms);
        let secured = SecuredCredential::from_value(credential.clone())
            .unwrap()
            .secured_bytes()
            .unwrap();
        let digest = anchor_digest(&secured);
        let anchor = AnchorCredential {
            digest,
            credential_type: None,
            subject: None,
        };
        self.ledger.act(&self.lab, vec![Action::Anchor(anchor)]);
    }

    pub(crate) fn suspend(&self, at_ms: i64) {
        self.ledger.at(at_ms);
        let suspend = SuspendAccreditation {
            accreditation: self.accreditation,
            effective: None,
        };
        self.ledger.act(
            &self.ledger.operator(),
            vec![Action::SuspendAccreditation(suspend)],
        );
    }

    pub(crate) fn void(&self, at_ms: i64) {
        self.ledger.at(at_ms);
        let accreditation = self.accreditation;
        let revoke = RevokeAccreditation {
            accreditation,
            effective: None,
            reason: RevocationReason::AbInitio,
        };
        self.ledger.act(
            &self.ledger.operator(),
            vec![Action::RevokeAccreditation(revoke)],
        );
    }

    pub(crate) async fn judge(&self, credential: &Value) -> Value {
        self.judge_with(credential, json!({})).await
    }

    pub(crate) async fn judge_with(&self, credential: &Value, options: Value) -> Value {
        let body = json!({ "credential": credential, "options": options });
        let (status, verdict) = self.post("/v1/verifications", body.to_string()).await;
        assert_eq!(status, 200, "{verdict}");
        verdict
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.into())
            .unwrap();
        let response = self.verifier.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

fn verifier(ledger: &Arc<TestLedger>, settings: Settings, trust: Trust) -> Router {
    let outbound = Guarded::new(settings).unwrap();
    let resolver = Resolver::new(outbound).with_registry(ledger.clone());
    router(VerifierApp::with_clock(resolver, || NOW, trust))
}

pub(crate) fn unsigned(issuer: &str, from_ms: i64) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://chopmark.dev/ns/apple/v1"],
        "type": ["VerifiableCredential", "QualityInspection"],
        "issuer": issuer,
        "validFrom": time(from_ms),
        "credentialSubject": { "id": "urn:lot:TR-26-1014-A", "type": "InspectedLot", "lotNumber": "TR-26-1014-A" },
    })
}

pub(crate) fn sign(credential: Value, method: &str, key: &dyn Signer, at_ms: i64) -> Value {
    issue(
        credential,
        &Contexts::embedded(),
        &ProofRequest::new(method, time(at_ms)),
        key,
    )
    .unwrap()
}

/// The outcome, and the checks that failed or are unknown.
pub(crate) fn gist(verdict: &Value) -> (String, Vec<String>) {
    let bad = |check: &&Value| {
        matches!(check["outcome"].as_str(), Some("failed" | "unknown")) && check["required"] == true
    };
    let names = verdict["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(bad)
        .map(|check| check["check"].as_str().unwrap().to_owned());
    (
        verdict["outcome"].as_str().unwrap().to_owned(),
        names.collect(),
    )
}

pub(crate) fn accepted() -> (String, Vec<String>) {
    ("accepted".to_owned(), Vec::new())
}

pub(crate) fn refused(checks: &[&str]) -> (String, Vec<String>) {
    (
        "refused".to_owned(),
        checks.iter().map(ToString::to_string).collect(),
    )
}

/// Takes the bytes out of state proofs, which would fill a snapshot.
pub(crate) fn without_proof_bytes(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                *member = if name == "proof" && member.get("signedHeader").is_some() {
                    json!("[state proof]")
                } else {
                    without_proof_bytes(member.take())
                };
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = without_proof_bytes(item.take())),
        _ => {}
    }
    value
}

//! Presentations: presenter, challenge, domain, and every credential inside.

use chop_credential::Contexts;
use chop_credential::issuing::{ProofRequest, present};
use chop_keys::{KeyType, PrivateKey, Signer as _};
use serde_json::{Value, json};

use crate::world::{MINUTE, NOW, START, World, sign, time, unsigned};

struct Holder {
    key: PrivateKey,
}

impl Holder {
    fn new() -> Self {
        Self {
            key: PrivateKey::from_seed(KeyType::Ed25519, &[8; 32]).unwrap(),
        }
    }

    fn did(&self) -> String {
        self.key.public_key().did_key()
    }

    fn present(&self, credentials: &[Value]) -> Value {
        let presentation = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": self.did(),
            "verifiableCredential": credentials,
        });
        let (method, domain) = (
            self.key.public_key().did_key_url(),
            ["shop.example".to_owned()],
        );
        let mut request = ProofRequest::new(&method, time(NOW));
        request.domain = &domain;
        request.challenge = Some("nonce-1");
        present(presentation, &Contexts::embedded(), &request, &self.key).unwrap()
    }
}

fn about(world: &World, subject: &str) -> Value {
    let mut credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
    credential["credentialSubject"]["id"] = json!(subject);
    sign(
        credential,
        &world.method(),
        &world.lab.key,
        START + 10 * MINUTE,
    )
}

async fn outcome(world: &World, presentation: &Value, options: Value) -> String {
    let body = json!({"presentation": presentation, "options": options});
    let (status, verdict) = world.post("/v1/verifications", body.to_string()).await;
    assert_eq!(status, 200, "{verdict}");
    verdict["outcome"].as_str().unwrap().to_owned()
}

fn expected() -> Value {
    json!({"domain": "shop.example", "challenge": "nonce-1"})
}

#[tokio::test]
async fn accepts_the_subjects_own_presentation() {
    let (world, holder) = (World::new(), Holder::new());
    let presentation = holder.present(&[about(&world, &holder.did())]);
    assert_eq!(outcome(&world, &presentation, expected()).await, "accepted");
    let body = json!({"verifiablePresentation": presentation, "options": expected()});
    assert_eq!(
        world
            .post("/presentations/verify", body.to_string())
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn refuses_a_replay_for_another_domain_or_challenge() {
    let (world, holder) = (World::new(), Holder::new());
    let presentation = holder.present(&[about(&world, &holder.did())]);
    for options in [
        json!({"domain": "evil.example"}),
        json!({"challenge": "nonce-2"}),
    ] {
        assert_eq!(
            outcome(&world, &presentation, options.clone()).await,
            "refused",
            "{options}"
        );
        let body = json!({"verifiablePresentation": presentation, "options": options});
        assert_eq!(
            world
                .post("/presentations/verify", body.to_string())
                .await
                .0,
            400,
            "{options}"
        );
    }
}

#[tokio::test]
async fn refuses_a_presenter_who_is_not_the_subject_unless_bearers_may() {
    let (world, holder) = (World::new(), Holder::new());
    let presentation = holder.present(&[about(&world, "did:example:somebody")]);
    assert_eq!(outcome(&world, &presentation, expected()).await, "refused");
    let bearer = json!({"policy": {"acceptBearer": true}});
    assert_eq!(outcome(&world, &presentation, bearer).await, "accepted");
}

#[tokio::test]
async fn one_bad_credential_spoils_the_presentation() {
    let (world, holder) = (World::new(), Holder::new());
    let good = about(&world, &holder.did());
    let mut bad = good.clone();
    bad["credentialSubject"]["lotNumber"] = json!("other");
    let presentation = holder.present(&[good, bad]);
    assert_eq!(outcome(&world, &presentation, expected()).await, "refused");
}

#[tokio::test]
async fn an_issuer_without_accreditation_counts_against_a_presentation_too() {
    let (world, holder) = (World::new(), Holder::new());
    let credential = about(&world, &holder.did());
    world.suspend(START + 30 * MINUTE);
    let presentation = holder.present(&[credential]);
    assert_eq!(outcome(&world, &presentation, expected()).await, "refused");
    assert_eq!(
        outcome(&world, &presentation, json!({"policy": "open"})).await,
        "accepted"
    );
}

#[tokio::test]
async fn judges_a_presentation_of_many_credentials() {
    let (world, holder) = (World::new(), Holder::new());
    let credential = about(&world, &holder.did());
    let presentation = holder.present(&vec![credential; 100]);
    assert_eq!(outcome(&world, &presentation, expected()).await, "accepted");
}

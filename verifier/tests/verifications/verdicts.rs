//! Verdicts on credentials: each refusal for its own reason.

use chop_keys::{KeyType, PrivateKey, Signer as _};
use serde_json::json;

use crate::ledger::TestLedger;
use crate::world::{
    MINUTE, NOW, START, World, accepted, gist, refused, sign, unsigned, without_proof_bytes,
};

#[tokio::test]
async fn accepts_a_credential_of_an_accredited_issuer_and_shows_the_proofs() {
    let world = World::new();
    let credential = world.inspection(START + 10 * MINUTE);
    world.anchor(&credential, START + 11 * MINUTE);
    let verdict = world.judge(&credential).await;
    assert_eq!(gist(&verdict), accepted());
    let accreditation = verdict["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "accreditation")
        .unwrap();
    assert!(
        accreditation.to_string().contains("signedHeader"),
        "the accreditation is shown without proof"
    );
    insta::assert_json_snapshot!("accepted", without_proof_bytes(verdict));
}

#[tokio::test]
async fn an_anchor_counts_however_the_credential_is_written() {
    let world = World::new();
    let credential = world.inspection(START + 10 * MINUTE);
    world.anchor(&credential, START + 11 * MINUTE);
    let mut in_array = credential.clone();
    in_array["proof"] = json!([in_array["proof"]]);
    for credential in [&credential, &in_array] {
        let body = json!({"credential": credential});
        let digest = world.judge(credential).await["digest"].clone();
        for text in [
            body.to_string(),
            serde_json::to_string_pretty(&body).unwrap(),
        ] {
            let (_, verdict) = world.post("/v1/verifications", text).await;
            assert_eq!(gist(&verdict), accepted());
            assert_eq!(verdict["digest"], digest);
            let checks = verdict["checks"].as_array().unwrap();
            let anchor = checks.iter().find(|check| check["check"] == "anchor");
            assert_eq!(anchor.unwrap()["outcome"], "passed");
        }
    }
}

#[tokio::test]
async fn refuses_an_issuer_without_accreditation() {
    let world = World::new();
    let other = world.ledger.create();
    let at = START + 10 * MINUTE;
    let credential = sign(
        unsigned(&other.did.to_string(), at),
        &format!("{}#key-1", other.did),
        &other.key,
        at,
    );
    assert_eq!(
        gist(&world.judge(&credential).await),
        refused(&["accreditation"])
    );
    let open = world
        .judge_with(&credential, json!({"policy": "open"}))
        .await;
    assert_eq!(gist(&open), accepted());
}

#[tokio::test]
async fn after_a_suspension_only_what_was_anchored_before_counts_and_is_marked() {
    let world = World::new();
    let (anchored, loose) = (
        world.inspection(START + 10 * MINUTE),
        world.inspection(START + 12 * MINUTE),
    );
    world.anchor(&anchored, START + 11 * MINUTE);
    world.suspend(START + 30 * MINUTE);
    let late = world.inspection(START + 40 * MINUTE);
    world.anchor(&late, START + 41 * MINUTE);
    let verdict = world.judge(&anchored).await;
    assert_eq!(gist(&verdict), accepted());
    insta::assert_json_snapshot!("lapsed", without_proof_bytes(verdict));
    assert_eq!(
        gist(&world.judge(&loose).await),
        refused(&["accreditation"])
    );
    assert_eq!(gist(&world.judge(&late).await), refused(&["accreditation"]));
}

#[tokio::test]
async fn an_earlier_as_of_does_not_help_a_credential_that_nothing_dates() {
    let world = World::new();
    let anchored = world.inspection(START + 10 * MINUTE);
    world.anchor(&anchored, START + 11 * MINUTE);
    world.suspend(START + 30 * MINUTE);
    let back_dated = world.inspection(START + 10 * MINUTE + 1);
    let as_of = json!({"asOf": crate::world::time(START + 20 * MINUTE)});
    assert_eq!(
        gist(&world.judge_with(&anchored, as_of.clone()).await),
        accepted()
    );
    assert_eq!(
        gist(&world.judge_with(&back_dated, as_of).await),
        refused(&["accreditation"])
    );
}

#[tokio::test]
async fn a_revocation_from_the_beginning_voids_even_what_was_anchored() {
    let world = World::new();
    let credential = world.inspection(START + 10 * MINUTE);
    world.anchor(&credential, START + 11 * MINUTE);
    world.void(START + 30 * MINUTE);
    assert_eq!(
        gist(&world.judge(&credential).await),
        refused(&["accreditation"])
    );
}

#[tokio::test]
async fn refuses_a_credential_signed_by_somebody_else() {
    let world = World::new();
    let stranger = PrivateKey::from_seed(KeyType::P256, &[5; 32]).unwrap();
    let method = stranger.public_key().did_key_url();
    let at = START + 10 * MINUTE;
    let own = unsigned(&stranger.public_key().did_key(), at);
    let mut forged = sign(own, &method, &stranger, at);
    assert_eq!(gist(&world.judge(&forged).await), accepted());
    forged["issuer"] = json!(world.lab.did);
    assert_eq!(
        gist(&world.judge(&forged).await),
        refused(&["proof", "issuerBinding"])
    );
    let mut honest_signature = unsigned(&world.lab.did.to_string(), at);
    honest_signature["issuer"] = json!(world.lab.did);
    let forged = forge(&honest_signature, &method, &stranger);
    assert_eq!(
        gist(&world.judge(&forged).await),
        refused(&["issuerBinding"])
    );
}

/// Signs with a key that is not the issuer's, which the issuing functions refuse to do.
fn forge(credential: &serde_json::Value, method: &str, key: &PrivateKey) -> serde_json::Value {
    use chop_integrity::proof::{JcsSuite, ProofOptions, sign};
    let suite = JcsSuite::for_key(key.public_key().key_type()).unwrap();
    let options = ProofOptions::new(suite.name(), method, "assertionMethod");
    let mut members = credential.as_object().unwrap().clone();
    let proof = sign(&members, &options, key.public_key(), |input| {
        key.sign_credential(input)
    })
    .unwrap();
    members.insert("proof".to_owned(), proof.into());
    members.into()
}

#[tokio::test]
async fn refuses_a_changed_credential() {
    let world = World::new();
    let mut credential = world.inspection(START + 10 * MINUTE);
    credential["credentialSubject"]["lotNumber"] = json!("TR-26-1014-B");
    assert_eq!(
        gist(&world.judge(&credential).await),
        refused(&["proof", "issuerBinding"])
    );
}

#[tokio::test]
async fn refuses_what_is_not_yet_or_no_longer_valid() {
    let world = World::new();
    let issuer = world.lab.did.to_string();
    let mut early = unsigned(&issuer, NOW + 60 * MINUTE);
    let mut late = unsigned(&issuer, START + 10 * MINUTE);
    late["validUntil"] = json!(crate::world::time(START + 20 * MINUTE));
    for credential in [&mut early, &mut late] {
        let signed = sign(
            credential.take(),
            &world.method(),
            &world.lab.key,
            START + 10 * MINUTE,
        );
        assert_eq!(gist(&world.judge(&signed).await), refused(&["validity"]));
    }
}

#[tokio::test]
async fn a_ledger_that_is_not_pinned_leaves_the_verdict_open() {
    let world = World::new();
    let elsewhere = TestLedger::found(START + 1);
    let lab = elsewhere.create();
    let at = START + 10 * MINUTE;
    let credential = sign(
        unsigned(&lab.did.to_string(), at),
        &format!("{}#key-1", lab.did),
        &lab.key,
        at,
    );
    let (outcome, checks) = gist(&world.judge(&credential).await);
    assert_eq!(outcome, "indeterminate");
    assert!(
        checks.contains(&"proof".to_owned()) && checks.contains(&"accreditation".to_owned()),
        "{checks:?}"
    );
}

#[tokio::test]
async fn a_did_that_the_ledger_proves_absent_is_refused() {
    let world = World::new();
    let other = TestLedger::found(START + 1);
    let stranger = other.create();
    let did = chop_did::ChopDid::new(world.lab.did.ledger(), stranger.did.scid()).to_string();
    let at = START + 10 * MINUTE;
    let credential = sign(
        unsigned(&did, at),
        &format!("{did}#key-1"),
        &stranger.key,
        at,
    );
    let (outcome, checks) = gist(&world.judge(&credential).await);
    assert_eq!(outcome, "refused");
    assert!(checks.contains(&"proof".to_owned()), "{checks:?}");
}

#[tokio::test]
async fn runs_only_the_checks_asked_for_and_names_the_others() {
    let world = World::new();
    let credential = world.inspection(START + 10 * MINUTE);
    let verdict = world
        .judge_with(&credential, json!({"checks": ["proof"]}))
        .await;
    let outcome = |name: &str| {
        verdict["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|check| check["check"] == name)
            .unwrap()["outcome"]
            .clone()
    };
    assert_eq!(
        (outcome("proof"), outcome("issuerBinding")),
        (json!("passed"), json!("notRun"))
    );
}

#[tokio::test]
async fn accepts_a_compact_token() {
    let world = World::new();
    let credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
    let contexts = chop_credential::Contexts::embedded();
    let token =
        chop_credential::issuing::issue_jwt(credential, &contexts, &world.method(), &world.lab.key)
            .unwrap();
    assert_eq!(gist(&world.judge(&json!(token)).await), accepted());
    let envelope = chop_credential::issuing::enveloped_credential(&token);
    assert_eq!(gist(&world.judge(&envelope).await), accepted());
    let (status, _) = world
        .post(
            "/credentials/verify",
            json!({"verifiableCredential": envelope}).to_string(),
        )
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_vc_api_answers_400_for_a_refusal_and_binds_no_issuer_when_only_the_proof_is_asked_for()
{
    let world = World::new();
    let stranger = PrivateKey::from_seed(KeyType::Ed25519, &[5; 32]).unwrap();
    let credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
    let forged = forge(&credential, &stranger.public_key().did_key_url(), &stranger);
    let body = |options: serde_json::Value| {
        json!({"verifiableCredential": forged, "options": options}).to_string()
    };
    let (status, answer) = world
        .post("/credentials/verify", body(json!({"checks": ["proof"]})))
        .await;
    assert_eq!((status, &answer["verified"]), (200, &json!(true)));
    let (status, answer) = world
        .post("/credentials/verify", body(json!({"checks": []})))
        .await;
    assert_eq!((status, &answer["verified"]), (200, &json!(true)));
    let (status, answer) = world
        .post("/credentials/verify?checks=proof", body(json!({})))
        .await;
    assert_eq!((status, &answer["verified"]), (200, &json!(true)));
    let (status, _) = world
        .post(
            "/credentials/verify?checks=proof",
            body(json!({"checks": ["issuerBinding"]})),
        )
        .await;
    assert_eq!(status, 400, "the body's checks come before the URL's");
    let (status, answer) = world.post("/credentials/verify", body(json!({}))).await;
    assert_eq!((status, &answer["verified"]), (400, &json!(false)));
    insta::assert_json_snapshot!("vc_api_refusal", without_proof_bytes(answer));
}

//! Deriving what a holder shows, and judging it.

use chop_credential::Contexts;
use chop_credential::issuing::{self, ProofRequest};
use chop_credential::selective::Seed;
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::world::{NOW, World, time, unsigned};

const ROUTES: [&str; 3] = [
    "/credentials/derive",
    "/issuers/any/credentials/derive",
    "/holders/any/credentials/derive",
];

fn base(suite: &str, key_type: KeyType) -> Value {
    let key = PrivateKey::from_seed(key_type, &[11; 32]).unwrap();
    let method = key.public_key().did_key_url();
    let mandatory = ["/issuer".to_owned()];
    let seed = Seed::new(Zeroizing::new([23; 64]));
    let mut request = ProofRequest::new(&method, time(NOW - 1_000));
    request.cryptosuite = Some(suite);
    request.mandatory_pointers = &mandatory;
    request.seed = Some(&seed);
    let document = unsigned(&key.public_key().did_key(), NOW - 1_000);
    issuing::issue(document, &Contexts::embedded(), &request, &key).unwrap()
}

#[tokio::test]
async fn what_is_derived_is_accepted_and_the_base_proof_is_not() {
    let world = World::new();
    for (suite, key_type) in [
        ("ecdsa-sd-2023", KeyType::P256),
        ("bbs-2023", KeyType::Bls12381G2),
    ] {
        let base = base(suite, key_type);
        for route in ROUTES {
            let body = json!({"verifiableCredential": base, "options": {"selectivePointers": ["/validFrom", "/credentialSubject/lotNumber"]}});
            let (status, answer) = world.post(route, body.to_string()).await;
            assert_eq!(status, 201, "{suite}: {answer}");
            let derived = &answer["verifiableCredential"];
            assert!(derived.get("validFrom").is_some(), "{derived}");

            let verify = |credential: &Value| {
                json!({"verifiableCredential": credential, "options": {"checks": ["proof"]}})
                    .to_string()
            };
            let (status, answer) = world.post("/credentials/verify", verify(derived)).await;
            assert_eq!(status, 200, "{suite}: {answer}");
            let (status, answer) = world.post("/credentials/verify", verify(&base)).await;
            assert_eq!(status, 400, "{suite}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_derived_is_400() {
    let world = World::new();
    let base = base("ecdsa-sd-2023", KeyType::P256);
    let mut unsigned = base.clone();
    unsigned.as_object_mut().unwrap().remove("proof");
    for (body, rule) in [
        (
            json!({"verifiableCredential": base, "options": {"selectivePointers": ["/nothing"]}}),
            Some("selective.no-such-value"),
        ),
        (
            json!({"verifiableCredential": base, "options": {"selectivePointers": ["x"]}}),
            Some("selective.pointer"),
        ),
        (
            json!({"verifiableCredential": unsigned, "options": {}}),
            Some("selective.proofs"),
        ),
        (
            json!({"verifiableCredential": base, "options": {"presentationHeader": "uAAAA"}}),
            Some("selective.holder-secret"),
        ),
        (
            json!({"verifiableCredential": base, "options": {"presentationHeader": "AAAA"}}),
            None,
        ),
        (
            json!({"verifiableCredential": base, "options": {"holderSecret": "uAAAA"}}),
            None,
        ),
        (json!({"verifiableCredential": "text"}), None),
        (json!({"options": {}}), None),
    ] {
        let (status, problem) = world.post("/credentials/derive", body.to_string()).await;
        assert_eq!((status, problem["rule"].as_str()), (400, rule), "{problem}");
    }
}

//! The registrar in client-managed secret mode.

use chop_keys::{DataIntegrityInput, Signer};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::world::{Reply, World, key};

const UPDATE: u8 = 20;
const NEXT: u8 = 21;

impl World {
    fn methods() -> Value {
        json!([
            {"type": "Multikey", "purpose": ["update"], "publicKeyMultibase": key(UPDATE).public_key().multikey()},
            {"type": "Multikey", "purpose": ["nextUpdate"], "publicKeyMultibase": key(NEXT).public_key().multikey()},
        ])
    }

    async fn begin(&self, path: &str, mut body: Value) -> Value {
        body["options"] = json!({"clientSecretMode": true});
        body["secret"] = json!({"verificationMethod": Self::methods()});
        let reply = self.post(path, body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        assert_eq!(reply.json()["didState"]["state"], "action");
        reply.json()
    }

    async fn finish(&self, path: &str, begun: &Value, seed: u8) -> Reply {
        let request = &begun["didState"]["signingRequest"]["signingRequest1"];
        let payload = request["serializedPayload"].as_str().unwrap();
        let payload = BASE64.decode(payload.as_bytes()).unwrap();
        let (configuration, document) = payload.split_at(payload.len() / 2);
        let input = DataIntegrityInput::new(configuration, document).unwrap();
        let signature = key(seed).sign_operation(&input).unwrap();
        let body = json!({
            "jobId": begun["jobId"],
            "secret": {"signingResponse": {"signingRequest1": {"signature": BASE64.encode(signature.as_bytes())}}},
        });
        self.post(path, body.to_string()).await
    }

    /// A DID whose update key the client holds.
    pub(crate) async fn registered(&self) -> String {
        let begun = self.begin("/1.0/create", json!({"method": "chop"})).await;
        let done = self.finish("/1.0/create", &begun, UPDATE).await;
        assert_eq!(done.status, 201, "{}", done.json());
        done.json()["didState"]["did"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn update(&self, did: &str, document: Value) -> Reply {
        let asked = json!({"did": did, "didDocument": document});
        let begun = self.begin("/1.0/update", asked).await;
        self.finish("/1.0/update", &begun, UPDATE).await
    }
}

#[tokio::test]
async fn a_did_that_was_deactivated_is_gone() {
    let world = World::new().await;
    let did = world.registered().await;
    assert_eq!(
        world.get(&format!("/1.0/identifiers/{did}")).await.status,
        200
    );
    let begun = world.begin("/1.0/deactivate", json!({"did": did})).await;
    let done = world.finish("/1.0/deactivate", &begun, UPDATE).await;
    assert_eq!(done.status, 200, "{}", done.json());
    let gone = world.get(&format!("/1.0/identifiers/{did}")).await;
    assert_eq!(gone.status, 410);
    assert_eq!(gone.json()["didDocumentMetadata"]["deactivated"], true);
}

#[tokio::test]
async fn a_wrong_signature_creates_nothing() {
    let world = World::new().await;
    let begun = world.begin("/1.0/create", json!({"method": "chop"})).await;
    let refused = world.finish("/1.0/create", &begun, UPDATE + 1).await;
    assert_eq!(refused.status, 400, "{}", refused.json());
    let did = begun["didState"]["did"].as_str().unwrap();
    assert_eq!(
        world.get(&format!("/1.0/identifiers/{did}")).await.status,
        404
    );
}

#[tokio::test]
async fn a_job_ends_once() {
    let world = World::new().await;
    let mut begun = world.begin("/1.0/create", json!({"method": "chop"})).await;
    assert_eq!(
        world.finish("/1.0/create", &begun, UPDATE).await.status,
        201
    );
    assert_eq!(
        world.finish("/1.0/create", &begun, UPDATE).await.status,
        404
    );
    begun["jobId"] = json!("unknown");
    assert_eq!(
        world.finish("/1.0/create", &begun, UPDATE).await.status,
        404
    );
}

#[tokio::test]
async fn private_keys_are_refused() {
    let world = World::new().await;
    for name in ["privateKeyMultibase", "privateKeyJwk", "secretKeyMultibase"] {
        let mut methods = World::methods();
        methods[0][name] = json!("z3u2");
        let body = json!({
            "method": "chop",
            "options": {"clientSecretMode": true},
            "secret": {"verificationMethod": methods},
        });
        let reply = world.post("/1.0/create", body.to_string()).await;
        assert_eq!(reply.status, 400, "{name}");
    }
    let mut methods = World::methods();
    methods[0]
        .as_object_mut()
        .unwrap()
        .remove("publicKeyMultibase");
    methods[0]["publicKeyJwk"] = json!(key(UPDATE).public_key().jwk().unwrap());
    methods[0]["publicKeyJwk"]["d"] = json!("AAAA");
    let body = json!({"method": "chop", "options": {"clientSecretMode": true}, "secret": {"verificationMethod": methods}});
    assert_eq!(
        world.post("/1.0/create", body.to_string()).await.status,
        400
    );
}

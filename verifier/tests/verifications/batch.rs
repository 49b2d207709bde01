//! Many credentials in one request: each is judged for itself, in its place.

use chop_keys::{KeyType, PrivateKey, Signer as _};
use serde_json::{Value, json};

use crate::world::{MINUTE, START, World, accepted, gist, sign, unsigned};

/// Credentials by the laboratory and by a key of its own, some of them changed afterwards.
fn mixed(world: &World, count: i64) -> Vec<Value> {
    let own = PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap();
    let (did, method) = (own.public_key().did_key(), own.public_key().did_key_url());
    let one = |n: i64| {
        let at = START + 10 * MINUTE + n;
        let mut credential = match n % 2 {
            0 => world.inspection(at),
            _ => sign(unsigned(&did, at), &method, &own, at),
        };
        if n % 3 == 2 {
            credential["credentialSubject"]["lotNumber"] = json!(n);
        }
        credential
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn each_credential_is_judged_as_it_is_by_itself() {
    let world = World::new();
    let mut credentials = mixed(&world, 40);
    credentials.extend([json!({}), json!(null), json!("eyJ"), json!(7), json!([])]);
    let options = json!({"policy": "open"});
    let whole = json!({"credentials": credentials, "options": options});
    // Once written plainly, once not.
    for body in [
        whole.to_string(),
        serde_json::to_string_pretty(&whole).unwrap(),
    ] {
        let (status, answer) = world.post("/v1/verifications/batch", body).await;
        assert_eq!(status, 200, "{answer}");
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), credentials.len());
        for (credential, result) in credentials.iter().zip(results) {
            if credential.is_null() {
                assert_eq!(result["outcome"], "refused");
                continue;
            }
            assert_eq!(*result, world.judge_with(credential, options.clone()).await);
        }
        let good = results.iter().filter(|result| gist(result) == accepted());
        assert_eq!(good.count(), 27);
    }
}

#[tokio::test]
async fn what_is_required_is_required_of_every_one() {
    let world = World::new();
    let credentials = mixed(&world, 2);
    let body = json!({"credentials": credentials, "options": {"policy": "accredited"}});
    let (status, answer) = world
        .post("/v1/verifications/batch", body.to_string())
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["results"][0]["outcome"], "accepted");
    assert_eq!(answer["results"][1]["outcome"], "refused");
}

#[tokio::test]
async fn a_batch_is_neither_empty_nor_endless() {
    let world = World::new();
    let all = |count: usize| json!({"credentials": vec![json!({}); count]});
    for (body, expected) in [
        (all(1), 200),
        (all(256), 200),
        (all(257), 400),
        (all(0), 400),
        (json!({}), 400),
        (json!({"credentials": {}}), 400),
        (json!({"credentials": null}), 400),
        (json!({"credential": {}}), 400),
        (json!({"credentials": [{}], "presentation": {}}), 400),
    ] {
        for text in [
            body.to_string(),
            serde_json::to_string_pretty(&body).unwrap(),
        ] {
            let (status, answer) = world.post("/v1/verifications/batch", text).await;
            assert_eq!(status, expected, "{answer}");
        }
    }
}

//! Token Status Lists in both forms, and certificates that tokens and lists bring along.

use super::certificates::Authority;
use super::*;
use chop_credential::SdJwtVc;
use chop_credential::securing::Keys;
use chop_credential::securing::x5c::TrustAnchor;
use chop_credential::status::{TokenEntry, TokenList, TokenStatus};
use chop_credential::verdict::{Finding, KeyFact, KeyHistory};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use std::collections::BTreeSet;

/// The payload of a compact token.
fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(
        &data_encoding::BASE64URL_NOPAD
            .decode(part.as_bytes())
            .unwrap(),
    )
    .unwrap()
}

/// What is served as this media type, to anybody and for five minutes.
async fn fetch(bench: &Bench, uri: &str, media_type: &str) -> Vec<u8> {
    let path = uri.strip_prefix("https://issuer.example").unwrap();
    let request = Request::get(path)
        .header("accept", media_type)
        .body(Body::empty())
        .unwrap();
    let response = bench.router().oneshot(request).await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), media_type);
    assert_eq!(header("access-control-allow-origin"), "*");
    assert_eq!(header("cache-control"), "public, max-age=300");
    assert_eq!(header("vary"), "Accept");
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    bytes.to_vec()
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(chop_http::clock::now_ms())
}

fn entry(claim: &Value) -> TokenEntry {
    TokenEntry {
        index: claim["idx"].as_u64().unwrap(),
        uri: claim["uri"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn a_token_names_its_entry_in_a_status_list_token() {
    let bench = Bench::with_instances().await;
    let request = json!({"credential": bench.credential("mill").await, "options": {"credentialStatus": {"type": "TokenStatusList"}}});
    let (status, body) = bench.post("/v1/issuers/mill/credentials", &request).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let id = body["verifiableCredential"]["id"].as_str().unwrap();
    let entry = payload(id.split_once(',').unwrap().1)["status"]["status_list"].clone();
    let uri = entry["uri"].as_str().unwrap().to_owned();

    let read = async || {
        let bytes = fetch(&bench, &uri, "application/statuslist+jwt").await;
        payload(std::str::from_utf8(&bytes).unwrap())
    };
    let before = read().await;
    assert_eq!(before["sub"], entry["uri"]);
    assert_eq!(before["ttl"], 300);
    assert_eq!(before["status_list"]["bits"], 2);

    let suspend = json!({"credentialStatus": {"statusListCredential": uri, "statusListIndex": entry["idx"].to_string(), "statusPurpose": "suspension"}});
    let (status, body) = bench.post("/credentials/status", &suspend).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_ne!(
        read().await["status_list"]["lst"],
        before["status_list"]["lst"]
    );

    let (status, body) = bench.get("/v1/issuers/mill/statuslists").await;
    assert_eq!(
        (status, body),
        (StatusCode::OK, json!({"status_lists": [uri]}))
    );
    let (status, _) = bench
        .get(&format!(
            "{}?time=1686925000",
            uri.strip_prefix("https://issuer.example").unwrap()
        ))
        .await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn whoever_asks_for_cbor_gets_the_same_list_in_cbor() {
    let bench = Bench::with_instances().await;
    let request = json!({"credential": bench.credential("mill").await, "options": {"credentialStatus": {"type": "TokenStatusList"}}});
    let (_, body) = bench.post("/v1/issuers/mill/credentials", &request).await;
    let id = body["verifiableCredential"]["id"].as_str().unwrap();
    let entry = entry(&payload(id.split_once(',').unwrap().1)["status"]["status_list"]);
    let did = bench.did("mill").await;
    let public = PublicKey::from_multikey(did.strip_prefix("did:key:").unwrap()).unwrap();
    let fact = KeyFact {
        id: public.did_key_url(),
        controller: did.clone(),
        relationships: vec!["assertionMethod".to_owned()],
        history: KeyHistory::default(),
        key: public,
    };
    let keys: Keys = [(fact.id.clone(), Finding::Found(fact))].into();
    for (value, expected) in [(0, TokenStatus::Valid), (2, TokenStatus::Suspended)] {
        if value != 0 {
            let suspend = json!({"credentialStatus": {"statusListCredential": entry.uri, "statusListIndex": entry.index.to_string(), "statusPurpose": "suspension"}});
            let (status, body) = bench.post("/credentials/status", &suspend).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
        for form in ["application/statuslist+cwt", "application/statuslist+jwt"] {
            let list = TokenList::parse(&fetch(&bench, &entry.uri, form).await).unwrap();
            let list = list.verify(&did, &keys, &[], now()).unwrap();
            let read = list.status(&entry, &did, &BTreeSet::new(), now());
            assert_eq!(read, Ok(expected), "{form}");
        }
    }
}

#[tokio::test]
async fn a_message_names_its_entry_among_the_claims_of_its_header() {
    let bench = Bench::new().await;
    bench
        .post("/v1/issuers", &json!({"name": "cbor", "suite": "cose"}))
        .await;
    let request = json!({"credential": bench.credential("cbor").await, "options": {"credentialStatus": {"type": "TokenStatusList"}}});
    let (status, body) = bench.post("/v1/issuers/cbor/credentials", &request).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let envelope = body["verifiableCredential"].clone();
    let credential = chop_credential::SecuredCredential::from_value(envelope).unwrap();
    let claim = credential.claims().status.clone().unwrap();
    assert!(
        claim
            .list
            .unwrap()
            .uri
            .starts_with("https://issuer.example/statuslists/")
    );
}

#[tokio::test]
async fn an_instance_with_certificates_brings_them_along_and_so_do_its_lists() {
    let bench = Bench::with_instances().await;
    let create = json!({"name": "pass", "suite": "sd-jwt-vc", "keyType": "Ed25519"});
    let (_, made) = bench.post("/v1/issuers", &create).await;
    let did = made["did"].as_str().unwrap().to_owned();
    let key = PublicKey::from_multikey(made["publicKeyMultibase"].as_str().unwrap()).unwrap();
    let anchor = Authority::new(11);
    let put = async |name: &str, certificates: Value| {
        let body = json!({"certificates": certificates}).to_string();
        let request = Request::put(format!("/v1/issuers/{name}/certificates"))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {TOKEN}"));
        bench.send(request, body).await
    };
    let pem = anchor.certify(&key, &[&did]).pem();
    for refused in [
        anchor.certify(&key, &["did:example:other"]).pem(),
        anchor.certify_until(2026, &key, &[&did]).pem(),
        format!("{pem}{}", anchor.certificate().pem()),
        anchor.certificate().pem(),
        "no PEM".to_owned(),
    ] {
        let (status, body) = put("pass", json!(refused)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    let (status, body) = put("mill", json!(pem)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    let (status, body) = put("pass", json!(pem)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["certificates"], pem);

    let request = json!({"credential": {"vct": "urn:example:pass"}, "options": {"credentialStatus": {"type": "TokenStatusList"}}});
    let (status, body) = bench.post("/v1/issuers/pass/credentials", &request).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let token = SdJwtVc::parse(body["verifiableCredential"].as_str().unwrap()).unwrap();
    let header = token.sd_jwt().token().header();
    assert_eq!((header.x5c.len(), &header.kid), (1, &None));
    let entry = token.status().unwrap().list.clone().unwrap();

    let anchors = TrustAnchor::from_pem(&anchor.certificate().pem()).unwrap();
    for form in ["application/statuslist+jwt", "application/statuslist+cwt"] {
        let list = TokenList::parse(&fetch(&bench, &entry.uri, form).await).unwrap();
        assert_eq!(list.verification_method(&did), None);
        assert!(list.verify(&did, &Keys::new(), &[], now()).is_err());
        let list = list.verify(&did, &Keys::new(), &anchors, now()).unwrap();
        let read = list.status(&entry, &did, &BTreeSet::new(), now());
        assert_eq!(read, Ok(TokenStatus::Valid), "{form}");
    }
    let (status, body) = put("pass", Value::Null).await;
    assert_eq!((status, body.get("certificates")), (StatusCode::OK, None));
}

#[tokio::test]
async fn only_a_token_has_a_status_claim() {
    let bench = Bench::with_instances().await;
    let request = json!({"credential": bench.credential("lab").await, "options": {"credentialStatus": {"type": "TokenStatusList"}}});
    let (status, body) = bench.post("/v1/issuers/lab/credentials", &request).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
}

//! Token Status Lists that come from elsewhere, as JWT or CWT, under a DID's key or a certified one.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use chop_credential::Contexts;
use chop_credential::issuing::{SigningKey, issue_cose_with_status, issue_jwt_with_status};
use chop_credential::securing::x5c::{Chain, TrustAnchor};
use chop_credential::status::{NewTokenList, StatusArray, TokenEntry};
use chop_http::outbound::{Settings, TrustedOrigin};
use chop_keys::{PrivateKey, Signer as _};
use chop_verifier::Trust;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::certificates::Authority;
use crate::world::{MINUTE, NOW, START, World, accepted, gist, refused, time, unsigned};

/// The seed of the authority that the verifier trusts.
const ANCHOR: u8 = 11;

/// A server of one Token Status List, and a JWT that refers to it.
struct Tokens {
    world: World,
    uri: String,
    served: Arc<Mutex<Vec<u8>>>,
    asked: Arc<Mutex<String>>,
}

/// In which form a list is served.
#[derive(Clone, Copy, Debug)]
enum Form {
    Jwt,
    Cwt,
}

impl Tokens {
    async fn new() -> Self {
        let served: Arc<Mutex<Vec<u8>>> = Arc::default();
        let asked: Arc<Mutex<String>> = Arc::default();
        let (answer, heard) = (Arc::clone(&served), Arc::clone(&asked));
        let list = move |headers: HeaderMap| async move {
            let accept = headers[header::ACCEPT].to_str().unwrap().to_owned();
            *heard.lock().unwrap() = accept;
            let body = answer.lock().unwrap().clone();
            let kind = match body.first() {
                Some(0xd2) => "application/statuslist+cwt",
                _ => "application/statuslist+jwt",
            };
            ([(header::CONTENT_TYPE, kind)], body)
        };
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}/", socket.local_addr().unwrap())
            .parse()
            .unwrap();
        tokio::spawn(axum::serve(socket, Router::new().route("/token", get(list))).into_future());
        let settings = Settings {
            trusted: vec![TrustedOrigin::new(base.clone())],
            ..Settings::default()
        };
        let anchor = Authority::new(ANCHOR).certificate().pem();
        let trust = Trust {
            anchors: Arc::new(TrustAnchor::from_pem(&anchor).unwrap()),
            ..Trust::default()
        };
        Self {
            world: World::trusting(settings, trust),
            uri: base.join("token").unwrap().into(),
            served,
            asked,
        }
    }

    fn issuer(&self) -> String {
        self.world.lab.did.to_string()
    }

    /// Serves the laboratory's list, which says this of entry 7.
    fn serve(&self, value: u8, form: Form) {
        let (issuer, method) = (self.issuer(), self.world.method());
        let key = SigningKey::Method(&method);
        self.serve_as(&issuer, value, form, (key, &self.world.lab.key));
    }

    /// Serves a list that was issued ten minutes ago and is good for an hour.
    fn serve_as(
        &self,
        issuer: &str,
        value: u8,
        form: Form,
        (name, key): (SigningKey<'_>, &PrivateKey),
    ) {
        let mut array = StatusArray::zeros(131_072, 2).unwrap();
        array.set(7, value).unwrap();
        let list = NewTokenList {
            uri: &self.uri,
            issuer,
            array: &array,
            issued: time(NOW - 10 * MINUTE),
            expires: Some(time(NOW + 50 * MINUTE)),
            ttl_s: Some(300),
            aggregation: None,
        };
        let signed = match form {
            Form::Jwt => list.sign_jwt(name, key).unwrap().into_bytes(),
            Form::Cwt => list.sign_cwt(name, key).unwrap(),
        };
        *self.served.lock().unwrap() = signed;
    }

    fn entry(&self) -> TokenEntry {
        TokenEntry {
            index: 7,
            uri: self.uri.clone(),
        }
    }

    async fn judge(&self, options: Value) -> (String, Vec<String>) {
        let token = issue_jwt_with_status(
            unsigned(&self.issuer(), START + 10 * MINUTE),
            &Contexts::embedded(),
            Some(&self.entry()),
            &self.world.method(),
            &self.world.lab.key,
        )
        .unwrap();
        gist(&self.world.judge_with(&json!(token), options).await)
    }
}

#[tokio::test]
async fn a_token_is_judged_by_its_status_list_token() {
    let tokens = Tokens::new().await;
    let unknown = ("indeterminate".to_owned(), vec!["status".to_owned()]);
    for form in [Form::Jwt, Form::Cwt] {
        for (value, expected) in [
            (0, accepted()),
            (1, refused(&["status"])),
            (2, refused(&["status"])),
            (3, unknown.clone()),
            (0, accepted()),
        ] {
            tokens.serve(value, form);
            assert_eq!(
                tokens.judge(json!({})).await,
                expected,
                "{value} as {form:?}"
            );
        }
        let before = json!({"asOf": time(NOW - 20 * MINUTE)});
        assert_eq!(
            tokens.judge(before).await,
            unknown,
            "a list of today says nothing of before"
        );
        let last = tokens.served.lock().unwrap().len() - 1;
        tokens.served.lock().unwrap()[last - 20] ^= 1;
        assert_eq!(tokens.judge(json!({})).await, refused(&["status"]));
    }
    assert_eq!(
        *tokens.asked.lock().unwrap(),
        "application/statuslist+jwt, application/statuslist+cwt"
    );
}

#[tokio::test]
async fn a_message_is_judged_by_the_list_that_its_header_names() {
    let tokens = Tokens::new().await;
    let message = issue_cose_with_status(
        unsigned(&tokens.issuer(), START + 10 * MINUTE),
        &Contexts::embedded(),
        Some(&tokens.entry()),
        tokens.world.method().as_str(),
        &tokens.world.lab.key,
    )
    .unwrap();
    let credential = chop_credential::issuing::enveloped_cose_credential(&message);
    for (value, expected) in [(0, accepted()), (1, refused(&["status"]))] {
        tokens.serve(value, Form::Cwt);
        assert_eq!(gist(&tokens.world.judge(&credential).await), expected);
    }
}

#[tokio::test]
async fn a_list_under_a_certified_key_counts_by_an_anchor_and_for_whom_it_is_certified() {
    let tokens = Tokens::new().await;
    let key = PrivateKey::from_seed(chop_keys::KeyType::Ed25519, &[21; 32]).unwrap();
    let (issuer, delegate) = (tokens.issuer(), "https://lists.example".to_owned());
    let (anchor, attacker) = (Authority::new(ANCHOR), Authority::new(12));
    let named = json!({"policy": {"statusDelegates": [delegate]}});
    for form in [Form::Jwt, Form::Cwt] {
        for (authority, signer, options, expected) in [
            (&anchor, &issuer, json!({}), accepted()),
            (&attacker, &issuer, json!({}), refused(&["status"])),
            (&anchor, &delegate, named.clone(), accepted()),
            (&attacker, &delegate, named.clone(), refused(&["status"])),
            (&anchor, &delegate, json!({}), refused(&["status"])),
        ] {
            let certificate = authority.certify(key.public_key(), &[signer.as_str()]);
            let chain = Chain::from_pem(&certificate.pem()).unwrap();
            tokens.serve_as(signer, 0, form, (SigningKey::Chain(&chain), &key));
            assert_eq!(
                tokens.judge(options).await,
                expected,
                "{signer} as {form:?}"
            );
        }
    }
}

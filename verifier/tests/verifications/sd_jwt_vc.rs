//! SD-JWT VCs whose issuer's keys, and whose type's metadata, are fetched over HTTPS.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chop_credential::issuing::{SdJwtVcRequest, issue_sd_jwt_vc};
use chop_credential::securing::x5c::{Chain, TrustAnchor};
use chop_http::outbound::{Settings, TrustedOrigin};
use chop_http::server::{ConnectionLimits, Listener, serve};
use chop_http::{clock, tls};
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_verifier::Trust;
use data_encoding::BASE64;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use url::Url;

use crate::certificates::Authority;
use crate::world::{NOW, World, accepted, gist, refused};

const METADATA: &str = "/.well-known/jwt-vc-issuer/tenant/a";
const KEYS: &str = "/keys";

/// What a server answers at a path.
#[derive(Clone)]
enum Page {
    Json(Value),
    Text(String),
    To(String),
    Never,
}

/// A server over TLS that only the verifier under test trusts.
struct Site {
    base: Url,
    world: World,
    pages: Arc<Mutex<HashMap<String, Page>>>,
}

impl Site {
    async fn new() -> Self {
        let pages: Arc<Mutex<HashMap<String, Page>>> = Arc::default();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&pages));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("https://{}/", socket.local_addr().unwrap())
            .parse()
            .unwrap();
        let identity = tls::self_signed(&["127.0.0.1".to_owned()], clock::now_ms()).unwrap();
        let listener = Listener::tls(socket, tls::acceptor(&identity).unwrap());
        tokio::spawn(serve(
            vec![listener],
            router,
            ConnectionLimits::default(),
            std::future::pending(),
        ));
        let settings = Settings {
            trusted: vec![TrustedOrigin {
                base: base.clone(),
                certificate: Some(identity.certificate),
            }],
            timeout: Duration::from_secs(2),
            ..Settings::default()
        };
        let anchor = Authority::new(ANCHOR).certificate().pem();
        let trust = Trust {
            anchors: Arc::new(TrustAnchor::from_pem(&anchor).unwrap()),
            ..Trust::default()
        };
        Self {
            base,
            world: World::trusting(settings, trust),
            pages,
        }
    }

    fn url(&self, path: &str) -> String {
        self.base.join(path).unwrap().into()
    }

    fn issuer(&self) -> String {
        self.url("/tenant/a")
    }

    fn put(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// Serves metadata of the issuer that holds its key.
    fn with_keys(self) -> Self {
        let metadata = json!({"issuer": self.issuer(), "jwks": keys("k1")});
        self.put(METADATA, Page::Json(metadata));
        self
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer(),
            "iat": NOW / 1_000 - 60,
            "vct": "urn:example:pass",
            "given_name": "Ada",
        })
    }

    async fn judge(&self, claims: &Value) -> Value {
        self.world.judge(&json!(issued(claims))).await
    }

    /// The type's document, served, and the digest that promises it.
    fn publish(&self, path: &str, metadata: &Value) -> String {
        self.put(path, Page::Json(metadata.clone()));
        integrity(metadata)
    }
}

async fn answer(State(pages): State<Arc<Mutex<HashMap<String, Page>>>>, uri: Uri) -> Response {
    let page = pages.lock().unwrap().get(uri.path()).cloned();
    match page {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Page::Json(value)) => (
            [(header::CONTENT_TYPE, "application/json")],
            value.to_string(),
        )
            .into_response(),
        Some(Page::Text(text)) => text.into_response(),
        Some(Page::To(url)) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        Some(Page::Never) => std::future::pending().await,
    }
}

/// What a site answers, as far as that depends on where it is.
type Answer = fn(&Site) -> Page;

/// The seed of the authority that the verifier trusts.
const ANCHOR: u8 = 11;

fn key() -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[31; 32]).unwrap()
}

/// A key set with the issuer's key under this id.
fn keys(id: &str) -> Value {
    let mut jwk = serde_json::to_value(key().public_key().jwk().unwrap()).unwrap();
    jwk["kid"] = json!(id);
    json!({"keys": [jwk]})
}

fn issued(claims: &Value) -> String {
    let request = SdJwtVcRequest {
        key_id: Some("k1"),
        chain: None,
        disclosable: &[],
        decoys: 0,
        holder: None,
    };
    sign(claims, &request)
}

fn sign(claims: &Value, request: &SdJwtVcRequest<'_>) -> String {
    let claims: Map<String, Value> = claims.as_object().unwrap().clone();
    issue_sd_jwt_vc(&claims, request, &mut || [7; 16], &key()).unwrap()
}

fn integrity(metadata: &Value) -> String {
    let digest = Sha256::digest(metadata.to_string().as_bytes());
    format!("sha256-{}", BASE64.encode(&digest))
}

fn outcome(verdict: &Value, check: &str) -> (String, String) {
    let checks = verdict["checks"].as_array().unwrap();
    let found = checks.iter().find(|found| found["check"] == check).unwrap();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("detail"))
}

#[tokio::test]
async fn the_keys_of_an_https_issuer_are_in_its_metadata_or_where_that_says() {
    let site = Site::new().await.with_keys();
    let verdict = site.judge(&site.claims()).await;
    assert_eq!(gist(&verdict), accepted(), "{verdict}");

    let site = Site::new().await;
    let metadata = json!({"issuer": site.issuer(), "jwks_uri": site.url(KEYS)});
    site.put(METADATA, Page::Json(metadata));
    site.put(KEYS, Page::Json(keys("k1")));
    let verdict = site.judge(&site.claims()).await;
    assert_eq!(gist(&verdict), accepted(), "{verdict}");
}

#[tokio::test]
async fn a_redirect_within_the_issuers_own_server_is_followed() {
    let site = Site::new().await;
    let metadata = json!({"issuer": site.issuer(), "jwks": keys("k1")});
    site.put(METADATA, Page::To(site.url("/elsewhere")));
    site.put("/elsewhere", Page::Json(metadata));
    assert_eq!(gist(&site.judge(&site.claims()).await), accepted());
}

#[tokio::test]
async fn metadata_that_does_not_hold_leaves_the_signature_unverified() {
    let cases: [(&str, Answer); 12] = [
        ("issuer metadata is of", |_| {
            Page::Json(json!({"issuer": "https://issuer.example", "jwks": keys("k1")}))
        }),
        ("issuer metadata is of", |_| {
            Page::Json(json!({"jwks": keys("k1")}))
        }),
        ("either jwks, an object, or jwks_uri", |site| {
            let both =
                json!({"issuer": site.issuer(), "jwks": keys("k1"), "jwks_uri": site.url(KEYS)});
            Page::Json(both)
        }),
        ("either jwks, an object, or jwks_uri", |site| {
            Page::Json(json!({"issuer": site.issuer()}))
        }),
        ("either jwks, an object, or jwks_uri", |site| {
            Page::Json(json!({"issuer": site.issuer(), "jwks_uri": "http://127.0.0.1/keys"}))
        }),
        ("with status 404", |site| {
            Page::Json(json!({"issuer": site.issuer(), "jwks_uri": site.url("/nothing")}))
        }),
        ("holds a private key", |site| {
            let mut keys = keys("k1");
            keys["keys"][0]["d"] = json!("AAAA");
            Page::Json(json!({"issuer": site.issuer(), "jwks": keys}))
        }),
        ("issuer metadata is refused", |_| {
            Page::Text("<html>".to_owned())
        }),
        ("is not at a public address", |_| {
            Page::To("https://127.0.0.1:1/metadata".to_owned())
        }),
        ("only https leaves this process", |_| {
            Page::To("http://issuer.example/metadata".to_owned())
        }),
        ("more than 3 redirects", |site| Page::To(site.url(METADATA))),
        ("is longer than", |_| Page::Text(" ".repeat(300 * 1024))),
    ];
    for (words, page) in cases {
        let site = Site::new().await;
        site.put(METADATA, page(&site));
        let verdict = site.judge(&site.claims()).await;
        assert_eq!(verdict["outcome"], "indeterminate", "{words}: {verdict}");
        assert_eq!(outcome(&verdict, "proof").0, "unknown", "{words}");
        assert!(verdict.to_string().contains(words), "{words}: {verdict}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_leaves_the_signature_unverified_in_time() {
    let site = Site::new().await;
    site.put(METADATA, Page::Never);
    let verdict = site.judge(&site.claims()).await;
    assert_eq!(outcome(&verdict, "proof").0, "unknown");
    assert!(verdict.to_string().contains("no whole answer"), "{verdict}");
}

#[tokio::test]
async fn a_key_that_the_metadata_does_not_list_or_not_alone_verifies_nothing() {
    let site = Site::new().await;
    let metadata = json!({"issuer": site.issuer(), "jwks": keys("k2")});
    site.put(METADATA, Page::Json(metadata));
    let verdict = site.judge(&site.claims()).await;
    assert_eq!(verdict["outcome"], "refused", "{verdict}");

    let site = Site::new().await;
    let mut twice = keys("k1");
    let again = twice["keys"][0].clone();
    twice["keys"].as_array_mut().unwrap().push(again);
    let metadata = json!({"issuer": site.issuer(), "jwks": twice});
    site.put(METADATA, Page::Json(metadata));
    let verdict = site.judge(&site.claims()).await;
    assert_eq!(verdict["outcome"], "refused", "{verdict}");
}

#[tokio::test]
async fn the_rules_of_a_type_and_of_the_type_that_it_extends_are_applied() {
    let site = Site::new().await.with_keys();
    let (kind, base) = (site.url("/types/pass"), site.url("/types/base"));
    let rules = |name: &str| json!([{"path": [name], "mandatory": true}]);
    let base_digest = site.publish(
        "/types/base",
        &json!({"vct": base, "claims": rules("given_name")}),
    );
    let digest = site.publish(
        "/types/pass",
        &json!({"vct": kind, "extends": base, "extends#integrity": base_digest}),
    );
    let mut claims = site.claims();
    claims["vct"] = json!(kind);
    claims["vct#integrity"] = json!(digest);
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), accepted(), "{verdict}");
    assert_eq!(outcome(&verdict, "schema").0, "passed");

    claims.as_object_mut().unwrap().remove("given_name");
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), refused(&["schema"]), "{verdict}");
}

#[tokio::test]
async fn type_metadata_that_is_not_the_one_that_was_promised_is_refused() {
    let site = Site::new().await.with_keys();
    let kind = site.url("/types/pass");
    let metadata = json!({"vct": kind});
    site.publish("/types/pass", &metadata);
    let mut claims = site.claims();
    claims["vct"] = json!(kind);
    claims["vct#integrity"] = json!(integrity(&json!({"vct": kind, "name": "Another"})));
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), refused(&["schema"]), "{verdict}");

    let site = Site::new().await.with_keys();
    let kind = site.url("/types/pass");
    let other = json!({"vct": "https://types.example/other"});
    let digest = site.publish("/types/pass", &other);
    let mut claims = site.claims();
    claims["vct"] = json!(kind);
    claims["vct#integrity"] = json!(digest);
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), refused(&["schema"]), "{verdict}");
}

#[tokio::test]
async fn types_that_extend_one_another_in_a_circle_or_too_far_are_refused() {
    let site = Site::new().await.with_keys();
    let [one, other] = ["/types/1", "/types/2"].map(|path| site.url(path));
    site.put(
        "/types/1",
        Page::Json(json!({"vct": one, "extends": other})),
    );
    site.put(
        "/types/2",
        Page::Json(json!({"vct": other, "extends": one})),
    );
    let mut claims = site.claims();
    claims["vct"] = json!(one);
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), refused(&["schema"]), "{verdict}");
    assert!(outcome(&verdict, "schema").1.contains("extends itself"));

    let site = Site::new().await.with_keys();
    for number in 0..12 {
        let [this, next] = [number, number + 1].map(|number| site.url(&format!("/types/{number}")));
        let metadata = json!({"vct": this, "extends": next});
        site.put(&format!("/types/{number}"), Page::Json(metadata));
    }
    let mut claims = site.claims();
    claims["vct"] = json!(site.url("/types/0"));
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), refused(&["schema"]), "{verdict}");
    assert!(outcome(&verdict, "schema").1.contains("extend one another"));
}

#[tokio::test]
async fn promised_metadata_that_cannot_be_had_leaves_the_type_unknown() {
    let site = Site::new().await.with_keys();
    let kind = site.url("/types/pass");
    let mut claims = site.claims();
    claims["vct"] = json!(kind);
    let verdict = site.judge(&claims).await;
    assert_eq!(gist(&verdict), accepted(), "nobody promised any: {verdict}");

    let site = Site::new().await.with_keys();
    let kind = site.url("/types/pass");
    let mut claims = site.claims();
    claims["vct"] = json!(kind);
    claims["vct#integrity"] = json!(integrity(&json!({"vct": kind})));
    let verdict = site.judge(&claims).await;
    let unknown = ("indeterminate".to_owned(), vec!["schema".to_owned()]);
    assert_eq!(gist(&verdict), unknown, "{verdict}");
}

#[tokio::test]
async fn certificates_in_the_header_need_no_metadata() {
    let site = Site::new().await;
    let issuer = site.issuer();
    for (seed, expected) in [(ANCHOR, accepted()), (12, refused(&["issuerBinding"]))] {
        let certificate = Authority::new(seed).certify(key().public_key(), &[&issuer]);
        let chain = Chain::from_pem(&certificate.pem()).unwrap();
        let request = SdJwtVcRequest {
            key_id: None,
            chain: Some(&chain),
            disclosable: &[],
            decoys: 0,
            holder: None,
        };
        let token = sign(&site.claims(), &request);
        let (outcome, checks) = gist(&site.world.judge(&json!(token)).await);
        assert_eq!(outcome, expected.0);
        assert!(expected.1.iter().all(|check| checks.contains(check)));
    }
}

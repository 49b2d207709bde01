//! did:web over TLS, from an origin that the test vouches for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use chop_client::{ResolveOptions, Resolver};
use chop_did::Did;
use chop_did::resolution::{ErrorKind, Selector};
use chop_http::outbound::{Settings, TrustedOrigin};
use chop_http::server::{ConnectionLimits, Listener, serve};
use chop_http::{Guarded, clock, tls};
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Site {
    did: Did,
    hits: Arc<AtomicUsize>,
    resolver: Resolver,
}

/// Serves a document for did:web:localhost%3A<port>.
async fn site(cache_control: &'static str, document: fn(&str) -> Value) -> Site {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let did = format!("did:web:localhost%3A{port}");
    let hits = Arc::new(AtomicUsize::new(0));
    let (body, counter) = (document(&did).to_string(), Arc::clone(&hits));
    let answer = move || async move {
        counter.fetch_add(1, Ordering::Relaxed);
        ([(header::CACHE_CONTROL, cache_control)], body)
    };
    let router = Router::new()
        .route("/.well-known/did.json", get(answer))
        .route("/gone/did.json", get(|| async { StatusCode::GONE }));
    let identity = tls::self_signed(&["localhost".to_owned()], clock::now_ms()).unwrap();
    let listener = Listener::tls(socket, tls::acceptor(&identity).unwrap());
    tokio::spawn(serve(
        vec![listener],
        router,
        ConnectionLimits::default(),
        std::future::pending(),
    ));
    let base = format!("https://localhost:{port}/").parse().unwrap();
    let trusted = vec![TrustedOrigin {
        base,
        certificate: Some(identity.certificate),
    }];
    let resolver = Resolver::new(
        Guarded::new(Settings {
            trusted,
            ..Settings::default()
        })
        .unwrap(),
    );
    Site {
        did: Did::parse(&did).unwrap(),
        hits,
        resolver,
    }
}

#[tokio::test]
async fn remembers_a_document_as_long_as_its_server_allows() {
    for (cache_control, expected) in [("max-age=60", 1), ("no-store", 2)] {
        let site = site(cache_control, |did| json!({"id": did})).await;
        for _ in 0..2 {
            let resolved = site
                .resolver
                .resolve(&site.did, &ResolveOptions::default())
                .await
                .unwrap();
            assert_eq!(resolved.document.unwrap()["id"], site.did.as_str());
        }
        assert_eq!(
            site.hits.load(Ordering::Relaxed),
            expected,
            "{cache_control}"
        );
        let fresh = ResolveOptions {
            no_cache: true,
            ..ResolveOptions::default()
        };
        site.resolver.resolve(&site.did, &fresh).await.unwrap();
        assert_eq!(site.hits.load(Ordering::Relaxed), expected + 1);
    }
}

#[tokio::test]
async fn refuses_the_document_of_somebody_else() {
    let site = site("no-store", |_| json!({"id": "did:web:example.com"})).await;
    let error = site
        .resolver
        .resolve(&site.did, &ResolveOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDidDocument);
}

#[tokio::test]
async fn keeps_no_versions_and_says_what_is_gone() {
    let site = site("no-store", |did| json!({"id": did})).await;
    let versioned = ResolveOptions {
        selector: Selector::Id("1".to_owned()),
        ..ResolveOptions::default()
    };
    let error = site
        .resolver
        .resolve(&site.did, &versioned)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FeatureNotSupported);
    for path in ["gone", "missing"] {
        let did = Did::parse(&format!("{}:{path}", site.did)).unwrap();
        let error = site
            .resolver
            .resolve(&did, &ResolveOptions::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{path}");
    }
}

use super::*;
use crate::server::{ConnectionLimits, Listener, serve};
use crate::tls;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::Redirect;
use axum::routing::get;
use std::net::{IpAddr, Ipv4Addr};
use tokio::net::TcpListener;

/// A server on the loopback under a self-signed certificate; within a test 127.0.0.1 plays the public Internet.
struct Outside {
    port: u16,
    certificate: String,
}

const NAMES: [&str; 4] = ["public.test", "127.0.0.1", "private.test", "mixed.test"];

async fn outside(router: Router, encrypted: bool) -> Outside {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let identity = tls::self_signed(&NAMES.map(str::to_owned), crate::clock::now_ms()).unwrap();
    let listener = if encrypted {
        Listener::tls(socket, tls::acceptor(&identity).unwrap())
    } else {
        Listener::plain(socket)
    };
    tokio::spawn(serve(
        vec![listener],
        router,
        ConnectionLimits::default(),
        std::future::pending(),
    ));
    Outside {
        port,
        certificate: identity.certificate,
    }
}

impl Outside {
    fn url(&self, scheme: &str, host: &str, path: &str) -> Url {
        Url::parse(&format!("{scheme}://{host}:{}{path}", self.port)).unwrap()
    }

    fn client(&self, settings: Settings) -> Guarded {
        let lookup = Lookup::with(|name: String| async move {
            Ok(match name.as_str() {
                "public.test" => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
                "private.test" => vec!["10.0.0.1".parse().unwrap()],
                "mixed.test" => vec![IpAddr::V4(Ipv4Addr::LOCALHOST), "10.0.0.1".parse().unwrap()],
                _ => return Err(std::io::ErrorKind::NotFound.into()),
            })
        });
        let guard =
            CheckedResolver::new(lookup, |address| address == IpAddr::V4(Ipv4Addr::LOCALHOST));
        let root = Certificate::from_pem(self.certificate.as_bytes()).unwrap();
        Guarded::with_guard(settings, guard, vec![root]).unwrap()
    }
}

fn site() -> Router {
    Router::new()
        .route(
            "/document",
            get(|| async { ([(CACHE_CONTROL, "max-age=60")], "{}") }),
        )
        .route("/big", get(|| async { "x".repeat(100_000) }))
        .route("/hang", get(std::future::pending::<()>))
        .route("/loop", get(|| async { Redirect::temporary("/loop") }))
        .route("/once", get(|| async { Redirect::temporary("/document") }))
        .route(
            "/to-private",
            get(|| async { Redirect::temporary("https://10.0.0.1/latest/meta-data") }),
        )
        .route(
            "/to-private-name",
            get(|| async { Redirect::temporary("https://private.test/") }),
        )
        .route(
            "/to-metadata",
            get(|| async { Redirect::temporary("https://169.254.169.254/") }),
        )
        .route(
            "/to-http",
            get(|| async { Redirect::temporary("http://public.test/") }),
        )
        .route(
            "/to-file",
            get(|| async { Redirect::temporary("file:///etc/passwd") }),
        )
        .route(
            "/missing",
            get(|| async { (StatusCode::NOT_FOUND, "gone") }),
        )
}

async fn refused(path: &str) -> OutboundError {
    let outside = outside(site(), true).await;
    let client = outside.client(Settings::default());
    client
        .fetch(Outgoing::get(outside.url("https", "public.test", path)))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn fetches_a_public_document_and_follows_a_redirect() {
    let outside = outside(site(), true).await;
    let client = outside.client(Settings::default());
    let fetched = client
        .fetch(Outgoing::get(outside.url("https", "public.test", "/once")))
        .await
        .unwrap();
    assert_eq!(
        (fetched.body.as_slice(), fetched.url.path()),
        (b"{}".as_slice(), "/document")
    );
    assert_eq!(fetched.max_age(), Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn refuses_redirects_to_private_addresses_and_other_schemes() {
    assert!(matches!(
        refused("/to-private").await,
        OutboundError::NotPublic { .. }
    ));
    assert!(matches!(
        refused("/to-private-name").await,
        OutboundError::NotPublic { .. }
    ));
    assert!(matches!(
        refused("/to-metadata").await,
        OutboundError::NotPublic { .. }
    ));
    assert!(matches!(
        refused("/to-http").await,
        OutboundError::Scheme { .. }
    ));
    assert!(matches!(
        refused("/to-file").await,
        OutboundError::Scheme { .. }
    ));
    assert!(matches!(refused("/loop").await, OutboundError::Redirects));
    assert!(matches!(
        refused("/missing").await,
        OutboundError::Status {
            status: StatusCode::NOT_FOUND
        }
    ));
}

#[tokio::test]
async fn refuses_names_with_any_private_address() {
    let outside = outside(site(), true).await;
    let client = outside.client(Settings::default());
    for host in ["private.test", "mixed.test"] {
        let outcome = client
            .fetch(Outgoing::get(outside.url("https", host, "/document")))
            .await;
        assert!(
            matches!(outcome, Err(OutboundError::NotPublic { .. })),
            "{host}: {outcome:?}"
        );
    }
    let outcome = client
        .fetch(Outgoing::get(outside.url(
            "https",
            "nowhere.test",
            "/document",
        )))
        .await;
    assert!(
        matches!(outcome, Err(OutboundError::Unresolved { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_real_guard_refuses_what_only_looks_public() {
    let client = Guarded::new(Settings::default()).unwrap();
    for url in [
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://169.254.169.254/",
        "https://0/",
        "https://localhost/",
    ] {
        let outcome = client.fetch(Outgoing::get(Url::parse(url).unwrap())).await;
        assert!(
            matches!(outcome, Err(OutboundError::NotPublic { .. })),
            "{url}: {outcome:?}"
        );
    }
    for url in [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "data:text/plain,x",
    ] {
        let outcome = client.fetch(Outgoing::get(Url::parse(url).unwrap())).await;
        assert!(
            matches!(outcome, Err(OutboundError::Scheme { .. })),
            "{url}: {outcome:?}"
        );
    }
    let outcome = client
        .fetch(Outgoing::get(
            Url::parse("https://user:pass@example.com/").unwrap(),
        ))
        .await;
    assert!(
        matches!(outcome, Err(OutboundError::UserInfo)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn bounds_the_size_and_the_time_of_an_answer() {
    let outside = outside(site(), true).await;
    let settings = Settings {
        timeout: Duration::from_millis(700),
        max_bytes: 1000,
        trusted: Vec::new(),
    };
    let client = outside.client(settings);
    let big = client
        .fetch(Outgoing::get(outside.url("https", "public.test", "/big")))
        .await;
    assert!(
        matches!(big, Err(OutboundError::TooLarge { limit: 1000 })),
        "{big:?}"
    );
    let hang = client
        .fetch(Outgoing::get(outside.url("https", "public.test", "/hang")))
        .await;
    assert!(
        matches!(hang, Err(OutboundError::Timeout { .. })),
        "{hang:?}"
    );
}

#[tokio::test]
async fn refuses_a_certificate_that_nobody_vouches_for() {
    let (one, other) = (outside(site(), true).await, outside(site(), true).await);
    let outcome = one
        .client(Settings::default())
        .fetch(Outgoing::get(other.url(
            "https",
            "public.test",
            "/document",
        )))
        .await;
    assert!(
        matches!(outcome, Err(OutboundError::Unreachable)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_trusted_origin_may_be_plain_and_private_and_its_neighbours_may_not() {
    let (own, neighbour) = (outside(site(), false).await, outside(site(), false).await);
    let base = own.url("http", "127.0.0.1", "/");
    let trusted = vec![TrustedOrigin::new(base)];
    let client = Guarded::new(Settings {
        trusted,
        ..Settings::default()
    })
    .unwrap();
    let fetched = client
        .fetch(Outgoing::get(own.url("http", "127.0.0.1", "/once")))
        .await
        .unwrap();
    assert_eq!(fetched.status, StatusCode::OK);
    let outcome = client
        .fetch(Outgoing::get(neighbour.url(
            "http",
            "127.0.0.1",
            "/document",
        )))
        .await;
    assert!(
        matches!(outcome, Err(OutboundError::Scheme { .. })),
        "{outcome:?}"
    );
    let leading_away = client
        .fetch(Outgoing::get(own.url("http", "127.0.0.1", "/to-private")))
        .await;
    assert!(
        matches!(leading_away, Err(OutboundError::NotPublic { .. })),
        "{leading_away:?}"
    );
}

#[tokio::test]
async fn a_trusted_origin_presents_its_pinned_certificate_or_nothing() {
    let (own, impostor) = (outside(site(), true).await, outside(site(), true).await);
    let trust = |server: &Outside, certificate: &Outside| {
        let base = server.url("https", "127.0.0.1", "/");
        let trusted = vec![TrustedOrigin {
            base,
            certificate: Some(certificate.certificate.clone()),
        }];
        Guarded::new(Settings {
            trusted,
            ..Settings::default()
        })
        .unwrap()
    };
    let url = own.url("https", "127.0.0.1", "/document");
    assert!(
        trust(&own, &own)
            .fetch(Outgoing::get(url.clone()))
            .await
            .is_ok()
    );
    assert!(
        trust(&own, &impostor)
            .fetch(Outgoing::get(url))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn nobody_outside_redirects_into_the_stack() {
    let own = outside(site(), false).await;
    let target = own.url("http", "127.0.0.1", "/document");
    let router = Router::new().route(
        "/",
        get(move || async move { Redirect::temporary(target.as_str()) }),
    );
    let outside = outside(router, true).await;
    let trusted = vec![TrustedOrigin::new(own.url("http", "127.0.0.1", "/"))];
    let client = outside.client(Settings {
        trusted,
        ..Settings::default()
    });
    let outcome = client
        .fetch(Outgoing::get(outside.url("https", "public.test", "/")))
        .await;
    assert!(
        matches!(outcome, Err(OutboundError::BadRedirect)),
        "{outcome:?}"
    );
}

use super::*;
use crate::{AdminToken, JsonBytes, auth};
use axum::extract::Path;
use axum::routing::post;
use serde_json::Value;
use tower::ServiceExt as _;

async fn boom() -> Problem {
    panic!("secret cause")
}

fn service(limits: Limits) -> Router {
    let guarded = post(|JsonBytes(body): JsonBytes| async move { body }).route_layer(
        from_fn_with_state(AdminToken::required("token"), auth::require),
    );
    let routes = Router::new()
        .route(
            "/echo",
            post(|JsonBytes(body): JsonBytes| async move { body }),
        )
        .route("/guarded", guarded)
        .route("/boom", get(boom))
        .route("/hang", get(std::future::pending::<()>));
    wrap(routes, Metrics::new(), None, limits)
}

async fn answer(service: Router, request: Request) -> (u16, Value) {
    let response = service.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    assert!(response.headers().contains_key(REQUEST_ID));
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn request(method: &str, path: &str, body: impl Into<Body>) -> Request {
    Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

async fn problem(request: Request) -> (u16, String) {
    let (status, body) = answer(service(Limits::default()), request).await;
    assert_eq!(body["status"], status);
    (
        status,
        body["type"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned(),
    )
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    assert_eq!(
        problem(request("GET", "/nowhere", "")).await,
        (404, "not-found".to_owned())
    );
    assert_eq!(
        problem(request("DELETE", "/echo", "")).await,
        (405, "method-not-allowed".to_owned())
    );
}

#[tokio::test]
async fn a_refusal_by_the_framework_is_a_problem_too() {
    let routes = Router::new().route("/things/{id}", get(|Path(id): Path<String>| async { id }));
    let service = wrap(routes, Metrics::new(), None, Limits::default());
    let (status, body) = answer(service, request("GET", "/things/%ff%fe", "")).await;
    assert_eq!((status, &body["status"]), (400, &Value::from(400)));
}

#[tokio::test]
async fn a_refusal_by_the_framework_says_what_the_client_can_mend_and_nothing_of_what_failed_here()
{
    let failing = || async { (StatusCode::BAD_GATEWAY, "/var/lib/secret is full") };
    let routes = Router::new()
        .route(
            "/things/{id}",
            get(|Path(id): Path<u8>| async move { id.to_string() }),
        )
        .route("/failing", get(failing));
    let service = wrap(routes, Metrics::new(), None, Limits::default());
    for (path, named) in [("/things/99999", "99999"), ("/things/%ff", "UTF-8")] {
        let (status, body) = answer(service.clone(), request("GET", path, "")).await;
        assert_eq!(status, 400, "{path}");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{path}: {detail}");
    }
    let (status, body) = answer(service, request("GET", "/failing", "")).await;
    assert_eq!((status, body.get("detail")), (502, None));
}

#[tokio::test]
async fn a_panic_is_a_problem_that_says_nothing() {
    let (status, body) = answer(service(Limits::default()), request("GET", "/boom", "")).await;
    assert_eq!(status, 500);
    assert!(!body.to_string().contains("secret"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_on_every_path() {
    let body = || "x".repeat(10 * 1024 * 1024);
    assert_eq!(problem(request("POST", "/echo", body())).await.0, 413);
    assert_eq!(problem(request("POST", "/nowhere", body())).await.0, 413);
    let chunks = Body::new(http_chunks(body()));
    assert_eq!(problem(request("POST", "/echo", chunks)).await.0, 413);
}

/// A body of unannounced length.
fn http_chunks(
    text: String,
) -> impl hyper::body::Body<Data = axum::body::Bytes, Error = std::convert::Infallible> + Send {
    struct Chunks(Option<String>);
    impl hyper::body::Body for Chunks {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Ready(
                self.0
                    .take()
                    .map(|text| Ok(hyper::body::Frame::data(text.into()))),
            )
        }
    }
    Chunks(Some(text))
}

#[tokio::test]
async fn a_write_without_the_token_is_401() {
    assert_eq!(problem(request("POST", "/guarded", "{}")).await.0, 401);
    let mut with = request("POST", "/guarded", "{}");
    with.headers_mut()
        .insert("authorization", HeaderValue::from_static("Bearer token"));
    assert_eq!(answer(service(Limits::default()), with).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_cut_off() {
    assert_eq!(
        problem(request("GET", "/hang", "")).await,
        (503, "timeout".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408() {
    struct Silence;
    impl hyper::body::Body for Silence {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
    assert_eq!(
        problem(request("POST", "/echo", Body::new(Silence))).await,
        (408, "slow-body".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn requests_over_the_bound_wait_and_are_then_turned_away() {
    let service = service(Limits {
        concurrency: 1,
        ..Limits::default()
    });
    let first = tokio::spawn(answer(service.clone(), request("GET", "/hang", "")));
    tokio::task::yield_now().await;
    let (status, body) = answer(service.clone(), request("GET", "/healthz", "")).await;
    assert_eq!(
        (status, body["type"].as_str()),
        (503, Some("urn:chopmark:problem:unavailable"))
    );
    assert_eq!(first.await.unwrap().0, 503);
    assert_eq!(answer(service, request("GET", "/healthz", "")).await.0, 200);
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_path() {
    let metrics = Metrics::new();
    let routes = Router::new().route("/things/{id}", get(|| async { "thing" }));
    let service = wrap(routes, metrics.clone(), None, Limits::default());
    answer(service.clone(), request("GET", "/things/confidential", "")).await;
    answer(service, request("GET", "/confidential", "")).await;
    let text = metrics.render();
    assert!(
        text.contains(
            r#"chopmark_http_requests_total{method="GET",route="/things/{id}",status="200"} 1"#
        ),
        "{text}"
    );
    assert!(
        text.contains(r#"route="unmatched",status="404"} 1"#),
        "{text}"
    );
    assert!(!text.contains("confidential"));
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_anything_runs() {
    let guard = HostGuard::new(["localhost:8400".to_owned()]);
    let service = wrap(
        Router::new().route("/boom", get(boom)),
        Metrics::new(),
        Some(guard),
        Limits::default(),
    );
    let mut foreign = request("GET", "/boom", "");
    foreign
        .headers_mut()
        .insert("host", HeaderValue::from_static("evil.example"));
    assert_eq!(answer(service, foreign).await.0, 403);
}

#[tokio::test]
async fn a_request_id_is_kept_when_it_is_plain() {
    for (given, kept) in [("abc-123", true), ("a b", false), ("", false)] {
        let mut request = request("GET", "/healthz", "");
        request
            .headers_mut()
            .insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
        let response = service(Limits::default()).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[REQUEST_ID] == given, kept, "{given:?}");
    }
}

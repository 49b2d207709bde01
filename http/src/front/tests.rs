use axum::response::IntoResponse as _;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::stack::{Limits, wrap_with_ready};
use crate::{HostGuard, Metrics};

/// Knows one path, and panics at another.
struct One;

impl Ready for One {
    fn route(&self) -> &'static str {
        "/things/{id}"
    }

    fn answer(&self, uri: &Uri, _: &HeaderMap) -> Option<Response> {
        match uri.path() {
            "/things/one" => Some("ready".into_response()),
            "/things/broken" => panic!("no answer"),
            _ => None,
        }
    }
}

/// What a client gets that sends this, as text.
async fn say(metrics: &Metrics, guard: Option<HostGuard>, request: &str) -> String {
    let routes = Router::new().route(
        "/things/{id}",
        get(|| async { "routed" }).post(|| async { "posted" }),
    );
    let front = wrap_with_ready(routes, metrics.clone(), guard, Limits::default(), One);
    let (mut client, far) = tokio::io::duplex(64 * 1024);
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), front);
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let (served, got) = tokio::join!(connection, client.read_to_string(&mut answer));
    served.unwrap();
    got.unwrap();
    answer
}

fn ask(method: &str, path: &str, host: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-request-id: mine-1\r\nconnection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn a_ready_answer_comes_before_the_routes_and_is_counted_as_theirs() {
    let metrics = Metrics::new();
    let answer = say(&metrics, None, &ask("GET", "/things/one", "here")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("x-request-id: mine-1") && answer.ends_with("ready"),
        "{answer}"
    );
    for path in ["/things/two", "/things/broken"] {
        let answer = say(&metrics, None, &ask("GET", path, "here")).await;
        assert!(answer.ends_with("routed"), "{answer}");
    }
    let posted = say(&metrics, None, &ask("POST", "/things/one", "here")).await;
    assert!(posted.ends_with("posted"), "{posted}");
    let text = metrics.render();
    let counted =
        r#"chopmark_http_requests_total{method="GET",route="/things/{id}",status="200"} 3"#;
    assert!(text.contains(counted), "{text}");
}

#[tokio::test]
async fn what_the_guard_refuses_is_not_ready() {
    let guard = HostGuard::new(["here".to_owned()]);
    let ask = |host| ask("GET", "/things/one", host);
    let metrics = Metrics::new();
    let ours = say(&metrics, Some(guard.clone()), &ask("here")).await;
    assert!(ours.ends_with("ready"), "{ours}");
    let foreign = say(&metrics, Some(guard), &ask("elsewhere")).await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
}

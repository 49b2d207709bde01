//! Bodies from outside: media type, size and encoding are checked before anything parses them.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};

use crate::Problem;

/// The size that a body may have where nothing else is said: 1 MiB.
pub const DEFAULT_LIMIT: usize = 1024 * 1024;

/// How much of an oversized body is read and thrown away, so that the client gets to see the answer.
const DRAIN_BYTES: usize = 32 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A JSON body of at most `MAX` bytes: media type checked, UTF-8, not parsed.
///
/// Handlers parse it with `chop_integrity::json`, which knows about duplicate keys and depth. Refuses an unknown media
/// type with 415, a larger body with 413, anything that is not UTF-8 with 400. `application/json`, every `+json` type
/// and the registered `application/vc` and `application/vp` (VCDM 2.0 §6.2) are JSON.
#[derive(Debug, Clone)]
pub struct JsonBytes<const MAX: usize = DEFAULT_LIMIT>(pub Bytes);

impl<S: Send + Sync, const MAX: usize> FromRequest<S> for JsonBytes<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let media_type = check_media_type(request.headers());
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, MAX).await?;
        media_type?;
        if std::str::from_utf8(&bytes).is_err() {
            return Err(Problem::bad_request("the body is not UTF-8"));
        }
        Ok(Self(bytes))
    }
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// A 413 problem for a larger one, after reading on for a bounded while so that the client is ready to listen; a 400
/// problem when the transfer breaks.
pub async fn read(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        drain(&mut body).await;
        return Err(too_large(limit));
    }
    let mut collected = Vec::with_capacity(announced.unwrap_or(0).min(limit));
    while let Some(chunk) = next_chunk(&mut body).await {
        let chunk = chunk.map_err(|_| Problem::bad_request("the body broke off"))?;
        if collected.len() + chunk.len() > limit {
            drain(&mut body).await;
            return Err(too_large(limit));
        }
        collected.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(collected))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
    )
    .detail(format_args!("a body here has at most {limit} bytes"))
}

async fn drain(body: &mut Body) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = next_chunk(body).await {
            seen += chunk.len();
            if seen > DRAIN_BYTES {
                break;
            }
        }
    };
    // The answer is the same whether the rest came in time or not.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

async fn next_chunk(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    use hyper::body::Body as _;
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context))
                .await?;
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            // Trailers carry nothing that anybody here reads.
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let json = match essence.as_str() {
        "application/json" | "application/vc" | "application/vp" => true,
        other => other.starts_with("application/") && other.ends_with("+json"),
    };
    if json {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The media type is not one of ours",
    )
    .detail("this call takes application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(media_type: &str, body: impl Into<Body>) -> Request {
        Request::builder()
            .header(CONTENT_TYPE, media_type)
            .body(body.into())
            .unwrap()
    }

    async fn outcome(request: Request) -> Result<Bytes, u16> {
        let read: Result<JsonBytes<16>, Problem> = JsonBytes::from_request(request, &()).await;
        read.map(|body| body.0)
            .map_err(|problem| problem.status().as_u16())
    }

    #[tokio::test]
    async fn takes_json_under_its_many_names() {
        for name in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/ld+json",
            "application/vc",
        ] {
            assert_eq!(
                outcome(request(name, "{}")).await,
                Ok(Bytes::from("{}")),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn refuses_what_is_not_json_with_415() {
        for name in [
            "",
            "text/plain",
            "text/x+json",
            "application/xml",
            "application/jsonx",
        ] {
            assert_eq!(outcome(request(name, "{}")).await, Err(415), "{name}");
        }
    }

    #[tokio::test]
    async fn refuses_a_body_over_the_limit_with_413() {
        assert_eq!(
            outcome(request("application/json", "x".repeat(16))).await,
            Ok(Bytes::from("x".repeat(16)))
        );
        assert_eq!(
            outcome(request("application/json", "x".repeat(17))).await,
            Err(413)
        );
        let announced = Request::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, "99999999999");
        assert_eq!(
            outcome(announced.body(Body::empty()).unwrap()).await,
            Err(413)
        );
    }

    #[tokio::test]
    async fn refuses_what_is_not_utf_8_with_400() {
        assert_eq!(
            outcome(request("application/json", vec![b'"', 0xff, b'"'])).await,
            Err(400)
        );
    }
}

//! The administrator's bearer token, RFC 6750 §2.1.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::Problem;

/// The secret that authorises writes over HTTP, or the open mode of conformance runs.
#[derive(Clone)]
pub struct AdminToken {
    secret: Option<Arc<[u8]>>,
}

impl AdminToken {
    /// Demands this token. An empty token admits nobody.
    pub fn required(token: &str) -> Self {
        Self {
            secret: Some(Arc::from(token.as_bytes())),
        }
    }

    /// Admits everybody: for `--conformance` on a loopback listener only.
    pub fn open() -> Self {
        Self { secret: None }
    }

    /// Says whether a request may write: it carries the token, or none is demanded.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = &self.secret else {
            return true;
        };
        bearer(headers).is_some_and(|given| !secret.is_empty() && bool::from(given.ct_eq(secret)))
    }

    /// Lets a request pass that may write.
    ///
    /// # Errors
    /// A 401 problem with a `WWW-Authenticate` header when the token is missing or wrong.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.admits(headers) {
            return Ok(());
        }
        let (challenge, detail) = if bearer(headers).is_some() {
            (
                "Bearer realm=\"chopmark\", error=\"invalid_token\"",
                "the bearer token is not the administrator's",
            )
        } else {
            (
                "Bearer realm=\"chopmark\"",
                "this call needs the administrator's bearer token",
            )
        };
        Err(
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", "Not authorised")
                .detail(detail)
                .header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge)),
        )
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secret.is_some() {
            "AdminToken(required)"
        } else {
            "AdminToken(open)"
        })
    }
}

/// Middleware that demands the token: `route_layer(from_fn_with_state(token, require))`.
pub async fn require(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    match token.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn admits_the_bearer_of_the_token_and_nobody_else() {
        let token = AdminToken::required("s3cret");
        assert!(token.admits(&headers("Bearer s3cret")));
        assert!(token.admits(&headers("bearer s3cret")));
        for other in [
            "Bearer s3cre",
            "Bearer s3cret0",
            "Basic s3cret",
            "Bearer ",
            "s3cret",
            "",
        ] {
            assert!(!token.admits(&headers(other)), "{other}");
        }
        assert!(!token.admits(&HeaderMap::new()));
    }

    #[test]
    fn an_empty_token_admits_nobody() {
        assert!(!AdminToken::required("").admits(&headers("Bearer ")));
    }

    #[test]
    fn the_open_mode_admits_everybody() {
        assert!(AdminToken::open().admits(&HeaderMap::new()));
    }

    #[test]
    fn refusal_names_the_scheme_and_not_the_token() {
        let token = AdminToken::required("s3cret");
        let response = token
            .check(&headers("Bearer wrong"))
            .unwrap_err()
            .into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(
            response.headers()[WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .contains("invalid_token")
        );
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}

//! The guard against DNS rebinding and cross-site requests where no token protects the writes.

use std::sync::Arc;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};

use crate::Problem;

/// The authorities under which this process answers; a foreign `Host` or `Origin` is refused.
#[derive(Debug, Clone)]
pub struct HostGuard {
    authorities: Arc<[String]>,
}

impl HostGuard {
    /// Answers under these authorities only, each as `host:port`, for instance `127.0.0.1:8400` and `localhost:8400`.
    pub fn new(authorities: impl IntoIterator<Item = String>) -> Self {
        Self {
            authorities: authorities
                .into_iter()
                .map(|authority| authority.to_ascii_lowercase())
                .collect(),
        }
    }

    /// Lets a request pass that names this process.
    ///
    /// # Errors
    /// A 403 problem for a missing, repeated or foreign `Host` and for a foreign `Origin`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut hosts = headers.get_all(HOST).iter();
        let host_is_ours = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().is_ok_and(|host| self.knows(host)),
            _ => false,
        };
        if !host_is_ours {
            return Err(foreign("the Host header names another server"));
        }
        let origins_are_ours = headers.get_all(ORIGIN).iter().all(|origin| {
            origin.to_str().is_ok_and(|origin| {
                let authority = origin
                    .strip_prefix("http://")
                    .or_else(|| origin.strip_prefix("https://"));
                authority.is_some_and(|authority| self.knows(authority))
            })
        });
        if origins_are_ours {
            Ok(())
        } else {
            Err(foreign("the Origin header names another site"))
        }
    }

    fn knows(&self, authority: &str) -> bool {
        self.authorities
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(authority))
    }
}

fn foreign(detail: &'static str) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "foreign-origin",
        "The request is for somebody else",
    )
    .detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn verdict(headers: &[(HeaderName, &'static str)]) -> bool {
        let guard = HostGuard::new(["127.0.0.1:8400".to_owned(), "localhost:8400".to_owned()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        guard.check(&map).is_ok()
    }

    #[test]
    fn lets_its_own_names_pass() {
        assert!(verdict(&[(HOST, "127.0.0.1:8400")]));
        assert!(verdict(&[
            (HOST, "LocalHost:8400"),
            (ORIGIN, "http://localhost:8400")
        ]));
    }

    #[test]
    fn refuses_a_foreign_host() {
        for host in [
            "evil.example",
            "localhost",
            "localhost:8401",
            "localhost:8400.evil.example",
            "",
        ] {
            assert!(!verdict(&[(HOST, host)]), "{host}");
        }
        assert!(!verdict(&[]));
        assert!(!verdict(&[
            (HOST, "localhost:8400"),
            (HOST, "evil.example")
        ]));
    }

    #[test]
    fn refuses_a_foreign_origin() {
        for origin in [
            "https://evil.example",
            "null",
            "file://localhost:8400",
            "http://localhost:8400@evil.example",
        ] {
            assert!(
                !verdict(&[(HOST, "localhost:8400"), (ORIGIN, origin)]),
                "{origin}"
            );
        }
    }
}

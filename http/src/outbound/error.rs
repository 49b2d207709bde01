//! Why an outside request got no answer.

use std::time::Duration;

use axum::http::StatusCode;

use super::REDIRECTS;

/// Says why an outside request got no answer. None of it names an address.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The scheme is not https.
    #[error("scheme {scheme:?} is refused: only https leaves this process")]
    Scheme {
        /// The scheme given.
        scheme: String,
    },
    /// The URL carries a user name or password.
    #[error("a URL with user information is refused")]
    UserInfo,
    /// The URL has no host.
    #[error("the URL has no host")]
    NoHost,
    /// The host is, or resolves to, an address that is not public.
    #[error("host {host:?} is not at a public address")]
    NotPublic {
        /// The host asked for.
        host: String,
    },
    /// The host does not resolve.
    #[error("host {host:?} does not resolve")]
    Unresolved {
        /// The host asked for.
        host: String,
    },
    /// The redirects do not end.
    #[error("more than {REDIRECTS} redirects")]
    Redirects,
    /// A redirect leads nowhere readable, or from outside into the stack.
    #[error("a redirect leads to where it must not")]
    BadRedirect,
    /// The server answered with a failure.
    #[error("the server answered with status {}", status.as_u16())]
    Status {
        /// The status.
        status: StatusCode,
    },
    /// The answer is too long.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// The exchange took too long.
    #[error("no whole answer within {} ms", limit.as_millis())]
    Timeout {
        /// The time allowed.
        limit: Duration,
    },
    /// The client could not be set up, for want of certificate authorities.
    #[error("no TLS client can be set up on this machine")]
    Setup,
    /// The connection failed.
    #[error("the server cannot be reached")]
    Unreachable,
}

//! The one client for requests to the outside: addresses that strangers chose are checked before anything connects to them.
//!
//! A request goes out over https only, to addresses that are public after resolution, at every redirect anew. The addresses
//! that were checked are those connected to, so a name cannot change its mind in between. Origins of the stack itself are
//! named by the operator and exempt; nobody is redirected to them from elsewhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::Method;
use axum::http::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response};
use url::{Host, Origin, Url};

use self::resolver::{CheckedResolver, Lookup};

pub use self::address::is_public;
pub use self::error::OutboundError;
pub use self::exchange::{Fetched, Outgoing};

mod address;
mod error;
mod exchange;
mod resolver;

const REDIRECTS: usize = 3;

/// What a guarded client allows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time for a whole exchange, redirects and body included.
    pub timeout: Duration,
    /// The largest answer, in bytes, when a request says nothing else.
    pub max_bytes: usize,
    /// The stack's own origins.
    pub trusted: Vec<TrustedOrigin>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            max_bytes: 1024 * 1024,
            trusted: Vec::new(),
        }
    }
}

/// An origin that the operator vouches for: plain http and private addresses are allowed there.
#[derive(Debug, Clone)]
pub struct TrustedOrigin {
    /// Any URL of the origin; scheme, host and port count.
    pub base: Url,
    /// The self-signed certificate (PEM) that it alone may present; without one the system's authorities decide.
    pub certificate: Option<String>,
}

impl TrustedOrigin {
    /// Trusts an origin under the system's certificate authorities, if it is https at all.
    pub fn new(base: Url) -> Self {
        Self {
            base,
            certificate: None,
        }
    }
}

/// The guarded client; clones share connections.
#[derive(Clone)]
pub struct Guarded {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    trusted: Vec<Route>,
    guard: CheckedResolver,
    roots: Vec<Certificate>,
    public: OnceLock<Client>,
}

struct Route {
    origin: Origin,
    certificate: Option<Certificate>,
    client: OnceLock<Client>,
}

impl Guarded {
    /// Makes a guarded client. Nothing connects and nothing is read from disk before the first request.
    ///
    /// # Errors
    /// A trusted origin whose certificate is not PEM.
    pub fn new(settings: Settings) -> Result<Self, OutboundError> {
        Self::with_guard(
            settings,
            CheckedResolver::new(Lookup::system(), is_public),
            Vec::new(),
        )
    }

    fn with_guard(
        settings: Settings,
        guard: CheckedResolver,
        roots: Vec<Certificate>,
    ) -> Result<Self, OutboundError> {
        let trusted = settings
            .trusted
            .iter()
            .map(Route::to)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                trusted,
                guard,
                roots,
                public: OnceLock::new(),
            }),
        })
    }

    /// Says whether a URL belongs to one of the stack's own origins.
    pub fn trusts(&self, url: &Url) -> bool {
        let origin = url.origin();
        self.inner
            .trusted
            .iter()
            .any(|route| route.origin == origin)
    }

    /// Fetches a document; any status but a success is an error.
    ///
    /// # Errors
    /// As [`OutboundError`] says.
    pub async fn fetch(&self, request: Outgoing) -> Result<Fetched, OutboundError> {
        let fetched = self.exchange(request).await?;
        if fetched.status.is_success() {
            Ok(fetched)
        } else {
            Err(OutboundError::Status {
                status: fetched.status,
            })
        }
    }

    /// Sends a request and returns whatever the server answers, failures too.
    ///
    /// # Errors
    /// As [`OutboundError`] says, except for the status.
    pub async fn exchange(&self, request: Outgoing) -> Result<Fetched, OutboundError> {
        let limit = request.timeout.unwrap_or(self.inner.settings.timeout);
        tokio::time::timeout(limit, self.follow(request))
            .await
            .unwrap_or(Err(OutboundError::Timeout { limit }))
    }

    async fn follow(&self, mut request: Outgoing) -> Result<Fetched, OutboundError> {
        let max_bytes = request.max_bytes.unwrap_or(self.inner.settings.max_bytes);
        let mut from_outside = false;
        for _ in 0..=REDIRECTS {
            let own = self
                .inner
                .trusted
                .iter()
                .find(|route| route.origin == request.url.origin());
            let client = match own {
                Some(_) if from_outside => return Err(OutboundError::BadRedirect),
                Some(route) => route.client()?,
                None => {
                    from_outside = true;
                    self.inner.permit(&request.url)?;
                    self.inner.public_client()?
                }
            };
            let response = send(client, &request).await?;
            let Some(target) = redirect(&request, &response)? else {
                return collect(response, request.url, max_bytes).await;
            };
            request.headers.remove(axum::http::header::AUTHORIZATION);
            request.url = target;
        }
        Err(OutboundError::Redirects)
    }
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Checks what can be told from the URL alone; names are checked when they resolve.
    fn permit(&self, url: &Url) -> Result<(), OutboundError> {
        if url.scheme() != "https" {
            return Err(OutboundError::Scheme {
                scheme: url.scheme().to_owned(),
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::UserInfo);
        }
        let literal = match url.host().ok_or(OutboundError::NoHost)? {
            Host::Domain(_) => return Ok(()),
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        if self.guard.permits(literal) {
            return Ok(());
        }
        Err(OutboundError::NotPublic {
            host: url.host_str().unwrap_or_default().to_owned(),
        })
    }

    fn public_client(&self) -> Result<&Client, OutboundError> {
        once(&self.public, || {
            let builder = bare().https_only(true).dns_resolver(self.guard.clone());
            // Tests bring an authority of their own; the system's certificates are not asked then.
            if self.roots.is_empty() {
                builder
            } else {
                builder.tls_certs_only(self.roots.clone())
            }
        })
    }
}

impl Route {
    fn to(trusted: &TrustedOrigin) -> Result<Self, OutboundError> {
        let certificate = trusted
            .certificate
            .as_deref()
            .map(|pem| Certificate::from_pem(pem.as_bytes()));
        let certificate = certificate.transpose().map_err(|_| OutboundError::Setup)?;
        Ok(Self {
            origin: trusted.base.origin(),
            certificate,
            client: OnceLock::new(),
        })
    }

    fn client(&self) -> Result<&Client, OutboundError> {
        let plain = matches!(&self.origin, Origin::Tuple(scheme, ..) if scheme == "http");
        once(&self.client, || match &self.certificate {
            Some(certificate) => bare().tls_certs_only([certificate.clone()]),
            None if plain => bare().tls_certs_only([]),
            None => bare(),
        })
    }
}

fn once(
    cell: &OnceLock<Client>,
    builder: impl FnOnce() -> ClientBuilder,
) -> Result<&Client, OutboundError> {
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    let client = builder().build().map_err(|error| {
        tracing::error!(%error, "cannot set up the outbound client");
        OutboundError::Setup
    })?;
    Ok(cell.get_or_init(|| client))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that builds an HTTP client"
)]
fn bare() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .http1_max_headers(128)
        .connect_timeout(Duration::from_secs(4))
        .pool_max_idle_per_host(8)
        .user_agent(concat!("chopmark/", env!("CARGO_PKG_VERSION")))
}

async fn send(client: &Client, request: &Outgoing) -> Result<Response, OutboundError> {
    let mut builder = client
        .request(request.method.clone(), request.url.clone())
        .headers(request.headers.clone());
    if let Some(body) = &request.body {
        builder = builder.body(body.clone());
    }
    builder.send().await.map_err(|error| {
        tracing::debug!(%error, "an outbound request failed");
        let host = || request.url.host_str().unwrap_or_default().to_owned();
        match resolver::refusal(&error) {
            Some(resolver::Refusal::NotPublic) => OutboundError::NotPublic { host: host() },
            Some(resolver::Refusal::Unresolved) => OutboundError::Unresolved { host: host() },
            None => OutboundError::Unreachable,
        }
    })
}

/// Returns where a redirect leads; only reads follow one.
fn redirect(request: &Outgoing, response: &Response) -> Result<Option<Url>, OutboundError> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !redirects || request.method != Method::GET {
        return Ok(None);
    }
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| request.url.join(location).ok());
    target.map(Some).ok_or(OutboundError::BadRedirect)
}

async fn collect(mut response: Response, url: Url, limit: usize) -> Result<Fetched, OutboundError> {
    let (status, headers) = (response.status(), response.headers().clone());
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(OutboundError::TooLarge { limit });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|_| OutboundError::Unreachable)?
    {
        if body.len() + chunk.len() > limit {
            return Err(OutboundError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched {
        status,
        url,
        headers,
        body,
    })
}

#[cfg(test)]
mod tests;

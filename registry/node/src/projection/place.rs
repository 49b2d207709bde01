//! Where a read model is kept: in a file of `SQLite` or in a database of `PostgreSQL`.
//!
//! Over a network connections to `PostgreSQL` are encrypted, and only the server that the URL names is taken, unless the URL says
//! that neither is meant. Modes between would take any server, or fall back to none of it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use url::Url;

/// The names of the parameter that says whether connections are encrypted.
const SSL_MODE: [&str; 2] = ["sslmode", "ssl-mode"];

/// Where the driver finds a host that the URL does not name, the first one first; without any it takes a socket or this host.
const HOST_VARIABLES: [&str; 2] = ["PGHOSTADDR", "PGHOST"];

/// Where the read model is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Place(pub(super) Kept);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kept {
    File(PathBuf),
    Postgres(Url),
}

/// Says why a text names no place for the read model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a read model is kept in `sqlite:PATH` or under `postgres://USER@HOST/DATABASE`: {reason}")]
pub struct PlaceError {
    reason: &'static str,
}

impl Place {
    /// A file of `SQLite`, made when it does not exist.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kept::File(path.into()))
    }

    /// Parses `sqlite:PATH` or a URL of `PostgreSQL`.
    ///
    /// # Errors
    /// [`PlaceError`] for anything else; the text, which may hold a password, is not repeated.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        Self::parse_beside(text, |name| std::env::var(name).ok())
    }

    /// The same, beside the variables of an environment.
    pub(super) fn parse_beside(
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, PlaceError> {
        let wrong = |reason| Err(PlaceError { reason });
        if let Some(path) = text.strip_prefix("sqlite:") {
            // What follows `sqlite://` is the path too, which need not begin at the root.
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path.trim_start_matches('/') {
                "" => wrong("the path is missing"),
                _ => Ok(Self::file(path)),
            };
        }
        let Ok(url) = Url::parse(text) else {
            return wrong("this is neither");
        };
        if !["postgres", "postgresql"].contains(&url.scheme()) {
            return wrong("the scheme is another");
        }
        if url.path().trim_start_matches('/').is_empty() {
            return wrong("the database is missing");
        }
        match parameter(&url, &SSL_MODE).as_deref() {
            Some("disable" | "verify-full") => {}
            Some("require" | "verify-ca") => {
                return wrong(
                    "sslmode=require and verify-ca take servers of anybody: say verify-full",
                );
            }
            _ => {
                if let Some(host) = named_host(&url) {
                    if is_elsewhere(&host) {
                        return wrong(
                            "its host is another one: say sslmode=verify-full, or sslmode=disable where nobody else is on the way",
                        );
                    }
                } else if HOST_VARIABLES
                    .iter()
                    .find_map(|name| variable(name))
                    .is_some_and(|host| is_elsewhere(&host))
                {
                    return wrong(
                        "it names no host, and that of PGHOSTADDR or PGHOST is another one: name the host, or say sslmode=verify-full or disable",
                    );
                }
            }
        }
        Ok(Self(Kept::Postgres(url)))
    }
}

/// Shows where, and no password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kept::File(path) => write!(f, "{}", path.display()),
            Kept::Postgres(url) => {
                let host = url.host_str().unwrap_or_default();
                write!(f, "the PostgreSQL database {}{}", host, url.path())
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// The last value of a parameter, as the driver takes it.
fn parameter(url: &Url, names: &[&str]) -> Option<String> {
    let values = url
        .query_pairs()
        .filter(|(name, _)| names.contains(&&**name));
    values.last().map(|(_, value)| value.to_ascii_lowercase())
}

fn named_host(url: &Url) -> Option<String> {
    parameter(url, &["host", "hostaddr"]).or_else(|| url.host_str().map(str::to_owned))
}

/// Whether connections to it leave this host.
fn is_elsewhere(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    let is_socket = host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f");
    !(host.is_empty()
        || is_socket
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback()))
}

//! Name resolution that hands out public addresses only.

use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

type Answer = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// Asks for the addresses of a name.
#[derive(Clone)]
pub(super) struct Lookup(Arc<dyn Fn(String) -> Answer + Send + Sync>);

impl Lookup {
    /// Asks the operating system.
    pub(super) fn system() -> Self {
        Self::with(|name| async move {
            Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        })
    }

    /// Asks a function.
    pub(super) fn with<F>(ask: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = std::io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |name| Box::pin(ask(name))))
    }
}

/// A resolver that refuses a name when any of its addresses is refused.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    lookup: Lookup,
    permits: fn(IpAddr) -> bool,
}

impl CheckedResolver {
    pub(super) fn new(lookup: Lookup, permits: fn(IpAddr) -> bool) -> Self {
        Self { lookup, permits }
    }

    pub(super) fn permits(&self, address: IpAddr) -> bool {
        (self.permits)(address)
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, permits) = ((self.lookup.0)(name.as_str().to_owned()), self.permits);
        Box::pin(async move {
            let addresses = answer.await.map_err(|_| Refusal::Unresolved)?;
            if addresses.is_empty() {
                return Err(Refusal::Unresolved.into());
            }
            // One private address among public ones is how a rebinding name looks.
            if !addresses.iter().copied().all(permits) {
                return Err(Refusal::NotPublic.into());
            }
            let addresses: Addrs = Box::new(
                addresses
                    .into_iter()
                    .map(|address| SocketAddr::new(address, 0)),
            );
            Ok(addresses)
        })
    }
}

/// Why a name was not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the name does not resolve")]
    Unresolved,
    #[error("the name resolves to an address that is not public")]
    NotPublic,
}

/// Finds the resolver's refusal in a chain of causes.
pub(super) fn refusal(error: &reqwest::Error) -> Option<Refusal> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Some(*refusal);
        }
        cause = error.source();
    }
    None
}

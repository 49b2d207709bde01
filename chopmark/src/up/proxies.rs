//! The proxies before a node.

use chop_http::Proxies;
use chop_http::client::Network;

/// Whose word counts for where clients are.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProxyArgs {
    /// A reverse proxy, as an address or a network such as 10.0.0.0/8, whose Forwarded or X-Forwarded-For says from where a
    /// client speaks (repeatable); every client is whoever connects when absent
    #[arg(
        long = "trusted-proxy",
        env = "CHOPMARK_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    trusted: Vec<Network>,
}

impl ProxyArgs {
    pub(crate) fn proxies(self) -> Proxies {
        Proxies::new(self.trusted)
    }
}

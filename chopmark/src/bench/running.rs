//! A stack that runs in this process for as long as it is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chop_node::engine::Engine;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::scenario::Client;
use crate::up::{Ledger, Options, Stack};

/// A solo ledger with all services around it, as `up` runs them, and a client of it.
pub(super) struct Running {
    /// Asks and writes with the admin token.
    pub(super) client: Arc<Client>,
    /// Its ledger.
    pub(super) engine: Engine,
    /// Where it listens.
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Starts it in a folder, on a free port.
    ///
    /// # Errors
    /// When the stack does not start.
    pub(super) async fn start(data: &Path) -> anyhow::Result<Self> {
        let options = Options {
            data: data.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls_listen: None,
            public_url: None,
            read_model: None,
            proxies: chop_http::Proxies::default(),
            conformance: false,
            passphrase: None,
            trust: chop_verifier::Trust::default(),
            ledger: Ledger::Solo {
                replay: false,
                keep_blocks: None,
            },
            members: Vec::new(),
            member_api: None,
        };
        let stack = Stack::start(options).await?;
        let (address, token) = (stack.address(), stack.token().to_owned());
        let engine = stack.engine().clone();
        let base = Url::parse(&stack.base_url())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(stack.serve(async {
            let _asked = stopped.await;
        }));
        let client = Arc::new(Client::connect(base, token).await?);
        Ok(Self {
            client,
            engine,
            address,
            stop,
            serving,
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended before, or does not end well.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.serving.await.context("the stack ended early")?
    }
}

//! The stack, wired: every part made, handed to the parts that need it, and put behind one router.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chop_client::Resolver;
use chop_http::outbound::{Guarded, Settings, TrustedOrigin};
use chop_http::server::{self, ConnectionLimits, Listener};
use chop_http::stack::{Limits, wrap_with_ready};
use chop_http::{AdminToken, Front, HostGuard, Metrics, Problem, Proxies, clock, random, tls};
use chop_issuer::IssuerApp;
use chop_keystore::{Keystore, Passphrase};
use chop_node::engine::{Engine, Health};
use chop_node::leaves::{LeafKeeper, LeafStore};
use chop_node::projection::{Follower, Place, Projection};
use chop_node::store::DiskLimit;
use chop_node::{LocalRegistry, MemberDoor, NodeApp, Operator};
use chop_verifier::{Trust, VerifierApp};
use tokio::net::TcpListener;
use url::Url;

use super::folder::{Folder, Mode};
use super::identity::{identity, names};
use super::{Member, ledger, member, page, passphrase};

/// How long a relying party may keep a status list, in milliseconds.
const LIST_TTL_MS: u64 = 60_000;
/// Where the read model is kept when nothing else is said.
pub(crate) const READ_MODEL: &str = "projection.sqlite";

/// What a stack is started with.
#[derive(Debug)]
pub(crate) struct Options {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen for http.
    pub listen: SocketAddr,
    /// Where to listen for https.
    pub tls_listen: Option<SocketAddr>,
    /// The base URL under which others reach it.
    pub public_url: Option<Url>,
    /// Whether everything is open, for suites.
    pub conformance: bool,
    /// The passphrase of the keys; the folder's own when absent.
    pub passphrase: Option<Passphrase>,
    /// Whose word the verifier takes beside issuers' own.
    pub trust: Trust,
    /// The ledger that it runs on.
    pub ledger: Ledger,
    /// Base URLs of other members' nodes, with which it exchanges the leaves of batches.
    pub members: Vec<Url>,
    /// Where the read model is kept; in the data folder when absent.
    pub read_model: Option<Place>,
    /// The proxies that are believed for whom they speak.
    pub proxies: Proxies,
    /// Where members' programs are received.
    pub member_api: Option<MemberApi>,
}

/// How the member API is served.
#[derive(Debug)]
pub(crate) struct MemberApi {
    /// Where to listen for it.
    pub listen: SocketAddr,
    /// The certificate of the consortium's authority, PEM.
    pub authority: String,
    /// What the node shows itself with; the folder's self-signed certificate when absent.
    pub identity: Option<tls::Identity>,
}

/// The ledger of a stack.
#[derive(Debug)]
pub(crate) enum Ledger {
    /// The folder's own, founded at the first start.
    Solo {
        /// Whether every block is checked before the start.
        replay: bool,
        /// How many blocks are kept; all when absent.
        keep_blocks: Option<u64>,
    },
    /// One that several members run, which the folder has joined.
    Member(Member),
}

impl Ledger {
    fn open(&self, folder: &Folder, keystore: &Keystore) -> anyhow::Result<(Engine, Operator)> {
        match self {
            Self::Solo {
                replay,
                keep_blocks,
            } => ledger::open(folder, keystore, (*replay, *keep_blocks)),
            Self::Member(member) => member.open(folder, keystore),
        }
    }
}

/// A stack that is ready to serve.
pub(crate) struct Stack {
    folder: Folder,
    base: Url,
    address: SocketAddr,
    token: String,
    listeners: Vec<Listener>,
    front: Front,
    engine: Engine,
    issuer: IssuerApp,
    projection: Projection,
    follower: Follower,
}

impl Stack {
    /// Makes every part.
    ///
    /// # Errors
    /// When the folder, a port, the passphrase or a store cannot be used.
    pub(crate) async fn start(options: Options) -> anyhow::Result<Self> {
        let folder = Folder::open(&options.data, mode(&options)?)?;
        let names = names(&options);
        let token = folder.admin_token()?;
        let keystore = Arc::new(keystore(&folder, options.passphrase)?);
        let (engine, operator) = options.ledger.open(&folder, &keystore)?;

        let socket = bind(options.listen).await?;
        let address = socket.local_addr()?;
        let mut bases = vec![(Url::parse(&format!("http://{address}"))?, None)];
        let mut listeners = vec![Listener::plain(socket)];
        if let Some(tls_listen) = options.tls_listen {
            let socket = bind(tls_listen).await?;
            let identity = identity(&folder, &names)?;
            bases.push((
                Url::parse(&format!("https://{}", socket.local_addr()?))?,
                Some(identity.certificate.clone()),
            ));
            listeners.push(Listener::tls(socket, tls::acceptor(&identity)?));
        }

        let admin = if options.conformance {
            AdminToken::open()
        } else {
            AdminToken::required(&token)
        };
        let trusted = bases.iter().map(|(base, certificate)| TrustedOrigin {
            base: base.clone(),
            certificate: certificate.clone(),
        });
        let members = options.members.iter().cloned().map(TrustedOrigin::new);
        let outbound = Guarded::new(Settings {
            trusted: trusted.chain(members).collect(),
            ..Settings::default()
        })?;
        let keeper = leaves(
            &folder,
            &keystore,
            &outbound,
            (&options.ledger, &options.members),
        )?;
        tokio::spawn(keeper.clone().run(engine.clone()));
        let registry =
            LocalRegistry::new(engine.clone(), Arc::new(clock::now_ms)).with_leaves(keeper.clone());
        let resolver = Arc::new(Resolver::new(outbound).with_registry(Arc::new(registry)));

        // Status lists are named under the best base there is: what the operator says, else https, else http.
        let lists = options
            .public_url
            .clone()
            .or_else(|| bases.last().map(|(base, _)| base.clone()));
        let lists = lists
            .map(|base| base.to_string().trim_end_matches('/').to_owned())
            .unwrap_or_default();
        let config = chop_issuer::Config {
            database: folder.join("issuer.sqlite"),
            base_url: lists,
            list_ttl_ms: LIST_TTL_MS,
            admin: admin.clone(),
            conformance: options.conformance,
        };
        let issuer = IssuerApp::open(config, Arc::clone(&keystore), Arc::clone(&resolver))
            .await
            .context("cannot open the issuing service")?;
        let verifier = VerifierApp::new((*resolver).clone(), options.trust);
        // It ends with the process; without a consortium it has nothing to do.
        tokio::spawn(chop_node::accuse(engine.clone(), operator.clone()));
        let (projection, follower) = read_model(&folder, options.read_model, &engine).await?;
        let shown = projection.clone();
        let node = NodeApp::new(engine.clone(), operator, admin, resolver, shown);
        let node = node.with_leaves(keeper).behind(options.proxies);

        let api = Router::new()
            .merge(chop_node::router(node.clone()))
            .merge(chop_issuer::router(issuer.clone()))
            .merge(chop_verifier::router(verifier))
            .merge(page::router())
            .route(
                "/readyz",
                get(ready).with_state((engine.clone(), issuer.clone())),
            );
        let guard = options
            .conformance
            .then(|| HostGuard::new(authorities(&bases)));
        let metrics = Metrics::new();
        node.register(&metrics);
        if let Some(members) = &options.member_api {
            listeners
                .push(receive(members, (&folder, &names), node.clone(), metrics.clone()).await?);
        }
        let ready = chop_node::kept_answers(node);
        let front = wrap_with_ready(api, metrics, guard, Limits::default(), ready);
        let (base, _) = bases.swap_remove(0);
        Ok(Self {
            folder,
            base: options.public_url.unwrap_or(base),
            address,
            token,
            listeners,
            front,
            engine,
            issuer,
            projection,
            follower,
        })
    }

    /// The base URL, without a slash at its end.
    pub(crate) fn base_url(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// The ledger's engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where it listens for http.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Serves until `shutdown`, then ends what is under way and closes the stores.
    ///
    /// # Errors
    /// When the engine's thread cannot be joined.
    pub(crate) async fn serve(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let projection = self.projection;
        let streams = projection.clone();
        let shutdown = async move {
            shutdown.await;
            streams.end_streams();
        };
        server::serve(
            self.listeners,
            self.front,
            ConnectionLimits::default(),
            shutdown,
        )
        .await;
        drop(self.follower);
        projection.close().await;
        let engine = self.engine;
        tokio::task::spawn_blocking(move || engine.stop()).await?;
        self.issuer.close().await;
        drop(self.folder);
        Ok(())
    }
}

/// The leaves of batches, kept for the validator of this folder.
fn leaves(
    folder: &Folder,
    keystore: &Keystore,
    outbound: &Guarded,
    (on, members): (&Ledger, &[Url]),
) -> anyhow::Result<LeafKeeper> {
    let store = LeafStore::open(&folder.join("leaves.redb"), Arc::new(DiskLimit::none()))
        .context("cannot open the leaves of batches")?;
    // Receipts count under the key that signs headers.
    let validator = match on {
        Ledger::Solo { .. } => ledger::key(keystore, "validator")?,
        Ledger::Member(_) => member::validator(folder, keystore)?,
    };
    Ok(LeafKeeper::new(store, validator, outbound.clone(), members))
}

/// The listener of the member API.
async fn receive(
    members: &MemberApi,
    (folder, names): (&Folder, &[String]),
    node: NodeApp,
    metrics: Metrics,
) -> anyhow::Result<Listener> {
    let identity = match &members.identity {
        Some(identity) => identity.clone(),
        None => identity(folder, names)?,
    };
    let acceptor = tls::mutual_acceptor(&identity, &members.authority)
        .context("the member API cannot be served")?;
    let socket = bind(members.listen).await?;
    tracing::info!(address = %socket.local_addr()?, "receives members");
    let door = MemberDoor::new(node.engine().clone());
    let router = chop_node::member_router(node, door.clone(), metrics);
    Ok(Listener::mutual(socket, acceptor, router, Arc::new(door)))
}

/// For whom the folder is; what is open to suites listens on this machine only.
fn mode(options: &Options) -> anyhow::Result<Mode> {
    if !options.conformance {
        return Ok(Mode::Standard);
    }
    let sockets = [Some(options.listen), options.tls_listen];
    let mut sockets = sockets.iter().flatten();
    ensure!(
        sockets.all(|address| address.ip().is_loopback()),
        "--conformance opens every write: it listens on loopback addresses only"
    );
    Ok(Mode::Conformance)
}

/// The read model of the folder, or the one that was asked for, following the ledger.
async fn read_model(
    folder: &Folder,
    place: Option<Place>,
    engine: &Engine,
) -> anyhow::Result<(Projection, Follower)> {
    let place = place.unwrap_or_else(|| Place::file(folder.join(READ_MODEL)));
    let ledger = engine.genesis().id();
    let view = engine.view();
    let projection = Projection::open(&place, ledger, view.snapshot())
        .await
        .with_context(|| format!("cannot use the read model in {place}"))?;
    let follower = projection.follow(engine);
    Ok((projection, follower))
}

/// Ready when the ledger takes writes and the issuer's store answers.
async fn ready(State((engine, issuer)): State<(Engine, IssuerApp)>) -> Response {
    match engine.health() {
        Health::Ready if issuer.ready().await.is_ok() => {
            (StatusCode::OK, "ready\n").into_response()
        }
        Health::Ready => {
            Problem::unavailable("the issuing service's store does not answer").into_response()
        }
        Health::ReadOnly => {
            Problem::unavailable("the ledger is read-only: its disk refused a write")
                .into_response()
        }
        Health::Waiting => {
            Problem::unavailable("the ledger waits for its validators").into_response()
        }
        Health::Promoted => Problem::unavailable(
            "the ledger was promoted to a consortium: its validators take writes from now on",
        )
        .into_response(),
        Health::Stopped => Problem::unavailable("the ledger has stopped").into_response(),
    }
}

/// Opens the folder's keys, under the passphrase given or the folder's own.
///
/// # Errors
/// When the passphrase is wrong or missing, or the keys cannot be read.
pub(crate) fn keystore(
    folder: &Folder,
    passphrase: Option<Passphrase>,
) -> anyhow::Result<Keystore> {
    let passphrase = match passphrase {
        Some(passphrase) => passphrase,
        None if folder.has("keys/keystore.json") && !folder.has("passphrase") => passphrase::ask()?,
        None => {
            tracing::warn!(
                "no passphrase was given: the keys are sealed with the one in the data folder, which is for evaluation only"
            );
            folder.passphrase()?
        }
    };
    Keystore::open_or_create(&folder.join("keys"), &passphrase, &mut |buffer| {
        random::fill(buffer);
    })
    .context("cannot open the keys")
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// The `Host` values that a conformance stack answers to.
fn authorities(bases: &[(Url, Option<String>)]) -> Vec<String> {
    let mut known = Vec::new();
    for (base, _) in bases {
        if let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) {
            known.push(format!("{host}:{port}"));
            known.push(format!("localhost:{port}"));
        }
    }
    known
}

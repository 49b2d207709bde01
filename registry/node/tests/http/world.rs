//! A solo ledger with one founder, who operates the node.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::response::Response;
use chop_client::Resolver;
use chop_did::{ChopDid, Document, Relationship};
use chop_http::outbound::Settings;
use chop_http::{AdminToken, Guarded, Proxies, Ready as _, clock};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_node::engine::{Solo, SoloConfig};
use chop_node::leaves::{LeafKeeper, LeafStore};
use chop_node::projection::{Follower, Place, Projection};
use chop_node::store::DiskLimit;
use chop_node::{LocalRegistry, NodeApp, Operator, kept_answers, router};
use chop_protocol::{
    Action, AnchorCredential, Envelope, GenesisTerms, GenesisValidator, LedgerGenesis, Nonce,
    Parameters,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const TOKEN: &str = "the-admin-token";

pub(crate) struct World {
    pub(crate) engine: Solo,
    pub(crate) operator: ChopDid,
    pub(crate) app: NodeApp,
    pub(crate) projection: Projection,
    router: Router,
    _follower: Follower,
    folder: TempDir,
}

/// Where the read model is, in the folder of a world.
const MODEL: &str = "lists/projection.sqlite";

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn media(&self) -> &str {
        self.headers[header::CONTENT_TYPE].to_str().unwrap()
    }
}

pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn genesis() -> LedgerGenesis {
    let document = Document::empty()
        .with_key(
            "#key-1",
            key(2).public_key(),
            &[
                Relationship::CapabilityInvocation,
                Relationship::AssertionMethod,
            ],
        )
        .unwrap();
    LedgerGenesis::try_from(GenesisTerms {
        chain_version: chop_protocol::genesis::CHAIN_VERSION,
        time: Timestamp::from_unix_ms(clock::now_ms() - 1_000),
        nonce: Nonce::new([0; 16]),
        validators: vec![GenesisValidator {
            public_key: key(1).public_key().clone(),
            power: 1,
        }],
        parameters: Parameters::default(),
        consortium: None,
        founders: vec![json!({
            "class": "service",
            "updateKeys": [key(3).public_key().multikey()],
            "threshold": 1,
            "document": document,
            "nonce": "00000000000000000000000000000000",
        })],
    })
    .unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lists")).unwrap();
        Self::within(folder, None).await
    }

    /// The same, of a node behind proxies.
    pub(crate) async fn behind(proxies: Proxies) -> Self {
        let mut world = Self::new().await;
        // Only the app that is served may have handlers yet.
        drop(std::mem::take(&mut world.router));
        world.app = world.app.behind(proxies);
        world.router = router(world.app.clone());
        world
    }

    /// One whose read model has no place yet.
    pub(crate) async fn without_database() -> Self {
        Self::within(tempfile::tempdir().unwrap(), None).await
    }

    /// The same, of a node that keeps so many blocks.
    pub(crate) async fn without_database_keeping(blocks: u64) -> Self {
        Self::within(tempfile::tempdir().unwrap(), Some(blocks)).await
    }

    /// Lets the read model have its place.
    pub(crate) fn bring_database(&self) {
        std::fs::create_dir(self.folder.path().join("lists")).unwrap();
    }

    async fn within(folder: TempDir, keep_blocks: Option<u64>) -> Self {
        let engine = Solo::open(SoloConfig {
            path: folder.path().join("registry.redb"),
            genesis: genesis(),
            signer: Arc::new(key(1)),
            clock: Arc::new(clock::now_ms),
            queue: 64,
            heartbeat: None,
            limit: Arc::new(DiskLimit::none()),
            keep_blocks,
            replay: false,
        })
        .unwrap();
        let operator = engine.genesis().founders()[0].did();
        let leaves = LeafStore::open(
            &folder.path().join("leaves.redb"),
            Arc::new(DiskLimit::none()),
        )
        .unwrap();
        let outbound = Guarded::new(Settings::default()).unwrap();
        let keeper = LeafKeeper::new(leaves, Arc::new(key(1)), outbound.clone(), &[]);
        let local =
            LocalRegistry::new(engine.clone(), Arc::new(clock::now_ms)).with_leaves(keeper.clone());
        let resolver = Resolver::new(outbound).with_registry(Arc::new(local));
        let place = Place::file(folder.path().join(MODEL));
        let view = engine.view();
        let projection = Projection::open(&place, engine.genesis().id(), view.snapshot())
            .await
            .unwrap();
        let follower = projection.follow(&engine.clone().into());
        let app = NodeApp::new(
            engine.clone(),
            Operator {
                did: operator,
                signer: Arc::new(key(2)),
            },
            AdminToken::required(TOKEN),
            Arc::new(resolver),
            projection.clone(),
        )
        .with_leaves(keeper);
        Self {
            engine,
            operator,
            projection,
            _follower: follower,
            router: router(app.clone()),
            app,
            folder,
        }
    }

    pub(crate) async fn respond(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.respond(request).await;
        let (parts, body) = response.into_parts();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    /// What is answered before a request is routed.
    pub(crate) async fn ready(&self, path: &str, accept: &'static str) -> Option<Vec<u8>> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        let ready = kept_answers(self.app.clone());
        let response = ready.answer(&path.parse().unwrap(), &headers)?;
        assert_eq!(response.status(), 200);
        Some(
            to_bytes(response.into_body(), usize::MAX)
                .await
                .unwrap()
                .to_vec(),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Reply {
        let request = Request::get(path).header(header::ACCEPT, accept);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts JSON with the admin token.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// An envelope that anchors a digest of its own.
    pub(crate) fn anchoring(&self, n: u8, actor: ChopDid) -> Envelope {
        Envelope {
            ledger: self.engine.genesis().id(),
            actor,
            sponsor: self.operator,
            nonce: Nonce::new([n; 16]),
            valid_until: Timestamp::from_unix_ms(clock::now_ms() + 600_000),
            actions: vec![Action::Anchor(AnchorCredential {
                digest: digest(n),
                credential_type: None,
                subject: None,
            })],
        }
    }
}

pub(crate) fn digest(n: u8) -> Hash {
    Hash::of("test", &[n])
}

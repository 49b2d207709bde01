//! The member API behind its listener: whom it answers, as of which block, and what it carries.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, DidState, Document, KeySet, Relationship, Scid, UpdateKeys};
use chop_http::Metrics;
use chop_http::peer::{Doorkeeper as _, PeerCertificate};
use chop_integrity::Hash;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_node::{MemberDoor, member_router};
use chop_protocol::governance::{Admission, MemberChange};
use chop_protocol::{
    Action, BindingTerms, Change, MemberName, Propose, Role, SignedBinding, SignedEnvelope,
    UnbindCertificate, keys, spki_hash,
};
use futures_core::Stream;
use rcgen::{CertificateParams, KeyPair, SanType};
use serde_json::Value;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use time::OffsetDateTime;
use tower::ServiceExt as _;

use crate::world::{World, key};

fn tls() -> PrivateKey {
    PrivateKey::from_seed(KeyType::P256, &[50; 32]).unwrap()
}

/// What the listener says of a client, whose chain it has verified.
fn peer(uris: &[String], until_s: i64) -> PeerCertificate {
    let mut parameters = CertificateParams::default();
    parameters.not_before = OffsetDateTime::UNIX_EPOCH;
    parameters.not_after = OffsetDateTime::from_unix_timestamp(until_s).unwrap();
    parameters.subject_alt_names = uris
        .iter()
        .map(|uri| SanType::URI(uri.as_str().try_into().unwrap()))
        .collect();
    let pair = KeyPair::try_from(tls().pkcs8_der().unwrap().as_slice()).unwrap();
    PeerCertificate::parse(parameters.self_signed(&pair).unwrap().der()).unwrap()
}

fn later() -> i64 {
    chop_http::clock::now_ms() / 1000 + 3600
}

/// A DID of this ledger that is not there.
fn somebody(world: &World) -> ChopDid {
    let scid = Scid::of_genesis(Hash::of("test", b"somebody"));
    ChopDid::new(world.engine.genesis().id().short(), scid)
}

struct Api {
    world: World,
    router: Router,
    door: MemberDoor,
    peer: PeerCertificate,
}

impl Api {
    async fn new() -> Self {
        let world = World::new().await;
        let door = MemberDoor::new(world.engine.clone());
        let router = member_router(world.app.clone(), door.clone(), Metrics::new());
        let peer = peer(&[world.operator.to_string()], later());
        Self {
            world,
            router,
            door,
            peer,
        }
    }

    /// With the operator's TLS key bound.
    async fn bound() -> Self {
        let api = Self::new().await;
        let terms = BindingTerms {
            ledger: api.world.engine.genesis().id(),
            member: api.world.operator,
            public_key: tls().public_key().clone(),
        };
        let signed = terms.signed_by(&tls(), &[&key(3)]).unwrap();
        let binding = SignedBinding::try_from(signed).unwrap();
        api.act(200, Action::Bind(Box::new(binding))).await;
        api
    }

    fn envelope(&self, n: u8, action: Option<Action>) -> SignedEnvelope {
        let mut envelope = self.world.anchoring(n, self.world.operator);
        if let Some(action) = action {
            envelope.actions = vec![action];
        }
        envelope.sign(&[&key(2)]).unwrap()
    }

    /// Proposes what the operator, the only other member, decides alone.
    async fn decide(&self, n: u8, change: Change) {
        let propose = Propose { change, note: None };
        self.act(n, Action::Propose(Box::new(propose))).await;
    }

    async fn act(&self, n: u8, action: Action) {
        let envelope = self.envelope(n, Some(action));
        let outcome = self.world.engine.submit(envelope).await.unwrap();
        assert!(outcome.is_committed(), "{outcome:?}");
    }

    async fn ask(
        &self,
        peer: Option<&PeerCertificate>,
        request: Request<Body>,
    ) -> (u16, bool, Value) {
        let mut request = request;
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer.clone());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let closes = response.headers().get(header::CONNECTION).is_some();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let value = serde_json::from_slice(&body).unwrap_or_default();
        (status, closes, value)
    }

    async fn get(&self, peer: &PeerCertificate, path: &str) -> (u16, bool, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.ask(Some(peer), request).await
    }

    async fn submit(&self, envelope: &[u8]) -> (u16, bool, Value) {
        let request = Request::post("/v1/transactions")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(envelope.to_vec()))
            .unwrap();
        self.ask(Some(&self.peer), request).await
    }
}

#[tokio::test]
async fn a_bound_members_program_submits_and_sees_its_own_standing() {
    let api = Api::bound().await;
    let envelope = api.envelope(1, None);
    let (status, _, answer) = api.submit(envelope.bytes()).await;
    assert_eq!((status, &answer["status"]), (201, &"committed".into()));
    let (_, _, known) = api
        .get(&api.peer, &format!("/v1/transactions/{}", envelope.hash()))
        .await;
    assert_eq!(known, answer);
    let (status, _, shown) = api.get(&api.peer, "/v1/member").await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["member"]["did"], api.world.operator.to_string());
    assert_eq!(shown["usedToday"]["envelopes"], 2);
    let spki = spki_hash(tls().public_key()).unwrap().to_string();
    assert_eq!(shown["certificate"]["spki"], spki);
}

#[tokio::test]
async fn refuses_every_certificate_that_the_ledger_does_not_back() {
    let api = Api::bound().await;
    let own = api.world.operator.to_string();
    let other = somebody(&api.world).to_string();
    let day = 24 * 3600;
    for (name, peer) in [
        ("no name", peer(&[], later())),
        ("two names", peer(&[own.clone(), own.clone()], later())),
        ("no DID", peer(&["https://a.example".to_owned()], later())),
        ("another member's", peer(&[other], later())),
        (
            "out of date",
            peer(std::slice::from_ref(&own), later() - day),
        ),
    ] {
        let (status, closes, answer) = api.get(&peer, "/v1/member").await;
        assert_eq!((status, closes), (403, true), "{name}: {answer}");
        assert_eq!(
            answer["type"], "urn:chopmark:problem:not-a-member",
            "{name}"
        );
    }
    // Not even what needs no member elsewhere, and not without a certificate.
    for path in ["/healthz", "/metrics", "/v1/status", "/v1/blocks"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(api.ask(None, request).await.0, 403, "{path}");
    }
    let unbound = Api::new().await;
    let (status, _, answer) = unbound.get(&unbound.peer, "/v1/member").await;
    let detail = answer["detail"].as_str().unwrap();
    assert!(status == 403 && detail.contains("not bound"), "{answer}");
}

#[tokio::test]
async fn adds_no_signature_and_takes_no_envelope_of_another_sponsor() {
    let api = Api::bound().await;
    let stranger = api.world.anchoring(1, api.world.operator);
    let mut other = stranger.clone();
    other.sponsor = somebody(&api.world);
    let signed = other.sign(&[&key(2)]).unwrap();
    let (status, _, answer) = api.submit(signed.bytes()).await;
    assert_eq!(
        (status, &answer["type"]),
        (403, &"urn:chopmark:problem:other-sponsor".into())
    );
    // The operator's own, but without a signature that the node could add elsewhere.
    let unsigned = Value::Object(stranger.to_map().unwrap());
    let (status, _, answer) = api.submit(unsigned.to_string().as_bytes()).await;
    assert_eq!(status, 400, "{answer}");
    // The TLS key itself signs nothing.
    let by_tls = stranger.sign(&[&tls()]).unwrap();
    let (status, _, answer) = api.submit(by_tls.bytes()).await;
    assert_eq!((status, &answer["rule"]), (422, &"binding.tls-key".into()));
    // Nor does the token that opens the other listener.
    let request = Request::get("/v1/member")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", crate::world::TOKEN),
        )
        .body(Body::empty())
        .unwrap();
    assert_eq!(api.ask(None, request).await.0, 403);
}

#[tokio::test]
async fn an_unbound_key_is_refused_at_the_next_request_and_its_connection_ends() {
    let api = Api::bound().await;
    assert_eq!(api.get(&api.peer, "/v1/member").await.0, 200);
    let (door, peer) = (api.door.clone(), api.peer.clone());
    let watching = tokio::spawn(async move { door.until_refused(&peer).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!watching.is_finished());
    let spki = spki_hash(tls().public_key()).unwrap();
    api.act(201, Action::Unbind(UnbindCertificate { spki }))
        .await;
    let (status, closes, answer) = api.get(&api.peer, "/v1/member").await;
    assert_eq!((status, closes), (403, true), "{answer}");
    tokio::time::timeout(Duration::from_secs(5), watching)
        .await
        .unwrap()
        .unwrap();
}

/// A body that is there once something else is done.
struct Late(Option<Pin<Box<dyn Future<Output = Vec<u8>> + Send>>>);

impl Stream for Late {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(coming) = self.0.as_mut() else {
            return Poll::Ready(None);
        };
        let bytes = ready!(coming.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(Some(Ok(bytes)))
    }
}

#[tokio::test]
async fn an_envelope_whose_sender_was_let_go_while_it_sent_is_refused() {
    let api = Api::bound().await;
    let spki = spki_hash(tls().public_key()).unwrap();
    let unbind = Action::Unbind(UnbindCertificate { spki });
    let (unbinding, envelope) = (api.envelope(201, Some(unbind)), api.envelope(1, None));
    let engine = api.world.engine.clone();
    let body = Late(Some(Box::pin(async move {
        let outcome = engine.submit(unbinding).await.unwrap();
        assert!(outcome.is_committed(), "{outcome:?}");
        envelope.bytes().to_vec()
    })));
    let request = Request::post("/v1/transactions")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(body))
        .unwrap();
    let (status, _, answer) = api.ask(Some(&api.peer), request).await;
    assert_eq!(status, 403, "{answer}");
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_ends_its_open_connection() {
    let api = Api::bound().await;
    let soon = chop_http::clock::now_ms() / 1000 + 1;
    let short = peer(&[api.world.operator.to_string()], soon);
    assert_eq!(api.get(&short, "/v1/member").await.0, 200);
    let watched = api.door.until_refused(&short);
    tokio::time::timeout(Duration::from_secs(10), watched)
        .await
        .unwrap();
    assert!(!short.is_valid_at(chop_http::clock::now_ms()));
}

/// A member beside the operator, with the TLS key bound to it; the key of seed 12 acts for it, that of 13 updates its DID.
async fn beside() -> (Api, ChopDid, PeerCertificate) {
    let api = Api::new().await;
    let ledger = api.world.engine.genesis().id();
    let document = Document::empty().with_key(
        "#key-1",
        key(12).public_key(),
        &[Relationship::CapabilityInvocation],
    );
    let update = UpdateKeys {
        current: KeySet::new([key(13).public_key().clone()], 1).unwrap(),
        next: None,
    };
    let genesis = GenesisDraft::own_keys(Class::Service, update, [2; 16])
        .with_document(document.unwrap())
        .build(&ledger)
        .unwrap();
    let member = genesis.did();
    let create = build::create(&genesis).signed_by(&[&key(13)]).unwrap();
    api.act(210, Action::Did(Box::new(create))).await;
    let admission = Admission {
        did: member,
        name: MemberName::parse("Beside").unwrap(),
        // One without a vote, whom the only voter may put out.
        role: Role::Supervisor,
        quota: None,
    };
    api.decide(211, Change::Admit(admission)).await;
    let terms = BindingTerms {
        ledger,
        member,
        public_key: tls().public_key().clone(),
    };
    let signed = terms.signed_by(&tls(), &[&key(13)]).unwrap();
    let binding = SignedBinding::try_from(signed).unwrap();
    let mut envelope = api.world.anchoring(212, member);
    envelope.sponsor = member;
    envelope.actions = vec![Action::Bind(Box::new(binding))];
    let signed = envelope.sign(&[&key(12)]).unwrap();
    let outcome = api.world.engine.submit(signed).await.unwrap();
    assert!(outcome.is_committed(), "{outcome:?}");
    let peer = peer(&[member.to_string()], later());
    (api, member, peer)
}

#[tokio::test]
async fn a_suspended_members_api_is_closed_until_it_is_reinstated_and_for_good_once_it_is_removed()
{
    let (api, member, peer) = beside().await;
    let of = MemberChange { member };
    assert_eq!(api.get(&peer, "/v1/member").await.0, 200);
    for (n, change, standing) in [
        (220, Change::Suspend(of), Some("suspended")),
        (221, Change::Reinstate(of), None),
        (222, Change::Remove(of), Some("removed")),
    ] {
        let (door, watched) = (api.door.clone(), peer.clone());
        let watching = tokio::spawn(async move { door.until_refused(&watched).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        api.decide(n, change).await;
        let (status, closes, answer) = api.get(&peer, "/v1/member").await;
        let Some(standing) = standing else {
            assert_eq!(status, 200, "{answer}");
            watching.abort();
            continue;
        };
        assert_eq!((status, closes), (403, true), "{answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.ends_with(standing), "{detail}");
        tokio::time::timeout(Duration::from_secs(5), watching)
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn the_api_is_closed_to_a_member_whose_did_was_deactivated() {
    let (api, member, peer) = beside().await;
    let bytes = api
        .world
        .engine
        .view()
        .value(&keys::did(&member.scid()))
        .unwrap()
        .unwrap();
    let state: DidState = serde_json::from_slice(&bytes).unwrap();
    let deactivate = build::deactivate(&state).signed_by(&[&key(13)]).unwrap();
    api.act(230, Action::Did(Box::new(deactivate))).await;
    let (status, _, answer) = api.get(&peer, "/v1/member").await;
    let detail = answer["detail"].as_str().unwrap();
    assert!(status == 403 && detail.contains("deactivated"), "{answer}");
}

#[tokio::test]
async fn a_node_that_follows_no_ledger_says_so_instead_of_answering_from_what_it_had() {
    let api = Api::bound().await;
    assert_eq!(api.get(&api.peer, "/v1/member").await.0, 200);
    api.world.engine.stop();
    let (status, _, answer) = api.get(&api.peer, "/v1/member").await;
    assert_eq!(status, 503, "{answer}");
}

//! Who comes in, and for how long.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chop_did::{ChopDid, DidState};
use chop_http::peer::{Doorkeeper, PeerCertificate};
use chop_http::{Problem, clock};
use chop_integrity::Hash;
use chop_protocol::{Binding, Member, MemberStanding, keys};
use thiserror::Error;

use super::read;
use crate::engine::{Engine, EngineError, Health, View};

/// Asks the ledger, as of the last block here, whether a certificate's key is bound to a live member.
#[derive(Clone)]
pub struct MemberDoor {
    engine: Engine,
}

/// A member behind a certificate that counts.
#[derive(Debug, Clone)]
pub(in crate::http) struct Admitted {
    pub(super) did: ChopDid,
    pub(super) record: Member,
    pub(super) spki: Hash,
    pub(super) binding: Binding,
    /// Until when the certificate holds.
    pub(super) until_ms: i64,
}

/// Says why a client is not admitted.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    /// The listener verified no certificate.
    #[error("the member API takes a certificate of the consortium's authority")]
    NoCertificate,
    /// The certificate's time has not come or is over.
    #[error("the certificate does not hold now")]
    OutOfDate,
    /// It does not name exactly one DID.
    #[error("the certificate does not name exactly one did:chop")]
    NoName,
    /// Its key is not bound.
    #[error("key {spki} is not bound on the ledger: `chopmark member bind` does it")]
    NotBound {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
    },
    /// Its key was bound and no longer is.
    #[error("the binding of key {spki} has ended")]
    Unbound {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
    },
    /// Its key is bound to another DID than it names.
    #[error("key {spki} is bound to another member than {named}, which the certificate names")]
    OtherMember {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
        /// The DID in the certificate.
        named: ChopDid,
    },
    /// The membership is not live.
    #[error("the membership of {did} is not live: {standing}")]
    NotLive {
        /// The member.
        did: ChopDid,
        /// Where it stands.
        standing: &'static str,
    },
    /// The node may not know of the newest blocks.
    #[error("this node does not follow the ledger now, so it cannot tell who is a member")]
    Behind,
    /// The node's store failed.
    #[error("the state cannot be read")]
    Failed(#[from] EngineError),
}

impl Refusal {
    pub(super) fn problem(&self) -> Problem {
        match self {
            Self::Behind => Problem::unavailable(self),
            Self::Failed(error) => super::failed(error),
            _ => Problem::forbidden(
                "not-a-member",
                "The certificate is not that of a live member",
                self,
            ),
        }
    }
}

impl MemberDoor {
    /// Keeps the door by this ledger.
    pub fn new(engine: impl Into<Engine>) -> Self {
        Self {
            engine: engine.into(),
        }
    }

    /// The member behind a certificate.
    pub(super) fn admit(&self, peer: Option<&PeerCertificate>) -> Result<Admitted, Refusal> {
        if self.engine.health() != Health::Ready || !self.engine.is_current() {
            return Err(Refusal::Behind);
        }
        let peer = peer.ok_or(Refusal::NoCertificate)?;
        check(&self.engine.view(), peer, clock::now_ms())
    }

    async fn watch(&self, peer: &PeerCertificate) {
        let mut views = self.engine.views();
        let mut was_admitted = false;
        loop {
            let view = Arc::clone(&views.borrow_and_update());
            let now_ms = clock::now_ms();
            let refused = match check(&view, peer, now_ms) {
                Ok(_) => {
                    was_admitted = true;
                    false
                }
                // A store that is being reopened says nothing against the member.
                Err(Refusal::Failed(error)) => !error.is_passing(),
                // Its first request is told why.
                Err(_) if !was_admitted => false,
                Err(refusal) => {
                    tracing::info!(%refusal, "closed a member's connection");
                    true
                }
            };
            if refused {
                return;
            }
            let left = u64::try_from(peer.not_after_ms().saturating_sub(now_ms)).unwrap_or(0);
            let expiry = Duration::from_millis(left.saturating_add(1000));
            tokio::select! {
                changed = views.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(expiry) => {}
            }
        }
    }
}

impl Doorkeeper for MemberDoor {
    fn until_refused<'a>(
        &'a self,
        peer: &'a PeerCertificate,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.watch(peer))
    }
}

/// Lets a request pass whose client is a member now; whoever is not is answered and let go.
pub(super) async fn require(
    State(door): State<MemberDoor>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<PeerCertificate>();
    match door.admit(peer) {
        Ok(admitted) => {
            request.extensions_mut().insert(admitted);
            request.extensions_mut().insert(door);
            next.run(request).await
        }
        Err(refusal) => refusal
            .problem()
            .header(CONNECTION, HeaderValue::from_static("close"))
            .into_response(),
    }
}

/// The checks, as of a view: the certificate's time, its name, its key's binding, the membership, the DID.
fn check(view: &View, peer: &PeerCertificate, now_ms: i64) -> Result<Admitted, Refusal> {
    if !peer.is_valid_at(now_ms) {
        return Err(Refusal::OutOfDate);
    }
    let named = peer.uri().and_then(|uri| ChopDid::parse(uri).ok());
    let named = named.ok_or(Refusal::NoName)?;
    let spki = Hash::from_bytes(peer.spki_sha256());
    let binding: Option<Binding> = read(view, &keys::binding(&spki), "binding")?;
    let binding = binding.ok_or(Refusal::NotBound { spki })?;
    if binding.ended.is_some() {
        return Err(Refusal::Unbound { spki });
    }
    if binding.member != named {
        return Err(Refusal::OtherMember { spki, named });
    }
    let record: Option<Member> = read(view, &keys::member(&named.scid()), "member")?;
    let standing = record.as_ref().map(Member::standing);
    let not_live = |standing| Refusal::NotLive {
        did: named,
        standing,
    };
    let record = match (record, standing) {
        (Some(record), Some(MemberStanding::Live)) if record.did == named => record,
        (_, Some(MemberStanding::Suspended)) => return Err(not_live("suspended")),
        _ => return Err(not_live("removed")),
    };
    let state: Option<DidState> = read(view, &keys::did(&named.scid()), "DID")?;
    if state.is_none_or(|state| state.deactivated()) {
        return Err(not_live("its DID was deactivated"));
    }
    Ok(Admitted {
        did: named,
        record,
        spki,
        binding,
        until_ms: peer.not_after_ms(),
    })
}

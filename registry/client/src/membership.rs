//! Memberships proven without a network: what an authority reads before it certifies a member's TLS key.

use chop_did::{ChopDid, DidState};
use chop_integrity::{Hash, Timestamp};
use chop_proof::{ProofError, TrustRoot, VerifiedHeader};
use chop_protocol::bundle::{MembershipBundle, MembershipBundleKind};
use chop_protocol::{Binding, Member, MemberStanding, keys};
use serde::de::DeserializeOwned;

use crate::http::HttpRegistry;
use crate::registry::ReadError;

/// A member that was live under a verified header, with a key that nothing speaks against.
#[derive(Debug, Clone)]
pub struct LiveMember {
    /// Its record.
    pub member: Member,
    /// The key's binding to it, when it has one already.
    pub binding: Option<Binding>,
    /// The header: it was so as of its time, and need not be so now.
    pub header: VerifiedHeader,
}

/// Says why a bundle does not show that a DID is a live member and the key may be its.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipRefusal {
    /// The DID is of another ledger than the trust root.
    #[error("{did} lives on another ledger than {pinned}, which the trust root pins")]
    OtherLedger {
        /// The DID.
        did: ChopDid,
        /// The pinned ledger.
        pinned: String,
    },
    /// The evidence does not hold.
    #[error("the evidence of membership does not hold")]
    Unproven(#[from] ProofError),
    /// The header is too old to say much about now.
    #[error("the evidence is of {time}, at most {most} s before now count")]
    TooOld {
        /// The header's time.
        time: Timestamp,
        /// The oldest that counts, in seconds.
        most: i64,
    },
    /// The evidence does not say what it must.
    #[error("the evidence says nothing about {key:?}")]
    Incomplete {
        /// The key.
        key: String,
    },
    /// A proven value is not of the protocol known here.
    #[error("the ledger's value under {key:?} is not of the protocol known here")]
    Value {
        /// The key.
        key: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The ledger proves that there never was such a membership.
    #[error("the ledger proves that {did} never was a member")]
    NeverMember {
        /// The DID.
        did: ChopDid,
    },
    /// The membership is not live.
    #[error("the ledger proves that the membership of {did} is {standing:?}, not live")]
    NotLive {
        /// The DID.
        did: ChopDid,
        /// Where it stands.
        standing: MemberStanding,
    },
    /// The DID has ended.
    #[error("the ledger proves that {did} was deactivated")]
    Deactivated {
        /// The DID.
        did: ChopDid,
    },
    /// The key was unbound, or is bound to another member.
    #[error("the ledger proves that key {spki} is or was bound to {member}{ended}: take another", ended = if *ended { ", and unbound" } else { "" })]
    KeySpent {
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Hash,
        /// To whom.
        member: ChopDid,
        /// Whether that has ended.
        ended: bool,
    },
}

/// Gathers what the ledger says of a DID's membership and of a TLS key.
///
/// # Errors
/// When the node gives no proven answer.
pub async fn gather(
    registry: &HttpRegistry,
    member: &ChopDid,
    spki: &Hash,
) -> Result<MembershipBundle, ReadError> {
    let scid = member.scid();
    let asked = [keys::member(&scid), keys::did(&scid), keys::binding(spki)];
    let (proof, header) = registry.batch(&asked).await?;
    let way = registry.way_below(header.height).await?;
    Ok(MembershipBundle {
        kind: MembershipBundleKind::Membership,
        member: *member,
        spki: *spki,
        evidence: way.evidence(proof),
    })
}

/// Verifies a bundle against a trust root, and that its member is live and its key unspent under a header that is at most
/// `max_age_ms` old at `now_ms`.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify(
    bundle: &MembershipBundle,
    root: &TrustRoot,
    now_ms: i64,
    max_age_ms: i64,
) -> Result<LiveMember, MembershipRefusal> {
    let (did, spki) = (bundle.member, bundle.spki);
    if did.ledger().to_string() != root.ledger() {
        let pinned = root.ledger().to_owned();
        return Err(MembershipRefusal::OtherLedger { did, pinned });
    }
    let header = bundle.evidence.verify(root, now_ms)?.header;
    if header.time_ms < now_ms.saturating_sub(max_age_ms) {
        let time = Timestamp::from_unix_ms(header.time_ms);
        let most = max_age_ms / 1000;
        return Err(MembershipRefusal::TooOld { time, most });
    }
    let member: Option<Member> = value(bundle, keys::member(&did.scid()))?;
    let member = member.ok_or(MembershipRefusal::NeverMember { did })?;
    let standing = member.standing();
    if standing != MemberStanding::Live {
        return Err(MembershipRefusal::NotLive { did, standing });
    }
    let state: Option<DidState> = value(bundle, keys::did(&did.scid()))?;
    if state.is_none_or(|state| state.deactivated()) {
        return Err(MembershipRefusal::Deactivated { did });
    }
    let binding: Option<Binding> = value(bundle, keys::binding(&spki))?;
    if let Some(bound) = &binding
        && (bound.member != did || bound.ended.is_some())
    {
        let (member, ended) = (bound.member, bound.ended.is_some());
        return Err(MembershipRefusal::KeySpent {
            spki,
            member,
            ended,
        });
    }
    Ok(LiveMember {
        member,
        binding,
        header,
    })
}

fn value<T: DeserializeOwned>(
    bundle: &MembershipBundle,
    key: String,
) -> Result<Option<T>, MembershipRefusal> {
    let Some(statement) = bundle.evidence.proof.statement(&key) else {
        return Err(MembershipRefusal::Incomplete { key });
    };
    let parsed = statement.value.as_deref().map(serde_json::from_str);
    parsed
        .transpose()
        .map_err(|source| MembershipRefusal::Value { key, source })
}

//! What a ledger says about identifiers, credentials and accreditations, each statement with its proof.

use std::ops::RangeInclusive;

use chop_did::{ChopDid, DidState, VersionRecord};
use chop_integrity::Hash;
use chop_protocol::http::LogEntry;
use chop_protocol::{Accreditation, Anchor, CredentialType, keys};
use serde::de::DeserializeOwned;

use crate::registry::{Proven, ReadError, Registry};

/// Most accreditations of one subject for one type that are looked at, the newest first.
pub const MAX_ACCREDITATIONS: usize = 16;

/// One link of a chain of accreditations.
pub type Link = Proven<Accreditation>;

/// An accreditation with its ancestors, nearest first, up to the root.
#[derive(Debug, Clone)]
pub struct AccreditationChain {
    /// The accreditation itself.
    pub accreditation: Link,
    /// Its chain of parents.
    pub ancestors: Vec<Link>,
}

/// Reads the current state of a DID.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn did_state(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Proven<Option<DidState>>, ReadError> {
    record(registry, &keys::did(&did.scid())).await
}

/// Reads what the ledger keeps of one version of a DID, for ever.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn version(
    registry: &dyn Registry,
    did: &ChopDid,
    seq: u64,
) -> Result<Proven<Option<VersionRecord>>, ReadError> {
    record(registry, &keys::did_version(&did.scid(), seq)).await
}

/// Reads the operations that made the versions `from` to `to` of a DID, page by page. They prove nothing alone: compare each with
/// its version record.
///
/// # Errors
/// When the registry gives none of them any more before the last.
pub async fn operations(
    registry: &dyn Registry,
    did: &ChopDid,
    versions: RangeInclusive<u64>,
) -> Result<Vec<LogEntry>, ReadError> {
    let (mut from, to) = versions.into_inner();
    let mut log = Vec::new();
    while from <= to {
        let most = usize::try_from(to - from).unwrap_or(usize::MAX);
        let most = most.saturating_add(1);
        let mut page = registry.log(did, from, most).await?;
        page.truncate(most);
        if page.is_empty() {
            return Err(ReadError::Malformed {
                key: did.to_string(),
                reason: "its log ends before its last version",
            });
        }
        from += page.len() as u64;
        log.append(&mut page);
    }
    Ok(log)
}

/// Reads the anchor of a credential by the digest of its secured bytes.
///
/// # Errors
/// When the registry gives no proven answer.
pub async fn anchor(
    registry: &dyn Registry,
    digest: &Hash,
) -> Result<Proven<Option<Anchor>>, ReadError> {
    record(registry, &keys::anchor(digest)).await
}

/// Reads the accreditations of a subject for a credential type, the newest first, each with its ancestors.
///
/// Returns the proven list of identifiers too: an empty or absent one proves that there is no accreditation.
///
/// # Errors
/// When the registry gives no proven answer, or the ledger breaks its own rules about chains.
pub async fn accreditations(
    registry: &dyn Registry,
    subject: &ChopDid,
    credential_type: &CredentialType,
) -> Result<(Proven<Vec<Hash>>, Vec<AccreditationChain>), ReadError> {
    let list = record::<Vec<Hash>>(registry, &keys::accredited(subject, credential_type)).await?;
    let Proven {
        key,
        value,
        header,
        proof,
    } = list;
    let list = Proven {
        key,
        value: value.unwrap_or_default(),
        header,
        proof,
    };
    let mut chains = Vec::new();
    for id in list.value.iter().rev().take(MAX_ACCREDITATIONS) {
        chains.push(chain(registry, id).await?);
    }
    Ok((list, chains))
}

async fn chain(registry: &dyn Registry, id: &Hash) -> Result<AccreditationChain, ReadError> {
    let accreditation = link(registry, id).await?;
    let mut ancestors = Vec::new();
    let mut parent = accreditation.value.parent;
    while let Some(id) = parent {
        if ancestors.len() > usize::from(chop_protocol::accreditation::MAX_DEPTH) {
            let key = keys::accreditation(&id);
            return Err(ReadError::Malformed {
                key,
                reason: "the chain of parents is too long",
            });
        }
        let ancestor = link(registry, &id).await?;
        parent = ancestor.value.parent;
        ancestors.push(ancestor);
    }
    Ok(AccreditationChain {
        accreditation,
        ancestors,
    })
}

async fn link(registry: &dyn Registry, id: &Hash) -> Result<Link, ReadError> {
    let key = keys::accreditation(id);
    let found = record::<Accreditation>(registry, &key).await?;
    found.present().ok_or(ReadError::Malformed {
        key,
        reason: "the ledger lists it and does not hold it",
    })
}

pub(crate) async fn record<T: DeserializeOwned>(
    registry: &dyn Registry,
    key: &str,
) -> Result<Proven<Option<T>>, ReadError> {
    registry.read(key).await?.parse()
}

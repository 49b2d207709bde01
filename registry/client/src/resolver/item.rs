//! Items of batches: from leaf, path and the proven record of the batch to a document (SPEC §13.6).

use chop_did::resolution::{ErrorKind, ResolutionError, Resolved, Selector};
use chop_did::{ChopDid, DidState, ScidVersion};
use chop_integrity::Hash;
use chop_protocol::http::ItemAnswer;
use chop_protocol::{Batch, Claim, ItemProof, ItemRecords, Segment, keys};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ResolveOptions;
use super::chop::{state_proof, unanswered};
use crate::registry::{Proven, ReadError, Registry};

/// How often an item and its segment are read until they fit together.
const TRIES: usize = 3;

/// Resolves the current version of an item; `None` when an earlier one of its own is asked for, or one that it does not have.
pub(super) async fn resolve(
    registry: &dyn Registry,
    did: &ChopDid,
    options: &ResolveOptions,
) -> Result<Option<Resolved>, ResolutionError> {
    let own: Proven<Option<DidState>> = read(registry, &keys::did(&did.scid())).await?;
    if let Some(state) = &own.value {
        if state.did() != did {
            return Err(invalid("the ledger's state is that of another DID"));
        }
        if !is_current(state, &options.selector) {
            return Ok(None);
        }
    }
    let Some((answer, segment)) = with_segment(registry, did).await? else {
        return Err(match (&own.value, &options.batch) {
            // A registry that kept the leaf to itself would hide that the code is void.
            (Some(_), _) => ResolutionError::new(
                ErrorKind::Internal,
                "the registry does not show of which batch the item is, and so not where its code stands",
            ),
            (None, Some(batch)) => absent(registry, did, batch, &own).await?,
            (None, None) => unknown(),
        });
    };
    let batch = batch(registry, &answer.proof.batch).await?;
    let claim: Proven<Option<Claim>> = read(registry, &keys::claim(&did.scid())).await?;
    let records = ItemRecords {
        batch: &batch.value,
        own: own.value.as_ref(),
        segment: &segment.value,
        claim: claim.value.as_ref(),
    };
    let resolved = answer.proof.resolve(did, &answer.template, &records);
    let mut resolved = resolved.map_err(|error| invalid(&error.to_string()))?;
    if own.value.is_none() {
        only_first(did, options, &resolved, &batch.value)?;
    }
    if options.proof {
        resolved.metadata.proof = vec![
            item_proof(&answer),
            state_proof(&own),
            state_proof(&batch),
            state_proof(&segment),
            state_proof(&claim),
        ];
    }
    Ok(Some(resolved))
}

/// Says whether the version asked for is the one that stands in the state.
fn is_current(state: &DidState, selector: &Selector) -> bool {
    match selector {
        Selector::Latest => true,
        Selector::Id(id) => *id == state.version_id().to_string(),
        Selector::Time(time) => *time >= state.updated(),
    }
}

/// That nothing is known of an item, which is nobody's word.
pub(super) fn unknown() -> ResolutionError {
    ResolutionError::new(
        ErrorKind::NotFound,
        "no such item is known here; whether a batch has it is proven for a batch that is named (?batch=)",
    )
    .unproven()
}

/// Returns the state that an item has before its first operation, and that it is of its batch; `None` when no such item
/// is known. Whether it has another state by now is not asked.
///
/// # Errors
/// When the registry gives no proven answer, or one that does not fit.
pub async fn item_state(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Option<(DidState, ItemProof)>, ResolutionError> {
    let first = first(registry, did).await?;
    Ok(first.map(|(state, proof)| (state.value, proof)))
}

/// The state that an item has before its first operation, under the header that proves its batch; `None` when no item is
/// known.
pub(super) async fn first_state(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Option<Proven<DidState>>, ResolutionError> {
    Ok(first(registry, did).await?.map(|(state, _)| state))
}

async fn first(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Option<(Proven<DidState>, ItemProof)>, ResolutionError> {
    if did.scid().version() != ScidVersion::BatchItem {
        return Ok(None);
    }
    let answer = registry
        .item(did)
        .await
        .map_err(|error| unanswered(&error))?;
    let Some(answer) = answer else {
        return Ok(None);
    };
    let Proven {
        key,
        value,
        header,
        proof,
    } = batch(registry, &answer.proof.batch).await?;
    let state = answer.proof.state(did, &value, &answer.template);
    let value = state.map_err(|error| invalid(&error.to_string()))?;
    let state = Proven {
        key,
        value,
        header,
        proof,
    };
    Ok(Some((state, answer.proof)))
}

/// Asks for an item and reads the segment that holds its ordinal; an act on the codes in between asks for both again.
async fn with_segment(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Option<(ItemAnswer, Proven<Segment>)>, ResolutionError> {
    for _ in 0..TRIES {
        let answer = registry.item(did).await;
        let Some(answer) = answer.map_err(|error| unanswered(&error))? else {
            return Ok(None);
        };
        let segment: Proven<Option<Segment>> = read(registry, &answer.segment).await?;
        let id = answer.proof.batch;
        let holds = |segment: &Segment| {
            keys::segment(&id, segment.to) == answer.segment && segment.holds(answer.proof.ordinal)
        };
        if let Some(segment) = segment.present().filter(|segment| holds(&segment.value)) {
            return Ok(Some((answer, segment)));
        }
    }
    Err(invalid(
        "the registry names no segment of the batch that holds the item",
    ))
}

/// The `ChopItemProof` of `didDocumentMetadata.proof`.
fn item_proof(answer: &ItemAnswer) -> Value {
    json!({"type": "ChopItemProof", "item": answer.proof, "template": answer.template})
}

/// The error that says, proven, that a batch has no such item; or that this cannot be shown.
async fn absent(
    registry: &dyn Registry,
    did: &ChopDid,
    id: &Hash,
    own: &Proven<Option<DidState>>,
) -> Result<ResolutionError, ResolutionError> {
    let not_found = |detail: String| ResolutionError::new(ErrorKind::NotFound, detail);
    let record: Proven<Option<Batch>> = read(registry, &keys::batch(id)).await?;
    let Some(batch) = &record.value else {
        let detail = format!("the ledger proves that it has no batch {id}");
        return Ok(not_found(detail).proven_by(vec![state_proof(own), state_proof(&record)]));
    };
    let shown = registry
        .absence(id, did)
        .await
        .map_err(|error| unanswered(&error))?;
    let Some(shown) = shown else {
        let detail = format!("no item of batch {id} is known here under this DID");
        return Ok(not_found(detail).unproven());
    };
    let checked = shown.check(batch, &did.scid());
    checked.map_err(|error| invalid(&error.to_string()))?;
    let leaves = json!({"type": "ChopItemAbsence", "absence": shown});
    Ok(not_found(format!(
        "the ledger proves that batch {id} has no such item"
    ))
    .proven_by(vec![leaves, state_proof(own), state_proof(&record)]))
}

/// Of an item without a state of its own there is one version.
fn only_first(
    did: &ChopDid,
    options: &ResolveOptions,
    resolved: &Resolved,
    batch: &Batch,
) -> Result<(), ResolutionError> {
    let exists = match &options.selector {
        Selector::Latest => true,
        Selector::Id(id) => resolved.metadata.version_id.as_deref() == Some(id.as_str()),
        Selector::Time(time) => *time >= batch.time,
    };
    if exists {
        Ok(())
    } else {
        Err(ResolutionError::new(
            ErrorKind::NotFound,
            format!("{did} has no such version"),
        ))
    }
}

async fn batch(registry: &dyn Registry, id: &Hash) -> Result<Proven<Batch>, ResolutionError> {
    let batch: Proven<Option<Batch>> = read(registry, &keys::batch(id)).await?;
    batch
        .present()
        .ok_or_else(|| invalid("the registry names a batch that the ledger does not have"))
}

async fn read<T: DeserializeOwned>(
    registry: &dyn Registry,
    key: &str,
) -> Result<Proven<Option<T>>, ResolutionError> {
    let read: Result<_, ReadError> = registry.read(key).await.and_then(Proven::parse);
    read.map_err(|error| unanswered(&error))
}

fn invalid(detail: &str) -> ResolutionError {
    ResolutionError::new(ErrorKind::InvalidDidDocument, detail)
}

//! From what the ledger says about a batch, and an item of it, to a resolution result (SPEC §13.6).

use chop_did::resolution::{Resolved, resolve_chop};
use chop_did::{ChopDid, DidState, ItemError, Template};
use serde_json::{Map, Value, json};

use super::{Batch, Claim, ItemProof, ItemProofError, Segment};

/// What stands in the state about one item of a batch; each part is proven by its own key.
#[derive(Clone, Debug)]
pub struct ItemRecords<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// The item's own state, once it has one.
    pub own: Option<&'a DidState>,
    /// The segment that holds its ordinal.
    pub segment: &'a Segment,
    /// The first claim of its code.
    pub claim: Option<&'a Claim>,
}

/// Says why an item does not resolve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemResolveError {
    /// The item is not of the batch.
    #[error("the item is not of its batch: {0}")]
    Proof(#[from] ItemProofError),
    /// The item is another one.
    #[error("the item is not {did}")]
    OtherItem {
        /// The DID asked for.
        did: ChopDid,
    },
    /// The template is not the batch's.
    #[error("the template is not that of the batch")]
    Template,
    /// The item is none of the template.
    #[error("the item is not one of its batch's template: {0}")]
    Item(#[from] ItemError),
    /// The segment does not hold the item.
    #[error("the segment does not hold ordinal {ordinal}")]
    Segment {
        /// The item's ordinal.
        ordinal: u32,
    },
}

impl ItemProof {
    /// Makes the state that an item has without one of its own, once everything fits together.
    ///
    /// # Errors
    /// Returns [`ItemResolveError`], which says what does not fit.
    pub fn state(
        &self,
        did: &ChopDid,
        batch: &Batch,
        template: &Template,
    ) -> Result<DidState, ItemResolveError> {
        let here = batch.terms.ledger.short();
        if self.check(batch)? != did.scid() || did.ledger() != here {
            return Err(ItemResolveError::OtherItem { did: *did });
        }
        if template.digest() != batch.terms.template {
            return Err(ItemResolveError::Template);
        }
        let made_by = (batch.terms.controller, batch.time);
        Ok(self.item.state(template, *did, made_by)?)
    }

    /// Resolves an item: its own state when it has one, else what the template makes of it; and where its code stands.
    ///
    /// # Errors
    /// Returns [`ItemResolveError`], which says what does not fit.
    pub fn resolve(
        &self,
        did: &ChopDid,
        template: &Template,
        records: &ItemRecords<'_>,
    ) -> Result<Resolved, ItemResolveError> {
        let first = self.state(did, records.batch, template)?;
        if !records.segment.holds(self.ordinal) {
            return Err(ItemResolveError::Segment {
                ordinal: self.ordinal,
            });
        }
        let mut resolved = resolve_chop(records.own.unwrap_or(&first));
        self.describe(&mut resolved.metadata.method, records);
        Ok(resolved)
    }

    /// Adds `chop.code`, which says where the code stands, and `chop.item`, what the batch says of the item.
    fn describe(&self, method: &mut Map<String, Value>, records: &ItemRecords<'_>) {
        let Some(chop) = method.get_mut("chop").and_then(Value::as_object_mut) else {
            return;
        };
        let (segment, claim) = (records.segment, records.claim);
        let mut code = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            code.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("standing", Some(json!(segment.standing)));
        put("since", Some(json!(segment.time)));
        put("lot", segment.lot.as_ref().map(|lot| json!(lot)));
        put(
            "reason",
            segment.reason.as_ref().map(|reason| json!(reason)),
        );
        put("secret", Some(json!(self.item.key.is_some())));
        put("firstClaimed", claim.map(|claim| json!(claim.time)));
        put(
            "holder",
            claim
                .and_then(|claim| claim.holder.as_ref())
                .map(|key| json!(key)),
        );
        chop.insert("code".to_owned(), Value::Object(code));
        chop.insert(
            "item".to_owned(),
            json!({"batch": self.batch, "ordinal": self.ordinal, "data": self.item.data}),
        );
    }
}

//! The receipts of other members' validators, which their nodes are asked for.

use axum::http::StatusCode;
use chop_http::outbound::{OutboundError, Outgoing};
use chop_protocol::Receipt;
use chop_protocol::http::{LeafTerms, ReceiptAnswer, ReceiptQuery};
use tracing::debug;
use url::Url;

use super::{EXCHANGE, LeafKeeper, LeafStoreError, below};
use crate::leaves::damaged;

/// The receipts that came together.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// This node's own, and those of the members whose nodes hold the leaves.
    pub receipts: Vec<Receipt>,
    /// How many members' nodes are still fetching them, or do not answer.
    pub pending: usize,
}

impl LeafKeeper {
    /// Asks every member's node for its receipt.
    ///
    /// # Errors
    /// When the own database fails.
    pub async fn collect(&self, asked: &LeafTerms) -> Result<Collected, LeafStoreError> {
        let mut collected = Collected::default();
        let own = self.receipt(&asked.terms).await?;
        let query = ReceiptQuery {
            terms: asked.terms.clone(),
            template: asked.template.clone(),
            receipt: own.clone(),
        };
        collected.receipts.extend(own);
        let encode = |query: &ReceiptQuery| serde_json::to_vec(query).map_err(|e| damaged(&e));
        let vouching = encode(&query)?;
        let plain = encode(&ReceiptQuery {
            receipt: None,
            ..query
        })?;
        let mut asking = Vec::new();
        for member in &*self.members {
            let (keeper, member) = (self.clone(), member.clone());
            let (vouching, plain) = (vouching.clone(), plain.clone());
            asking.push(tokio::spawn(async move {
                match keeper.ask(&member, vouching).await {
                    // While the nodes are upgraded one by one: an older one knows no receipts in questions and refuses them.
                    Err(OutboundError::Status { status }) if status == StatusCode::BAD_REQUEST => {
                        keeper.ask(&member, plain).await.ok().flatten()
                    }
                    answer => answer.ok().flatten(),
                }
            }));
        }
        for answer in asking {
            // What is for other terms counts for nothing.
            let receipt = answer.await.ok().flatten();
            match receipt.filter(|receipt| receipt.is_for(&asked.terms)) {
                Some(receipt) => collected.receipts.push(receipt),
                None => collected.pending += 1,
            }
        }
        Ok(collected)
    }

    /// The receipt of a member's validator; `None` while its node lacks the leaves, or says nothing that is a receipt.
    async fn ask(&self, member: &Url, query: Vec<u8>) -> Result<Option<Receipt>, OutboundError> {
        let url = below(member, &["v1", "leaves", "receipt"]);
        let request = Outgoing::post_json(url, query).timeout(EXCHANGE);
        let answer = self.outbound.fetch(request).await;
        let answer = answer.inspect_err(|error| debug!(from = %member, %error, "no receipt"))?;
        let answer = serde_json::from_slice::<ReceiptAnswer>(&answer.body);
        Ok(answer.ok().and_then(|answer| answer.receipt))
    }
}

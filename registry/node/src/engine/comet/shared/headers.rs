//! Headers: fetched from CometBFT, kept beside their blocks, and the validators that they name.

use std::sync::{Arc, PoisonError};

use chop_proof::LightBlock;
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;

use super::Shared;
use super::opening::last_view;
use crate::engine::{EngineError, View};
use crate::store::BlockRecord;

impl Shared {
    /// A header with the validators that signed it and those that sign the next one.
    pub(in crate::engine::comet) fn light_block(
        &self,
        signed: SignedHeader,
    ) -> Result<LightBlock, EngineError> {
        let header = &signed.header;
        let height = header.height.value();
        let validators = self.validators_at(height, header.validators_hash)?;
        let next_validators = self.validators_at(height + 1, header.next_validators_hash)?;
        Ok(LightBlock {
            validators: Arc::unwrap_or_clone(validators),
            next_validators: Arc::unwrap_or_clone(next_validators),
            signed_header: signed,
        })
    }

    /// The validators that sign the header's block, which become the present ones.
    pub(super) fn validators_of(
        &self,
        header: &SignedHeader,
    ) -> Result<Arc<validator::Set>, EngineError> {
        let height = header.header.height.value();
        let set = self.validators_at(height, header.header.validators_hash)?;
        *self
            .validators
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::clone(&set);
        Ok(set)
    }

    /// The validators of a height with this hash: the present ones, unless they are others.
    fn validators_at(
        &self,
        height: u64,
        named: tendermint::Hash,
    ) -> Result<Arc<validator::Set>, EngineError> {
        let present = self.validators();
        if present.hash() == named {
            return Ok(present);
        }
        // CometBFT knows nothing from before a promotion.
        let handed = self.handover.iter();
        let known = handed.flat_map(|last| [&last.validators, &last.next_validators]);
        if let Some(set) = known.into_iter().find(|set| set.hash() == named) {
            return Ok(Arc::new(set.clone()));
        }
        let unusable = |reason: String| EngineError::Header { height, reason };
        let set = self
            .rpc
            .validators(height)
            .map_err(|error| unusable(error.to_string()))?;
        let found = set.hash();
        if found == named {
            Ok(Arc::new(set))
        } else {
            Err(unusable(format!(
                "its validators are {named}, CometBFT gives {found}"
            )))
        }
    }

    /// Fetches what could not be asked in time, and keeps what a pruned block would take along; needs CometBFT running.
    pub(in crate::engine::comet) fn complete(&self) -> Result<(), EngineError> {
        self.complete_headers()?;
        self.keep_handover()
    }

    fn complete_headers(&self) -> Result<(), EngineError> {
        const AT_ONCE: usize = 256;
        let snapshot = self.store.snapshot()?;
        let Some((last, _)) = snapshot.last_block()? else {
            return Ok(());
        };
        let mut from = snapshot.headers_until()? + 1;
        if from > last {
            return Ok(());
        }
        while from <= last {
            let mut headers = Vec::new();
            let mut height = from;
            while height <= last && headers.len() < AT_ONCE {
                let record = snapshot.block(height)?;
                if record.is_some_and(|record| record.signed_header.is_empty()) {
                    let header =
                        self.rpc
                            .signed_header(height)
                            .map_err(|error| EngineError::Header {
                                height,
                                reason: error.to_string(),
                            })?;
                    headers.push((height, BlockRecord::encode_header(header)));
                }
                height += 1;
            }
            self.store.add_headers(&headers, height - 1)?;
            from = height;
        }
        self.refresh()
    }

    /// Takes the committed state from the store again; a header that was completed may also prove it.
    pub(in crate::engine::comet) fn refresh(&self) -> Result<(), EngineError> {
        let view = self.prove_last(last_view(self.store.snapshot()?, &self.genesis)?)?;
        self.show_committed(view);
        Ok(())
    }

    /// Shows the state after the last block as proven when the block's own header does.
    pub(super) fn prove_last(&self, view: View) -> Result<View, EngineError> {
        let last = view.snapshot().last_block()?;
        // The state of a snapshot has no header, and a block that was just replayed has none yet.
        if let Some((_, record)) = last.filter(|(_, record)| !record.signed_header.is_empty()) {
            let header = record.decode_header()?;
            if chop_proof::build::state_root(&header.header) == Some(record.root) {
                self.prove(&view, header)?;
            }
        }
        Ok(view)
    }
}

//! Either engine, behind one face.

use std::sync::Arc;
use std::time::Duration;

use chop_integrity::Hash;
use chop_proof::{Handover, LightBlock, TrustRoot};
use chop_protocol::{LedgerGenesis, Outcome, SignedEnvelope};
use tokio::sync::{broadcast, watch};

use super::comet::{NotAsked, Offence};
use super::{Comet, EngineError, Head, Health, Read, Solo, SubmitError, View, handover};

/// A running ledger. Cloning shares it.
#[derive(Clone, Debug)]
pub enum Engine {
    /// One process that does everything.
    Solo(Solo),
    /// One validator of several, on CometBFT.
    Comet(Comet),
}

impl From<Solo> for Engine {
    fn from(solo: Solo) -> Self {
        Self::Solo(solo)
    }
}

impl From<Comet> for Engine {
    fn from(comet: Comet) -> Self {
        Self::Comet(comet)
    }
}

impl Engine {
    /// `solo` or `cometbft`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Solo(_) => "solo",
            Self::Comet(_) => "cometbft",
        }
    }

    /// Has an envelope executed, and answers when its outcome is on this machine's disk for good.
    ///
    /// An envelope that already has a final outcome is answered with that one. Dropping the future does not withdraw the
    /// envelope: [`Engine::is_pending`] and [`View::outcome`] tell what becomes of it.
    ///
    /// # Errors
    /// When the envelope is for another ledger or not entitled to execute, too many wait, or the ledger takes no writes.
    pub async fn submit(&self, envelope: SignedEnvelope) -> Result<Outcome, SubmitError> {
        match self {
            Self::Solo(solo) => solo.submit(envelope).await,
            Self::Comet(comet) => comet.submit(envelope).await,
        }
    }

    /// Says whether an envelope waits for its block.
    pub fn is_pending(&self, envelope: &Hash) -> bool {
        match self {
            Self::Solo(solo) => solo.is_pending(envelope),
            Self::Comet(comet) => comet.is_pending(envelope),
        }
    }

    /// The ledger as of its last block; on CometBFT, the header that proves this state may be still to come.
    pub fn view(&self) -> Arc<View> {
        match self {
            Self::Solo(solo) => solo.view(),
            Self::Comet(comet) => comet.view(),
        }
    }

    /// The ledger under a header that is at most `max_age` old, where one can be had, which shows the last block's value
    /// of `key`.
    ///
    /// Solo makes a block when the last one is older. On CometBFT the header that proves a block is the next one's: when
    /// the last block changed this key, that one is waited for, for some seconds.
    pub async fn proven_view(&self, max_age: Duration, key: &str) -> Arc<View> {
        match self {
            Self::Solo(solo) => solo.fresh_view(max_age).await,
            Self::Comet(comet) => comet.proven_view(key).await,
        }
    }

    /// The view of [`Engine::proven_view`] whatever the key, where that takes no waiting.
    pub fn proven_already(&self, max_age: Duration) -> Option<Arc<View>> {
        match self {
            Self::Solo(solo) => solo.fresh_already(max_age),
            Self::Comet(comet) => comet.proven_already(),
        }
    }

    /// The value under a state key, or its absence, with a proof as of [`Engine::proven_view`].
    ///
    /// # Errors
    /// When the store fails, or no header proves any state yet.
    pub async fn read(&self, max_age: Duration, key: &str) -> Result<Read, EngineError> {
        match self {
            Self::Solo(solo) => {
                solo.fresh_view(max_age).await;
                solo.read(key).await
            }
            Self::Comet(comet) => comet.proven_view(key).await.read(key),
        }
    }

    /// The header at a height, as a view shows it, with those who signed it and those who sign the next one; `None` before
    /// CometBFT has handed it over.
    ///
    /// # Errors
    /// When the store fails, or CometBFT does not give validators of old that a header names.
    pub async fn light_block(
        &self,
        view: &View,
        height: u64,
    ) -> Result<Option<LightBlock>, EngineError> {
        let signed_header = match (view.header_at(height)?, self) {
            (None, Self::Comet(comet)) => comet.newest_header(height)?,
            (found, _) => found,
        };
        let Some(signed_header) = signed_header else {
            return Ok(None);
        };
        match self {
            Self::Solo(solo) => {
                let validators = solo.trust_root().validators();
                Ok(Some(LightBlock {
                    next_validators: solo.next_validators(&signed_header)?,
                    signed_header,
                    validators: validators.clone(),
                }))
            }
            Self::Comet(comet) => comet.light_block(signed_header).await.map(Some),
        }
    }

    /// What leads across the promotion of the solo ledger that this one was; `None` when there was none, or its validators
    /// have made no header yet.
    ///
    /// # Errors
    /// When the store fails.
    pub fn handover(&self, view: &View) -> Result<Option<Handover>, EngineError> {
        match self {
            Self::Solo(_) => Ok(None),
            Self::Comet(_) => handover::complete(view.snapshot(), |height| view.header_at(height)),
        }
    }

    /// Passes a question of another node's light client on to CometBFT.
    ///
    /// # Errors
    /// When there is none, the question is not one of those, or it does not answer.
    pub async fn ask_comet(&self, question: Vec<u8>) -> Result<Vec<u8>, NotAsked> {
        match self {
            Self::Solo(_) => Err(NotAsked::Solo),
            Self::Comet(comet) => comet.ask(question).await,
        }
    }

    /// The last block.
    pub fn head(&self) -> Head {
        self.view().head()
    }

    /// Whether the ledger takes writes.
    pub fn health(&self) -> Health {
        match self {
            Self::Solo(solo) => solo.health(),
            Self::Comet(comet) => comet.health(),
        }
    }

    /// Whether the last block here is of now, by this node's clock: one that is cut off or behind does not know who is a
    /// member. A solo ledger has no newer block elsewhere.
    pub fn is_current(&self) -> bool {
        match self {
            Self::Solo(_) => true,
            Self::Comet(comet) => comet.is_current(),
        }
    }

    /// Tells of every new block: the receiver holds the latest view.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        match self {
            Self::Solo(solo) => solo.views(),
            Self::Comet(comet) => comet.views(),
        }
    }

    /// The ledger's genesis.
    pub fn genesis(&self) -> &LedgerGenesis {
        match self {
            Self::Solo(solo) => solo.genesis(),
            Self::Comet(comet) => comet.genesis(),
        }
    }

    /// What a client pins to check this ledger's proofs.
    pub fn trust_root(&self) -> &TrustRoot {
        match self {
            Self::Solo(solo) => solo.trust_root(),
            Self::Comet(comet) => comet.trust_root(),
        }
    }

    /// Tells of validators that new blocks convict; `None` where one process signs everything.
    pub fn offences(&self) -> Option<broadcast::Receiver<Offence>> {
        match self {
            Self::Solo(_) => None,
            Self::Comet(comet) => Some(comet.offences()),
        }
    }

    /// Waits until the ledger takes writes: solo does at once, on CometBFT enough validators must be connected. Returns false
    /// when the engine stopped before.
    pub async fn until_ready(&self) -> bool {
        match self {
            Self::Solo(_) => true,
            Self::Comet(comet) => comet.until_ready().await,
        }
    }

    /// Waits until the engine has stopped, by [`Engine::stop`] or because it cannot go on.
    pub async fn until_stopped(&self) {
        let mut health = match self {
            Self::Solo(solo) => solo.healths(),
            Self::Comet(comet) => comet.healths(),
        };
        // An engine that is gone altogether has stopped too.
        let _stopped = health.wait_for(|health| *health == Health::Stopped).await;
    }

    /// Stops taking envelopes and ends the engine. Blocks until it has ended.
    pub fn stop(&self) {
        match self {
            Self::Solo(solo) => solo.stop(),
            Self::Comet(comet) => comet.stop(),
        }
    }
}

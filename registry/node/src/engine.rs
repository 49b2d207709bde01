//! Engines put envelopes in an order and have the headers signed; everything above sees only what this module shows.
//!
//! [`Solo`] is one process that orders, executes, commits and signs by itself. [`Comet`] is one of many validators: CometBFT
//! orders and signs, this process executes and keeps. [`Engine`] is either of them.
//!
//! ```text
//! solo   submit ─▶ queue ─▶ sequencer ─▶ execute ─▶ tree ─▶ headers ─▶ one durable commit ─▶ View ─▶ answers
//! comet  submit ─▶ gateway ─▶ mempool ═▶ block ═▶ execute ─▶ tree ─▶ one commit ─▶ View ─▶ answers, synced soon
//! ```

mod any;
mod batch;
pub mod comet;
mod door;
mod error;
mod founding;
mod handover;
mod replay;
mod room;
mod rules;
mod sequencer;
mod solo;
mod view;

pub use any::Engine;
pub(crate) use comet::PROOF_PATIENCE;
pub use comet::{Comet, CometConfig};
pub use error::{EngineError, OpenError, SubmitError};
pub use handover::Promoted;
pub use replay::{ReplayError, Replayed, Sealed, verify_replay};
pub use solo::{Clock, Health, Solo, SoloConfig};
pub use view::{Head, Read, View};

#[cfg(test)]
mod disk_tests;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

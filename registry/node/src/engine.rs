//! Engines put envelopes in an order and sign the headers; everything above sees only what this module shows.
//!
//! There is one engine so far, [`Solo`]: one process that orders, executes, commits and signs by itself.
//!
//! ```text
//! submit ─▶ queue ─▶ sequencer thread ─▶ execute ─▶ tree ─▶ headers ─▶ one durable commit ─▶ View ─▶ answers
//! ```

mod batch;
mod error;
mod replay;
mod room;
mod sequencer;
mod solo;
mod view;

pub use error::{EngineError, OpenError, SubmitError};
pub use replay::{ReplayError, Replayed, verify_replay};
pub use solo::{Clock, Health, Solo, SoloConfig};
pub use view::{Head, Read, View};

#[cfg(test)]
mod disk_tests;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

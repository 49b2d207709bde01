//! The did:chop method and the rules of the methods resolved beside it.
//!
//! Everything here is pure: time comes in as an argument, nothing reads a clock, a file or the network. `did-method/SPEC.md`
//! is the normative text; match arms cite its sections.

pub mod apply;
pub mod build;
pub mod chop;
pub mod control;
pub mod did;
pub mod document;
pub mod genesis;
pub mod item;
pub mod jwk;
pub mod key;
pub mod operation;
pub mod resolution;
pub mod state;
pub mod web;
pub mod webvh;

pub use apply::{ApplyContext, Authority, Controllers, RULES, Rejection, apply, found};
pub use chop::{ChopDid, ChopDidError, LedgerId, LedgerTag, Scid, ScidVersion};
pub use control::{Control, ControlError, KeyCommitment, KeySet, UpdateKeys};
pub use did::{Did, DidError, DidUrl, DidUrlError};
pub use document::{
    Document, DocumentError, MAX_ALSO_KNOWN_AS, Relationship, VerificationMethod,
    verification_method,
};
pub use genesis::{Class, Genesis, GenesisError};
pub use item::{Item, ItemContext, ItemError, Template, TemplateError, batch_id};
pub use operation::{Link, Operation, OperationError, OperationKind, SignedOperation};
pub use state::{DidState, PendingRecovery, VersionId, VersionRecord};

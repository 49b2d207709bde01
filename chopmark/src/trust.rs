//! The accreditations of a ledger, in the words of other trust frameworks: an ETSI list of trusted entities, and the
//! entity statements of `OpenID` Federation.
//!
//! ```text
//! gather      reads what an authority granted, every record proven        (I/O)
//! facts       what was proven, as of one header
//! timeline    what an accreditation was worth, from when to when
//! lote        facts → ETSI TS 119 602 V1.1.1
//! federation  facts → `OpenID` Federation 1.0
//! jws         JSON → a signed compact JWS, with certificates where the format wants them
//! ```
//!
//! Only what the ledger proves is exported. What cannot be mapped is named beside the export.

mod certificate;
mod directory;
mod facts;
mod federation;
mod gather;
mod jws;
mod lote;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use certificate::{Certificate, Misfit, Subject, self_issued};
pub(crate) use directory::{Directory, directory_bytes};
pub(crate) use facts::{Facts, LeftOut};
pub(crate) use federation::{
    CONFIGURATION_PATH, FETCH_PATH, Federation, FederationError, LIST_PATH, MEDIA_TYPE, TYP,
    federation,
};
pub(crate) use gather::{GatherError, Scope, gather};
pub(crate) use jws::sign;
pub(crate) use lote::{List, MAX_VALID_HOURS, Terms, list};

use serde_json::Value;

/// An object with one more member, when there is a value for it.
fn with(mut object: Value, name: &str, value: Option<Value>) -> Value {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
    object
}

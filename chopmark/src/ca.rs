//! The consortium's certificate authority: a root kept offline, which certifies TLS keys of live members for a short time.
//!
//! ```text
//! DIR/ca.json                    its name, its ledger, where its list is published
//! DIR/ca.pem                     its certificate: what nodes and outsiders pin
//! DIR/trust-root.json            what memberships are proven against
//! DIR/index.json                 every certificate that it issued, and what was revoked
//! DIR/issued/SERIAL.pem, .json   each certificate, and the evidence of membership that it was issued upon
//! DIR/crl.pem                    the last list of revoked certificates
//! DIR/keys/                      the root's key, encrypted
//! ```
//!
//! Its word is necessary for the member API and never sufficient: nodes ask the ledger on every request.

mod authority;
mod files;
mod index;
mod pem;
mod profile;
mod request;

pub(crate) use authority::{Authority, Founding, KEY, KEY_TYPE, Term, exists};
pub(crate) use index::{Issued, Reason, State};
pub(crate) use pem::der_of;
pub(crate) use profile::key_pair;
pub(crate) use request::{Request, public_key_of};

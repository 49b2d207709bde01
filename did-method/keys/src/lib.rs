//! Key types, Multikey and JWK forms, signature verification and the Signer trait.
//!
//! Ed25519 (RFC 8032), P-256 with SHA-256, P-384 with SHA-384 and P-521 with SHA-512 (FIPS 186-5), and BBS over BLS12-381 for selective
//! disclosure. A [`PublicKey`] holds its parsed point, so that checking a signature costs no decompression. There is no
//! way to sign arbitrary bytes: each purpose has its own method on [`Signer`] and its own input type.

pub mod bbs;
mod code_secret;
mod curve;
mod ed25519;
mod jwk;
mod key_type;
mod known;
mod ledger_input;
mod multikey;
mod private;
mod public;
mod selective;
mod signer;
#[cfg(test)]
mod tests;

pub use code_secret::{CodeSecret, CodeSecretError};
pub use jwk::{Jwk, JwkError, PrivateJwk};
pub use key_type::KeyType;
pub use known::KnownKeys;
pub use ledger_input::{ClaimInput, ReceiptInput};
pub use private::PrivateKey;
pub use public::{KeyError, PublicKey, VerifyError};
pub use selective::{SelectiveBaseInput, StatementKey};
pub use signer::{
    CoseSigStructure, DataIntegrityInput, InputError, JwsSigningInput, PossessionInput, SignError,
    Signature, Signer, VoteSignBytes,
};

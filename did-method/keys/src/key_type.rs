//! The key types that Chopmark signs with.

use std::fmt;

/// A key type: the curve together with its one signature scheme and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// Ed25519 with pure `EdDSA` (RFC 8032).
    Ed25519,
    /// NIST P-256, ECDSA with SHA-256 (FIPS 186-5).
    P256,
    /// NIST P-384, ECDSA with SHA-384 (FIPS 186-5).
    P384,
    /// NIST P-521, ECDSA with SHA-512 (FIPS 186-5): in JWKs only, for JOSE and COSE.
    P521,
    /// BLS12-381 with public keys in G2: BBS with SHA-256 (draft-irtf-cfrg-bbs-signatures). It signs messages to be
    /// disclosed selectively and nothing else.
    Bls12381G2,
}

impl KeyType {
    /// Names the curve as JWK does: `Ed25519`, `P-256`, `P-384`, `P-521` (RFC 7518 §6.2.1.1, RFC 8037 §2); `BLS12-381-G2` is no JWK
    /// name.
    pub fn curve(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Bls12381G2 => "BLS12-381-G2",
        }
    }

    /// Names the JWS algorithm: `EdDSA`, `ES256`, `ES384`, `ES512` (RFC 7518 §3.1, RFC 8037 §3.1); a BLS12-381 key signs no JWS.
    pub fn algorithm(self) -> Option<&'static str> {
        match self {
            Self::Ed25519 => Some("EdDSA"),
            Self::P256 => Some("ES256"),
            Self::P384 => Some("ES384"),
            Self::P521 => Some("ES512"),
            Self::Bls12381G2 => None,
        }
    }

    /// Gives the length in bytes of the public key as Multikey carries it: 32, 33, 49, 67 or 96.
    pub fn public_key_len(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::P256 => 33,
            Self::P384 => 49,
            Self::P521 => 67,
            Self::Bls12381G2 => 96,
        }
    }

    /// Gives the length in bytes of the seed or scalar: 32, 32, 48, 66 or 32.
    pub fn secret_len(self) -> usize {
        match self {
            Self::Ed25519 | Self::P256 | Self::Bls12381G2 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Gives the length in bytes of a signature: 64, 64, 96, 132, or 80 of BBS.
    pub fn signature_len(self) -> usize {
        match self {
            Self::Ed25519 | Self::P256 => 64,
            Self::P384 => 96,
            Self::Bls12381G2 => 80,
            Self::P521 => 132,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.curve())
    }
}

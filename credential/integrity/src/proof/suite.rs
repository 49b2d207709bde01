//! The two cryptosuites.

use std::fmt;

use chop_keys::KeyType;

/// The `type` of every Data Integrity proof (vc-data-integrity §2.1).
pub const PROOF_TYPE: &str = "DataIntegrityProof";

/// The `type` of a proof of the suite that came before `eddsa-rdfc-2022`; it names no cryptosuite (vc-di-eddsa, appendix
/// "The `Ed25519Signature2020` Suite").
pub const ED25519_SIGNATURE_2020: &str = "Ed25519Signature2020";

/// A jcs cryptosuite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JcsSuite {
    /// `eddsa-jcs-2022` with Ed25519 (vc-di-eddsa §3.3).
    EddsaJcs2022,
    /// `ecdsa-jcs-2019` with P-256 or P-384 (vc-di-ecdsa §3.3).
    EcdsaJcs2019,
}

impl JcsSuite {
    /// Finds the suite by its `cryptosuite` name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "eddsa-jcs-2022" => Some(Self::EddsaJcs2022),
            "ecdsa-jcs-2019" => Some(Self::EcdsaJcs2019),
            _ => None,
        }
    }

    /// Finds the suite that signs with keys of this type.
    pub fn for_key(key_type: KeyType) -> Option<Self> {
        match key_type {
            KeyType::Ed25519 => Some(Self::EddsaJcs2022),
            KeyType::P256 | KeyType::P384 => Some(Self::EcdsaJcs2019),
            _ => None,
        }
    }

    /// Gives the `cryptosuite` name.
    pub fn name(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EcdsaJcs2019 => "ecdsa-jcs-2019",
        }
    }

    /// Tells whether the suite signs with keys of this type.
    pub fn uses(self, key_type: KeyType) -> bool {
        Self::for_key(key_type) == Some(self)
    }
}

impl fmt::Display for JcsSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

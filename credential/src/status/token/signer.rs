//! Whose key signed a list.

use crate::securing::x5c::Chain;

/// Is whoever signed a list, established by the signature and whatever vouches for its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Signer {
    /// The DID or URL whose key it is.
    Named(String),
    /// Whoever trusted certificates are for; the list itself names nobody.
    Certified(Box<Chain>),
}

impl Signer {
    /// Says whether the signer goes by a name.
    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::Named(signer) => signer == name,
            Self::Certified(chain) => chain.is_named(name),
        }
    }

    /// Returns a name for the reader.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Named(signer) => signer,
            Self::Certified(chain) => chain.subject(),
        }
    }
}
